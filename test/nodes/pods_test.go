package nodes

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"underlay/test/nodes/lab"
)

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
	return w.Kubectl(ctx, append([]string{"exec", in.Name, "--", "/probe"}, args...)...)
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

// ping sends whole packets with the Don't Fragment bit; payload is what follows the
// ICMP header. It says what went wrong.
func (w *world) ping(ctx context.Context, from, to pod, payload, count int) string {
	out, err := w.probe(ctx, from, "ping", to.IP, strconv.Itoa(payload), strconv.Itoa(count))
	if err != nil {
		return fmt.Sprintf("ping of %d bytes from %s to %s: %v: %s", payload, from.Node, to.Node, err, out)
	}
	return ""
}

// broken waits until a path does not work, and sees that it stays so.
func (w *world) broken(from, to pod) {
	w.t.Helper()
	w.until(20*time.Second, func(ctx context.Context) string {
		if w.ask(ctx, from, to) == "" {
			return fmt.Sprintf("%s still reaches %s", from.Node, to.Node)
		}
		return ""
	})
	for range 2 {
		if w.ask(w.t.Context(), from, to) == "" {
			w.t.Fatalf("%s reaches %s again", from.Node, to.Node)
		}
	}
}

// works waits until a path works.
func (w *world) works(from, to pod) {
	w.t.Helper()
	w.until(30*time.Second, func(ctx context.Context) string { return w.ask(ctx, from, to) })
}

// podCIDR is a node's.
func (w *world) podCIDR(node string) string {
	w.t.Helper()
	found, err := w.Client.CoreV1().Nodes().Get(w.t.Context(), node, metav1.GetOptions{})
	if err != nil {
		w.t.Fatal(err)
	}
	return found.Spec.PodCIDR
}
