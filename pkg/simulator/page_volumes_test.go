package simulator_test

import (
	"strings"
	"testing"

	"underlay/pkg/simulator"
)

func TestPageShowsVolumes(t *testing.T) {
	c := simulator.New(simulator.Options{})
	node := c.AddServer(simulator.ServerSpec{Name: "node-1"})
	id := c.AddVolume(simulator.VolumeSpec{Name: "pvc-<data>", SizeGiB: 7})
	c.AddVolume(simulator.VolumeSpec{Name: "broken", Status: "error_deleting"})
	revision := func() any { return raw(t, c, "GET", "/simulator/state", "").body["revision"] }
	before := revision()
	c.AttachVolumeByHand(node.ID, id)
	if revision() == before {
		t.Error("an attachment does not change the page")
	}
	page := raw(t, c, "GET", "/", "", "Accept", "text/html").text
	for _, want := range []string{"pvc-&lt;data&gt;", "7 GiB", "/dev/vdb", "error_deleting", "8 GiB in all"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if strings.Contains(page, "orphan") {
		t.Error("an attachment that Nova knows is no orphan")
	}
	c.SetAttachmentOrphans(true)
	c.DeleteServer(node.ID)
	if page := raw(t, c, "GET", "/", "", "Accept", "text/html").text; !strings.Contains(page, "orphan") {
		t.Error("the page does not name the orphan")
	}
}
