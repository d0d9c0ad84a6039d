package simulator_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"underlay/pkg/simulator"
)

// field is a field of what a collection says of an id; "gone" for one that is not there.
func (s *storage) field(kind, key, id, name string) any {
	s.t.Helper()
	got := s.do("GET", "/"+kind+"/"+id, "")
	if got.status == http.StatusNotFound {
		return "gone"
	}
	return at(got.body, key, name)
}

// make posts and gives the id.
func (s *storage) make(kind, key, body string) string {
	s.t.Helper()
	got := s.want(s.do("POST", "/"+kind, `{"`+key+`":`+body+`}`), 202)
	id, _ := at(got.body, key, "id").(string)
	return id
}

func TestSnapshots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStorage(t, simulator.Options{VolumeZones: []string{"one", "two"}})
		node := s.AddServer(simulator.ServerSpec{Name: "node", Zone: "nova"})
		volume := s.create(`{"size":3,"availability_zone":"two"}`)
		snapshot := s.make("snapshots", "snapshot", `{"volume_id":"`+volume+`","name":"one","metadata":{"a":"b"}}`)
		if got := s.field("snapshots", "snapshot", snapshot, "status"); got != "creating" {
			t.Errorf("status: got %v, want creating", got)
		}
		time.Sleep(time.Second)
		if got := s.field("snapshots", "snapshot", snapshot, "status"); got != "available" {
			t.Errorf("status: got %v, want available", got)
		}
		s.want(s.do("DELETE", "/volumes/"+volume, ""), 400)
		// A restore is in the zone of the snapshot's volume, and no smaller.
		copied := s.create(`{"snapshot_id":"` + snapshot + `","size":null}`)
		if got := s.Volume(copied); got.Zone != "two" || got.SizeGiB != 3 || got.SnapshotID != snapshot {
			t.Errorf("restored: got %+v", got)
		}
		s.want(s.do("POST", "/volumes", `{"volume":{"size":2,"snapshot_id":"`+snapshot+`"}}`), 400)
		s.want(s.do("POST", "/volumes", `{"volume":{"size":3,"snapshot_id":"`+snapshot+`","availability_zone":"one"}}`), 400)
		// Of a volume in use before 3.66 by force only.
		s.AttachVolumeByHand(node.ID, volume)
		body := `{"snapshot":{"volume_id":"` + volume + `"}}`
		s.volume = "3.65"
		s.want(s.do("POST", "/snapshots", body), 400)
		s.want(s.do("POST", "/snapshots", `{"snapshot":{"force":true,"volume_id":"`+volume+`"}}`), 202)
		s.volume = "3.66"
		s.want(s.do("POST", "/snapshots", `{"snapshot":{"force":false,"volume_id":"`+volume+`"}}`), 400)
		s.FailNextVolumeWork(simulator.CreateSnapshot, "no space")
		time.Sleep(time.Second)
		bad := s.make("snapshots", "snapshot", `{"volume_id":"`+volume+`"}`)
		time.Sleep(time.Second)
		if got := s.field("snapshots", "snapshot", bad, "status"); got != "available" {
			t.Errorf("the failure struck the snapshot before: got %v", got)
		}
		if list := s.want(s.do("GET", "/snapshots/detail?status=error&volume_id="+volume, ""), 200).body["snapshots"].([]any); len(list) != 1 {
			t.Errorf("failed snapshots: got %d, want 1", len(list))
		}
		s.want(s.do("DELETE", "/snapshots/"+snapshot, ""), 202)
		time.Sleep(time.Second)
		s.want(s.do("GET", "/snapshots/"+snapshot, ""), 404)
	})
}

func TestBackups(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStorage(t, simulator.Options{})
		volume := s.create(`{"size":2}`)
		backup := s.make("backups", "backup", `{"volume_id":"`+volume+`","name":"nightly","metadata":{"a":"b"}}`)
		if got := s.status(volume); got != "backing-up" {
			t.Errorf("volume: got %s, want backing-up", got)
		}
		s.wait(volume, "available")
		if got := s.field("backups", "backup", backup, "status"); got != "available" {
			t.Errorf("backup: got %v, want available", got)
		}
		child := s.make("backups", "backup", `{"volume_id":"`+volume+`","incremental":true}`)
		time.Sleep(time.Second)
		s.want(s.do("DELETE", "/backups/"+backup, ""), 400)
		s.want(s.do("DELETE", "/backups/"+child, ""), 202)
		restored := s.create(`{"backup_id":"` + backup + `","size":4}`)
		if got := s.Volume(restored); got.BackupID != backup || got.SizeGiB != 4 || got.Metadata["src_backup_id"] != backup {
			t.Errorf("restored: got %+v", got)
		}
		s.volume = "3.46"
		made := s.want(s.do("POST", "/volumes", `{"volume":{"size":4,"backup_id":"`+backup+`"}}`), 202)
		if got := s.Volume(at(made.body, "volume", "id").(string)); got.BackupID != "" {
			t.Errorf("before 3.47: got %+v, want the backup not heard", got)
		}
		s.volume = "3.71"
		s.FailNextVolumeWork(simulator.CreateBackup, "the target is full")
		bad := s.make("backups", "backup", `{"volume_id":"`+volume+`"}`)
		s.wait(volume, "available")
		if status, reason := s.field("backups", "backup", bad, "status"), s.field("backups", "backup", bad, "fail_reason"); status != "error" || reason != "the target is full" {
			t.Errorf("failed backup: got %v, %v", status, reason)
		}
		s.want(s.do("POST", "/backups/"+backup+"/restore", `{"restore":{"volume_id":"`+volume+`"}}`), 202)
		s.wait(volume, "restoring-backup")
		s.wait(volume, "available")
		s.want(s.do("DELETE", "/backups/"+backup, ""), 202)
		time.Sleep(time.Second)
		s.want(s.do("GET", "/backups/"+backup, ""), 404)
	})
}

func TestGroups(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStorage(t, simulator.Options{})
		first, second := s.create(`{"size":1}`), s.create(`{"size":2}`)
		group := s.make("groups", "group", `{"name":"g","group_type":"default_cgsnapshot_type","volume_types":["__DEFAULT__"]}`)
		time.Sleep(time.Second)
		empty := `{"group_snapshot":{"group_id":"` + group + `","name":"now"}}`
		s.want(s.do("POST", "/group_snapshots", empty), 400)
		s.want(s.do("PUT", "/groups/"+group, `{"group":{"add_volumes":"`+first+`,`+second+`"}}`), 202)
		s.want(s.do("PUT", "/groups/"+group, `{"group":{"name":"busy"}}`), 400)
		time.Sleep(time.Second)
		s.want(s.do("DELETE", "/volumes/"+first, ""), 400)
		listed := s.want(s.do("GET", "/groups/"+group+"?list_volume=true", ""), 200)
		if ids, _ := at(listed.body, "group", "volumes").([]any); len(ids) != 2 {
			t.Errorf("volumes of the group: got %s", listed.text)
		}
		whole := s.make("group_snapshots", "group_snapshot", `{"group_id":"`+group+`","name":"now"}`)
		time.Sleep(time.Second)
		if got := s.field("group_snapshots", "group_snapshot", whole, "status"); got != "available" {
			t.Errorf("group snapshot: got %v", got)
		}
		parts, _ := s.want(s.do("GET", "/snapshots/detail", ""), 200).body["snapshots"].([]any)
		if len(parts) != 2 || at(parts, 0, "group_snapshot_id") != whole || at(parts, 1, "status") != "available" {
			t.Errorf("parts: got %v", parts)
		}
		s.want(s.do("DELETE", "/snapshots/"+at(parts, 0, "id").(string), ""), 400)
		s.want(s.do("POST", "/groups/"+group+"/action", `{"delete":{"delete-volumes":true}}`), 400)
		s.want(s.do("DELETE", "/group_snapshots/"+whole, ""), 202)
		time.Sleep(time.Second)
		s.want(s.do("POST", "/groups/"+group+"/action", `{"delete":{"delete-volumes":false}}`), 400)
		s.want(s.do("PUT", "/groups/"+group, `{"group":{"remove_volumes":"`+first+`"}}`), 202)
		time.Sleep(time.Second)
		s.want(s.do("POST", "/groups/"+group+"/action", `{"delete":{"delete-volumes":true}}`), 202)
		time.Sleep(time.Second)
		if first, second, group := s.status(first), s.status(second), s.field("groups", "group", group, "status"); first != "available" || second != "gone" || group != "gone" {
			t.Errorf("left: got %s, %s, %v", first, second, group)
		}
	})
}
