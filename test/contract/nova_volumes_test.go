package contract_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"
)

// volumesOf is the path of a server's volumes.
func volumesOf(server string) string { return "/servers/" + server + "/os-volume_attachments" }

// attach asks Nova to attach a volume.
func (c *cloud) attach(t *testing.T, server, volume, version string) answer {
	t.Helper()
	return c.call(t, http.MethodPost, "compute", volumesOf(server), obj{"volumeAttachment": obj{"volumeId": volume}}, novaVersion+version)
}

// detach asks Nova to detach a volume.
func (c *cloud) detach(t *testing.T, server, volume string) answer {
	t.Helper()
	return c.call(t, http.MethodDelete, "compute", volumesOf(server)+"/"+volume, nil, novaVersion+"2.60")
}

// attached attaches a volume and waits until Cinder says that it is in use and
// Nova that it has a device; it is detached at the end.
func (c *cloud) attached(t *testing.T, server, volume string) {
	t.Helper()
	c.attach(t, server, volume, "2.60").want(t, http.StatusOK)
	t.Cleanup(func() { c.detachFor(t, server, volume) })
	c.volumeBecomes(t, volume, "in-use")
}

// detachFor asks until Nova does not have the volume at the server any more.
func (c *cloud) detachFor(t *testing.T, server, volume string) {
	url := c.catalog["compute"] + volumesOf(server) + "/" + volume
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for ctx.Err() == nil {
		c.cleanup(http.MethodDelete, url, novaVersion+"2.60")
		if c.cleanup(http.MethodGet, url) == http.StatusNotFound {
			return
		}
		time.Sleep(300 * time.Millisecond)
	}
	t.Errorf("volume %s is still at server %s a minute after the case", volume, server)
}

// refused is an answer of Nova's with an error type and words in its message.
func (a answer) refused(t *testing.T, status int, kind, words string) {
	t.Helper()
	if got := a.want(t, status, kind).text(kind + ".message"); !strings.Contains(got, words) {
		t.Errorf("%s: got %q, want %q in it", a.request, got, words)
	}
}

var serverVolumeCases = []contractCase{
	{"attachments/attach, look, detach", func(t *testing.T, c *cloud) {
		server, volume := c.server(t, c.lan(t), "contract-"+unique()), c.volume(t, nil)
		a := c.attach(t, server, volume, "2.89").want(t, http.StatusOK)
		t.Cleanup(func() { c.detachFor(t, server, volume) })
		a.field(t, "volumeAttachment.volumeId", volume)
		a.field(t, "volumeAttachment.serverId", server)
		if !strings.HasPrefix(a.text("volumeAttachment.device"), "/dev/") {
			t.Errorf("device: got %q", a.text("volumeAttachment.device"))
		}
		if got := c.volumeStatus(t, volume); got != "reserved" && got != "attaching" && got != "in-use" {
			t.Errorf("right after the POST: got %s", got)
		}
		c.volumeBecomes(t, volume, "in-use")
		shown := c.cinder(t, http.MethodGet, "/volumes/"+volume, nil).want(t, http.StatusOK)
		shown.field(t, "volume.attachments.0.server_id", server)
		shown.field(t, "volume.attachments.0.volume_id", volume)
		shown.field(t, "volume.attachments.0.id", volume) // the volume's, not the attachment's
		list := c.call(t, http.MethodGet, "compute", volumesOf(server), nil, novaVersion+"2.89").want(t, http.StatusOK)
		list.keys(t, "volumeAttachments.0", "volumeId serverId device tag delete_on_termination attachment_id bdm_uuid")
		list.field(t, "volumeAttachments.0.attachment_id", shown.text("volume.attachments.0.attachment_id"))
		list.field(t, "volumeAttachments.0.delete_on_termination", false)
		c.call(t, http.MethodGet, "compute", volumesOf(server), nil).want(t, http.StatusOK).keys(t, "volumeAttachments.0", "id volumeId serverId device")
		c.call(t, http.MethodGet, "compute", volumesOf(server)+"/"+volume, nil).want(t, http.StatusOK).field(t, "volumeAttachment.id", volume)
		c.call(t, http.MethodGet, "compute", "/servers/"+server, nil, novaVersion+"2.3").want(t, http.StatusOK).
			field(t, "server.os-extended-volumes:volumes_attached", []obj{{"id": volume, "delete_on_termination": false}})
		c.detach(t, server, volume).want(t, http.StatusAccepted)
		c.volumeBecomes(t, volume, "available")
		c.cinder(t, http.MethodGet, "/volumes/"+volume, nil).want(t, http.StatusOK).field(t, "volume.attachments", []obj{})
		eventually(t, "Nova has forgotten it too", func() bool { // which comes after Cinder's word
			return len(c.call(t, http.MethodGet, "compute", volumesOf(server), nil).want(t, http.StatusOK).list("volumeAttachments")) == 0
		})
	}},
	{"attachments/attach twice, to the same server and to another", func(t *testing.T, c *cloud) {
		l, volume := c.lan(t), c.volume(t, nil)
		one, two := c.server(t, l, "contract-"+unique()), c.server(t, l, "contract-"+unique())
		c.attached(t, one, volume)
		c.attach(t, one, volume, "2.60").refused(t, http.StatusBadRequest, "badRequest", "already attached")
		c.attach(t, two, volume, "2.60").refused(t, http.StatusBadRequest, "badRequest", "already attached")
		c.call(t, http.MethodGet, "compute", volumesOf(two), nil).want(t, http.StatusOK).field(t, "volumeAttachments", []obj{})
	}},
	{"attachments/what cannot be attached, and what is not attached", func(t *testing.T, c *cloud) {
		server, volume := c.server(t, c.lan(t), "contract-"+unique()), c.volume(t, nil)
		c.attach(t, server, nobody, "2.60").want(t, http.StatusNotFound, "itemNotFound")
		c.attach(t, nobody, volume, "2.60").want(t, http.StatusNotFound, "itemNotFound")
		c.attach(t, server, "nonsense", "2.60").want(t, http.StatusBadRequest, "badRequest")
		c.detach(t, server, volume).want(t, http.StatusNotFound, "itemNotFound")
		c.detach(t, server, nobody).want(t, http.StatusNotFound, "itemNotFound")
		c.detach(t, nobody, volume).want(t, http.StatusNotFound, "itemNotFound")
		c.call(t, http.MethodGet, "compute", volumesOf(nobody), nil).want(t, http.StatusNotFound, "itemNotFound")
		c.call(t, http.MethodGet, "compute", volumesOf(server)+"/"+volume, nil).want(t, http.StatusNotFound, "itemNotFound")
		if got := c.volumeStatus(t, volume); got != "available" {
			t.Errorf("after all that: got %s, want available", got)
		}
	}},
	{"attachments/a volume in error is not attached", func(t *testing.T, c *cloud) {
		id := c.newVolume(t, obj{"volume_type": "nowhere"}).text("volume.id")
		c.volumeBecomes(t, id, "error")
		c.attach(t, c.server(t, c.lan(t), "contract-"+unique()), id, "2.60").want(t, http.StatusBadRequest, "badRequest")
	}},
	{"attachments/a volume in use is not deleted", func(t *testing.T, c *cloud) {
		server, volume := c.server(t, c.lan(t), "contract-"+unique()), c.volume(t, nil)
		c.attached(t, server, volume)
		c.cinder(t, http.MethodDelete, "/volumes/"+volume, nil).says(t, http.StatusBadRequest, "must not be migrating, attached")
	}},
	{"attachments/a volume in use grows from 3.42 on", func(t *testing.T, c *cloud) {
		server, volume := c.server(t, c.lan(t), "contract-"+unique()), c.volume(t, nil)
		c.attached(t, server, volume)
		c.action(t, volume, obj{"os-extend": obj{"new_size": 2}}, "3.41").want(t, http.StatusBadRequest, "badRequest")
		c.action(t, volume, obj{"os-extend": obj{"new_size": 2}}, "3.42").want(t, http.StatusAccepted)
		eventually(t, "it has grown", func() bool { return c.volumeSize(t, volume) == 2 && c.volumeStatus(t, volume) == "in-use" })
	}},
	{"attachments/a server that is deleted gives its volumes free", func(t *testing.T, c *cloud) {
		server, volume := c.server(t, c.lan(t), "contract-"+unique()), c.volume(t, nil)
		c.attach(t, server, volume, "2.60").want(t, http.StatusOK)
		c.volumeBecomes(t, volume, "in-use")
		c.call(t, http.MethodDelete, "compute", "/servers/"+server, nil).want(t, http.StatusNoContent)
		c.volumeBecomes(t, volume, "available")
	}},
	{"attachments/a stopped server takes and gives volumes too", func(t *testing.T, c *cloud) {
		server, volume := c.server(t, c.lan(t), "contract-"+unique()), c.volume(t, nil)
		c.call(t, http.MethodPost, "compute", "/servers/"+server+"/action", obj{"os-stop": nil}).want(t, http.StatusAccepted)
		eventually(t, "SHUTOFF", func() bool { return c.serverStatus(t, server) == "SHUTOFF" })
		c.attached(t, server, volume)
		c.detach(t, server, volume).want(t, http.StatusAccepted)
		c.volumeBecomes(t, volume, "available")
	}},
	{"attachments/a locked server is 409", func(t *testing.T, c *cloud) {
		server, volume := c.server(t, c.lan(t), "contract-"+unique()), c.volume(t, nil)
		action := func(body obj) {
			c.call(t, http.MethodPost, "compute", "/servers/"+server+"/action", body).want(t, http.StatusAccepted)
		}
		action(obj{"lock": nil})
		c.attach(t, server, volume, "2.60").refused(t, http.StatusConflict, "conflictingRequest", "locked")
		action(obj{"unlock": nil})
		c.attached(t, server, volume)
		action(obj{"lock": nil})
		c.detach(t, server, volume).refused(t, http.StatusConflict, "conflictingRequest", "locked")
		action(obj{"unlock": nil})
	}},
	{"attachments/a server takes so many disks, and then 403", func(t *testing.T, c *cloud) {
		server := c.server(t, c.lan(t), "contract-"+unique())
		for range 40 {
			volume := c.volume(t, nil)
			a := c.attach(t, server, volume, "2.60")
			if a.Status == http.StatusForbidden {
				a.refused(t, http.StatusForbidden, "forbidden", "maximum allowed number of disk devices")
				if got := c.volumeStatus(t, volume); got != "available" {
					t.Errorf("the volume that is refused: got %s, want available", got)
				}
				return
			}
			a.want(t, http.StatusOK)
			t.Cleanup(func() { c.detachFor(t, server, volume) })
		}
		t.Error("forty volumes at one server, and no limit")
	}},
	{"attachments/a multiattach volume at two servers", func(t *testing.T, c *cloud) {
		l, volume := c.lan(t), c.volume(t, obj{"volume_type": multiattachType})
		one, two := c.server(t, l, "contract-"+unique()), c.server(t, l, "contract-"+unique())
		c.cinder(t, http.MethodGet, "/volumes/"+volume, nil).want(t, http.StatusOK).field(t, "volume.multiattach", true)
		c.attach(t, one, volume, "2.59").refused(t, http.StatusBadRequest, "badRequest", "2.60")
		c.attached(t, one, volume)
		c.attach(t, one, volume, "2.60").refused(t, http.StatusBadRequest, "badRequest", "already attached")
		c.attach(t, two, volume, "2.60").want(t, http.StatusOK)
		t.Cleanup(func() { c.detachFor(t, two, volume) })
		eventually(t, "both have it", func() bool {
			a := c.cinder(t, http.MethodGet, "/volumes/"+volume, nil)
			return len(a.list("volume.attachments")) == 2 && a.text("volume.status") == "in-use"
		})
		c.detach(t, one, volume).want(t, http.StatusAccepted)
		eventually(t, "one has it", func() bool {
			a := c.cinder(t, http.MethodGet, "/volumes/"+volume, nil)
			return len(a.list("volume.attachments")) == 1 && a.text("volume.status") == "in-use" && a.text("volume.attachments.0.server_id") == two
		})
		c.detach(t, two, volume).want(t, http.StatusAccepted)
		c.volumeBecomes(t, volume, "available")
	}},
}
