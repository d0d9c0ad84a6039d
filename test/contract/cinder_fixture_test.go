package contract_test

import (
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"
)

// cinder sends a request to the block storage service, at a microversion if one is given.
func (c *cloud) cinder(t *testing.T, method, path string, body any, version ...string) answer {
	t.Helper()
	var headers []string
	for _, v := range version {
		headers = append(headers, "OpenStack-API-Version: volume "+v)
	}
	return c.call(t, method, "block-storage", path, body, headers...)
}

// says ends the case unless the answer has this status and words in its error's message.
func (a answer) says(t *testing.T, status int, words string) {
	t.Helper()
	a.want(t, status)
	object, _ := a.json.(map[string]any)
	for _, value := range object {
		inner := answer{json: value}
		if inner.number("code") == status && strings.Contains(inner.text("message"), words) {
			return
		}
	}
	t.Errorf("%s: got %.500s, want %q in the message", a.request, a.raw, words)
}

// volume makes one of 1 GiB unless spec says otherwise, waits until it is
// available, and removes it at the end.
func (c *cloud) volume(t *testing.T, spec obj) string {
	t.Helper()
	id := c.newVolume(t, spec).text("volume.id")
	if got := c.volumeSettles(t, id); got != "available" {
		t.Fatalf("volume %s: got %s, want available", id, got)
	}
	return id
}

// newVolume is volume without the wait.
func (c *cloud) newVolume(t *testing.T, spec obj) answer {
	t.Helper()
	body := obj{"name": "contract-" + unique(), "size": 1}
	maps.Copy(body, spec)
	a := c.cinder(t, http.MethodPost, "/volumes", obj{"volume": body}, "3.60").want(t, http.StatusAccepted)
	t.Cleanup(func() { c.removeFor(t, "/volumes/"+a.text("volume.id")) })
	return a
}

// removeFor asks to delete something of Cinder's until it is gone.
func (c *cloud) removeFor(t *testing.T, path string) {
	url := c.catalog["block-storage"] + path
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(300 * time.Millisecond) {
		c.cleanup(http.MethodDelete, url)
		if c.cleanup(http.MethodGet, url) == http.StatusNotFound {
			return
		}
	}
	t.Errorf("%s is still there a minute after the case", path)
}

// volumeStatus is "" when there is none.
func (c *cloud) volumeStatus(t *testing.T, id string) string {
	t.Helper()
	return c.cinder(t, http.MethodGet, "/volumes/"+id, nil).text("volume.status")
}

// volumeSettles waits until nothing is being done to a volume, and gives its status.
func (c *cloud) volumeSettles(t *testing.T, id string) (status string) {
	t.Helper()
	within(t, 4*time.Minute, "volume "+id+" comes to rest", func() bool { // a backup is written byte by byte
		status = c.volumeStatus(t, id)
		return !strings.HasSuffix(status, "ing") && status != "reserved"
	})
	return status
}

// volumeBecomes waits until a volume has a status, and ends the case when it does not.
func (c *cloud) volumeBecomes(t *testing.T, id, status string) {
	t.Helper()
	eventually(t, "volume "+id+" is "+status, func() bool { return c.volumeStatus(t, id) == status })
}

// gone waits until there is nothing at a path of Cinder's.
func (c *cloud) gone(t *testing.T, path string) {
	t.Helper()
	eventually(t, path+" is gone", func() bool {
		return c.cinder(t, http.MethodGet, path, nil).Status == http.StatusNotFound
	})
}

// action POSTs an action of a volume.
func (c *cloud) action(t *testing.T, id string, body obj, version ...string) answer {
	t.Helper()
	return c.cinder(t, http.MethodPost, "/volumes/"+id+"/action", body, version...)
}

// volumeSize is in GiB.
func (c *cloud) volumeSize(t *testing.T, id string) int {
	t.Helper()
	return c.cinder(t, http.MethodGet, "/volumes/"+id, nil).number("volume.size")
}

// otherType is a type of volumes that is neither the default nor multiattach: the
// testbed and the simulator's seed have one of that name.
const (
	otherType       = "other"
	multiattachType = "multiattach"
)

// thing makes a snapshot, backup, group or the like and removes it at the end; the
// answer is that of the POST. waits: until it is available.
func (c *cloud) thing(t *testing.T, kind, version string, spec obj, waits bool) string {
	t.Helper()
	body := obj{"name": "contract-" + unique()}
	maps.Copy(body, spec)
	a := c.cinder(t, http.MethodPost, "/"+kind+"s", obj{kind: body}, version).want(t, http.StatusAccepted)
	path := "/" + kind + "s/" + a.text(kind+".id")
	t.Cleanup(func() { c.removeVersioned(t, path, version) })
	if waits {
		c.thingBecomes(t, kind, version, a.text(kind+".id"), "available")
	}
	return a.text(kind + ".id")
}

// thingBecomes waits until it has a status.
func (c *cloud) thingBecomes(t *testing.T, kind, version, id, status string) {
	t.Helper()
	var got string
	within(t, 4*time.Minute, kind+" "+id+" is "+status, func() bool { // a backup reads and packs every byte
		got = c.cinder(t, http.MethodGet, "/"+kind+"s/"+id, nil, version).text(kind + ".status")
		if got == "error" && status != "error" {
			t.Fatalf("%s %s: got error, want %s", kind, id, status)
		}
		return got == status
	})
}

// removeVersioned is removeFor at a microversion.
func (c *cloud) removeVersioned(t *testing.T, path, version string) {
	url := c.catalog["block-storage"] + path
	for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); time.Sleep(300 * time.Millisecond) {
		c.cleanup(http.MethodDelete, url, "OpenStack-API-Version: volume "+version)
		if c.cleanup(http.MethodGet, url, "OpenStack-API-Version: volume "+version) == http.StatusNotFound {
			return
		}
	}
	t.Errorf("%s is still there two minutes after the case", path)
}
