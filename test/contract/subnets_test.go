package contract_test

import (
	"net/http"
	"strings"
	"testing"
)

// subnetOn sends POST /v2.0/subnets for IPv4 on a network.
func (c *cloud) subnetOn(t *testing.T, network string, spec obj) answer {
	t.Helper()
	body := obj{"network_id": network, "ip_version": 4}
	for name, value := range spec {
		body[name] = value
	}
	return c.call(t, http.MethodPost, "network", "/v2.0/subnets", obj{"subnet": body})
}

var subnetCases = []contractCase{
	{"subnet/IPv6: canonical, and the range's own address is the gateway", func(t *testing.T, c *cloud) {
		network := c.make(t, "network", obj{})
		a := c.subnetOn(t, network, obj{"ip_version": 6, "cidr": "FD00:77:0::9/64"}).want(t, http.StatusCreated)
		a.field(t, "subnet.cidr", "fd00:77::/64")
		a.field(t, "subnet.gateway_ip", "fd00:77::")
		a.field(t, "subnet.allocation_pools", []obj{{"start": "fd00:77::1", "end": "fd00:77::ffff:ffff:ffff:ffff"}})
	}},
	{"subnet/ranges that cannot work are 400", func(t *testing.T, c *cloud) {
		network := c.make(t, "network", obj{})
		for _, tc := range []struct {
			spec obj
			kind string
		}{
			{obj{"cidr": "pods"}, "InvalidInput"},
			{obj{"cidr": "10.81.0.0"}, "InvalidInput"},
			{obj{"cidr": "10.82.0.1/32"}, "InvalidInput"},
			{obj{"cidr": "10.82.0.2/31"}, "InvalidInput"},
			{obj{"cidr": "224.0.0.0/24"}, "InvalidInput"},
			{obj{"cidr": "fd00::/64"}, "InvalidInput"},
			{obj{"cidr": "10.84.0.0/24", "gateway_ip": "10.84.0.255"}, "InvalidInput"},
			{obj{"cidr": "10.84.0.0/24", "ipv6_ra_mode": "slaac"}, "InvalidInput"},
			{obj{"cidr": "10.84.0.0/24", "gateway_ip": "x"}, "HTTPBadRequest"},
			{obj{}, "BadRequest"},
			{obj{"cidr": "10.85.0.0/24", "allocation_pools": []obj{{"start": "10.86.0.1", "end": "10.86.0.2"}}}, "OutOfBoundsAllocationPool"},
			{obj{"cidr": "10.85.0.0/24", "allocation_pools": []obj{{"start": "10.85.0.9", "end": "10.85.0.2"}}}, "InvalidAllocationPool"},
		} {
			c.subnetOn(t, network, tc.spec).want(t, http.StatusBadRequest, tc.kind)
		}
		c.subnetOn(t, network, obj{"cidr": "10.85.0.0/24", "allocation_pools": []obj{{"start": "10.85.0.1", "end": "10.85.0.2"}}}).
			want(t, http.StatusConflict, "GatewayConflictWithAllocationPools")
	}},
	{"subnet/its gateway may be elsewhere, or none", func(t *testing.T, c *cloud) {
		network := c.make(t, "network", obj{})
		whole := func(n string) []obj { return []obj{{"start": "10." + n + ".0.1", "end": "10." + n + ".0.254"}} }
		a := c.subnetOn(t, network, obj{"cidr": "10.83.0.0/24", "gateway_ip": "10.99.0.1"}).want(t, http.StatusCreated)
		a.field(t, "subnet.allocation_pools", whole("83"))
		a = c.subnetOn(t, network, obj{"cidr": "10.84.0.0/24", "gateway_ip": nil}).want(t, http.StatusCreated)
		a.field(t, "subnet.gateway_ip", nil)
		a.field(t, "subnet.allocation_pools", whole("84"))
	}},
	{"subnet/several by id, with the fields that are asked for", func(t *testing.T, c *cloud) {
		network := c.make(t, "network", obj{})
		var query []string
		for _, cidr := range []string{"10.91.0.0/24", "10.92.0.0/24"} {
			query = append(query, "id="+c.subnetOn(t, network, obj{"cidr": cidr}).want(t, http.StatusCreated).text("subnet.id"))
		}
		a := c.call(t, http.MethodGet, "network", "/v2.0/subnets?fields=id&fields=cidr&"+strings.Join(query, "&"), nil).want(t, http.StatusOK)
		if got := a.texts("subnets", "cidr"); len(got) != 2 || len(a.at("subnets.0").(map[string]any)) != 2 {
			t.Errorf("got %v, want two subnets with two fields", a.at("subnets"))
		}
	}},
	{"subnet/one with a port's address stays: 409 SubnetInUse", func(t *testing.T, c *cloud) {
		l := c.lan(t)
		c.make(t, "port", obj{"network_id": l.network})
		c.call(t, http.MethodDelete, "network", "/v2.0/subnets/"+l.subnet, nil).want(t, http.StatusConflict, "SubnetInUse")
	}},
	{"subnet/its CIDR never changes; a missing one is 404", func(t *testing.T, c *cloud) {
		l := c.lan(t)
		c.call(t, http.MethodPut, "network", "/v2.0/subnets/"+l.subnet, obj{"subnet": obj{"cidr": "10.99.0.0/24"}}).want(t, http.StatusBadRequest, "HTTPBadRequest")
		c.call(t, http.MethodGet, "network", "/v2.0/subnets/00000000-0000-4000-8000-000000000000", nil).want(t, http.StatusNotFound, "SubnetNotFound")
	}},
	{"subnet/those of external networks are seen by members", func(t *testing.T, c *cloud) {
		a := c.call(t, http.MethodGet, "network", "/v2.0/subnets?network_id="+c.external(t), nil).want(t, http.StatusOK)
		if len(a.list("subnets")) == 0 {
			t.Fatal("no subnet")
		}
		c.call(t, http.MethodGet, "network", "/v2.0/subnets/"+a.text("subnets.0.id"), nil).want(t, http.StatusOK)
	}},
	{"subnet/a new one is a new revision of its network", func(t *testing.T, c *cloud) {
		a := c.created(t, "network", obj{})
		id := a.text("network.id")
		c.subnetOn(t, id, obj{"cidr": "10.93.0.0/24"}).want(t, http.StatusCreated).field(t, "subnet.revision_number", 0)
		shown := c.call(t, http.MethodGet, "network", "/v2.0/networks/"+id, nil).want(t, http.StatusOK)
		if got, was := shown.number("network.revision_number"), a.number("network.revision_number"); got <= was {
			t.Errorf("revision: got %d, was %d", got, was)
		}
	}},
	{"port/one address of each family, chosen from the subnets", func(t *testing.T, c *cloud) {
		network := c.make(t, "network", obj{})
		c.subnetOn(t, network, obj{"cidr": "10.94.0.0/24"}).want(t, http.StatusCreated)
		c.subnetOn(t, network, obj{"cidr": "10.95.0.0/24"}).want(t, http.StatusCreated)
		c.subnetOn(t, network, obj{"ip_version": 6, "cidr": "fd00:94::/64"}).want(t, http.StatusCreated)
		slaac := obj{"ip_version": 6, "cidr": "fd00:95::/64", "ipv6_ra_mode": "slaac", "ipv6_address_mode": "slaac"}
		c.subnetOn(t, network, slaac).want(t, http.StatusCreated)
		p := c.created(t, "port", obj{"network_id": network, "mac_address": "fa:16:3e:12:34:56"})
		got := strings.Join(p.texts("port.fixed_ips", "ip_address"), " ")
		if len(p.list("port.fixed_ips")) != 3 || strings.Count(got, "10.9") != 1 || strings.Count(got, "fd00:94::") != 1 || !strings.Contains(got, "fd00:95::f816:3eff:fe12:3456") {
			t.Errorf("addresses: got %s, want one IPv4, one IPv6 and the automatic one", got)
		}
	}},
	{"port/fixed_ips are replaced and checked", func(t *testing.T, c *cloud) {
		l := c.lan(t)
		id := c.make(t, "port", obj{"network_id": l.network, "fixed_ips": []obj{{"ip_address": "10.77.0.21"}}})
		put := func(ips ...obj) answer { return c.updatePort(t, id, obj{"fixed_ips": append([]obj{}, ips...)}) }
		// A subnet alone keeps the address that the port has there.
		put(obj{"subnet_id": l.subnet}, obj{"ip_address": "10.77.0.31"}).want(t, http.StatusOK)
		put(obj{"ip_address": "10.77.0.30"}, obj{"ip_address": "10.77.0.30"}).want(t, http.StatusBadRequest, "HTTPBadRequest")
		put(obj{"ip_address": "10.77.0.255"}).want(t, http.StatusBadRequest, "InvalidIpForNetwork")
		put(obj{"ip_address": "10.99.0.1"}).want(t, http.StatusBadRequest, "InvalidIpForNetwork")
		put(obj{"ip_address": "x"}).want(t, http.StatusBadRequest, "HTTPBadRequest")
		put(obj{"subnet_id": "00000000-0000-4000-8000-000000000000"}).want(t, http.StatusNotFound, "SubnetNotFound")
		put().want(t, http.StatusOK).field(t, "port.fixed_ips", []obj{})
	}},
	{"port/a MAC address is once on a network", func(t *testing.T, c *cloud) {
		l := c.lan(t)
		p := c.created(t, "port", obj{"network_id": l.network})
		spec := obj{"network_id": l.network, "mac_address": p.text("port.mac_address")}
		c.call(t, http.MethodPost, "network", portsPath, obj{"port": spec}).want(t, http.StatusConflict, "MacAddressInUse")
	}},
	{"port/several in one POST are all or none", func(t *testing.T, c *cloud) {
		l := c.lan(t)
		c.make(t, "port", obj{"network_id": l.network, "fixed_ips": []obj{{"ip_address": "10.77.0.21"}}})
		bad := []obj{{"network_id": l.network, "name": "bulk"}, {"network_id": l.network, "fixed_ips": []obj{{"ip_address": "10.77.0.21"}}}}
		c.call(t, http.MethodPost, "network", portsPath, obj{"ports": bad}).want(t, http.StatusConflict, "IpAddressAlreadyAllocated")
		c.call(t, http.MethodGet, "network", portsPath+"?name=bulk&network_id="+l.network, nil).want(t, http.StatusOK).field(t, "ports", []obj{})
	}},
	{"port/groups: unknown ones are 404, null means none", func(t *testing.T, c *cloud) {
		id := c.make(t, "port", obj{"network_id": c.lan(t).network})
		c.updatePort(t, id, obj{"security_groups": []string{"00000000-0000-4000-8000-000000000000"}}).want(t, http.StatusNotFound, "SecurityGroupNotFound")
		c.updatePort(t, id, obj{"security_groups": nil}).want(t, http.StatusOK).field(t, "port.security_groups", []string{})
	}},
}
