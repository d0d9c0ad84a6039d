package contract_test

import (
	"net/http"
	"testing"
)

// setPairs is PUT port with a list of pairs, or null.
func (c *cloud) setPairs(t *testing.T, port string, pairs any) answer {
	t.Helper()
	return c.updatePort(t, port, obj{"allowed_address_pairs": pairs})
}

func pair(address string) obj { return obj{"ip_address": address} }

var pairCases = []contractCase{
	{"pairs/null and the empty list clear them, and what is empty stays as it is", func(t *testing.T, c *cloud) {
		p := c.created(t, "port", obj{"network_id": c.lan(t).network})
		id, first := p.text("port.id"), p.number("port.revision_number")
		for _, none := range []any{nil, []obj{}, []obj{}} {
			a := c.setPairs(t, id, none).want(t, http.StatusOK)
			a.field(t, "port.allowed_address_pairs", []obj{})
			a.field(t, "port.revision_number", first)
		}
		c.setPairs(t, id, pairs(2)).want(t, http.StatusOK).field(t, "port.revision_number", first+1)
		a := c.setPairs(t, id, nil).want(t, http.StatusOK)
		a.field(t, "port.allowed_address_pairs", []obj{})
		a.field(t, "port.revision_number", first+2)
	}},
	{"pairs/the same list with MAC addresses, as it is shown, keeps the revision", func(t *testing.T, c *cloud) {
		p := c.created(t, "port", obj{"network_id": c.lan(t).network})
		id, mac := p.text("port.id"), p.text("port.mac_address")
		full := []obj{{"mac_address": mac, "ip_address": "10.244.0.0/24"}, {"mac_address": mac, "ip_address": "10.244.1.0/24"}}
		first := c.setPairs(t, id, full).want(t, http.StatusOK).number("port.revision_number")
		c.setPairs(t, id, full).want(t, http.StatusOK).field(t, "port.revision_number", first)
	}},
	{"pairs/are shown in order of MAC address and address", func(t *testing.T, c *cloud) {
		p := c.created(t, "port", obj{"network_id": c.lan(t).network})
		id, mac := p.text("port.id"), p.text("port.mac_address")
		sent := []obj{pair("10.244.9.0/24"), pair("10.244.10.0/24"), {"ip_address": "10.245.0.0/16", "mac_address": "00:16:3e:00:00:01"}}
		c.setPairs(t, id, sent).want(t, http.StatusOK)
		c.call(t, http.MethodGet, "network", portsPath+"/"+id, nil).want(t, http.StatusOK).field(t, "port.allowed_address_pairs", []obj{
			{"mac_address": "00:16:3e:00:00:01", "ip_address": "10.245.0.0/16"},
			{"mac_address": mac, "ip_address": "10.244.10.0/24"}, {"mac_address": mac, "ip_address": "10.244.9.0/24"},
		})
	}},
	{"pairs/both families, ranges, hosts, everything and multicast are fine", func(t *testing.T, c *cloud) {
		id := c.make(t, "port", obj{"network_id": c.lan(t).network})
		for _, address := range []string{"fd00:244::/64", "FD00:0245::/64", "10.1.0.7", "10.1.0.7/32", "0.0.0.0/0", "224.0.0.5"} {
			c.setPairs(t, id, []obj{pair(address)}).want(t, http.StatusOK).field(t, "port.allowed_address_pairs.0.ip_address", address)
		}
		c.setPairs(t, id, []obj{pair("10.244.0.0/24"), pair("fd00:244::/64")}).want(t, http.StatusOK)
	}},
	{"pairs/one address may stand with several MAC addresses, not twice with one", func(t *testing.T, c *cloud) {
		p := c.created(t, "port", obj{"network_id": c.lan(t).network})
		id, mac := p.text("port.id"), p.text("port.mac_address")
		other := obj{"ip_address": "10.244.0.0/24", "mac_address": "fa:16:3e:00:00:01"}
		c.setPairs(t, id, []obj{other, pair("10.244.0.0/24")}).want(t, http.StatusOK)
		own := obj{"ip_address": "10.244.0.0/24", "mac_address": mac}
		c.setPairs(t, id, []obj{own, pair("10.244.0.0/24")}).want(t, http.StatusBadRequest, "DuplicateAddressPairInRequest")
		c.setPairs(t, id, append(pairs(1), pairs(1)...)).want(t, http.StatusBadRequest, "DuplicateAddressPairInRequest")
	}},
	{"pairs/malformed ones are refused each in its own way", func(t *testing.T, c *cloud) {
		id := c.make(t, "port", obj{"network_id": c.lan(t).network})
		for _, tc := range []struct {
			sent any
			kind string
		}{
			{[]obj{{"mac_address": "fa:16:3e:00:00:01"}}, "AllowedAddressPairsMissingIP"},
			{[]obj{{"ip_address": "10.244.0.0/24", "x": 1}}, "HTTPBadRequest"},
			{[]obj{{"ip_address": "10.244.0.0/24", "mac_address": "x"}}, "HTTPBadRequest"},
			{[]obj{{"ip_address": "10.244.0.0/24", "mac_address": nil}}, "HTTPBadRequest"},
			{"x", "HTTPBadRequest"},
			{[]obj{pair("10.244.0.0/33")}, "HTTPBadRequest"},
		} {
			c.setPairs(t, id, tc.sent).want(t, http.StatusBadRequest, tc.kind)
		}
	}},
	{"pairs/POST takes them, but not without port security", func(t *testing.T, c *cloud) {
		l := c.lan(t)
		c.created(t, "port", obj{"network_id": l.network, "allowed_address_pairs": pairs(1)}).field(t, "port.allowed_address_pairs.0.ip_address", "10.244.0.0/24")
		refused := obj{"network_id": l.network, "port_security_enabled": false, "allowed_address_pairs": pairs(1)}
		c.call(t, http.MethodPost, "network", portsPath, obj{"port": refused}).want(t, http.StatusConflict, "AddressPairAndPortSecurityRequired")
	}},
	{"pairs/port security goes with them in one PUT, and then an empty list is fine", func(t *testing.T, c *cloud) {
		p := c.created(t, "port", obj{"network_id": c.lan(t).network, "allowed_address_pairs": pairs(1)})
		id := p.text("port.id")
		c.updatePort(t, id, obj{"port_security_enabled": false, "security_groups": []string{}, "allowed_address_pairs": []obj{}}).
			want(t, http.StatusOK).field(t, "port.port_security_enabled", false)
		c.setPairs(t, id, []obj{}).want(t, http.StatusOK)
		c.updatePort(t, id, obj{"security_groups": p.at("port.security_groups")}).want(t, http.StatusBadRequest, "PortSecurityAndIPRequiredForSecurityGroups")
		c.updatePort(t, id, obj{"port_security_enabled": true}).want(t, http.StatusOK).field(t, "port.port_security_enabled", true)
	}},
}
