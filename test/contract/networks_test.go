package contract_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

var networkCases = []contractCase{
	{"neutron/extensions name what we rely on", func(t *testing.T, c *cloud) {
		a := c.call(t, http.MethodGet, "network", "/v2.0/extensions", nil).want(t, http.StatusOK)
		aliases := a.texts("extensions", "alias")
		for _, want := range []string{
			"router", "extraroute", "extraroute-atomic", "allowed-address-pairs", "port-security", "security-group",
			"standard-attr-revisions", "revision-if-match", "standard-attr-tag", "standard-attr-description", "external-net", "quotas", "pagination", "sorting",
		} {
			if !slices.Contains(aliases, want) {
				t.Errorf("extension %s is missing", want)
			}
		}
		c.call(t, http.MethodGet, "network", "/v2.0/extensions/extraroute-atomic", nil).want(t, http.StatusOK).field(t, "extension.alias", "extraroute-atomic")
		c.call(t, http.MethodGet, "network", "/v2.0/extensions/nonsense", nil).want(t, http.StatusNotFound)
	}},
	{"neutron/an unknown resource is 404", func(t *testing.T, c *cloud) {
		c.call(t, http.MethodGet, "network", "/v2.0/nonsense", nil).want(t, http.StatusNotFound)
	}},
	{"network/create, list, show, delete", func(t *testing.T, c *cloud) {
		name := "contract-" + unique()
		a := c.created(t, "network", obj{"name": name})
		a.field(t, "network.shared", false)
		a.field(t, "network.router:external", false)
		a.field(t, "network.port_security_enabled", true)
		a.field(t, "network.subnets", []string{})
		a.field(t, "network.status", "ACTIVE")
		id := a.text("network.id")
		c.call(t, http.MethodGet, "network", "/v2.0/networks?name="+name, nil).want(t, http.StatusOK).field(t, "networks.0.id", id)
		c.call(t, http.MethodDelete, "network", "/v2.0/networks/"+id, nil).want(t, http.StatusNoContent)
		c.call(t, http.MethodGet, "network", "/v2.0/networks/"+id, nil).want(t, http.StatusNotFound, "NetworkNotFound")
	}},
	{"network/one with ports in use stays: 409 NetworkInUse", func(t *testing.T, c *cloud) {
		l := c.lan(t)
		c.make(t, "port", obj{"network_id": l.network})
		c.call(t, http.MethodDelete, "network", "/v2.0/networks/"+l.network, nil).want(t, http.StatusConflict, "NetworkInUse")
	}},
	{"network/external ones are found by router:external", func(t *testing.T, c *cloud) {
		a := c.call(t, http.MethodGet, "network", "/v2.0/networks?router%3Aexternal=true", nil).want(t, http.StatusOK)
		if len(a.list("networks")) == 0 {
			t.Fatal("no external network")
		}
		a.field(t, "networks.0.router:external", true)
	}},
	{"subnet/the gateway is the first address and DHCP is on", func(t *testing.T, c *cloud) {
		l := c.lan(t)
		a := c.call(t, http.MethodGet, "network", "/v2.0/subnets/"+l.subnet, nil).want(t, http.StatusOK)
		a.field(t, "subnet.gateway_ip", "10.77.0.1")
		a.field(t, "subnet.enable_dhcp", true)
		a.field(t, "subnet.cidr", "10.77.0.0/24")
		a.field(t, "subnet.allocation_pools", []obj{{"start": "10.77.0.2", "end": "10.77.0.254"}})
		c.call(t, http.MethodGet, "network", "/v2.0/subnets?id="+l.subnet+"&fields=cidr", nil).want(t, http.StatusOK).field(t, "subnets", []obj{{"cidr": "10.77.0.0/24"}})
	}},
	{"subnet/its CIDR is made canonical", func(t *testing.T, c *cloud) {
		network := c.make(t, "network", obj{})
		c.created(t, "subnet", obj{"network_id": network, "ip_version": 4, "cidr": "10.78.0.9/24"}).field(t, "subnet.cidr", "10.78.0.0/24")
	}},
	{"subnet/overlapping ones on a network are 400 InvalidInput", func(t *testing.T, c *cloud) {
		l := c.lan(t)
		c.call(t, http.MethodPost, "network", "/v2.0/subnets", obj{"subnet": obj{"network_id": l.network, "ip_version": 4, "cidr": "10.77.0.0/25"}}).want(t, http.StatusBadRequest, "InvalidInput")
	}},
	{"security group/a project has a default one that is not deleted", func(t *testing.T, c *cloud) {
		a := c.call(t, http.MethodGet, "network", "/v2.0/security-groups?name=default&project_id="+c.project, nil).want(t, http.StatusOK)
		if len(a.list("security_groups")) != 1 {
			t.Fatalf("got %d default groups, want 1", len(a.list("security_groups")))
		}
		rules := a.texts("security_groups.0.security_group_rules", "direction")
		slices.Sort(rules)
		if strings.Join(rules, " ") != "egress egress ingress ingress" {
			t.Errorf("rules: got %v", rules)
		}
		// Without any port it would be SecurityGroupCannotRemoveDefault; other cases have some.
		c.make(t, "port", obj{"network_id": c.lan(t).network})
		c.call(t, http.MethodDelete, "network", "/v2.0/security-groups/"+a.text("security_groups.0.id"), nil).want(t, http.StatusConflict, "SecurityGroupInUse")
	}},
	{"security group/a new one has two egress rules; a rule twice is 409", func(t *testing.T, c *cloud) {
		a := c.createdGroup(t)
		id := a.text("security_group.id")
		if got := a.texts("security_group.security_group_rules", "direction"); strings.Join(got, " ") != "egress egress" {
			t.Errorf("rules: got %v, want two egress rules", got)
		}
		rule := obj{"security_group_rule": obj{"security_group_id": id, "direction": "ingress", "ethertype": "IPv4", "remote_ip_prefix": "10.244.0.0/16"}}
		first := c.call(t, http.MethodPost, "network", "/v2.0/security-group-rules", rule).want(t, http.StatusCreated)
		first.field(t, "security_group_rule.protocol", nil)
		c.call(t, http.MethodPost, "network", "/v2.0/security-group-rules", rule).want(t, http.StatusConflict, "SecurityGroupRuleExists")
		rule["security_group_rule"].(obj)["remote_ip_prefix"] = "pods"
		c.call(t, http.MethodPost, "network", "/v2.0/security-group-rules", rule).want(t, http.StatusBadRequest)
		c.call(t, http.MethodDelete, "network", "/v2.0/security-group-rules/"+first.text("security_group_rule.id"), nil).want(t, http.StatusNoContent)
		c.call(t, http.MethodDelete, "network", "/v2.0/security-group-rules/"+first.text("security_group_rule.id"), nil).want(t, http.StatusNotFound, "SecurityGroupRuleNotFound")
	}},
	{"security group/one on a port stays: 409 SecurityGroupInUse", func(t *testing.T, c *cloud) {
		group := c.createdGroup(t).text("security_group.id")
		c.make(t, "port", obj{"network_id": c.lan(t).network, "security_groups": []string{group}})
		c.call(t, http.MethodDelete, "network", "/v2.0/security-groups/"+group, nil).want(t, http.StatusConflict, "SecurityGroupInUse")
	}},
	{"floating IP/create with a description, associate, find by port, release", func(t *testing.T, c *cloud) {
		r := c.routed(t)
		external := c.external(t)
		c.call(t, http.MethodPut, "network", routersPath+"/"+r.router, obj{"router": obj{"external_gateway_info": obj{"network_id": external}}}).want(t, http.StatusOK)
		port := c.make(t, "port", obj{"network_id": r.network})
		fip := c.created(t, "floatingip", obj{"floating_network_id": external, "description": "ours"})
		fip.field(t, "floatingip.description", "ours")
		fip.field(t, "floatingip.port_id", nil)
		fip.field(t, "floatingip.fixed_ip_address", nil)
		fip.field(t, "floatingip.status", "DOWN")
		id := fip.text("floatingip.id")
		a := c.call(t, http.MethodPut, "network", "/v2.0/floatingips/"+id, obj{"floatingip": obj{"port_id": port}}).want(t, http.StatusOK)
		a.field(t, "floatingip.port_id", port)
		a.field(t, "floatingip.router_id", r.router)
		c.call(t, http.MethodGet, "network", "/v2.0/floatingips?port_id="+port, nil).want(t, http.StatusOK).field(t, "floatingips.0.id", id)
		c.call(t, http.MethodPut, "network", "/v2.0/floatingips/"+id, obj{"floatingip": obj{"port_id": nil}}).want(t, http.StatusOK).field(t, "floatingip.port_id", nil)
	}},
	{"floating IP/on a network that is not external is 400", func(t *testing.T, c *cloud) {
		c.call(t, http.MethodPost, "network", "/v2.0/floatingips", obj{"floatingip": obj{"floating_network_id": c.lan(t).network}}).want(t, http.StatusBadRequest, "BadRequest")
	}},
	{"floating IP/for a port that no router with a gateway reaches is 404", func(t *testing.T, c *cloud) {
		external := c.external(t)
		port := c.make(t, "port", obj{"network_id": c.lan(t).network})
		c.call(t, http.MethodPost, "network", "/v2.0/floatingips", obj{"floatingip": obj{"floating_network_id": external, "port_id": port}}).want(t, http.StatusNotFound, "ExternalGatewayForFloatingIPNotFound")
	}},
	{"quota/a project reads its own", func(t *testing.T, c *cloud) {
		a := c.call(t, http.MethodGet, "network", "/v2.0/quotas/"+c.project, nil).want(t, http.StatusOK)
		for _, resource := range []string{"port", "floatingip", "security_group", "security_group_rule", "router"} {
			if a.number("quota."+resource) < -1 || a.at("quota."+resource) == nil {
				t.Errorf("quota %s is missing: %.300s", resource, a.raw)
			}
		}
	}},
}

// createdGroup makes a security group and removes it at the end; its path has
// a dash where its object has an underscore.
func (c *cloud) createdGroup(t *testing.T) answer {
	t.Helper()
	a := c.call(t, http.MethodPost, "network", "/v2.0/security-groups", obj{"security_group": obj{"name": "contract-" + unique()}}).want(t, http.StatusCreated)
	t.Cleanup(func() {
		if got := c.cleanup(http.MethodDelete, c.catalog["network"]+"/v2.0/security-groups/"+a.text("security_group.id")); got != http.StatusNoContent {
			t.Errorf("delete security group: got %d, want 204", got)
		}
	})
	return a
}
