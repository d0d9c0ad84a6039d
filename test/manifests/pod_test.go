package manifests_test

import (
	"strings"
	"testing"

	v1 "k8s.io/api/core/v1"
	cloudproviderapi "k8s.io/cloud-provider/api"

	"underlay/internal/ccm"
)

var podBases = []string{"daemonset", "static-pod"}

// TestFlagsExist: a flag that the command does not know ends it at once.
func TestFlagsExist(t *testing.T) {
	known := ccm.NewCommand(nil).Flags()
	for _, base := range podBases {
		t.Run(base, func(t *testing.T) {
			spec := pod(t, base)
			args := spec.Containers[0].Args
			if len(args) < 4 {
				t.Fatalf("only %d args", len(args))
			}
			for _, arg := range args {
				name, value, hasValue := strings.Cut(strings.TrimPrefix(arg, "--"), "=")
				flag := known.Lookup(name)
				if flag == nil || !hasValue {
					t.Errorf("%s: no such flag, or no value", arg)
					continue
				}
				if strings.Contains(value, "$(") {
					continue // from the environment; TestRightsAreEnough runs it
				}
				if err := flag.Value.Set(value); err != nil {
					t.Errorf("%s: %v", arg, err)
				}
			}
		})
	}
}

// TestPodsAreClosed holds the pods to the "restricted" Pod Security Standard,
// except for the network and the one folder of a static pod.
func TestPodsAreClosed(t *testing.T) {
	for _, base := range podBases {
		t.Run(base, func(t *testing.T) {
			spec := pod(t, base)
			s := spec.SecurityContext
			if s == nil || s.RunAsNonRoot == nil || !*s.RunAsNonRoot || s.RunAsUser == nil || *s.RunAsUser == 0 {
				t.Error("may run as root")
			}
			if s.SeccompProfile == nil || s.SeccompProfile.Type != v1.SeccompProfileTypeRuntimeDefault {
				t.Error("no seccomp profile")
			}
			if spec.HostPID || spec.HostIPC {
				t.Error("shares more than the network with the host")
			}
			for _, c := range spec.Containers {
				closedContainer(t, c)
			}
			for _, volume := range spec.Volumes {
				if volume.HostPath != nil && base != "static-pod" {
					t.Errorf("volume %s: %s of the host", volume.Name, volume.HostPath.Path)
				}
			}
		})
	}
}

func closedContainer(t *testing.T, c v1.Container) {
	t.Helper()
	s := c.SecurityContext
	if s == nil || s.AllowPrivilegeEscalation == nil || *s.AllowPrivilegeEscalation {
		t.Error("privileges may grow")
	}
	if s.ReadOnlyRootFilesystem == nil || !*s.ReadOnlyRootFilesystem {
		t.Error("the root filesystem is writable")
	}
	if s.Capabilities == nil || len(s.Capabilities.Drop) != 1 || s.Capabilities.Drop[0] != "ALL" || len(s.Capabilities.Add) != 0 {
		t.Error("has capabilities")
	}
	for _, mount := range c.VolumeMounts {
		if !mount.ReadOnly {
			t.Errorf("%s is writable", mount.MountPath)
		}
		if mount.SubPath != "" {
			t.Errorf("%s: a subPath never follows a changed Secret", mount.MountPath)
		}
	}
}

// TestPodsStartFirst: it must run on nodes that nothing else may run on yet.
func TestPodsStartFirst(t *testing.T) {
	for _, base := range podBases {
		t.Run(base, func(t *testing.T) {
			spec := pod(t, base)
			if !spec.HostNetwork || spec.DNSPolicy != v1.DNSDefault {
				t.Error("needs the pod network that it makes, or the cluster's DNS")
			}
			if !strings.HasPrefix(spec.PriorityClassName, "system-") {
				t.Errorf("got priority class %q", spec.PriorityClassName)
			}
			if spec.TerminationGracePeriodSeconds == nil || *spec.TerminationGracePeriodSeconds < 30 {
				t.Error("too little time for a clean stop")
			}
			c := spec.Containers[0]
			probe := c.LivenessProbe
			if probe == nil || probe.HTTPGet == nil || probe.HTTPGet.Path != "/healthz" || probe.HTTPGet.Port.IntValue() != 10258 || probe.HTTPGet.Scheme != v1.URISchemeHTTPS {
				t.Errorf("got liveness probe %+v", probe)
			}
			if c.Resources.Requests.Cpu().IsZero() || c.Resources.Requests.Memory().IsZero() || c.Resources.Limits.Memory().IsZero() {
				t.Error("no resources")
			}
		})
	}
	spec := pod(t, "daemonset")
	for _, taint := range []v1.Taint{
		{Key: cloudproviderapi.TaintExternalCloudProvider, Value: "true", Effect: v1.TaintEffectNoSchedule},
		{Key: v1.TaintNodeNetworkUnavailable, Effect: v1.TaintEffectNoSchedule},
		{Key: v1.TaintNodeNotReady, Effect: v1.TaintEffectNoSchedule},
		{Key: "node-role.kubernetes.io/control-plane", Effect: v1.TaintEffectNoSchedule},
	} {
		if !tolerated(spec.Tolerations, taint) {
			t.Errorf("does not tolerate %s", taint.ToString())
		}
	}
}

func tolerated(tolerations []v1.Toleration, taint v1.Taint) bool {
	for _, toleration := range tolerations {
		if toleration.Key == taint.Key && toleration.Effect == taint.Effect && (toleration.Operator == v1.TolerationOpExists || toleration.Value == taint.Value) {
			return true
		}
	}
	return false
}
