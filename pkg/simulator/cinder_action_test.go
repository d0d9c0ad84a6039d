package simulator_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"underlay/pkg/simulator"
)

// asAdmin is the same cloud, spoken to by the admin.
func (s *storage) asAdmin() *storage {
	s.t.Helper()
	return &storage{Cloud: s.Cloud, t: s.t, token: adminProvider(s.t, s.Cloud).Token(), volume: s.volume, compute: s.compute}
}

// act asks for an action on a volume and gives the status.
func (s *storage) act(id, body string) int {
	s.t.Helper()
	return s.do("POST", "/volumes/"+id+"/action", body).status
}

func TestVolumeActions(t *testing.T) {
	s := newStorage(t, simulator.Options{})
	id := s.AddVolume(simulator.VolumeSpec{})
	for _, step := range []struct {
		body       string
		want       int
		wantStatus string
	}{
		{`{"os-reserve":{}}`, 202, "attaching"}, {`{"os-reserve":{}}`, 400, "attaching"}, {`{"os-unreserve":{}}`, 202, "available"},
		{`{"os-unreserve":{}}`, 202, "available"}, {`{"os-begin_detaching":{}}`, 400, "available"},
		{`{"os-set_bootable":{"bootable":true}}`, 200, "available"}, {`{"os-set_bootable":{}}`, 400, "available"},
		{`{"os-update_readonly_flag":{"readonly":true}}`, 202, "available"}, {`{"os-update_readonly_flag":{}}`, 400, "available"},
		{`{"os-force_delete":{}}`, 403, "available"},
	} {
		if got, status := s.act(id, step.body), s.status(id); got != step.want || status != step.wantStatus {
			t.Errorf("%s: got %d, then %s, want %d and %s", step.body, got, status, step.want, step.wantStatus)
		}
	}
	if !s.Volume(id).Bootable {
		t.Error("set_bootable has set nothing")
	}
	s.SetVolumeStatus(id, "in-use")
	for body, want := range map[string]string{`{"os-begin_detaching":{}}`: "detaching", `{"os-roll_detaching":{}}`: "in-use"} {
		s.SetVolumeStatus(id, map[string]string{"detaching": "in-use", "in-use": "detaching"}[want])
		if got, status := s.act(id, body), s.status(id); got != 202 || status != want {
			t.Errorf("%s: got %d, then %s, want 202 and %s", body, got, status, want)
		}
	}
}

// What only an admin does, and sees.
func TestVolumeAdmin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStorage(t, simulator.Options{})
		admin := s.asAdmin()
		id := s.AddVolume(simulator.VolumeSpec{})
		do := func(method, path, body string) answer {
			return raw(t, s.Cloud, method, "/volume/v3"+path, body, "X-Auth-Token", admin.token, "OpenStack-API-Version", "volume 3.71")
		}
		for body, want := range map[string]int{`{"os-reset_status":{"status":"error","migration_status":"migrating"}}`: 202, `{"os-reset_status":7}`: 400} {
			if got := do("POST", "/volumes/"+id+"/action", body); got.status != want {
				t.Errorf("%s: got %d, want %d", body, got.status, want)
			}
		}
		if got := do("GET", "/volumes/"+id, ""); at(got.body, "volume", "migration_status") != "migrating" || at(got.body, "volume", "os-vol-host-attr:host") == nil {
			t.Errorf("the admin's view: got %s", got.text)
		}
		s.want(s.do("DELETE", "/volumes/"+id, ""), 400) // it is being moved
		s.SetVolumeMigration(id, "")
		s.want(s.do("DELETE", "/volumes/"+id+"?force=true", ""), 403)
		s.want(do("POST", "/volumes/"+id+"/action", `{"os-force_delete":{}}`), 202)
		s.wait(id, "gone")
		for _, path := range []string{"/os-services", "/scheduler-stats/get_pools?detail=true"} {
			s.want(do("GET", path, ""), 200)
			s.want(s.do("GET", path, ""), 403)
		}
		for body, want := range map[string]int{`{"quota_set":{"volumes":3}}`: 200, `{"quota_set":{"volumes":-2}}`: 400, `{"quota_set":{"tea":1}}`: 400} {
			if got := do("PUT", "/os-quota-sets/"+s.ProjectID(), body); got.status != want {
				t.Errorf("%s: got %d, want %d", body, got.status, want)
			}
		}
		if got := at(s.do("GET", "/limits", "").body, "limits", "absolute", "maxTotalVolumes"); got != 3.0 {
			t.Errorf("maxTotalVolumes: got %v, want 3", got)
		}
		all := do("GET", "/volumes?all_tenants=1", "")
		s.create(`{"size":1}`)
		if more := do("GET", "/volumes?all_tenants=1", ""); len(more.body["volumes"].([]any)) != len(all.body["volumes"].([]any))+1 {
			t.Errorf("all projects: got %s", more.text)
		}
	})
}

// A volume that vanishes, and a server that is too far away.
func TestVolumesByHand(t *testing.T) {
	s := newStorage(t, simulator.Options{Zones: []string{"one", "two"}})
	near, far := s.AddVolume(simulator.VolumeSpec{Zone: "one"}), s.AddVolume(simulator.VolumeSpec{Zone: "two", SizeGiB: 3})
	node := s.AddServer(simulator.ServerSpec{Name: "node", Zone: "one"})
	s.SetCrossZoneAttach(false)
	if got := s.attach(node.ID, far); got != 400 {
		t.Errorf("another zone: got %d, want 400", got)
	}
	s.AttachVolumeByHand(node.ID, near)
	s.RemoveVolume(near)
	if got := s.nova("GET", "/servers/"+node.ID+"/os-volume_attachments", ""); fmt.Sprint(got.body["volumeAttachments"]) != "[]" || len(s.Attachments()) != 0 {
		t.Errorf("left of the volume: got %s, %v", got.text, s.Attachments())
	}
	s.want(s.do("GET", "/volumes/"+near, ""), 404)
	summary := s.want(s.do("GET", "/volumes/summary", ""), 200)
	if at(summary.body, "volume-summary", "total_size") != 3.0 || at(summary.body, "volume-summary", "total_count") != 1.0 {
		t.Errorf("summary: got %s", summary.text)
	}
	for query, want := range map[string]int{"?availability_zone=two": 1, "?availability_zone=one": 0, "?bootable=true": 0, "?sort=size:desc,name:asc": 1} {
		if list := s.want(s.do("GET", "/volumes"+query, ""), 200).body["volumes"].([]any); len(list) != want {
			t.Errorf("%s: got %d, want %d", query, len(list), want)
		}
	}
}

// Names, descriptions and metadata of what is no volume.
func TestCopiesAreRenamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStorage(t, simulator.Options{})
		volume := s.create(`{"size":1,"metadata":{"k":"v"}}`)
		snapshot, backup := s.make("snapshots", "snapshot", `{"volume_id":"`+volume+`"}`), ""
		time.Sleep(time.Second)
		s.want(s.do("PUT", "/snapshots/"+snapshot, `{"snapshot":{"name":"n","description":"d"}}`), 200)
		s.want(s.do("POST", "/snapshots/"+snapshot+"/metadata", `{"metadata":{"a":"b"}}`), 200)
		s.want(s.do("POST", "/snapshots/"+snapshot+"/action", `{"os-reset_status":{"status":"error"}}`), 403)
		if got := s.field("snapshots", "snapshot", snapshot, "name"); got != "n" {
			t.Errorf("snapshot: got %v", got)
		}
		backup = s.make("backups", "backup", `{"volume_id":"`+volume+`","snapshot_id":"`+snapshot+`"}`)
		if got := s.field("snapshots", "snapshot", snapshot, "status"); got != "backing-up" {
			t.Errorf("snapshot that is copied: got %v", got)
		}
		time.Sleep(time.Second)
		s.want(s.do("PUT", "/backups/"+backup, `{"backup":{"name":"n","metadata":{"a":"b"}}}`), 200)
		if got := at(s.do("GET", "/backups/"+backup, "").body, "backup", "metadata", "a"); got != "b" {
			t.Errorf("metadata of the backup: got %v", got)
		}
		restored := s.want(s.do("POST", "/backups/"+backup+"/restore", `{"restore":{}}`), 202)
		id, _ := at(restored.body, "restore", "volume_id").(string)
		s.wait(id, "available")
		s.want(s.do("GET", "/volumes/"+volume+"/metadata/k", ""), 200)
		s.want(s.do("GET", "/volumes/"+volume+"/metadata/x", ""), 404)
		s.want(s.do("PUT", "/volumes/"+volume+"/metadata/k", `{"meta":{"k":"w"}}`), 200)
		s.FailNextVolumeWork(simulator.DeleteSnapshot, "busy")
		s.want(s.do("DELETE", "/snapshots/"+snapshot, ""), 202)
		time.Sleep(time.Second)
		if got := s.field("snapshots", "snapshot", snapshot, "status"); got != "error_deleting" {
			t.Errorf("snapshot that cannot be deleted: got %v", got)
		}
	})
}
