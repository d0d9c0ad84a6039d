package openstackclient_test

import (
	"testing"

	"underlay/pkg/simulator"
)

// A volume's life as an operator sees it. Work takes no time here: whoever looks
// finds it done.
func TestClientVolumes(t *testing.T) {
	if !available(t) {
		return
	}
	w := newWorld(t)
	w.cloud.SetVolumePace(simulator.VolumePace{})
	w.run(t, "volume", "create", "--size", "2", "--property", "a=b", "data")
	w.run(t, "server", "add", "volume", "node-1", "data")
	shown := w.fields(t, "volume", "show", "data")
	same(t, "status", any("in-use"), shown["status"])
	same(t, "properties", any(map[string]any{"a": "b"}), shown["properties"])
	attachments, _ := shown["attachments"].([]any)
	same(t, "attachments", 1, len(attachments))
	w.run(t, "volume", "snapshot", "create", "--force", "--volume", "data", "before")
	same(t, "snapshots", []any{"available"}, column(w.rows(t, "volume", "snapshot", "list"), "Status"))
	w.run(t, "volume", "create", "--snapshot", "before", "copy")
	if _, err := w.try(t, "lab", "volume", "delete", "data"); err == nil {
		t.Error("a volume in use is deleted")
	}
	w.run(t, "server", "remove", "volume", "node-1", "data")
	w.run(t, "volume", "snapshot", "delete", "before")
	w.run(t, "volume", "delete", "data")
	same(t, "volumes", []any{"copy"}, column(w.rows(t, "volume", "list"), "Name"))
}
