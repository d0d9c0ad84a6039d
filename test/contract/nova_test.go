package contract_test

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

const novaVersion = "X-OpenStack-Nova-API-Version: "

// server creates a server on the lan, waits for ACTIVE and deletes it at the end.
func (c *cloud) server(t *testing.T, l lan, name string) string {
	t.Helper()
	id := c.boot(t, obj{"name": name, "networks": []obj{{"uuid": l.network}}, "metadata": obj{"role": "node"}})
	t.Cleanup(func() { c.deleteServer(id) })
	eventually(t, "server "+name+" is ACTIVE", func() bool { return c.serverStatus(t, id) == "ACTIVE" })
	return id
}

// serverSpec completes the body of POST /servers with a flavor and an image.
func (c *cloud) serverSpec(t *testing.T, spec obj) obj {
	t.Helper()
	k := c.lookUp(t)
	out := obj{"flavorRef": k.flavor, "imageRef": k.image}
	maps.Copy(out, spec)
	return obj{"server": out}
}

func (c *cloud) boot(t *testing.T, spec obj) string {
	t.Helper()
	return c.call(t, http.MethodPost, "compute", "/servers", c.serverSpec(t, spec), novaVersion+"2.90").want(t, http.StatusAccepted).text("server.id")
}

// deleteServer asks for it and waits until the server is gone, a minute at most.
func (c *cloud) deleteServer(id string) {
	url := c.catalog["compute"] + "/servers/" + id
	c.cleanup(http.MethodDelete, url)
	for deadline := time.Now().Add(time.Minute); c.cleanup(http.MethodGet, url) != http.StatusNotFound && time.Now().Before(deadline); {
		time.Sleep(200 * time.Millisecond)
	}
}

// sharedServer is one server for all cases that only look.
type sharedServer struct {
	mu       sync.Mutex
	id, name string
	lan      lan
}

// sharedServer is ACTIVE, on a lan of its own, with metadata role=node.
func (c *cloud) sharedServer(t *testing.T) (id, name string, l lan) {
	t.Helper()
	n := &c.node
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.id == "" {
		n.lan, n.name = c.newLAN(t), "contract-"+unique()
		n.id = c.boot(t, obj{"name": n.name, "networks": []obj{{"uuid": n.lan.network}}, "metadata": obj{"role": "node"}})
	}
	eventually(t, "server "+n.name+" is ACTIVE", func() bool { return c.serverStatus(t, n.id) == "ACTIVE" })
	return n.id, n.name, n.lan
}

func (n *sharedServer) remove(c *cloud) {
	if n.id != "" {
		c.deleteServer(n.id)
	}
}

func (c *cloud) serverStatus(t *testing.T, id string) string {
	t.Helper()
	return c.call(t, http.MethodGet, "compute", "/servers/"+id, nil).want(t, http.StatusOK).text("server.status")
}

var novaCases = []contractCase{
	{"nova/the root names the range of microversions", func(t *testing.T, c *cloud) {
		u, err := url.Parse(c.catalog["compute"])
		if err != nil {
			t.Fatal(err)
		}
		a := c.call(t, http.MethodGet, "compute", "/", nil).want(t, http.StatusOK)
		a.field(t, "version.min_version", "2.1")
		if !strings.HasPrefix(a.text("version.version"), "2.") || u.Path == "" {
			t.Errorf("version.version: got %q", a.text("version.version"))
		}
	}},
	{"nova/a microversion is echoed; too new is 406, malformed 400", func(t *testing.T, c *cloud) {
		a := c.call(t, http.MethodGet, "compute", "/flavors", nil, novaVersion+"2.60").want(t, http.StatusOK)
		if got := a.Header.Get("X-OpenStack-Nova-API-Version"); got != "2.60" {
			t.Errorf("echo: got %q, want 2.60", got)
		}
		if got := c.call(t, http.MethodGet, "compute", "/flavors", nil, "OpenStack-API-Version: compute 2.60").want(t, http.StatusOK).Header.Get("OpenStack-API-Version"); got != "compute 2.60" {
			t.Errorf("echo: got %q, want compute 2.60", got)
		}
		if got := c.call(t, http.MethodGet, "compute", "/flavors", nil).want(t, http.StatusOK).Header.Get("X-OpenStack-Nova-API-Version"); got != "2.1" {
			t.Errorf("default: got %q, want 2.1", got)
		}
		c.call(t, http.MethodGet, "compute", "/flavors", nil, novaVersion+"2.999").want(t, http.StatusNotAcceptable, "computeFault")
		c.call(t, http.MethodGet, "compute", "/flavors", nil, novaVersion+"nonsense").want(t, http.StatusBadRequest, "badRequest")
	}},
	{"server/a missing one is 404 itemNotFound, an id that is none too", func(t *testing.T, c *cloud) {
		for _, id := range []string{"00000000-0000-4000-8000-000000000000", "nonsense"} {
			c.call(t, http.MethodGet, "compute", "/servers/"+id, nil).want(t, http.StatusNotFound, "itemNotFound")
		}
	}},
	{"server/detail has what a Node is made of", func(t *testing.T, c *cloud) {
		id, name, _ := c.sharedServer(t)
		a := c.call(t, http.MethodGet, "compute", "/servers/"+id, nil, novaVersion+"2.90").want(t, http.StatusOK)
		a.field(t, "server.name", name)
		a.field(t, "server.metadata", obj{"role": "node"})
		a.field(t, "server.OS-EXT-STS:power_state", 1)
		a.field(t, "server.OS-EXT-STS:vm_state", "active")
		a.field(t, "server.OS-EXT-STS:task_state", nil)
		a.field(t, "server.accessIPv4", "")
		a.field(t, "server.tenant_id", c.project)
		if a.text("server.flavor.original_name") == "" || a.at("server.flavor.id") != nil || a.text("server.OS-EXT-AZ:availability_zone") == "" {
			t.Errorf("flavor.original_name, no flavor.id and a zone wanted: %.900s", a.raw)
		}
		addresses, _ := a.at("server.addresses").(map[string]any)
		for network := range addresses {
			a.field(t, "server.addresses."+network+".0.version", 4)
			a.field(t, "server.addresses."+network+".0.OS-EXT-IPS:type", "fixed")
			if a.text("server.addresses."+network+".0.OS-EXT-IPS-MAC:mac_addr") == "" {
				t.Errorf("no MAC in %v", addresses)
			}
		}
		if len(addresses) != 1 {
			t.Errorf("addresses: got %v, want one network", addresses)
		}
		old := c.call(t, http.MethodGet, "compute", "/servers/"+id, nil, novaVersion+"2.46").want(t, http.StatusOK)
		if old.text("server.flavor.id") == "" || old.at("server.flavor.original_name") != nil {
			t.Errorf("before 2.47 the flavor is a reference: %v", old.at("server.flavor"))
		}
		hostname := c.call(t, http.MethodGet, "compute", "/servers/"+id, nil, novaVersion+"2.89").want(t, http.StatusOK)
		if got := hostname.at("server.OS-EXT-SRV-ATTR:hostname"); got != nil {
			t.Errorf("a plain member sees the hostname before 2.90: %v", got)
		}
		a.field(t, "server.OS-EXT-SRV-ATTR:hostname", name)
	}},
	{"server/its port has device_id, device_owner and the server's address", func(t *testing.T, c *cloud) {
		id, _, l := c.sharedServer(t)
		a := c.call(t, http.MethodGet, "network", portsPath+"?device_id="+id, nil).want(t, http.StatusOK)
		if got := a.text("ports.0.device_owner"); !strings.HasPrefix(got, "compute:") {
			t.Errorf("device_owner: got %q, want compute:<zone>", got)
		}
		a.field(t, "ports.0.network_id", l.network)
		a.field(t, "ports.0.status", "ACTIVE")
		interfaces := c.call(t, http.MethodGet, "compute", "/servers/"+id+"/os-interface", nil).want(t, http.StatusOK)
		interfaces.field(t, "interfaceAttachments.0.port_id", a.text("ports.0.id"))
		interfaces.field(t, "interfaceAttachments.0.fixed_ips.0.ip_address", a.text("ports.0.fixed_ips.0.ip_address"))
	}},
	{"server/stop and start change the status", func(t *testing.T, c *cloud) {
		id := c.server(t, c.lan(t), "contract-"+unique())
		action := "/servers/" + id + "/action"
		c.call(t, http.MethodPost, "compute", action, obj{"os-stop": nil}).want(t, http.StatusAccepted)
		eventually(t, "SHUTOFF", func() bool { return c.serverStatus(t, id) == "SHUTOFF" })
		c.call(t, http.MethodPost, "compute", action, obj{"os-stop": nil}).want(t, http.StatusConflict, "conflictingRequest")
		c.call(t, http.MethodPost, "compute", action, obj{"os-start": nil}).want(t, http.StatusAccepted)
		eventually(t, "ACTIVE", func() bool { return c.serverStatus(t, id) == "ACTIVE" })
	}},
	{"server/a deleted one is 404 and out of the list", func(t *testing.T, c *cloud) {
		name := "contract-" + unique()
		id := c.server(t, c.lan(t), name)
		c.call(t, http.MethodDelete, "compute", "/servers/"+id, nil).want(t, http.StatusNoContent)
		eventually(t, "gone", func() bool {
			return c.call(t, http.MethodGet, "compute", "/servers/"+id, nil).Status == http.StatusNotFound
		})
		c.call(t, http.MethodGet, "compute", "/servers?name="+name, nil).want(t, http.StatusOK).field(t, "servers", []obj{})
	}},
	{"server/lists page, filter by name as a regex, and by status", func(t *testing.T, c *cloud) {
		l := c.lan(t)
		prefix := "contract-" + unique()
		ids := []string{c.server(t, l, prefix+"-a"), c.server(t, l, prefix+"-b"), c.server(t, l, prefix+"-ab")}
		for query, want := range map[string]int{
			"name=" + prefix:                     3,
			"name=" + prefix + "-a":              2, // unanchored
			"name=%5E" + prefix + "-a%24":        1,
			"name=" + prefix + "&status=ACTIVE":  3,
			"name=" + prefix + "&status=SHUTOFF": 0,
			"name=" + prefix + "&limit=0":        0,
		} {
			a := c.call(t, http.MethodGet, "compute", "/servers/detail?"+query, nil, novaVersion+"2.90").want(t, http.StatusOK)
			if got := len(a.list("servers")); got != want {
				t.Errorf("%s: got %d servers, want %d", query, got, want)
			}
		}
		first := c.call(t, http.MethodGet, "compute", "/servers/detail?limit=2&name="+prefix, nil, novaVersion+"2.90").want(t, http.StatusOK)
		first.field(t, "servers_links.0.rel", "next")
		next, err := url.Parse(first.text("servers_links.0.href"))
		if err != nil || next.Query().Get("marker") != first.text("servers.1.id") {
			t.Fatalf("next: got %v (%v)", next, err)
		}
		second := c.call(t, http.MethodGet, "compute", "/servers/detail?"+next.RawQuery, nil, novaVersion+"2.90").want(t, http.StatusOK)
		second.field(t, "servers_links", nil)
		got := append(first.texts("servers", "id"), second.texts("servers", "id")...)
		slices.Sort(got)
		slices.Sort(ids)
		if !slices.Equal(got, ids) {
			t.Errorf("pages: got %v, want %v", got, ids)
		}
		if first.text("servers.0.id") != ids[0] && first.text("servers.0.name") != prefix+"-ab" {
			t.Errorf("newest first wanted, got %q", first.text("servers.0.name"))
		}
		exact := c.call(t, http.MethodGet, "compute", "/servers?limit=3&name="+prefix, nil).want(t, http.StatusOK)
		exact.field(t, "servers_links.0.rel", "next")
	}},
	{"server/a marker that is none is 400", func(t *testing.T, c *cloud) {
		c.call(t, http.MethodGet, "compute", "/servers?marker=00000000-0000-4000-8000-000000000000", nil).want(t, http.StatusBadRequest, "badRequest")
		c.call(t, http.MethodGet, "compute", "/servers?limit=-1", nil).want(t, http.StatusBadRequest, "badRequest")
	}},
	{"nova/request ids are in every answer", func(t *testing.T, c *cloud) {
		for service, path := range map[string]string{"compute": "/flavors", "network": "/v2.0/networks"} {
			if got := c.call(t, http.MethodGet, service, path, nil).want(t, http.StatusOK).Header.Get("X-Openstack-Request-Id"); !strings.HasPrefix(got, "req-") {
				t.Errorf("%s: X-Openstack-Request-Id: got %q", service, got)
			}
		}
	}},
	{"nova/availability zones", func(t *testing.T, c *cloud) {
		a := c.call(t, http.MethodGet, "compute", "/os-availability-zone", nil).want(t, http.StatusOK)
		a.field(t, "availabilityZoneInfo.0.zoneState.available", true)
	}},
}
