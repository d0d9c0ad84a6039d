package contract_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// portOf reads the VIP port of a load balancer.
func (b balancer) portOf(t *testing.T) answer {
	t.Helper()
	return b.c.call(t, http.MethodGet, "network", portsPath+"/"+b.port, nil).want(t, http.StatusOK)
}

var vipCases = []contractCase{
	{"octavia/the VIP port is there at once, and takes a floating IP while the load balancer is made", func(t *testing.T, c *cloud) {
		r := c.routed(t)
		c.gateway(t, r.router)
		t.Cleanup(func() { c.removeVIPPorts(t, r.lan) })
		b, made := c.pending(t, r.lan, nil)
		port := b.portOf(t)
		for field, want := range map[string]any{
			"name": "octavia-lb-" + b.id, "device_id": "lb-" + b.id, "device_owner": "Octavia", "project_id": c.project, "admin_state_up": false, "description": "",
			"fixed_ips": []obj{{"ip_address": b.address, "subnet_id": r.subnet}},
		} {
			port.field(t, "port."+field, want)
		}
		made.field(t, "loadbalancer.provisioning_status", "PENDING_CREATE")
		address := c.created(t, "floatingip", obj{"floating_network_id": c.external(t), "port_id": b.port})
		address.field(t, "floatingip.fixed_ip_address", b.address)
		b.active(t)
		groups := b.portOf(t).list("port.security_groups")
		if len(groups) != 1 {
			t.Fatalf("groups of the VIP port: got %v, want Octavia's", groups)
		}
		c.call(t, http.MethodGet, "network", fmt.Sprint("/v2.0/security-groups/", groups[0]), nil).want(t, http.StatusNotFound) // not ours to see
		c.octavia(t, http.MethodDelete, b.path(), nil).want(t, http.StatusNoContent)
		b.settled(t).want(t, http.StatusNotFound)
		left := c.call(t, http.MethodGet, "network", "/v2.0/floatingips/"+address.text("floatingip.id"), nil).want(t, http.StatusOK)
		left.field(t, "floatingip.port_id", nil)
	}},
	{"octavia/the owner of the network sees the amphora's port in it", func(t *testing.T, c *cloud) {
		b := c.balancer(t, nil)
		a := c.call(t, http.MethodGet, "network", portsPath+"?device_owner=Octavia&network_id="+b.network, nil).want(t, http.StatusOK)
		i := slices.IndexFunc(a.texts("ports", "name"), func(name string) bool { return strings.HasPrefix(name, "octavia-lb-vrrp-") })
		if i < 0 {
			t.Fatalf("ports: got %v, want the amphora's", a.texts("ports", "name"))
		}
		port := answer{json: a.list("ports")[i]}
		if port.text("project_id") == c.project || port.text("fixed_ips.0.ip_address") == b.address {
			t.Errorf("amphora's port: got %v, want another project and another address", port.json)
		}
	}},
	{"octavia/the VIP is where it is asked for", func(t *testing.T, c *cloud) {
		l := c.balancerLAN(t)
		taken, _ := c.pending(t, l, obj{"vip_subnet_id": l.subnet, "vip_address": "10.77.0.99"})
		network, _ := c.pending(t, l, obj{"vip_network_id": l.network, "vip_address": "10.77.0.98"})
		if taken.address != "10.77.0.99" || network.address != "10.77.0.98" {
			t.Errorf("VIPs: got %s and %s, want 10.77.0.99 and 10.77.0.98", taken.address, network.address)
		}
		c.tree(t, l, obj{"vip_address": "10.77.0.99"}).refusal(t, http.StatusInternalServerError, "Provider 'amphora' reports error: ConflictException: 409")
		c.tree(t, l, obj{"vip_address": "10.88.0.9"}).refusal(t, http.StatusInternalServerError, "Provider 'amphora' reports error: BadRequestException: 400")
		c.tree(t, l, obj{"vip_address": "nonsense"}).refusal(t, http.StatusBadRequest, "attribute vip_address")
		c.octavia(t, http.MethodPost, "/loadbalancers", obj{"loadbalancer": obj{"vip_address": "10.77.0.97"}}).
			refusal(t, http.StatusBadRequest, "VIP must contain one of: vip_port_id, vip_network_id, vip_subnet_id")
	}},
	{"octavia/what is not there cannot be asked for", func(t *testing.T, c *cloud) {
		l := c.balancerLAN(t)
		for _, tc := range []struct {
			spec obj
			text string
		}{
			{obj{"vip_subnet_id": nobody}, "Subnet " + nobody + " not found."},
			{obj{"vip_network_id": nobody}, "Network " + nobody + " not found."},
			{obj{"vip_port_id": nobody}, "Port " + nobody + " not found."},
			{obj{"vip_sg_ids": []string{nobody}}, "Security Group " + nobody + " not found."},
			{obj{"flavor_id": nobody}, "Invalid flavor_id."},
			{obj{"flavor_id": "nonsense"}, "attribute flavor_id"},
			{obj{"availability_zone": "nowhere"}, "Invalid availability zone."},
			{obj{"provider": "nobody"}, "Provider 'nobody' is not enabled."},
		} {
			c.tree(t, l, tc.spec).refusal(t, http.StatusBadRequest, tc.text)
		}
		if got := c.vipPorts(t, l); len(got) != 0 {
			t.Errorf("VIP ports after these: got %v, want none", got)
		}
	}},
	{"octavia/a port of one's own keeps its name, loses its groups, and stays", func(t *testing.T, c *cloud) {
		l := c.balancerLAN(t)
		made := c.created(t, "port", obj{"network_id": l.network, "name": "mine", "description": "keep"})
		id := made.text("port.id")
		group := made.list("port.security_groups")[0]
		c.tree(t, l, obj{"vip_port_id": id, "vip_address": "10.77.0.250"}).refusal(t, http.StatusBadRequest, "VIP address not found on the specified VIP port")
		b, _ := c.pending(t, l, obj{"vip_port_id": id})
		if b.port != id || b.address != made.text("port.fixed_ips.0.ip_address") {
			t.Errorf("VIP: got %s on %s, want the port's", b.address, b.port)
		}
		b.active(t)
		used := b.portOf(t)
		for field, want := range map[string]any{"name": "mine", "description": "keep", "device_id": "", "device_owner": "", "admin_state_up": true} {
			used.field(t, "port."+field, want)
		}
		if groups := used.list("port.security_groups"); len(groups) != 1 || groups[0] == group {
			t.Errorf("groups: got %v, want Octavia's in place of %v", groups, group)
		}
		c.octavia(t, http.MethodDelete, b.path(), nil).want(t, http.StatusNoContent)
		b.settled(t).want(t, http.StatusNotFound)
		b.portOf(t).field(t, "port.security_groups", []string{})
	}},
	{"octavia/a port that something uses is refused", func(t *testing.T, c *cloud) {
		l := c.balancerLAN(t)
		id := c.make(t, "port", obj{"network_id": l.network, "device_id": "somebody", "device_owner": "compute:nova"})
		c.tree(t, l, obj{"vip_port_id": id}).refusal(t, http.StatusBadRequest, "is already used by device somebody")
	}},
	{"octavia/two addresses of two families on one VIP port", func(t *testing.T, c *cloud) {
		l := c.balancerLAN(t)
		six := c.make(t, "subnet", obj{"network_id": l.network, "ip_version": 6, "cidr": "fd00:77::/64"})
		elsewhere := c.make(t, "subnet", obj{"network_id": c.make(t, "network", obj{}), "ip_version": 6, "cidr": "fd00:78::/64"})
		b, made := c.pending(t, l, obj{"additional_vips": []obj{{"subnet_id": six, "ip_address": "fd00:77:0::99"}}})
		made.field(t, "loadbalancer.additional_vips", []obj{{"subnet_id": six, "ip_address": "fd00:77::99"}})
		b.active(t)
		if addresses := b.portOf(t).texts("port.fixed_ips", "ip_address"); len(addresses) != 2 || !slices.Contains(addresses, b.address) || !slices.Contains(addresses, "fd00:77::99") {
			t.Errorf("addresses of the VIP port: got %v, want both", addresses)
		}
		b.listener(t, obj{"protocol": "TCP", "protocol_port": 80, "allowed_cidrs": []string{"2001:db8::/64", "10.0.0.0/8"}})
		for _, tc := range []struct {
			status int
			vips   []obj
			text   string
		}{
			{http.StatusBadRequest, []obj{{"subnet_id": l.subnet}}, "Duplicate VIP subnet(s)"},
			{http.StatusBadRequest, []obj{{"subnet_id": six}, {"subnet_id": six}}, "Duplicate VIP subnet(s)"},
			{http.StatusBadRequest, []obj{{"subnet_id": elsewhere}}, "All VIP subnets must belong to the same network"},
			{http.StatusBadRequest, []obj{{"ip_address": "fd00:77::98"}}, "attribute subnet_id"},
			{http.StatusInternalServerError, []obj{{"subnet_id": nobody}}, "subnet not found"},
		} {
			c.tree(t, l, obj{"additional_vips": tc.vips}).refusal(t, tc.status, tc.text)
		}
	}},
	{"octavia/IPv6 alone, in canonical form", func(t *testing.T, c *cloud) {
		l := c.balancerLAN(t)
		six := c.make(t, "subnet", obj{"network_id": l.network, "ip_version": 6, "cidr": "fd00:77::/64"})
		b, _ := c.pending(t, l, obj{"vip_subnet_id": six, "vip_address": "fd00:77:0::98"})
		if b.address != "fd00:77::98" {
			t.Errorf("VIP: got %s, want fd00:77::98", b.address)
		}
		b.active(t)
		c.octavia(t, http.MethodPost, "/listeners", obj{"listener": b.on(obj{"protocol": "TCP", "protocol_port": 80, "allowed_cidrs": []string{"10.0.0.0/8"}})}).
			refusal(t, http.StatusBadRequest, "IP version incompatible")
		b.remove(t) // before its subnet
	}},
	{"octavia/groups of one's own on the VIP port", func(t *testing.T, c *cloud) {
		group := c.createdGroup(t).text("security_group.id")
		b := c.balancer(t, obj{"vip_sg_ids": []string{group}})
		ours := func() int { return slices.Index(b.portOf(t).list("port.security_groups"), any(group)) }
		if ours() < 0 || len(b.portOf(t).list("port.security_groups")) != 2 {
			t.Errorf("groups: got %v, want Octavia's and %s", b.portOf(t).at("port.security_groups"), group)
		}
		closed := obj{"listener": b.on(obj{"protocol": "TCP", "protocol_port": 80, "allowed_cidrs": []string{"10.0.0.0/8"}})}
		c.octavia(t, http.MethodPost, "/listeners", closed).refusal(t, http.StatusBadRequest, "Allowed CIDRs are not allowed when using custom VIP Security Groups")
		for _, none := range []any{[]string{}, nil} {
			b.do(t, http.MethodPut, b.path(), obj{"loadbalancer": obj{"vip_sg_ids": none}}).field(t, "loadbalancer.vip_sg_ids", []string{})
			if ours() >= 0 {
				t.Errorf("after vip_sg_ids %v the group is still there", none)
			}
			b.do(t, http.MethodPut, b.path(), obj{"loadbalancer": obj{"vip_sg_ids": []string{group}}}).field(t, "loadbalancer.vip_sg_ids", []string{group})
			if ours() < 0 {
				t.Error("the group did not come back")
			}
		}
		c.octavia(t, http.MethodPut, b.path(), obj{"loadbalancer": obj{"vip_sg_ids": []string{nobody}}}).refusal(t, http.StatusBadRequest, "Security Group "+nobody+" not found.")
		c.octavia(t, http.MethodDelete, b.path(), nil).want(t, http.StatusNoContent)
		b.settled(t).want(t, http.StatusNotFound)
	}},
}
