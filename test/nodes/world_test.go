package nodes

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"underlay/test/nodes/lab"
	"underlay/test/nodes/tenant"
)

// world is a lab within a test.
type world struct {
	*lab.Lab
	t     *testing.T
	began time.Time
}

// log says what has been reached, and when.
func (w *world) log(what string) {
	w.t.Helper()
	w.t.Logf("%5.1f s: %s", time.Since(w.began).Seconds(), what)
}

// newWorld starts a lab without machines.
func newWorld(t *testing.T, name string) *world {
	t.Helper()
	options := built
	options.Name = name
	return startWorld(t, options)
}

func startWorld(t *testing.T, options lab.Options) *world {
	t.Helper()
	began := time.Now()
	l, err := lab.Start(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{Lab: l, t: t, began: began}
	t.Cleanup(w.close)
	w.log("control plane, cloud and router are up")
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

// step is a part of a test that stands for itself.
func (w *world) step(name string, run func(w *world)) {
	w.t.Run(name, func(t *testing.T) { run(&world{Lab: w.Lab, t: t, began: w.began}) })
}

// sideBySide runs chains of steps at the same time. They must not disturb each other.
func (w *world) sideBySide(chains ...func(w *world)) {
	var running sync.WaitGroup
	for _, chain := range chains {
		running.Go(func() { chain(w) })
	}
	running.Wait()
}

// explain logs what somebody wants to know of a test that failed.
func (w *world) explain() {
	for _, m := range w.Machines() {
		w.t.Logf("%s: running %v\n%s", m.Name, m.Running(), m.Log())
		for _, name := range []string{"containerd", "kubelet", "kube-proxy"} {
			w.t.Logf("%s on %s:\n%s", name, m.Name, tail(filepath.Join(m.Dir, "log", name+".log"), 25))
		}
	}
	logs, err := filepath.Glob(filepath.Join(w.Folder(), "log", "*.log")) // the router's, and those of amphorae
	if err != nil {
		w.t.Error(err)
	}
	for _, file := range logs {
		w.t.Logf("%s:\n%s", filepath.Base(file), tail(file, 25))
	}
	for _, args := range [][]string{
		{"get", "nodes,pods,services", "-A", "-o", "wide"}, {"get", "events", "-A"},
		{"logs", "-n", "kube-system", "-l", "component=cloud-controller-manager", "--tail=40"},
		{"logs", "-n", "kube-system", "-l", "k8s-app=openstack-cloud-controller-manager", "--tail=40"},
		{"logs", "-n", "kube-system", "-l", "app=csi-cinder-controllerplugin", "--all-containers", "--prefix", "--tail=30"},
		{"logs", "-n", "kube-system", "-l", "app=csi-cinder-nodeplugin", "--prefix", "--tail=40"},
	} {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(w.t.Context()), 20*time.Second)
		out, err := w.Kubectl(ctx, args...)
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

// kubectl runs the command that a user runs.
func (w *world) kubectl(args ...string) string {
	w.t.Helper()
	out, err := w.Kubectl(w.t.Context(), args...)
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

// until polls a condition. good returns "" or what is missing.
func (w *world) until(within time.Duration, good func(ctx context.Context) string) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), within)
	defer cancel()
	missing := ""
	for {
		now := good(ctx)
		if now == "" {
			return
		}
		if ctx.Err() == nil || missing == "" { // what ended with the time says nothing
			missing = now
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
	w.log("ready and routed: " + strings.Join(names, ", "))
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
