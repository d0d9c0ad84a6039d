package simulator_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"underlay/pkg/simulator"
)

// storage is a cloud with a member who speaks to Cinder and Nova.
type storage struct {
	*simulator.Cloud
	t     *testing.T
	token string
	// volume and compute are the microversions.
	volume, compute string
}

func newStorage(t *testing.T, opts simulator.Options) *storage {
	t.Helper()
	c := simulator.New(opts)
	return &storage{Cloud: c, t: t, token: bearer(t, c), volume: "3.71", compute: "2.89"}
}

// do makes one call at Cinder.
func (s *storage) do(method, path, body string) answer {
	s.t.Helper()
	return raw(s.t, s.Cloud, method, "/volume/v3/"+s.ProjectID()+path, body, "X-Auth-Token", s.token, "OpenStack-API-Version", "volume "+s.volume)
}

// nova makes one call at Nova.
func (s *storage) nova(method, path, body string) answer {
	s.t.Helper()
	return raw(s.t, s.Cloud, method, "/compute/v2.1"+path, body, "X-Auth-Token", s.token, "OpenStack-API-Version", "compute "+s.compute)
}

// want is an answer with a status.
func (s *storage) want(got answer, status int) answer {
	s.t.Helper()
	if got.status != status {
		s.t.Fatalf("%s %s: got %d %s, want %d", got.Request.Method, got.Request.URL.Path, got.status, got.text, status)
	}
	return got
}

// create makes a volume and waits for it.
func (s *storage) create(body string) string {
	s.t.Helper()
	made := s.want(s.do("POST", "/volumes", `{"volume":`+body+`}`), 202)
	id, _ := at(made.body, "volume", "id").(string)
	s.wait(id, "available")
	return id
}

func (s *storage) status(id string) string {
	s.t.Helper()
	got := s.do("GET", "/volumes/"+id, "")
	if got.status == http.StatusNotFound {
		return "gone"
	}
	status, _ := at(got.body, "volume", "status").(string)
	return status
}

// wait waits until a volume has a status; time is synctest's.
func (s *storage) wait(id, status string) {
	s.t.Helper()
	got := ""
	for range 100 {
		if got = s.status(id); got == status {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	s.t.Fatalf("volume %s: got %s, want %s", id, got, status)
}

// statuses are what a volume goes through until it has not changed for two seconds.
func (s *storage) statuses(id string) []string {
	s.t.Helper()
	var all []string
	for range 200 {
		if status := s.status(id); len(all) == 0 || all[len(all)-1] != status {
			all = append(all, status)
		}
		time.Sleep(10 * time.Millisecond)
	}
	return all
}

func TestVolumeLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStorage(t, simulator.Options{})
		node := s.AddServer(simulator.ServerSpec{Name: "node"})
		made := s.want(s.do("POST", "/volumes", `{"volume":{"size":2,"name":"pvc-1","metadata":{"a":"b"}}}`), 202)
		id := at(made.body, "volume", "id").(string)
		check := func(step string, want ...string) {
			t.Helper()
			if diff := cmp.Diff(want, s.statuses(id)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", step, diff)
			}
		}
		check("create", "creating", "available")
		path := "/servers/" + node.ID + "/os-volume_attachments"
		s.want(s.nova("POST", path, `{"volumeAttachment":{"volumeId":"`+id+`"}}`), 200)
		check("attach", "reserved", "attaching", "in-use")
		got := s.do("GET", "/volumes/"+id, "")
		if at(got.body, "volume", "attachments", 0, "server_id") != node.ID || at(got.body, "volume", "attachments", 0, "device") != "/dev/vdb" {
			t.Errorf("attachments: got %s", got.text)
		}
		listed := s.want(s.nova("GET", path, ""), 200)
		if at(listed.body, "volumeAttachments", 0, "attachment_id") != at(got.body, "volume", "attachments", 0, "attachment_id") ||
			at(listed.body, "volumeAttachments", 0, "id") != nil {
			t.Errorf("server's volumes: got %s", listed.text)
		}
		s.want(s.do("DELETE", "/volumes/"+id, ""), 400)
		s.want(s.do("POST", "/volumes/"+id+"/action", `{"os-extend":{"new_size":3}}`), 202)
		check("extend", "extending", "in-use")
		if got := s.Volume(id).SizeGiB; got != 3 {
			t.Errorf("size: got %d, want 3", got)
		}
		s.want(s.nova("DELETE", path+"/"+id, ""), 202)
		check("detach", "detaching", "available")
		s.want(s.nova("DELETE", path+"/"+id, ""), 404)
		s.want(s.do("DELETE", "/volumes/"+id, ""), 202)
		check("delete", "deleting", "gone")
		if left := s.Attachments(); len(left) != 0 {
			t.Errorf("attachments left: %+v", left)
		}
	})
}

func TestVolumePages(t *testing.T) {
	s := newStorage(t, simulator.Options{})
	for i := range 25 {
		s.AddVolume(simulator.VolumeSpec{Name: fmt.Sprintf("v-%02d", i), Metadata: map[string]string{"odd": fmt.Sprint(i % 2)}})
	}
	s.AddVolume(simulator.VolumeSpec{Name: "other", ProjectID: "0123456789abcdef0123456789abcdef"})
	seen, pages := map[string]bool{}, 0
	for path := "/volumes/detail?limit=10&sort=created_at:asc"; path != ""; pages++ {
		got := s.want(s.do("GET", path, ""), 200)
		page, _ := got.body["volumes"].([]any)
		for _, v := range page {
			seen[at(v, "name").(string)] = true
		}
		next, _ := at(got.body, "volumes_links", 0, "href").(string)
		_, path, _ = strings.Cut(next, s.ProjectID())
	}
	if len(seen) != 25 || pages != 3 {
		t.Errorf("got %d volumes in %d pages, want 25 in 3", len(seen), pages)
	}
	for query, want := range map[string]int{
		"?name=v-07": 1, "?status=available": 25, "?status=error": 0, "?metadata=%7B%27odd%27%3A+%271%27%7D": 12, "?name=v-1": 0,
		"?limit=0": 0, "?offset=20": 5, "?sort=name:asc&limit=3": 3, "?with_count=true": 25,
	} {
		got := s.want(s.do("GET", "/volumes"+query, ""), 200)
		if list := got.body["volumes"].([]any); len(list) != want {
			t.Errorf("%s: got %d, want %d", query, len(list), want)
		}
	}
	for query, want := range map[string]int{"?limit=x": 400, "?limit=-1": 400, "?marker=none": 404, "?sort=secret:asc": 400, "?all_tenants=1": 400, "?nonsense=1": 400, "?name~=v-1": 400} {
		if got := s.do("GET", "/volumes"+query, ""); got.status != want {
			t.Errorf("%s: got %d %s, want %d", query, got.status, got.text, want)
		}
	}
}
