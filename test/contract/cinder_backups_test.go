package contract_test

import (
	"net/http"
	"slices"
	"testing"
)

var backupCases = []contractCase{
	{"cinder/a backup, and a volume that is restored from it", func(t *testing.T, c *cloud) {
		volume := c.volume(t, nil)
		a := c.cinder(t, http.MethodPost, "/backups", obj{"backup": obj{"volume_id": volume, "name": "b", "description": "d", "metadata": obj{"a": "b"}}}, "3.51").want(t, http.StatusAccepted)
		id := a.text("backup.id")
		t.Cleanup(func() { c.removeFor(t, "/backups/"+id) })
		a.keys(t, "backup", "id name links")
		c.thingBecomes(t, "backup", "3.51", id, "available")
		shown := c.cinder(t, http.MethodGet, "/backups/"+id, nil, "3.51").want(t, http.StatusOK)
		for path, want := range map[string]any{
			"name": "b", "volume_id": volume, "size": 1, "snapshot_id": nil, "is_incremental": false, "has_dependent_backups": false, "fail_reason": nil,
			"metadata": obj{"a": "b"},
		} {
			shown.field(t, "backup."+path, want)
		}
		c.volumeBecomes(t, volume, "available") // which was "backing-up"
		c.cinder(t, http.MethodDelete, "/volumes/"+volume, nil).want(t, http.StatusAccepted)
		c.gone(t, "/volumes/"+volume) // the backup stands alone
		restored := c.newVolume(t, obj{"backup_id": id}).text("volume.id")
		if got := c.volumeSettles(t, restored); got != "available" {
			t.Fatalf("restored: got %s, want available", got)
		}
		a = c.cinder(t, http.MethodGet, "/volumes/"+restored, nil, "3.47").want(t, http.StatusOK)
		a.field(t, "volume.backup_id", nil) // its metadata says it
		a.field(t, "volume.metadata.src_backup_id", id)
		c.cinder(t, http.MethodPost, "/volumes", obj{"volume": obj{"backup_id": nobody, "size": 1}}, "3.47").want(t, http.StatusNotFound, "itemNotFound")
		c.cinder(t, http.MethodDelete, "/backups/"+id, nil).want(t, http.StatusAccepted)
		c.gone(t, "/backups/"+id)
	}},
	{"cinder/a backup of a snapshot", func(t *testing.T, c *cloud) {
		volume := c.volume(t, nil)
		snapshot := c.snapshotOf(t, volume, nil)
		id := c.thing(t, "backup", "3.51", obj{"volume_id": volume, "snapshot_id": snapshot}, true)
		c.cinder(t, http.MethodGet, "/backups/"+id, nil).want(t, http.StatusOK).field(t, "backup.snapshot_id", snapshot)
		if got := c.cinder(t, http.MethodGet, "/backups/detail?volume_id="+volume, nil).want(t, http.StatusOK).texts("backups", "id"); !slices.Equal(got, []string{id}) {
			t.Errorf("got %v, want %s", got, id)
		}
		if got := c.cinder(t, http.MethodGet, "/backups?name=nonsense&volume_id="+volume, nil).want(t, http.StatusOK).texts("backups", "id"); len(got) > 0 {
			t.Errorf("got %v, want none", got)
		}
	}},
	{"cinder/what no backup can be made of", func(t *testing.T, c *cloud) {
		c.cinder(t, http.MethodPost, "/backups", obj{"backup": obj{"volume_id": nobody}}).want(t, http.StatusNotFound, "itemNotFound")
		c.cinder(t, http.MethodPost, "/backups", obj{"backup": obj{}}).want(t, http.StatusBadRequest, "badRequest")
		server, volume := c.server(t, c.lan(t), "contract-"+unique()), c.volume(t, nil)
		c.cinder(t, http.MethodPost, "/backups", obj{"backup": obj{"volume_id": volume, "incremental": true}}).want(t, http.StatusBadRequest, "badRequest")
		c.attached(t, server, volume)
		c.cinder(t, http.MethodPost, "/backups", obj{"backup": obj{"volume_id": volume}}).want(t, http.StatusBadRequest, "badRequest") // without force
		c.cinder(t, http.MethodGet, "/backups/"+nobody, nil).want(t, http.StatusNotFound, "itemNotFound")
		c.cinder(t, http.MethodDelete, "/backups/"+nobody, nil).want(t, http.StatusNotFound, "itemNotFound")
	}},
}
