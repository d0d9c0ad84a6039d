package simulator_test

import (
	"net/http"
	"strings"
	"testing"

	"underlay/pkg/simulator"
)

// FuzzVolumeBodies: no body makes Cinder or Nova's attachments fail, whatever it is.
func FuzzVolumeBodies(f *testing.F) {
	c := simulator.New(simulator.Options{})
	c.SetVolumePace(simulator.VolumePace{})
	server := c.AddServer(simulator.ServerSpec{Name: "node"})
	volume, held := c.AddVolume(simulator.VolumeSpec{Name: "v"}), c.AddVolume(simulator.VolumeSpec{Name: "held"})
	c.AttachVolumeByHand(server.ID, held)
	token := tokenFor(f, c)
	targets := []string{
		"POST volume/v3/volumes", "POST volume/v3/snapshots", "POST volume/v3/backups", "POST volume/v3/groups", "POST volume/v3/group_snapshots",
		"POST volume/v3/attachments", "PUT volume/v3/volumes/" + volume, "POST volume/v3/volumes/" + volume + "/action",
		"POST volume/v3/volumes/" + volume + "/metadata", "PUT volume/v3/volumes/" + volume + "/metadata/a",
		"PUT volume/v3/os-quota-sets/" + c.ProjectID(), "POST compute/v2.1/servers/" + server.ID + "/os-volume_attachments",
		"PUT compute/v2.1/servers/" + server.ID + "/os-volume_attachments/" + held,
	}
	for _, body := range []string{
		``, `null`, `{}`, `[]`, `{"volume": null}`, `{"volume": {"size": 1e99}}`, `{"volume": {"size": "", "name": null, "metadata": null}}`,
		`{"volume": {"size": 1, "source_volid": "VOLUME", "snapshot_id": null}}`, `{"volume": {"size": null, "source_volid": "HELD"}}`,
		`{"volume": {"size": 1}, "OS-SCH-HNT:scheduler_hints": {"same_host": 7}}`, `{"volume": {"size": 1}, "OS-SCH-HNT:scheduler_hints": []}`,
		`{"snapshot": {"volume_id": "VOLUME", "force": {}}}`, `{"backup": {"volume_id": "HELD", "force": true, "incremental": true}}`,
		`{"group": {"group_type": "default_cgsnapshot_type", "volume_types": [null]}}`, `{"group_snapshot": {"group_id": null}}`,
		`{"attachment": {"volume_uuid": "VOLUME", "connector": {"host": 1}}}`, `{"os-extend": {"new_size": null}}`, `{"os-extend": null}`,
		`{"os-retype": {"new_type": "__DEFAULT__"}}`, `{"os-begin_detaching": null}`, `{"metadata": {"a": null}}`, `{"meta": {"a": "b"}}`,
		`{"quota_set": {"volumes": null}}`, `{"volumeAttachment": {"volumeId": "VOLUME", "device": null}}`, `{"volumeAttachment": {"volumeId": 1}}`,
	} {
		for at := range targets {
			f.Add(at, body)
		}
	}
	ids := strings.NewReplacer("VOLUME", volume, "HELD", held)
	f.Fuzz(func(t *testing.T, at int, body string) {
		if at < 0 || at >= len(targets) {
			return
		}
		method, path, _ := strings.Cut(targets[at], " ")
		got := raw(t, c, method, "/"+path, ids.Replace(body), "X-Auth-Token", token, "OpenStack-API-Version", "volume 3.71, compute 2.89")
		if got.StatusCode >= http.StatusInternalServerError || got.StatusCode == http.StatusUnauthorized {
			t.Errorf("%s %s: got %d %s", targets[at], body, got.StatusCode, got.text)
		}
	})
}
