package nodes

import (
	"testing"

	"underlay/test/nodes/lab"
)

// TestStaticPod runs the controller manager as a static pod of the control-plane
// node, from manifests/static-pod as shipped.
func TestStaticPod(t *testing.T) {
	w := newWorld(t, "static-pod")
	w.add(lab.MachineSpec{Name: "node-1", Files: w.staticPod()}, lab.MachineSpec{Name: "node-2"}, lab.MachineSpec{Name: "node-3"})
	w.untilReady("node-1", "node-2", "node-3")
	w.deployWeb()
	pods := w.pods("node-1", "node-2", "node-3")
	w.reach(pods)
}
