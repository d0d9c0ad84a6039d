package contract_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

var listCases = []contractCase{
	{"list/values of filters are read as what they are", func(t *testing.T, c *cloud) {
		l := c.lan(t)
		p := c.created(t, "port", obj{"network_id": l.network, "name": "b", "fixed_ips": []obj{{"ip_address": "10.77.0.21"}}})
		c.make(t, "port", obj{"network_id": l.network, "name": "a", "fixed_ips": []obj{{"ip_address": "10.77.0.121"}}})
		for query, want := range map[string]string{
			"admin_state_up=True":          "a b",
			"admin_state_up=1":             "a b",
			"admin_state_up=false":         "",
			"device_id=":                   "a b",
			"device_owner=x&device_owner=": "a b",
			"name=":                        "",
			"tags=":                        "",
			"not-tags-any=x":               "a b",
			"mac_address=" + strings.ToUpper(p.text("port.mac_address")): "b",
			"security_groups=" + p.text("port.security_groups.0"):        "a b",
			"fixed_ips=ip_address_substr%3D.12":                          "a",
			"fixed_ips=nonsense%3D1":                                     "a b",
			"revision_number=1":                                          "a b",
			"id=" + p.text("port.id") + "&id=nonsense":                   "b",
			"binding%3Ahost_id=x":                                        "",
			"marker=" + p.text("port.id"):                                "a b", // without limit it is not heard
			"limit=0":                                                    "a b",
		} {
			got := c.call(t, http.MethodGet, "network", portsPath+"?fields=name&network_id="+l.network+"&"+query, nil).want(t, http.StatusOK).texts("ports", "name")
			slices.Sort(got)
			if strings.Join(got, " ") != want {
				t.Errorf("%s: got %v, want %q", query, got, want)
			}
		}
	}},
	{"list/filters that cannot be are 400", func(t *testing.T, c *cloud) {
		for query, kind := range map[string]string{
			"ports?fixed_ips=x":                   "InvalidInput",
			"ports?admin_state_up=nonsense":       "InvalidInput",
			"ports?port_security_enabled=true":    "HTTPBadRequest",
			"ports?allowed_address_pairs=x":       "HTTPBadRequest",
			"ports?created_at=x":                  "HTTPBadRequest",
			"ports?limit=abc":                     "BadRequest",
			"routers?routes=x":                    "HTTPBadRequest",
			"routers?status=ACTIVE":               "HTTPBadRequest",
			"routers?external_gateway_info=x":     "HTTPBadRequest",
			"networks?subnets=x":                  "HTTPBadRequest",
			"networks?port_security_enabled=true": "HTTPBadRequest",
			"subnets?allocation_pools=x":          "HTTPBadRequest",
			"security-groups?stateful=true":       "HTTPBadRequest",
		} {
			c.call(t, http.MethodGet, "network", "/v2.0/"+query, nil).want(t, http.StatusBadRequest, kind)
		}
	}},
	{"list/sorted by keys with their directions", func(t *testing.T, c *cloud) {
		l := c.lan(t)
		for _, name := range []string{"b", "c", "a"} {
			c.make(t, "port", obj{"network_id": l.network, "name": name})
		}
		base := portsPath + "?fields=name&network_id=" + l.network + "&"
		for query, want := range map[string]string{"sort_key=name&sort_dir=asc": "a b c", "sort_key=name&sort_dir=desc": "c b a"} {
			if got := c.call(t, http.MethodGet, "network", base+query, nil).want(t, http.StatusOK).texts("ports", "name"); strings.Join(got, " ") != want {
				t.Errorf("%s: got %v, want %s", query, got, want)
			}
		}
		for _, query := range []string{"sort_key=name", "sort_key=nonsense&sort_dir=asc", "sort_key=fixed_ips&sort_dir=asc", "sort_key=name&sort_dir=up"} {
			c.call(t, http.MethodGet, "network", base+query, nil).want(t, http.StatusBadRequest, "HTTPBadRequest")
		}
	}},
	{"list/fields that do not exist are left out", func(t *testing.T, c *cloud) {
		l := c.lan(t)
		id := c.make(t, "port", obj{"network_id": l.network, "name": "p"})
		c.call(t, http.MethodGet, "network", portsPath+"?network_id="+l.network+"&fields=name&fields=nonsense", nil).want(t, http.StatusOK).
			field(t, "ports", []obj{{"name": "p"}})
		c.call(t, http.MethodGet, "network", portsPath+"/"+id+"?fields=name&fields=admin_state_up", nil).want(t, http.StatusOK).
			field(t, "port", obj{"name": "p", "admin_state_up": true})
		c.call(t, http.MethodGet, "network", portsPath+"/"+id+"?fields=nonsense", nil).want(t, http.StatusOK).field(t, "port", obj{})
	}},
	{"list/page_reverse gives the pages from the end", func(t *testing.T, c *cloud) {
		l := c.lan(t)
		var ids []string
		for range 3 {
			ids = append(ids, c.make(t, "port", obj{"network_id": l.network}))
		}
		slices.Sort(ids)
		base := portsPath + "?limit=2&page_reverse=True&network_id=" + l.network
		last := c.call(t, http.MethodGet, "network", base, nil).want(t, http.StatusOK)
		if got := last.texts("ports", "id"); !slices.Equal(got, ids[1:]) {
			t.Errorf("last page: got %v, want %v", got, ids[1:])
		}
		first := c.call(t, http.MethodGet, "network", base+"&marker="+ids[1], nil).want(t, http.StatusOK)
		if got := first.texts("ports", "id"); !slices.Equal(got, ids[:1]) {
			t.Errorf("first page: got %v, want %v", got, ids[:1])
		}
	}},
	{"list/a full last page has a next one, which is empty", func(t *testing.T, c *cloud) {
		l := c.lan(t)
		for range 2 {
			c.make(t, "port", obj{"network_id": l.network})
		}
		base := portsPath + "?limit=2&network_id=" + l.network
		full := c.call(t, http.MethodGet, "network", base, nil).want(t, http.StatusOK)
		full.field(t, "ports_links.0.rel", "next")
		after := c.call(t, http.MethodGet, "network", base+"&marker="+full.text("ports.1.id"), nil).want(t, http.StatusOK)
		after.field(t, "ports", []obj{})
		after.field(t, "ports_links.0.rel", "previous")
	}},
	{"list/a marker that was deleted is 404", func(t *testing.T, c *cloud) {
		l := c.lan(t)
		id := c.make(t, "port", obj{"network_id": l.network})
		c.call(t, http.MethodDelete, "network", portsPath+"/"+id, nil).want(t, http.StatusNoContent)
		c.call(t, http.MethodGet, "network", portsPath+"?limit=1&marker="+id, nil).want(t, http.StatusNotFound, "PortNotFound")
	}},
}
