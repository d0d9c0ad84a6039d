package contract_test

import (
	"net/http"
	"slices"
	"testing"
)

var serverCases = []contractCase{
	{"servers/filters that a member may not use are not heard", func(t *testing.T, c *cloud) {
		id, name, _ := c.sharedServer(t)
		for _, filter := range []string{"uuid=" + nobody, "host=x", "project_id=x", "deleted=true", "all_tenants=false"} {
			a := c.call(t, http.MethodGet, "compute", "/servers/detail?name="+name+"&"+filter, nil, novaVersion+"2.90").want(t, http.StatusOK)
			if got := a.texts("servers", "id"); !slices.Equal(got, []string{id}) {
				t.Errorf("%s: got %v, want %s", filter, got, id)
			}
		}
	}},
	{"servers/filters that a member may use", func(t *testing.T, c *cloud) {
		_, name, _ := c.sharedServer(t)
		for filter, want := range map[string]int{
			"vm_state=active": 1, "vm_state=stopped": 0, "power_state=1": 1, "power_state=4": 0, "locked=false": 1, "locked=true": 0,
			"status=active": 1, "flavor=nonsense": 0, "image=nonsense": 0, "ip=10.77.": 1, "ip=%5E10.88.": 0, "tags=x": 0,
			"changes-since=2999-01-01T00%3A00%3A00Z": 0, "availability_zone=nonsense": 0,
		} {
			a := c.call(t, http.MethodGet, "compute", "/servers/detail?name="+name+"&"+filter, nil, novaVersion+"2.90").want(t, http.StatusOK)
			if got := len(a.list("servers")); got != want {
				t.Errorf("%s: got %d servers, want %d", filter, got, want)
			}
		}
	}},
	{"servers/filters that cannot be are 400", func(t *testing.T, c *cloud) {
		for _, filter := range []string{
			"status=nonsense", "name=(", "all_tenants=nonsense", "nonsense=1", "sort_key=nonsense", "changes-since=nonsense", "limit=abc", "marker=" + nobody,
		} {
			c.call(t, http.MethodGet, "compute", "/servers/detail?"+filter, nil, novaVersion+"2.90").want(t, http.StatusBadRequest, "badRequest")
		}
	}},
	{"servers/old microversions ignore what newer ones refuse", func(t *testing.T, c *cloud) {
		_, name, _ := c.sharedServer(t)
		count := func(query, version string) int {
			return len(c.call(t, http.MethodGet, "compute", "/servers/detail?name="+name+"&"+query, nil, novaVersion+version).want(t, http.StatusOK).list("servers"))
		}
		if got := count("nonsense=1", "2.74"); got != 1 {
			t.Errorf("an unknown filter in 2.74: got %d servers, want 1", got)
		}
		if got := count("tags=x", "2.25"); got != 1 {
			t.Errorf("tags in 2.25: got %d servers, want 1", got)
		}
		if got := count("status=nonsense", "2.37"); got != 0 {
			t.Errorf("a status that is none in 2.37: got %d servers, want 0", got)
		}
	}},
	{"servers/a list without limit has no link while all fit", func(t *testing.T, c *cloud) {
		_, name, _ := c.sharedServer(t)
		c.call(t, http.MethodGet, "compute", "/servers/detail?name="+name, nil, novaVersion+"2.90").want(t, http.StatusOK).field(t, "servers_links", nil)
		c.call(t, http.MethodGet, "compute", "/servers?limit=1", nil, novaVersion+"2.90").want(t, http.StatusOK).field(t, "servers_links.0.rel", "next")
		c.call(t, http.MethodGet, "compute", "/servers?limit=0", nil).want(t, http.StatusOK).field(t, "servers", []obj{})
	}},
	{"servers/what is under a missing one is 404 itemNotFound too", func(t *testing.T, c *cloud) {
		for _, path := range []string{"/os-interface", "/metadata", "/ips"} {
			c.call(t, http.MethodGet, "compute", "/servers/"+nobody+path, nil).want(t, http.StatusNotFound, "itemNotFound")
		}
		c.call(t, http.MethodDelete, "compute", "/servers/"+nobody, nil).want(t, http.StatusNotFound, "itemNotFound")
		c.call(t, http.MethodPost, "compute", "/servers/"+nobody+"/action", obj{"os-stop": nil}).want(t, http.StatusNotFound, "itemNotFound")
		c.call(t, http.MethodGet, "compute", "/flavors/nonsense", nil).want(t, http.StatusNotFound, "itemNotFound")
	}},
	{"servers/what cannot be made", func(t *testing.T, c *cloud) {
		l := c.lan(t)
		networks := []obj{{"uuid": l.network}}
		for _, spec := range []obj{
			{"networks": networks}, {"name": "", "networks": networks}, {"name": "x", "networks": networks, "flavorRef": "nonsense"},
			{"name": "x", "networks": []obj{{"uuid": nobody}}}, {"name": "x", "networks": []obj{{"port": nobody}}},
			{"name": "x", "networks": networks, "availability_zone": "nonsense"}, {"name": "x", "networks": networks, "metadata": obj{"a": 1}},
			{"name": "x"}, {"name": "x", "networks": networks, "nonsense": 1},
		} {
			c.call(t, http.MethodPost, "compute", "/servers", c.serverSpec(t, spec), novaVersion+"2.90").want(t, http.StatusBadRequest, "badRequest")
		}
		c.call(t, http.MethodPost, "compute", "/servers", "{", novaVersion+"2.90").want(t, http.StatusBadRequest, "badRequest")
	}},
	{"servers/metadata is merged, replaced, read and removed", func(t *testing.T, c *cloud) {
		id := c.server(t, c.lan(t), "contract-"+unique())
		path := "/servers/" + id + "/metadata"
		c.call(t, http.MethodPost, "compute", path, obj{"metadata": obj{"c": "d"}}).want(t, http.StatusOK).field(t, "metadata", obj{"role": "node", "c": "d"})
		c.call(t, http.MethodPut, "compute", path, obj{"metadata": obj{"e": "f"}}).want(t, http.StatusOK).field(t, "metadata", obj{"e": "f"})
		c.call(t, http.MethodPut, "compute", path+"/c", obj{"meta": obj{"x": "y"}}).want(t, http.StatusBadRequest, "badRequest")
		c.call(t, http.MethodPost, "compute", path, obj{"metadata": obj{"c": 1}}).want(t, http.StatusBadRequest, "badRequest")
		c.call(t, http.MethodGet, "compute", path+"/e", nil).want(t, http.StatusOK).field(t, "meta", obj{"e": "f"})
		c.call(t, http.MethodDelete, "compute", path+"/e", nil).want(t, http.StatusNoContent)
		c.call(t, http.MethodDelete, "compute", path+"/e", nil).want(t, http.StatusNotFound, "itemNotFound")
	}},
	{"servers/renamed, locked, and actions that are none", func(t *testing.T, c *cloud) {
		id := c.server(t, c.lan(t), "contract-"+unique())
		action := func(body obj) answer { return c.call(t, http.MethodPost, "compute", "/servers/"+id+"/action", body) }
		c.call(t, http.MethodPut, "compute", "/servers/"+id, obj{"server": obj{"name": "contract-renamed"}}).want(t, http.StatusOK).field(t, "server.name", "contract-renamed")
		action(obj{"nonsense": nil}).want(t, http.StatusBadRequest, "badRequest")
		action(obj{"os-start": nil}).want(t, http.StatusConflict, "conflictingRequest")
		action(obj{"lock": nil}).want(t, http.StatusAccepted)
		c.call(t, http.MethodDelete, "compute", "/servers/"+id, nil).want(t, http.StatusConflict, "conflictingRequest")
		action(obj{"unlock": nil}).want(t, http.StatusAccepted)
	}},
	{"servers/an interface is attached and detached", func(t *testing.T, c *cloud) {
		l := c.lan(t)
		id := c.server(t, c.lan(t), "contract-"+unique())
		path := "/servers/" + id + "/os-interface"
		a := c.call(t, http.MethodPost, "compute", path, obj{"interfaceAttachment": obj{"net_id": l.network}}, novaVersion+"2.90").want(t, http.StatusOK)
		port := a.text("interfaceAttachment.port_id")
		shown := c.call(t, http.MethodGet, "network", portsPath+"/"+port, nil).want(t, http.StatusOK)
		shown.field(t, "port.device_id", id)
		if got := len(c.call(t, http.MethodGet, "compute", path, nil).want(t, http.StatusOK).list("interfaceAttachments")); got != 2 {
			t.Errorf("got %d interfaces, want 2", got)
		}
		c.call(t, http.MethodGet, "compute", path+"/"+port, nil).want(t, http.StatusOK).field(t, "interfaceAttachment.net_id", l.network)
		c.call(t, http.MethodGet, "compute", path+"/"+nobody, nil).want(t, http.StatusNotFound, "itemNotFound")
		c.call(t, http.MethodPost, "compute", path, obj{"interfaceAttachment": obj{"port_id": nobody}}).want(t, http.StatusNotFound, "itemNotFound")
		c.call(t, http.MethodPost, "compute", path, obj{"interfaceAttachment": obj{"net_id": l.network, "port_id": nobody}}).want(t, http.StatusBadRequest, "badRequest")
		c.call(t, http.MethodDelete, "compute", path+"/"+port, nil).want(t, http.StatusAccepted)
		eventually(t, "the port is gone", func() bool {
			return c.call(t, http.MethodGet, "network", portsPath+"/"+port, nil).Status == http.StatusNotFound
		})
		c.call(t, http.MethodDelete, "compute", path+"/"+nobody, nil).want(t, http.StatusAccepted) // looked at later
	}},
	{"servers/addresses in short, and the same name for their network", func(t *testing.T, c *cloud) {
		id, _, l := c.sharedServer(t)
		name := c.call(t, http.MethodGet, "network", "/v2.0/networks/"+l.network, nil).want(t, http.StatusOK).text("network.name")
		a := c.call(t, http.MethodGet, "compute", "/servers/"+id+"/ips", nil).want(t, http.StatusOK)
		port := c.call(t, http.MethodGet, "network", portsPath+"?device_id="+id, nil).want(t, http.StatusOK)
		a.field(t, "addresses", obj{name: []obj{{"version": 4, "addr": port.text("ports.0.fixed_ips.0.ip_address")}}})
	}},
}
