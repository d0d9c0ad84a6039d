package contract_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

const portsPath = "/v2.0/ports"

func (c *cloud) updatePort(t *testing.T, id string, change obj, headers ...string) answer {
	t.Helper()
	return c.call(t, http.MethodPut, "network", portsPath+"/"+id, obj{"port": change}, headers...)
}

func pairs(n int) []obj {
	var out []obj
	for i := range n {
		out = append(out, obj{"ip_address": fmt.Sprintf("10.244.%d.0/24", i)})
	}
	return out
}

var portCases = []contractCase{
	{"port/create gives an address, a MAC, port security and revision 1", func(t *testing.T, c *cloud) {
		l := c.lan(t)
		a := c.created(t, "port", obj{"network_id": l.network, "name": "p"})
		a.field(t, "port.fixed_ips.0.subnet_id", l.subnet)
		a.field(t, "port.port_security_enabled", true)
		a.field(t, "port.allowed_address_pairs", []obj{})
		a.field(t, "port.device_id", "")
		a.field(t, "port.device_owner", "")
		a.field(t, "port.admin_state_up", true)
		a.field(t, "port.status", "DOWN")
		a.field(t, "port.project_id", c.project)
		a.field(t, "port.tenant_id", c.project)
		a.field(t, "port.revision_number", 1)
		if len(a.list("port.security_groups")) != 1 || len(a.text("port.mac_address")) != 17 {
			t.Errorf("want one security group and a MAC: %.600s", a.raw)
		}
	}},
	{"port/a missing one is 404 PortNotFound", func(t *testing.T, c *cloud) {
		const id = "00000000-0000-4000-8000-000000000000"
		c.call(t, http.MethodGet, "network", portsPath+"/"+id, nil).want(t, http.StatusNotFound, "PortNotFound")
		c.updatePort(t, id, obj{"name": "x"}).want(t, http.StatusNotFound, "PortNotFound")
		c.call(t, http.MethodDelete, "network", portsPath+"/"+id, nil).want(t, http.StatusNotFound, "PortNotFound")
	}},
	{"port/create on a missing network is 404", func(t *testing.T, c *cloud) {
		c.call(t, http.MethodPost, "network", portsPath, obj{"port": obj{"network_id": "00000000-0000-4000-8000-000000000000"}}).want(t, http.StatusNotFound, "NetworkNotFound")
	}},
	{"port/a taken address is 409, one outside is 400", func(t *testing.T, c *cloud) {
		l := c.lan(t)
		spec := func(ip string) obj {
			return obj{"network_id": l.network, "fixed_ips": []obj{{"subnet_id": l.subnet, "ip_address": ip}}}
		}
		c.created(t, "port", spec("10.77.0.9")).field(t, "port.fixed_ips.0.ip_address", "10.77.0.9")
		c.call(t, http.MethodPost, "network", portsPath, obj{"port": spec("10.77.0.9")}).want(t, http.StatusConflict, "IpAddressAlreadyAllocated")
		c.call(t, http.MethodPost, "network", portsPath, obj{"port": spec("10.88.0.9")}).want(t, http.StatusBadRequest, "InvalidIpForSubnet")
	}},
	{"port/a body without port, or with an unknown field, is 400", func(t *testing.T, c *cloud) {
		l := c.lan(t)
		c.call(t, http.MethodPost, "network", portsPath, obj{"prot": obj{}}).want(t, http.StatusBadRequest, "HTTPBadRequest")
		c.call(t, http.MethodPost, "network", portsPath, "{").want(t, http.StatusBadRequest)
		c.call(t, http.MethodPost, "network", portsPath, obj{"port": obj{"network_id": l.network, "nonsense": 1}}).want(t, http.StatusBadRequest, "HTTPBadRequest")
	}},
	{"port/several in one POST", func(t *testing.T, c *cloud) {
		l := c.lan(t)
		a := c.call(t, http.MethodPost, "network", portsPath, obj{"ports": []obj{{"network_id": l.network, "name": "a"}, {"network_id": l.network, "name": "b"}}}).want(t, http.StatusCreated)
		if got := a.texts("ports", "name"); !slices.Equal(got, []string{"a", "b"}) {
			t.Errorf("names: got %v, want [a b]", got)
		}
		for _, id := range a.texts("ports", "id") {
			c.call(t, http.MethodDelete, "network", portsPath+"/"+id, nil).want(t, http.StatusNoContent)
		}
	}},
	{"port/address pairs are replaced, with the port's own MAC by default", func(t *testing.T, c *cloud) {
		l := c.lan(t)
		p := c.created(t, "port", obj{"network_id": l.network})
		id, mac := p.text("port.id"), p.text("port.mac_address")
		a := c.updatePort(t, id, obj{"allowed_address_pairs": pairs(2)}).want(t, http.StatusOK)
		got := a.texts("port.allowed_address_pairs", "ip_address")
		slices.Sort(got)
		if !slices.Equal(got, []string{"10.244.0.0/24", "10.244.1.0/24"}) {
			t.Errorf("pairs: got %v", got)
		}
		a.field(t, "port.allowed_address_pairs.0.mac_address", mac)
		a = c.updatePort(t, id, obj{"allowed_address_pairs": []obj{{"ip_address": "10.244.9.0/24"}}}).want(t, http.StatusOK)
		a.field(t, "port.allowed_address_pairs", []obj{{"mac_address": mac, "ip_address": "10.244.9.0/24"}})
	}},
	{"port/a pair keeps the caller's spelling of a CIDR", func(t *testing.T, c *cloud) {
		id := c.make(t, "port", obj{"network_id": c.lan(t).network})
		c.updatePort(t, id, obj{"allowed_address_pairs": []obj{{"ip_address": "10.244.9.5/24"}}}).want(t, http.StatusOK).
			field(t, "port.allowed_address_pairs.0.ip_address", "10.244.9.5/24")
	}},
	{"port/ten address pairs fit, eleven are AllowedAddressPairExhausted", func(t *testing.T, c *cloud) {
		id := c.make(t, "port", obj{"network_id": c.lan(t).network})
		c.updatePort(t, id, obj{"allowed_address_pairs": pairs(10)}).want(t, http.StatusOK)
		c.updatePort(t, id, obj{"allowed_address_pairs": pairs(11)}).want(t, http.StatusBadRequest, "AllowedAddressPairExhausted")
	}},
	{"port/a pair twice is 400", func(t *testing.T, c *cloud) {
		id := c.make(t, "port", obj{"network_id": c.lan(t).network})
		c.updatePort(t, id, obj{"allowed_address_pairs": append(pairs(1), pairs(1)...)}).want(t, http.StatusBadRequest)
	}},
	{"port/a pair that is no address is 400", func(t *testing.T, c *cloud) {
		id := c.make(t, "port", obj{"network_id": c.lan(t).network})
		c.updatePort(t, id, obj{"allowed_address_pairs": []obj{{"ip_address": "pods"}}}).want(t, http.StatusBadRequest)
	}},
	{"port/pairs without port security are refused with 409", func(t *testing.T, c *cloud) {
		id := c.make(t, "port", obj{"network_id": c.lan(t).network})
		c.updatePort(t, id, obj{"port_security_enabled": false, "security_groups": []string{}}).want(t, http.StatusOK).field(t, "port.port_security_enabled", false)
		c.updatePort(t, id, obj{"allowed_address_pairs": pairs(1)}).want(t, http.StatusConflict, "AddressPairAndPortSecurityRequired")
	}},
	{"port/security cannot be turned off while pairs or groups are there", func(t *testing.T, c *cloud) {
		id := c.make(t, "port", obj{"network_id": c.lan(t).network})
		c.updatePort(t, id, obj{"port_security_enabled": false}).want(t, http.StatusConflict, "PortSecurityPortHasSecurityGroup")
		c.updatePort(t, id, obj{"allowed_address_pairs": pairs(1), "security_groups": []string{}}).want(t, http.StatusOK)
		c.updatePort(t, id, obj{"port_security_enabled": false}).want(t, http.StatusConflict, "AddressPairAndPortSecurityRequired")
	}},
	{"port/every change raises the revision, and If-Match guards it", func(t *testing.T, c *cloud) {
		p := c.created(t, "port", obj{"network_id": c.lan(t).network})
		id, first := p.text("port.id"), p.number("port.revision_number")
		match := fmt.Sprintf("If-Match: revision_number=%d", first)
		second := c.updatePort(t, id, obj{"allowed_address_pairs": pairs(1)}, match).want(t, http.StatusOK).number("port.revision_number")
		if second <= first {
			t.Errorf("revision after a change: got %d, was %d", second, first)
		}
		c.updatePort(t, id, obj{"allowed_address_pairs": pairs(2)}, match).want(t, http.StatusPreconditionFailed, "RevisionNumberConstraintFailed")
		c.call(t, http.MethodGet, "network", portsPath+"/"+id, nil).want(t, http.StatusOK).field(t, "port.revision_number", second)
		c.updatePort(t, id, obj{"name": "x"}, "If-Match: nonsense").want(t, http.StatusOK) // not understood, so not heard
	}},
	{"port/a change to what is already there keeps the revision, but for pairs", func(t *testing.T, c *cloud) {
		id := c.make(t, "port", obj{"network_id": c.lan(t).network})
		first := c.updatePort(t, id, obj{"name": "same"}).want(t, http.StatusOK).number("port.revision_number")
		c.updatePort(t, id, obj{"name": "same"}).want(t, http.StatusOK).field(t, "port.revision_number", first)
		withPair := c.updatePort(t, id, obj{"allowed_address_pairs": pairs(1)}).want(t, http.StatusOK).number("port.revision_number")
		// Neutron deletes all pairs and writes them anew.
		again := c.updatePort(t, id, obj{"allowed_address_pairs": pairs(1)}).want(t, http.StatusOK).number("port.revision_number")
		if again <= withPair {
			t.Errorf("revision after the same pairs again: got %d, was %d", again, withPair)
		}
	}},
	{"port/list filters AND, repeated values OR", func(t *testing.T, c *cloud) {
		l := c.lan(t)
		for i, device := range []string{"dev-a", "dev-b", "dev-b"} {
			c.make(t, "port", obj{"network_id": l.network, "device_id": device, "name": fmt.Sprint("p", i), "fixed_ips": []obj{{"ip_address": fmt.Sprint("10.77.0.1", i)}}})
		}
		for query, want := range map[string]string{
			"":                                  "p0 p1 p2",
			"device_id=dev-b":                   "p1 p2",
			"device_id=dev-a&device_id=dev-b":   "p0 p1 p2",
			"device_id=dev-b&name=p2":           "p2",
			"fixed_ips=ip_address%3D10.77.0.11": "p1",
			"fixed_ips=subnet_id%3D" + l.subnet: "p0 p1 p2",
			"fixed_ips=ip_address%3D10.77.0.11&fixed_ips=subnet_id%3D" + l.subnet:                          "p1",
			"fixed_ips=ip_address%3D10.77.0.11&fixed_ips=subnet_id%3D00000000-0000-4000-8000-000000000000": "",
			"fixed_ips=ip_address%3D10.77.0.11&fixed_ips=ip_address%3D10.77.0.12":                          "p1 p2",
			"project_id=" + c.project:     "p0 p1 p2",
			"tenant_id=" + c.project:      "p0 p1 p2",
			"project_id=someone-else":     "",
			"device_owner=compute%3Anova": "",
			"status=DOWN":                 "p0 p1 p2",
		} {
			a := c.call(t, http.MethodGet, "network", portsPath+"?network_id="+l.network+"&"+query, nil).want(t, http.StatusOK)
			got := a.texts("ports", "name")
			slices.Sort(got)
			if strings.Join(got, " ") != want {
				t.Errorf("%q: got %v, want %q", query, got, want)
			}
		}
	}},
	{"port/an unknown filter is refused", func(t *testing.T, c *cloud) {
		c.call(t, http.MethodGet, "network", portsPath+"?nonsense=1", nil).want(t, http.StatusBadRequest, "HTTPBadRequest")
	}},
	{"port/fields choose what is shown", func(t *testing.T, c *cloud) {
		l := c.lan(t)
		id := c.make(t, "port", obj{"network_id": l.network})
		a := c.call(t, http.MethodGet, "network", portsPath+"?network_id="+l.network+"&fields=id&fields=revision_number", nil).want(t, http.StatusOK)
		a.field(t, "ports.0.id", id)
		if object, _ := a.at("ports.0").(map[string]any); len(object) != 2 {
			t.Errorf("got %v, want id and revision_number alone", object)
		}
	}},
	{"port/lists page by limit and marker with links", func(t *testing.T, c *cloud) {
		l := c.lan(t)
		for range 3 {
			c.make(t, "port", obj{"network_id": l.network})
		}
		first := c.call(t, http.MethodGet, "network", portsPath+"?limit=2&network_id="+l.network, nil).want(t, http.StatusOK)
		if len(first.list("ports")) != 2 {
			t.Fatalf("first page: got %d ports, want 2", len(first.list("ports")))
		}
		first.field(t, "ports_links.0.rel", "next")
		next, err := url.Parse(first.text("ports_links.0.href"))
		if err != nil || next.Query().Get("marker") != first.text("ports.1.id") || next.Query().Get("limit") != "2" || next.Query().Get("network_id") != l.network {
			t.Fatalf("next: got %q (%v)", next, err)
		}
		second := c.call(t, http.MethodGet, "network", portsPath+"?"+next.RawQuery, nil).want(t, http.StatusOK)
		if len(second.list("ports")) != 1 {
			t.Errorf("second page: got %d ports, want 1", len(second.list("ports")))
		}
		second.field(t, "ports_links.0.rel", "previous")
		seen := append(first.texts("ports", "id"), second.texts("ports", "id")...)
		if slices.Sort(seen); len(slices.Compact(seen)) != 3 {
			t.Errorf("pages overlap: %v", seen)
		}
		c.call(t, http.MethodGet, "network", portsPath+"?limit=2&marker=00000000-0000-4000-8000-000000000000", nil).want(t, http.StatusNotFound)
		c.call(t, http.MethodGet, "network", portsPath+"?limit=-1", nil).want(t, http.StatusBadRequest)
	}},
	{"port/a whole list has no links", func(t *testing.T, c *cloud) {
		l := c.lan(t)
		c.make(t, "port", obj{"network_id": l.network})
		c.call(t, http.MethodGet, "network", portsPath+"?network_id="+l.network, nil).want(t, http.StatusOK).field(t, "ports_links", nil)
	}},
	{"port/tags in a POST are taken and forgotten", func(t *testing.T, c *cloud) {
		// ML2's driver tag_ports_during_bulk_creation would keep them; few clouds load it.
		aliases := c.call(t, http.MethodGet, "network", "/v2.0/extensions", nil).want(t, http.StatusOK).texts("extensions", "alias")
		kept := []string{}
		if slices.Contains(aliases, "tag-ports-during-bulk-creation") {
			kept = []string{"one"}
		}
		l := c.lan(t)
		p := c.created(t, "port", obj{"network_id": l.network, "tags": []string{"one"}})
		c.call(t, http.MethodGet, "network", portsPath+"/"+p.text("port.id"), nil).want(t, http.StatusOK).field(t, "port.tags", kept)
		several := c.call(t, http.MethodPost, "network", portsPath, obj{"ports": []obj{{"network_id": l.network, "tags": []string{"one"}}}}).want(t, http.StatusCreated)
		id := several.text("ports.0.id")
		t.Cleanup(func() { c.cleanup(http.MethodDelete, c.catalog["network"]+portsPath+"/"+id) })
		c.call(t, http.MethodGet, "network", portsPath+"/"+id, nil).want(t, http.StatusOK).field(t, "port.tags", kept)
		c.call(t, http.MethodPost, "network", portsPath, obj{"port": obj{"network_id": l.network, "tags": []string{"a", "a"}}}).want(t, http.StatusBadRequest, "HTTPBadRequest")
	}},
	{"port/tags are replaced by PUT and filter lists", func(t *testing.T, c *cloud) {
		l := c.lan(t)
		id := c.make(t, "port", obj{"network_id": l.network})
		c.call(t, http.MethodPut, "network", portsPath+"/"+id+"/tags", obj{"tags": []string{"two"}}).want(t, http.StatusOK).field(t, "tags", []string{"two"})
		c.call(t, http.MethodPut, "network", portsPath+"/"+id+"/tags/three", nil).want(t, http.StatusCreated)
		for query, want := range map[string]int{"tags=two": 1, "tags=two,three": 1, "tags=two,none": 0, "tags-any=two,none": 1, "not-tags=two": 0} {
			a := c.call(t, http.MethodGet, "network", portsPath+"?network_id="+l.network+"&"+query, nil).want(t, http.StatusOK)
			if got := len(a.list("ports")); got != want {
				t.Errorf("%s: got %d ports, want %d", query, got, want)
			}
		}
		c.call(t, http.MethodDelete, "network", portsPath+"/"+id+"/tags/three", nil).want(t, http.StatusNoContent)
		c.call(t, http.MethodDelete, "network", portsPath+"/"+id+"/tags/three", nil).want(t, http.StatusNotFound, "TagNotFound")
	}},
	{"port/its description takes 255 characters, not 256", func(t *testing.T, c *cloud) {
		l := c.lan(t)
		c.make(t, "port", obj{"network_id": l.network, "description": strings.Repeat("x", 255)})
		c.call(t, http.MethodPost, "network", portsPath, obj{"port": obj{"network_id": l.network, "description": strings.Repeat("x", 256)}}).want(t, http.StatusBadRequest, "HTTPBadRequest")
	}},
}
