package contract_test

import (
	"net/http"
	"slices"
	"testing"
)

// ghost is a server that Nova does not know.
const ghost = "11111111-2222-4333-8444-555555555555"

// attachment makes one of Cinder's by hand, as Nova does; it goes with the case.
func (c *cloud) attachment(t *testing.T, volume string, connector any) answer {
	t.Helper()
	body := obj{"volume_uuid": volume, "instance_uuid": ghost}
	if connector != nil {
		body["connector"] = connector
	}
	a := c.cinder(t, http.MethodPost, "/attachments", obj{"attachment": body}, "3.44").want(t, http.StatusOK)
	t.Cleanup(func() { c.removeVersioned(t, "/attachments/"+a.text("attachment.id"), "3.44") })
	return a
}

// connector is that of a host.
var connector = obj{"ip": "127.0.0.1", "host": "contract", "initiator": "iqn.contract", "multipath": false, "platform": "x86_64", "os_type": "linux2", "mountpoint": "/dev/vdz"}

var attachmentCases = []contractCase{
	{"cinder/an attachment without a connection reserves the volume", func(t *testing.T, c *cloud) {
		volume := c.volume(t, nil)
		a := c.attachment(t, volume, nil)
		a.field(t, "attachment.status", "reserved")
		a.field(t, "attachment.volume_id", volume)
		a.field(t, "attachment.instance", ghost)
		if got := c.volumeStatus(t, volume); got != "reserved" {
			t.Errorf("got %s, want reserved", got)
		}
		c.cinder(t, http.MethodGet, "/volumes/"+volume, nil).want(t, http.StatusOK).field(t, "volume.attachments", []obj{}) // only what is attached is shown
		c.cinder(t, http.MethodDelete, "/volumes/"+volume, nil).want(t, http.StatusBadRequest, "badRequest")
		c.cinder(t, http.MethodDelete, "/attachments/"+a.text("attachment.id"), nil, "3.44").want(t, http.StatusOK).field(t, "attachments", []obj{})
		c.volumeBecomes(t, volume, "available")
	}},
	{"cinder/the attachment of a server that Nova does not know may be deleted", func(t *testing.T, c *cloud) {
		volume := c.volume(t, nil)
		a := c.attachment(t, volume, connector)
		a.field(t, "attachment.status", "reserved") // as it was before the connection
		id := a.text("attachment.id")
		c.volumeBecomes(t, volume, "attaching")
		c.cinder(t, http.MethodPost, "/attachments/"+id+"/action", obj{"os-complete": nil}, "3.44").want(t, http.StatusNoContent)
		c.volumeBecomes(t, volume, "in-use")
		shown := c.cinder(t, http.MethodGet, "/volumes/"+volume, nil).want(t, http.StatusOK)
		shown.field(t, "volume.attachments.0.server_id", ghost)
		shown.field(t, "volume.attachments.0.attachment_id", id)
		c.cinder(t, http.MethodDelete, "/attachments/"+id, nil, "3.44").want(t, http.StatusOK)
		c.volumeBecomes(t, volume, "available")
	}},
	{"cinder/the attachment of a server that has the volume is Nova's", func(t *testing.T, c *cloud) {
		server, volume := c.server(t, c.lan(t), "contract-"+unique()), c.volume(t, nil)
		c.attached(t, server, volume)
		a := c.cinder(t, http.MethodGet, "/attachments?volume_id="+volume, nil, "3.44").want(t, http.StatusOK)
		a.field(t, "attachments.0.instance", server)
		a.field(t, "attachments.0.status", "attached")
		c.cinder(t, http.MethodDelete, "/attachments/"+a.text("attachments.0.id"), nil, "3.44").says(t, http.StatusConflict, "using the Compute API")
		if got := c.volumeStatus(t, volume); got != "in-use" {
			t.Errorf("got %s, want in-use", got)
		}
	}},
	{"cinder/an application credential deletes no attachment with a connection: 500", func(t *testing.T, c *cloud) {
		volume := c.volume(t, nil)
		id := c.attachment(t, volume, connector).text("attachment.id")
		credential, secret := c.applicationCredential(t, nil)
		token := c.send(t, http.MethodPost, c.authURL+"/auth/tokens", applicationCredentialAuth(credential, secret)).want(t, http.StatusCreated).Header.Get("X-Subject-Token")
		// Cinder asks Nova, with a token that it wants to trade this one for.
		c.send(t, http.MethodDelete, c.catalog["block-storage"]+"/attachments/"+id, nil, "X-Auth-Token: "+token, "OpenStack-API-Version: volume 3.44").
			want(t, http.StatusInternalServerError, "computeFault")
		c.cinder(t, http.MethodDelete, "/attachments/"+id, nil, "3.44").want(t, http.StatusOK)
	}},
	{"cinder/attachments are found by volume and server", func(t *testing.T, c *cloud) {
		one, two := c.volume(t, nil), c.volume(t, nil)
		first := c.attachment(t, one, nil).text("attachment.id")
		c.attachment(t, two, nil)
		for _, query := range []string{"volume_id=" + one, "instance_id=" + ghost + "&volume_id=" + one, "attach_status=reserved&volume_id=" + one} {
			got := c.cinder(t, http.MethodGet, "/attachments?"+query, nil, "3.44").want(t, http.StatusOK).texts("attachments", "id")
			if !slices.Equal(got, []string{first}) {
				t.Errorf("%s: got %v, want %s", query, got, first)
			}
		}
		c.cinder(t, http.MethodGet, "/attachments/"+nobody, nil, "3.44").want(t, http.StatusNotFound, "itemNotFound")
		c.cinder(t, http.MethodDelete, "/attachments/"+nobody, nil, "3.44").want(t, http.StatusNotFound, "itemNotFound")
		c.cinder(t, http.MethodGet, "/attachments", nil, "3.26").want(t, http.StatusNotFound, "itemNotFound")
	}},
	{"cinder/a volume that is reserved or in use is not attached again", func(t *testing.T, c *cloud) {
		volume := c.volume(t, nil)
		c.attachment(t, volume, nil)
		body := obj{"attachment": obj{"volume_uuid": volume, "instance_uuid": nobody}}
		c.cinder(t, http.MethodPost, "/attachments", body, "3.44").want(t, http.StatusBadRequest, "badRequest")
		c.attach(t, c.server(t, c.lan(t), "contract-"+unique()), volume, "2.60").want(t, http.StatusBadRequest, "badRequest")
	}},
}
