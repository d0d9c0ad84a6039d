package contract_test

import (
	"net/http"
	"testing"
)

// becomes sends an action to a server and waits until the server has the status.
func (c *cloud) becomes(t *testing.T, server string, action obj, status string) {
	t.Helper()
	a := c.call(t, http.MethodPost, "compute", "/servers/"+server+"/action", action)
	if a.Status/100 != 2 {
		t.Fatalf("%s: got %d, want it accepted: %.300s", a.request, a.Status, a.raw)
	}
	eventually(t, "server "+server+" is "+status, func() bool { return c.serverStatus(t, server) == status })
}

// serverStateCases are what a server's state is to its volumes: the rows of
// pkg/volumes/verdict that name one.
var serverStateCases = []contractCase{
	{"attachments/a suspended server neither takes nor gives volumes", func(t *testing.T, c *cloud) {
		c.holdsOn(t, obj{"suspend": nil}, "SUSPENDED", "suspended", obj{"resume": nil})
	}},
	{"attachments/a server in rescue neither takes nor gives volumes", func(t *testing.T, c *cloud) {
		c.holdsOn(t, obj{"rescue": obj{}}, "RESCUE", "rescued", obj{"unrescue": nil})
	}},
	{"attachments/a paused server takes and gives volumes too", func(t *testing.T, c *cloud) {
		server, volume := c.server(t, c.lan(t), "contract-"+unique()), c.volume(t, nil)
		c.becomes(t, server, obj{"pause": nil}, "PAUSED")
		c.attached(t, server, volume)
		c.detach(t, server, volume).want(t, http.StatusAccepted)
		c.volumeBecomes(t, volume, "available")
	}},
	{"attachments/a shelved server keeps its volumes reserved, and gives them at once", func(t *testing.T, c *cloud) {
		server, kept, given := c.server(t, c.lan(t), "contract-"+unique()), c.volume(t, nil), c.volume(t, nil)
		c.attached(t, server, kept)
		c.attached(t, server, given)
		c.becomes(t, server, obj{"shelve": nil}, "SHELVED_OFFLOADED")
		for _, volume := range []string{kept, given} {
			c.volumeBecomes(t, volume, "reserved")
			c.cinder(t, http.MethodGet, "/volumes/"+volume, nil).want(t, http.StatusOK).field(t, "volume.attachments", []obj{})
			c.cinder(t, http.MethodGet, "/attachments?volume_id="+volume, nil, "3.44").want(t, http.StatusOK).field(t, "attachments.0.instance", server)
			c.call(t, http.MethodGet, "compute", volumesOf(server)+"/"+volume, nil).want(t, http.StatusOK)
		}
		old := c.call(t, http.MethodDelete, "compute", volumesOf(server)+"/"+given, nil, novaVersion+"2.19")
		old.refused(t, http.StatusConflict, "conflictingRequest", "in vm_state shelved_offloaded")
		c.detach(t, server, given).want(t, http.StatusAccepted)
		if got := c.volumeStatus(t, given); got != "available" {
			t.Errorf("right after the DELETE: got %s, want available", got)
		}
		c.call(t, http.MethodGet, "compute", volumesOf(server)+"/"+given, nil).want(t, http.StatusNotFound, "itemNotFound")
		c.becomes(t, server, obj{"unshelve": nil}, "ACTIVE")
		c.volumeBecomes(t, kept, "in-use")
		c.cinder(t, http.MethodGet, "/volumes/"+kept, nil).want(t, http.StatusOK).field(t, "volume.attachments.0.server_id", server)
	}},
	{"attachments/a shelved server takes a volume, but not one of several servers", func(t *testing.T, c *cloud) {
		server, one, many := c.server(t, c.lan(t), "contract-"+unique()), c.volume(t, nil), c.volume(t, obj{"volume_type": multiattachType})
		c.becomes(t, server, obj{"shelve": nil}, "SHELVED_OFFLOADED")
		c.attach(t, server, many, "2.60").refused(t, http.StatusBadRequest, "badRequest", "shelved-offloaded")
		c.attach(t, server, one, "2.19").refused(t, http.StatusConflict, "conflictingRequest", "in vm_state shelved_offloaded")
		c.attach(t, server, one, "2.60").want(t, http.StatusOK).field(t, "volumeAttachment.device", nil)
		t.Cleanup(func() { c.detachFor(t, server, one) })
		if got := c.volumeStatus(t, one); got != "in-use" {
			t.Errorf("right after the POST: got %s, want in-use", got)
		}
		c.detach(t, server, one).want(t, http.StatusAccepted)
		if got := c.volumeStatus(t, one); got != "available" {
			t.Errorf("right after the DELETE: got %s, want available", got)
		}
	}},
}

// holdsOn brings a server with a volume into a state in which Nova refuses both
// to attach and to detach, and out of it again.
func (c *cloud) holdsOn(t *testing.T, into obj, status, inside string, out obj) {
	t.Helper()
	server, held, free := c.server(t, c.lan(t), "contract-"+unique()), c.volume(t, nil), c.volume(t, nil)
	c.attached(t, server, held)
	c.becomes(t, server, into, status)
	c.attach(t, server, free, "2.60").refused(t, http.StatusConflict, "conflictingRequest", "in vm_state "+inside)
	c.detach(t, server, held).refused(t, http.StatusConflict, "conflictingRequest", "in vm_state "+inside)
	for volume, want := range map[string]string{held: "in-use", free: "available"} {
		if got := c.volumeStatus(t, volume); got != want {
			t.Errorf("afterwards: got %s, want %s", got, want)
		}
	}
	c.becomes(t, server, out, "ACTIVE")
}
