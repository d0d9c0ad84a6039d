package nodes

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"underlay/internal/kube"
	"underlay/test/nodes/lab"
	"underlay/test/nodes/machine"
	"underlay/test/nodes/tenant"
)

// world is a lab within a test.
type world struct {
	*lab.Lab
	t *testing.T
}

// newWorld starts a lab without machines.
func newWorld(t *testing.T, name string) *world {
	t.Helper()
	options := built
	options.Name = name
	l, err := lab.Start(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{Lab: l, t: t}
	t.Cleanup(w.close)
	return w
}

func (w *world) close() {
	if w.t.Failed() {
		w.explain()
	}
	if err := w.Close(w.t.Context()); err != nil {
		w.t.Error(err)
	}
}

// explain logs what somebody wants to know of a test that failed.
func (w *world) explain() {
	for _, m := range w.Machines() {
		w.t.Logf("%s: running %v\n%s", m.Name, m.Running(), m.Log())
		for _, name := range []string{"containerd", "kubelet", "kube-proxy"} {
			w.t.Logf("%s on %s:\n%s", name, m.Name, tail(filepath.Join(m.Dir, "log", name+".log"), 25))
		}
	}
	for _, args := range [][]string{{"get", "nodes,pods", "-A", "-o", "wide"}, {"get", "events", "-A"}, {"logs", "-n", "kube-system", "-l", "component=cloud-controller-manager", "--tail=40"}} {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(w.t.Context()), 20*time.Second)
		out, err := w.tryKubectl(ctx, args...)
		cancel()
		w.t.Logf("kubectl %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

func tail(file string, lines int) string {
	content, err := os.ReadFile(file)
	if err != nil {
		return err.Error()
	}
	all := strings.Split(strings.TrimSpace(string(content)), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

func (w *world) tryKubectl(ctx context.Context, args ...string) (string, error) {
	args = append([]string{"--kubeconfig", w.Cluster.Kubeconfig()}, args...)
	out, err := exec.CommandContext(ctx, built.Binaries[kube.Kubectl], args...).CombinedOutput()
	return string(out), err
}

// kubectl runs the command that a user runs.
func (w *world) kubectl(args ...string) string {
	w.t.Helper()
	out, err := w.tryKubectl(w.t.Context(), args...)
	if err != nil {
		w.t.Fatalf("kubectl %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// until polls a condition. good returns "" or what is missing.
func (w *world) until(within time.Duration, good func(ctx context.Context) string) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), within)
	defer cancel()
	for {
		missing := good(ctx)
		if missing == "" {
			return
		}
		select {
		case <-ctx.Done():
			w.t.Fatalf("not so after %s: %s", within, missing)
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// add boots machines one after the other; they join side by side.
func (w *world) add(specs ...lab.MachineSpec) {
	w.t.Helper()
	for _, spec := range specs {
		if _, err := w.Add(w.t.Context(), spec); err != nil {
			w.t.Fatal(err)
		}
	}
}

func (w *world) machine(name string) *lab.Machine {
	w.t.Helper()
	machines := w.Machines()
	at := slices.IndexFunc(machines, func(m *lab.Machine) bool { return m.Name == name })
	if at < 0 {
		w.t.Fatalf("no machine %s", name)
	}
	return machines[at]
}

// untilReady waits until nodes are what the product promises: initialised by the
// server's id, ready, and routed.
func (w *world) untilReady(names ...string) {
	w.t.Helper()
	w.until(3*time.Minute, func(ctx context.Context) string {
		routes, err := w.Cloud.Routes(ctx, w.Network.RouterID)
		if err != nil {
			return err.Error()
		}
		for _, name := range names {
			m := w.machine(name)
			if !m.Running() {
				w.t.Fatalf("machine %s has ended: %s", name, m.Log())
			}
			node, err := w.Client.CoreV1().Nodes().Get(ctx, name, metav1.GetOptions{})
			if err != nil {
				return err.Error()
			}
			if missing := nodeLacks(node, m, routes); missing != "" {
				return name + ": " + missing
			}
		}
		return ""
	})
}

func nodeLacks(node *corev1.Node, m *lab.Machine, routes []tenant.Route) string {
	switch {
	case len(node.Spec.Taints) > 0:
		return fmt.Sprintf("has taints %v", node.Spec.Taints)
	case !strings.HasSuffix(node.Spec.ProviderID, "/"+m.ID):
		return "provider ID " + node.Spec.ProviderID
	case !hasCondition(node, corev1.NodeReady, corev1.ConditionTrue):
		return "not ready"
	case !hasCondition(node, corev1.NodeNetworkUnavailable, corev1.ConditionFalse):
		return "its network is not available"
	case !slices.Contains(routes, tenant.Route{Destination: node.Spec.PodCIDR, NextHop: m.Address}):
		return "no route " + node.Spec.PodCIDR + " via " + m.Address
	}
	return ""
}

func hasCondition(node *corev1.Node, kind corev1.NodeConditionType, status corev1.ConditionStatus) bool {
	return slices.ContainsFunc(node.Status.Conditions, func(c corev1.NodeCondition) bool { return c.Type == kind && c.Status == status })
}

// deployWeb runs a pod on every node that answers who asked.
func (w *world) deployWeb() {
	w.t.Helper()
	labels := map[string]string{"app": "web"}
	web := &appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Name: "web"},
		Spec: appsv1.DaemonSetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec: corev1.PodSpec{
					TerminationGracePeriodSeconds: new(int64),
					Containers:                    []corev1.Container{{Name: "web", Image: lab.ProbeRef, Args: []string{"serve"}}},
				},
			},
		},
	}
	if _, err := w.Client.AppsV1().DaemonSets("default").Create(w.t.Context(), web, metav1.CreateOptions{}); err != nil {
		w.t.Fatal(err)
	}
}

// pod is a running pod of the DaemonSet "web".
type pod struct{ Name, Node, IP string }

// pods waits for one on each of these nodes and returns them in their order.
func (w *world) pods(nodes ...string) []pod {
	w.t.Helper()
	var found []pod
	w.until(2*time.Minute, func(ctx context.Context) string {
		found = nil
		list, err := w.Client.CoreV1().Pods("default").List(ctx, metav1.ListOptions{LabelSelector: "app=web"})
		if err != nil {
			return err.Error()
		}
		for _, node := range nodes {
			at := slices.IndexFunc(list.Items, func(p corev1.Pod) bool {
				return p.Spec.NodeName == node && p.Status.Phase == corev1.PodRunning && p.Status.PodIP != ""
			})
			if at < 0 {
				return "no running pod on " + node
			}
			found = append(found, pod{list.Items[at].Name, node, list.Items[at].Status.PodIP})
		}
		return ""
	})
	return found
}

// probe runs the pod's own program in it.
func (w *world) probe(ctx context.Context, in pod, args ...string) (string, error) {
	return w.tryKubectl(ctx, append([]string{"exec", in.Name, "--", "/probe"}, args...)...)
}

// ask has one pod ask another and says what is wrong with the answer: the other
// must have seen the asking pod's own address.
func (w *world) ask(ctx context.Context, from, to pod) string {
	out, err := w.probe(ctx, from, "get", "http://"+to.IP+":8080/")
	if want := from.IP + " asked " + to.Name; err != nil || strings.TrimSpace(out) != want {
		return fmt.Sprintf("%s to %s: got %q (%v), want %q", from.Node, to.Node, out, err, want)
	}
	return ""
}

// reach checks every path between the pods, both ways.
func (w *world) reach(pods []pod) {
	w.t.Helper()
	for _, from := range pods {
		for _, to := range pods {
			if from == to {
				continue
			}
			w.until(20*time.Second, func(ctx context.Context) string { return w.ask(ctx, from, to) })
		}
	}
}

// staticPod is the controller manager for a control-plane node, put there as
// docs/how-to/deploy.md says.
func (w *world) staticPod() []machine.File {
	w.t.Helper()
	w.kubectl("apply", "-k", filepath.Join(built.Root, "manifests/static-pod/rbac"))
	manifest := w.kubectl("kustomize", filepath.Join(built.Root, "manifests/static-pod"))
	path, err := w.Cluster.KubeconfigFor("system:cloud-controller-manager")
	if err != nil {
		w.t.Fatal(err)
	}
	kubeconfig, err := os.ReadFile(path)
	if err != nil {
		w.t.Fatal(err)
	}
	const dir, uid = "/etc/kubernetes/openstack-cloud-controller-manager/", 65532
	return []machine.File{
		{Path: staticPodFile, Content: []byte(manifest), Mode: 0o600},
		{Path: dir + "cloud.conf", Content: []byte(w.Account.CloudConf(w.Network.RouterID)), Mode: 0o400, UID: uid},
		{Path: dir + "kubeconfig", Content: kubeconfig, Mode: 0o400, UID: uid},
	}
}

const staticPodFile = "/etc/kubernetes/manifests/openstack-cloud-controller-manager.yaml"
