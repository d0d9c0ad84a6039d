package nodes

import (
	"context"
	"strings"
	"testing"
	"time"

	"underlay/test/nodes/lab"
)

// TestStaticPod runs the controller manager as a static pod of the control-plane
// node, from manifests/static-pod as shipped.
func TestStaticPod(t *testing.T) {
	w := newWorld(t, "static-pod")
	files, err := w.StaticPod(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w.add(lab.MachineSpec{Name: "node-1", ControlPlane: true, StaticPod: true, Files: files}, lab.MachineSpec{Name: "node-2"}, lab.MachineSpec{Name: "node-3"})
	w.untilReady("node-1", "node-2", "node-3")
	w.deployWeb()
	pods := w.pods("node-1", "node-2", "node-3")
	w.step("pods reach each other by their own addresses", func(w *world) { w.reach(pods) })
	if t.Failed() {
		return // nothing below can hold
	}
	w.step("packets of the full MTU pass", func(w *world) { fullMTU(w, pods) })
	w.step("Services keep the source too", func(w *world) { throughServices(w, pods) })
	w.step("no overlay on any node", noOverlay)
	w.step("what is removed by hand comes back", func(w *world) { repairs(w, pods) })
	w.step("a node that is added later is reached", func(w *world) { joinAndLeave(w, pods) })
	w.step("without the controller manager paths stay", func(w *world) {
		w.stopStaticPod("node-1")
		w.reach(pods)
	})
	w.step("the path is the route", func(w *world) { routeIsThePath(w, pods) })
	w.step("the path is the address pair", func(w *world) { pairIsThePath(w, pods) })
}

// stopStaticPod takes the manifest away, which is how a static pod is stopped, and
// waits until its process has ended.
func (w *world) stopStaticPod(node string) {
	w.t.Helper()
	m := w.machine(node)
	if _, err := m.Exec(w.t.Context(), "mv", lab.StaticPodFile, "/root/"); err != nil {
		w.t.Fatal(err)
	}
	w.until(2*time.Minute, func(ctx context.Context) string {
		names, err := m.Exec(ctx, "sh", "-c", "cat /proc/[0-9]*/comm 2>/dev/null || true")
		if err != nil || strings.Contains(names, "openstack-cloud") {
			return "the controller manager still runs"
		}
		return ""
	})
}
