package simulator_test

import (
	"testing"

	"underlay/pkg/simulator"
)

// A server's metadata is found by its id and its name, and is no call to the cloud.
func TestMetadataOfAServer(t *testing.T) {
	c := simulator.New(simulator.Options{Zones: []string{"north", "south"}})
	c.AddServer(simulator.ServerSpec{Name: "node-1"})
	node := c.AddServer(simulator.ServerSpec{Name: "node-2", Zone: "south"})
	for _, by := range []string{node.ID, "node-2"} {
		path := simulator.MetadataURL("", by)
		got := raw(t, c, "GET", path, "").body
		if got["uuid"] != node.ID || got["name"] != "node-2" || got["availability_zone"] != "south" {
			t.Errorf("%s: got %v", path, got)
		}
	}
	for _, path := range []string{"/simulator/metadata/node-3/meta_data.json", "/simulator/metadata/node-1", "/simulator/metadata/node-1/user_data"} {
		if got := raw(t, c, "GET", path, "").status; got != 404 {
			t.Errorf("%s: got %d, want 404", path, got)
		}
	}
	if calls := c.Calls(); len(calls) != 0 {
		t.Errorf("got calls %v", calls)
	}
}
