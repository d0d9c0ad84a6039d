package manifests_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	v1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	storagev1 "k8s.io/api/storage/v1"

	"underlay/internal/csi"
	"underlay/pkg/config"
	"underlay/pkg/volumes/block"
)

// driver is what manifests/csi makes.
type driver struct {
	controller *appsv1.Deployment
	node       *appsv1.DaemonSet
	object     *storagev1.CSIDriver
	classes    []*storagev1.StorageClass
	budget     *policyv1.PodDisruptionBudget
	role       *rbacv1.ClusterRole
	nodeConfig *v1.ConfigMap
}

func renderDriver(t *testing.T) driver {
	t.Helper()
	var d driver
	for _, object := range render(t, "csi") {
		switch o := object.(type) {
		case *appsv1.Deployment:
			d.controller = o
		case *appsv1.DaemonSet:
			d.node = o
		case *storagev1.CSIDriver:
			d.object = o
		case *storagev1.StorageClass:
			d.classes = append(d.classes, o)
		case *policyv1.PodDisruptionBudget:
			d.budget = o
		case *rbacv1.ClusterRole:
			d.role = o
		case *v1.ConfigMap:
			if strings.HasPrefix(o.Name, "cinder-csi-node") {
				d.nodeConfig = o
			}
		}
	}
	if d.controller == nil || d.node == nil || d.object == nil || d.budget == nil || d.role == nil || len(d.classes) == 0 {
		t.Fatalf("something is missing: %+v", d)
	}
	return d
}

// TestTheDriversFlagsExist: a flag that the command does not know ends it at once.
func TestTheDriversFlagsExist(t *testing.T) {
	d := renderDriver(t)
	for name, spec := range map[string]v1.PodSpec{"controller": d.controller.Spec.Template.Spec, "node": d.node.Spec.Template.Spec} {
		args := spec.Containers[0].Args
		if len(args) < 5 {
			t.Errorf("%s: only %d args", name, len(args))
		}
		if err := csi.NewCommand().ParseFlags(args); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if args := d.node.Spec.Template.Spec.Containers[0].Args; !slices.Contains(args, "--self-register") || !slices.Contains(args, "--provide-controller-service=false") {
		t.Errorf("the node does not register itself, or is a controller too: %v", args)
	}
}

// TestTheControllerIsClosed holds its pods to the "restricted" Pod Security Standard.
func TestTheControllerIsClosed(t *testing.T) {
	d := renderDriver(t)
	spec := d.controller.Spec.Template.Spec
	s := spec.SecurityContext
	if s == nil || s.RunAsNonRoot == nil || !*s.RunAsNonRoot || s.SeccompProfile == nil || s.SeccompProfile.Type != v1.SeccompProfileTypeRuntimeDefault || spec.HostNetwork {
		t.Errorf("got %+v, host network %t", s, spec.HostNetwork)
	}
	for _, c := range spec.Containers {
		own := c.SecurityContext
		if own == nil || own.AllowPrivilegeEscalation == nil || *own.AllowPrivilegeEscalation || own.ReadOnlyRootFilesystem == nil || !*own.ReadOnlyRootFilesystem ||
			own.Capabilities == nil || len(own.Capabilities.Drop) != 1 || len(own.Capabilities.Add) != 0 {
			t.Errorf("%s: got %+v", c.Name, own)
		}
		if c.Resources.Requests.Cpu().IsZero() || c.Resources.Limits.Memory().IsZero() {
			t.Errorf("%s: no resources", c.Name)
		}
		for _, mount := range c.VolumeMounts {
			if !mount.ReadOnly && mount.Name != "socket" || mount.SubPath != "" {
				t.Errorf("%s: %s is writable, or a subPath, which never follows a changed Secret", c.Name, mount.MountPath)
			}
		}
	}
	for _, volume := range spec.Volumes {
		if volume.HostPath != nil {
			t.Errorf("volume %s: %s of the host", volume.Name, volume.HostPath.Path)
		}
	}
}

// TestTheControllerOutlivesANode: two replicas, one of which stays, each sidecar
// elects, and each has a time that a slow cloud needs.
func TestTheControllerOutlivesANode(t *testing.T) {
	d := renderDriver(t)
	if *d.controller.Spec.Replicas != 2 || d.budget.Spec.MaxUnavailable.IntValue() != 1 || d.budget.Spec.Selector.MatchLabels["app"] != d.controller.Spec.Template.Labels["app"] {
		t.Errorf("got %d replicas and the budget %+v", *d.controller.Spec.Replicas, d.budget.Spec)
	}
	var names []string
	for _, c := range d.controller.Spec.Template.Spec.Containers {
		names = append(names, c.Name)
		if c.Name != "cinder-csi-plugin" && (!slices.Contains(c.Args, "--leader-election") || !slices.Contains(c.Args, "--timeout=3m")) {
			t.Errorf("%s: %v", c.Name, c.Args)
		}
	}
	slices.Sort(names)
	if want := []string{"cinder-csi-plugin", "csi-attacher", "csi-provisioner", "csi-resizer", "csi-snapshotter"}; !slices.Equal(names, want) {
		t.Errorf("got %v, want %v", names, want)
	}
	for _, rule := range d.role.Rules {
		if slices.Contains(rule.Verbs, "*") || slices.Contains(rule.Resources, "*") || slices.Contains(rule.Resources, "secrets") {
			t.Errorf("a wide right: %v", rule)
		}
	}
}

// TestTheNodeRunsEverywhere: on tainted nodes too, with what it mounts seen by the
// kubelet, and without a token of the API server.
func TestTheNodeRunsEverywhere(t *testing.T) {
	spec := renderDriver(t).node.Spec.Template.Spec
	if len(spec.Containers) != 1 || spec.AutomountServiceAccountToken == nil || *spec.AutomountServiceAccountToken || spec.PriorityClassName != "system-node-critical" {
		t.Errorf("got %d containers, token %v, priority %s", len(spec.Containers), spec.AutomountServiceAccountToken, spec.PriorityClassName)
	}
	if len(spec.Tolerations) != 1 || spec.Tolerations[0].Operator != v1.TolerationOpExists || spec.Tolerations[0].Key != "" {
		t.Errorf("got %v", spec.Tolerations)
	}
	// A toleration of everything would bring it to nodes of Windows too.
	if spec.NodeSelector[v1.LabelOSStable] != "linux" {
		t.Errorf("it goes to %v", spec.NodeSelector)
	}
	shared := map[string]v1.MountPropagationMode{}
	for _, m := range spec.Containers[0].VolumeMounts {
		if m.MountPropagation != nil {
			shared[m.MountPath] = *m.MountPropagation
		}
	}
	if len(shared) != 1 || shared["/var/lib/kubelet"] != v1.MountPropagationBidirectional {
		t.Errorf("got %v", shared)
	}
	for _, volume := range spec.Volumes {
		if volume.Secret != nil {
			t.Errorf("volume %s: a node needs no credentials", volume.Name)
		}
	}
}

// TestTheNodeIsConfigured: its limit of volumes, and where it looks for its metadata,
// are an operator's to say.
func TestTheNodeIsConfigured(t *testing.T) {
	d := renderDriver(t)
	spec := d.node.Spec.Template.Spec
	if !slices.Contains(spec.Containers[0].Args, "--cloud-config=/etc/config/cloud.conf") {
		t.Errorf("it reads no configuration: %v", spec.Containers[0].Args)
	}
	mounted := slices.IndexFunc(spec.Containers[0].VolumeMounts, func(m v1.VolumeMount) bool { return m.MountPath == "/etc/config" && m.ReadOnly })
	if mounted < 0 {
		t.Fatalf("nothing is mounted at /etc/config: %v", spec.Containers[0].VolumeMounts)
	}
	name := spec.Containers[0].VolumeMounts[mounted].Name
	for _, volume := range spec.Volumes {
		if volume.Name != name {
			continue
		}
		if volume.ConfigMap == nil || d.nodeConfig == nil || volume.ConfigMap.Name != d.nodeConfig.Name {
			t.Errorf("got %+v, and the ConfigMap %+v", volume, d.nodeConfig)
		}
	}
	if d.nodeConfig == nil {
		return
	}
	// Every line that is commented out is one that works.
	text := regexp.MustCompile(`(?m)^# (\S+ = )`).ReplaceAllString(d.nodeConfig.Data["cloud.conf"], "$1")
	cfg, report := config.Read(strings.NewReader(text), "cloud.conf", config.OSEnv())
	for _, problem := range report.Problems {
		if problem.Section != "Global" {
			t.Error(problem)
		}
	}
	if cfg.BlockStorage.NodeVolumeAttachLimit != 26 || !cfg.BlockStorage.RescanOnResize || len(cfg.Metadata.SearchOrder) != 2 {
		t.Errorf("got %+v, %+v", cfg.BlockStorage, cfg.Metadata)
	}
}

func TestTheDriverIsDescribed(t *testing.T) {
	d := renderDriver(t)
	spec := d.object.Spec
	if d.object.Name != block.DriverName || !*spec.AttachRequired || *spec.FSGroupPolicy != storagev1.FileFSGroupPolicy || !*spec.SELinuxMount ||
		len(spec.VolumeLifecycleModes) != 1 || spec.VolumeLifecycleModes[0] != storagev1.VolumeLifecyclePersistent {
		t.Errorf("got %+v", spec)
	}
	for _, class := range d.classes {
		if class.Provisioner != block.DriverName || *class.VolumeBindingMode != storagev1.VolumeBindingWaitForFirstConsumer || !*class.AllowVolumeExpansion {
			t.Errorf("got %+v", class)
		}
	}
}
