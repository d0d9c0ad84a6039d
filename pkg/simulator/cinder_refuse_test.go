package simulator_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"underlay/pkg/simulator"
)

func TestVolumeVersions(t *testing.T) {
	s := newStorage(t, simulator.Options{MaxVolumeMicroversion: "3.59"})
	if got := raw(t, s.Cloud, "GET", "/volume/", ""); got.status != 300 || at(got.body, "versions", 0, "version") != "3.59" {
		t.Errorf("discovery: got %d %s", got.status, got.text)
	}
	for header, want := range map[string]string{"": "3.0", "volume 3.27": "3.27", "volume latest": "3.59", "compute 2.60, volume 3.59": "3.59"} {
		got := raw(t, s.Cloud, "GET", "/volume/v3/volumes", "", "X-Auth-Token", s.token, "OpenStack-API-Version", header)
		if got.status != 200 || got.Header.Get("OpenStack-API-Version") != "volume "+want {
			t.Errorf("%q: got %d %q, want %s", header, got.status, got.Header.Get("OpenStack-API-Version"), want)
		}
	}
	for header, want := range map[string]int{"volume 3.60": 406, "volume 2.0": 406, "volume x": 400, "compute 2.60": 400} {
		if got := raw(t, s.Cloud, "GET", "/volume/v3/volumes", "", "X-Auth-Token", s.token, "OpenStack-API-Version", header); got.status != want {
			t.Errorf("%q: got %d, want %d", header, got.status, want)
		}
	}
	for version, want := range map[string]int{"3.26": 404, "3.27": 200} {
		s.volume = version
		if got := s.do("GET", "/attachments", ""); got.status != want {
			t.Errorf("attachments at %s: got %d, want %d", version, got.status, want)
		}
	}
	if got := raw(t, s.Cloud, "GET", "/volume/v3/"+strings.Repeat("0", 32)+"/volumes", "", "X-Auth-Token", s.token); got.status != 400 {
		t.Errorf("another project in the URL: got %d, want 400", got.status)
	}
}

// nobody is an id that nothing has.
const nobody = "99999999-9999-4999-8999-999999999999"

func TestVolumeBodies(t *testing.T) {
	s := newStorage(t, simulator.Options{})
	other := s.AddVolume(simulator.VolumeSpec{ProjectID: "0123456789abcdef0123456789abcdef"})
	for body, want := range map[string]int{
		`{"size":1}`: 202, `{"size":"1"}`: 202, `{"size":0}`: 400, `{"size":-1}`: 400, `{"size":"x"}`: 400, `{"size":1.5}`: 400, `{}`: 400,
		`{"size":1,"colour":"red"}`: 400, `{"size":1,"volume_type":"none"}`: 404, `{"size":1,"availability_zone":"none"}`: 400,
		`{"size":1,"snapshot_id":"none"}`: 400, `{"size":1,"source_volid":"` + nobody + `"}`: 404, `{"size":1,"imageRef":"none"}`: 400,
		`{"size":1,"metadata":{"a":1}}`: 400, `{"size":1,"metadata":{"` + strings.Repeat("k", 256) + `":"v"}}`: 400, `[]`: 400,
		`{"size":1,"source_volid":"` + other + `"}`: 404, `{"size":1,"backup_id":"` + nobody + `"}`: 404,
	} {
		if got := s.do("POST", "/volumes", `{"volume":`+body+`}`); got.status != want {
			t.Errorf("%s: got %d %s, want %d", body, got.status, got.text, want)
		}
	}
	s.want(s.do("POST", "/volumes", `{`), 400)
	s.want(s.do("GET", "/volumes/"+other, ""), 404)
}

func TestVolumeQuotas(t *testing.T) {
	s := newStorage(t, simulator.Options{})
	s.SetVolumeQuota("", "volumes", 2)
	s.SetVolumeQuota("", "gigabytes", 5)
	s.SetVolumeQuota("", "per_volume_gigabytes", 4)
	if got := s.do("POST", "/volumes", `{"volume":{"size":5}}`); got.status != 413 || !strings.Contains(got.text, "VolumeSizeExceedsLimit") {
		t.Errorf("too large a volume: got %d %s", got.status, got.text)
	}
	s.want(s.do("POST", "/volumes", `{"volume":{"size":4}}`), 202)
	got := s.do("POST", "/volumes", `{"volume":{"size":2}}`)
	if got.status != 413 || got.Header.Get("Retry-After") != "0" || !strings.Contains(got.text, "exceeds allowed gigabytes quota") {
		t.Errorf("too many GiB: got %d %s", got.status, got.text)
	}
	s.want(s.do("POST", "/volumes", `{"volume":{"size":1}}`), 202)
	s.SetVolumeQuota("", "gigabytes", -1)
	if got := s.do("POST", "/volumes", `{"volume":{"size":1}}`); got.status != 413 || !strings.Contains(got.text, "quota 'volumes'") {
		t.Errorf("too many volumes: got %d %s", got.status, got.text)
	}
	limits := s.want(s.do("GET", "/limits", ""), 200)
	if at(limits.body, "limits", "absolute", "totalGigabytesUsed") != 5.0 || at(limits.body, "limits", "absolute", "maxTotalVolumes") != 2.0 {
		t.Errorf("limits: got %s", limits.text)
	}
	usage := s.want(s.do("GET", "/os-quota-sets/"+s.ProjectID()+"?usage=true", ""), 200)
	if at(usage.body, "quota_set", "volumes", "in_use") != 2.0 {
		t.Errorf("usage: got %s", usage.text)
	}
	s.want(s.do("PUT", "/os-quota-sets/"+s.ProjectID(), `{"quota_set":{"volumes":9}}`), 403)
}

// What fails leaves the state that Cinder leaves, and says why.
func TestVolumeFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStorage(t, simulator.Options{})
		node := s.AddServer(simulator.ServerSpec{Name: "node"})
		s.FailNextVolumeWork(simulator.CreateVolume, "the storage is full")
		id := s.make("volumes", "volume", `{"size":1}`)
		s.wait(id, "error")
		got := s.want(s.do("GET", "/messages?resource_uuid="+id, ""), 200)
		// Both are of one second, so either comes first.
		why := []any{at(got.body, "messages", 0, "user_message"), at(got.body, "messages", 1, "user_message")}
		if !slices.Contains(why, any("the storage is full")) || at(got.body, "messages", 0, "resource_type") != "VOLUME" {
			t.Errorf("messages: got %s", got.text)
		}
		s.want(s.do("DELETE", "/volumes/"+id, ""), 202)
		s.wait(id, "gone")
		// No backend has both this volume and none other.
		one := s.create(`{"size":1}`)
		same := s.want(s.do("POST", "/volumes", `{"volume":{"size":1},"OS-SCH-HNT:scheduler_hints":{"same_host":["`+one+`"],"different_host":"`+one+`"}}`), 202)
		s.wait(at(same.body, "volume", "id").(string), "error")
		s.FailNextVolumeWork(simulator.ExtendVolume, "no")
		s.want(s.do("POST", "/volumes/"+one+"/action", `{"os-extend":{"new_size":2}}`), 202)
		s.wait(one, "error_extending")
		s.SetVolumeStatus(one, "available")
		s.FailNextVolumeWork(simulator.AttachVolume, "")
		path := "/servers/" + node.ID + "/os-volume_attachments"
		attach := `{"volumeAttachment":{"volumeId":"` + one + `"}}`
		s.want(s.nova("POST", path, attach), 200)
		if diff := cmp.Diff([]string{"reserved", "attaching", "available"}, s.statuses(one)); diff != "" {
			t.Errorf("failed attachment (-want +got):\n%s", diff)
		}
		s.want(s.nova("POST", path, attach), 200)
		s.wait(one, "in-use")
		s.FailNextVolumeWork(simulator.DetachVolume, "")
		s.want(s.nova("DELETE", path+"/"+one, ""), 202)
		if diff := cmp.Diff([]string{"detaching", "in-use"}, s.statuses(one)); diff != "" {
			t.Errorf("failed detachment (-want +got):\n%s", diff)
		}
		s.want(s.nova("DELETE", path+"/"+one, ""), 202)
		s.wait(one, "available")
		s.FailNextVolumeWork(simulator.DeleteVolume, "busy")
		s.want(s.do("DELETE", "/volumes/"+one, ""), 202)
		s.wait(one, "error_deleting")
		s.want(s.do("DELETE", "/volumes/"+one, ""), 400)
	})
}

func TestVolumeHints(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStorage(t, simulator.Options{})
		first := s.create(`{"size":1}`)
		for hint, want := range map[string]bool{"same_host": true, "different_host": false} {
			made := s.want(s.do("POST", "/volumes", `{"volume":{"size":1},"OS-SCH-HNT:scheduler_hints":{"`+hint+`":["`+first+`"]}}`), 202)
			id := at(made.body, "volume", "id").(string)
			s.wait(id, "available")
			if got := s.Volume(id).Host == s.Volume(first).Host; got != want {
				t.Errorf("%s: same backend %v, want %v", hint, got, want)
			}
		}
		s.want(s.do("POST", "/volumes", `{"volume":{"size":1},"OS-SCH-HNT:scheduler_hints":{"same_host":["name"]}}`), 400)
	})
}

func TestRetypeAndMetadata(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStorage(t, simulator.Options{})
		s.AddVolumeType(simulator.VolumeTypeSpec{Name: "fast", ExtraSpecs: map[string]string{"provisioning:type": "thin"}})
		s.AddVolumeType(simulator.VolumeTypeSpec{Name: "shared", Multiattach: true})
		s.AddVolumeType(simulator.VolumeTypeSpec{Name: "theirs", Projects: []string{"nobody"}})
		types := s.want(s.do("GET", "/types", ""), 200)
		if list := types.body["volume_types"].([]any); len(list) != 3 || strings.Contains(types.text, "thin") {
			t.Errorf("types: got %s", types.text)
		}
		id := s.create(`{"size":1}`)
		action := func(body string, want int) {
			t.Helper()
			if got := s.do("POST", "/volumes/"+id+"/action", body); got.status != want {
				t.Errorf("%s: got %d %s, want %d", body, got.status, got.text, want)
			}
		}
		action(`{"os-retype":{"new_type":"__DEFAULT__"}}`, 400)
		action(`{"os-retype":{"new_type":"theirs"}}`, 404)
		action(`{"os-retype":{"new_type":"fast","migration_policy":"on-demand"}}`, 202)
		action(`{"os-retype":{"new_type":"shared"}}`, 400)
		s.wait(id, "available")
		if got := s.Volume(id).Type; got != "fast" {
			t.Errorf("type: got %s, want fast", got)
		}
		action(`{"os-reset_status":{"status":"available"}}`, 403)
		action(`{"os-nonsense":{}}`, 400)
		action(`{"os-extend":{"new_size":1}}`, 400)
		s.want(s.do("POST", "/volumes/"+id+"/metadata", `{"metadata":{"a":"1","b":"2"}}`), 200)
		s.want(s.do("POST", "/volumes/"+id+"/metadata", `{"metadata":{"a":"3"}}`), 200)
		s.want(s.do("DELETE", "/volumes/"+id+"/metadata/b", ""), 200)
		s.want(s.do("DELETE", "/volumes/"+id+"/metadata/b", ""), 404)
		if diff := cmp.Diff(map[string]string{"a": "3"}, s.Volume(id).Metadata); diff != "" {
			t.Errorf("metadata (-want +got):\n%s", diff)
		}
		s.want(s.do("PUT", "/volumes/"+id, `{"volume":{"name":"renamed","description":"d"}}`), 200)
		if got := s.Volume(id); got.Name != "renamed" || got.Description != "d" {
			t.Errorf("renamed: got %+v", got)
		}
	})
}

// attach asks Nova for it and gives the status.
func (s *storage) attach(server, volume string) int {
	s.t.Helper()
	return s.nova("POST", "/servers/"+server+"/os-volume_attachments", `{"volumeAttachment":{"volumeId":"`+volume+`"}}`).status
}

func TestAttachRefusals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStorage(t, simulator.Options{})
		node := s.AddServer(simulator.ServerSpec{Name: "node"})
		volume := func(status string) string {
			return s.AddVolume(simulator.VolumeSpec{Status: status})
		}
		for status, want := range map[string]int{"available": 200, "error": 400, "creating": 400, "in-use": 400, "maintenance": 400, "deleting": 400} {
			if got := s.attach(node.ID, volume(status)); got != want {
				t.Errorf("volume %s: got %d, want %d", status, got, want)
			}
		}
		for status, want := range map[string]int{"ERROR": 409, "BUILD": 409, "REBOOT": 409, "SHUTOFF": 200, "SUSPENDED": 409} {
			s.SetServerStatus(node.ID, status)
			if got := s.attach(node.ID, volume("")); got != want {
				t.Errorf("server %s: got %d, want %d", status, got, want)
			}
		}
		s.SetServerStatus(node.ID, "ACTIVE")
		once := volume("")
		if first, second := s.attach(node.ID, once), s.attach(node.ID, once); first != 200 || second != 400 {
			t.Errorf("twice: got %d and %d, want 200 and 400", first, second)
		}
		if got := s.attach(node.ID, "11111111-1111-4111-8111-111111111111"); got != 404 {
			t.Errorf("no volume: got %d, want 404", got)
		}
		s.wait(once, "in-use")
		s.SetServerStatus(node.ID, "ERROR")
		if got := s.nova("DELETE", "/servers/"+node.ID+"/os-volume_attachments/"+once, ""); got.status != 409 {
			t.Errorf("detach from a server in error: got %d, want 409", got.status)
		}
		full := s.AddServer(simulator.ServerSpec{Name: "full"})
		s.SetAttachLimit(2)
		for i, want := range []int{200, 200, 403} {
			if got := s.attach(full.ID, volume("")); got != want {
				t.Errorf("volume %d of 2: got %d, want %d", i+1, got, want)
			}
		}
	})
}

// Nova forgets a volume after Cinder has said that it is free.
func TestNovaForgetsLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStorage(t, simulator.Options{})
		s.SetVolumePace(simulator.VolumePace{Forget: time.Second})
		node := s.AddServer(simulator.ServerSpec{Name: "node"})
		id := s.create(`{"size":1}`)
		path := "/servers/" + node.ID + "/os-volume_attachments"
		s.attach(node.ID, id)
		s.wait(id, "in-use")
		s.want(s.nova("DELETE", path+"/"+id, ""), 202)
		s.wait(id, "available")
		s.want(s.nova("GET", path+"/"+id, ""), 200)
		if got := s.attach(node.ID, id); got != 400 {
			t.Errorf("attach while Nova still has it: got %d, want 400", got)
		}
		time.Sleep(time.Second)
		s.want(s.nova("GET", path+"/"+id, ""), 404)
		s.attach(node.ID, id)
		s.wait(id, "in-use")
		s.want(s.nova("DELETE", path+"/"+id, ""), 202)
		s.wait(id, "available")
		s.DeleteServer(node.ID)
		s.wait(id, "available")
		if got := s.Attachments(); len(got) != 0 {
			t.Errorf("attachments: got %+v", got)
		}
	})
}

func TestMultiattach(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStorage(t, simulator.Options{})
		s.AddVolumeType(simulator.VolumeTypeSpec{Name: "shared", Multiattach: true})
		first, second := s.AddServer(simulator.ServerSpec{Name: "a"}).ID, s.AddServer(simulator.ServerSpec{Name: "b"}).ID
		id := s.create(`{"size":1,"volume_type":"shared"}`)
		s.compute = "2.59"
		if got := s.attach(first, id); got != 400 {
			t.Errorf("before 2.60: got %d, want 400", got)
		}
		s.compute = "2.60"
		for _, node := range []string{first, second} {
			if got := s.attach(node, id); got != 200 {
				t.Errorf("attach: got %d, want 200", got)
			}
			s.wait(id, "in-use")
		}
		if got := len(s.Attachments()); got != 2 {
			t.Errorf("attachments: got %d, want 2", got)
		}
		s.want(s.nova("DELETE", "/servers/"+first+"/os-volume_attachments/"+id, ""), 202)
		// Cinder lets go of one at a time.
		s.want(s.nova("DELETE", "/servers/"+second+"/os-volume_attachments/"+id, ""), 400)
		s.wait(id, "in-use")
		s.want(s.nova("DELETE", "/servers/"+second+"/os-volume_attachments/"+id, ""), 202)
		s.wait(id, "available")
	})
}

// A volume of an image is downloaded first, and is bootable.
func TestVolumeOfImage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStorage(t, simulator.Options{})
		images := raw(t, s.Cloud, "GET", "/image/v2/images", "", "X-Auth-Token", s.token)
		made := s.want(s.do("POST", "/volumes", `{"volume":{"size":5,"imageRef":"`+at(images.body, "images", 0, "id").(string)+`"}}`), 202)
		id := at(made.body, "volume", "id").(string)
		if diff := cmp.Diff([]string{"creating", "downloading", "available"}, s.statuses(id)); diff != "" {
			t.Errorf("statuses (-want +got):\n%s", diff)
		}
		if got := s.Volume(id); !got.Bootable {
			t.Errorf("got %+v, want a bootable volume", got)
		}
	})
}

// A project may delete an attachment only when Nova does not use it.
func TestOrphanedAttachments(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStorage(t, simulator.Options{})
		keep := func(orphans bool) string {
			s.SetAttachmentOrphans(orphans)
			node := s.AddServer(simulator.ServerSpec{Name: "node"})
			id := s.create(`{"size":1}`)
			s.attach(node.ID, id)
			s.wait(id, "in-use")
			attachment := s.Volume(id).Attachments[0].ID
			s.want(s.do("DELETE", "/attachments/"+attachment, ""), 409)
			s.DeleteServer(node.ID)
			return id
		}
		s.wait(keep(false), "available")
		id := keep(true)
		s.wait(id, "in-use")
		left := s.Volume(id).Attachments
		if len(left) != 1 || left[0].Nova {
			t.Fatalf("attachments: got %+v", left)
		}
		s.want(s.do("DELETE", "/volumes/"+id, ""), 400)
		s.want(s.do("DELETE", "/attachments/"+left[0].ID, ""), 200)
		s.wait(id, "available")
	})
}

// Cinder's own attachments: reserve, connect, complete.
func TestAttachmentAPI(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStorage(t, simulator.Options{})
		id := s.create(`{"size":1}`)
		made := s.want(s.do("POST", "/attachments", `{"attachment":{"volume_uuid":"`+id+`","instance_uuid":"11111111-1111-4111-8111-111111111111"}}`), 200)
		attachment := at(made.body, "attachment", "id").(string)
		s.wait(id, "reserved")
		s.want(s.do("POST", "/attachments", `{"attachment":{"volume_uuid":"`+id+`"}}`), 400)
		s.want(s.do("PUT", "/attachments/"+attachment, `{"attachment":{"connector":{"host":"h"}}}`), 200)
		s.wait(id, "attaching")
		s.want(s.do("POST", "/attachments/"+attachment+"/action", `{"os-complete":{}}`), 204)
		s.wait(id, "in-use")
		listed := s.want(s.do("GET", "/attachments?volume_id="+id, ""), 200)
		if at(listed.body, "attachments", 0, "status") != "attached" {
			t.Errorf("list: got %s", listed.text)
		}
		s.want(s.do("DELETE", "/attachments/"+attachment, ""), 200)
		s.wait(id, "available")
		s.want(s.do("DELETE", "/attachments/"+attachment, ""), 404)
	})
}

func TestServerVolumeShapes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStorage(t, simulator.Options{})
		node := s.AddServer(simulator.ServerSpec{Name: "node"})
		id := s.AddVolume(simulator.VolumeSpec{})
		s.AttachVolumeByHand(node.ID, id)
		for version, want := range map[string]string{
			"2.1": "device id serverId volumeId", "2.70": "device id serverId tag volumeId",
			"2.79": "delete_on_termination device id serverId tag volumeId",
			"2.89": "attachment_id bdm_uuid delete_on_termination device serverId tag volumeId",
		} {
			s.compute = version
			got := s.want(s.nova("GET", "/servers/"+node.ID+"/os-volume_attachments/"+id, ""), 200)
			keys := []string{}
			for _, key := range []string{"attachment_id", "bdm_uuid", "delete_on_termination", "device", "id", "serverId", "tag", "volumeId"} {
				if _, has := at(got.body, "volumeAttachment").(map[string]any)[key]; has {
					keys = append(keys, key)
				}
			}
			if got := strings.Join(keys, " "); got != want {
				t.Errorf("%s: got %s, want %s", version, got, want)
			}
		}
		s.compute = "2.89"
		s.want(s.nova("PUT", "/servers/"+node.ID+"/os-volume_attachments/"+id, `{"volumeAttachment":{"volumeId":"`+id+`","delete_on_termination":true}}`), 202)
		view := s.want(s.nova("GET", "/servers/"+node.ID, ""), 200)
		if at(view.body, "server", "os-extended-volumes:volumes_attached", 0, "delete_on_termination") != true {
			t.Errorf("server: got %s", view.text)
		}
		if _, shown := at(view.body, "server").(map[string]any)["host_status"]; shown {
			t.Error("host_status is not for members")
		}
		s.SetHostStatus(node.ID, "down", true)
		if got := at(s.nova("GET", "/servers/"+node.ID, "").body, "server", "host_status"); got != "DOWN" {
			t.Errorf("host_status: got %v, want DOWN", got)
		}
		s.want(s.nova("DELETE", "/servers/"+node.ID, ""), 204)
		time.Sleep(time.Second)
		if got := s.status(id); got != "gone" {
			t.Errorf("delete_on_termination: got %s, want gone", got)
		}
	})
}

func TestManyVolumesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStorage(t, simulator.Options{})
		s.SetVolumePace(simulator.VolumePace{})
		node := s.AddServer(simulator.ServerSpec{Name: "node"})
		seen := map[string]bool{}
		for range 60 {
			id := s.create(`{"size":1}`)
			s.attach(node.ID, id)
			s.wait(id, "in-use")
			seen[s.Volume(id).Attachments[0].Device] = true
		}
		if len(seen) != 60 || !seen["/dev/vdz"] || !seen["/dev/vdaa"] {
			t.Errorf("devices: got %s", fmt.Sprint(seen))
		}
	})
}
