package contract_test

import (
	"net/http"
	"testing"
)

// rule sends POST /v2.0/security-group-rules for ingress.
func (c *cloud) rule(t *testing.T, group string, spec obj) answer {
	t.Helper()
	body := obj{"security_group_id": group, "direction": "ingress"}
	for name, value := range spec {
		body[name] = value
	}
	return c.call(t, http.MethodPost, "network", "/v2.0/security-group-rules", obj{"security_group_rule": body})
}

var groupCases = []contractCase{
	{"rule/prefixes keep host bits, an address becomes a range", func(t *testing.T, c *cloud) {
		group := c.createdGroup(t).text("security_group.id")
		for sent, want := range map[string]string{"10.245.1.9/16": "10.245.1.9/16", "10.245.0.0/16": "10.245.0.0/16", "10.246.0.1": "10.246.0.1/32"} {
			c.rule(t, group, obj{"remote_ip_prefix": sent}).want(t, http.StatusCreated).field(t, "security_group_rule.remote_ip_prefix", want)
		}
		c.rule(t, group, obj{"ethertype": "IPv6", "remote_ip_prefix": "fd00:244::/56"}).want(t, http.StatusCreated)
		c.rule(t, group, obj{"remote_ip_prefix": "fd00:244::/56"}).want(t, http.StatusBadRequest, "SecurityGroupRuleParameterConflict")
		c.rule(t, group, obj{"remote_ip_prefix": "pods"}).want(t, http.StatusBadRequest, "InvalidCIDR")
	}},
	{"rule/everything is the same as no prefix, 6 the same as tcp", func(t *testing.T, c *cloud) {
		group := c.createdGroup(t).text("security_group.id")
		c.rule(t, group, obj{"protocol": "udp", "remote_ip_prefix": "0.0.0.0/0"}).want(t, http.StatusCreated)
		c.rule(t, group, obj{"protocol": "udp"}).want(t, http.StatusConflict, "SecurityGroupRuleExists")
		c.rule(t, group, obj{"protocol": 6, "port_range_min": 5, "port_range_max": 5}).want(t, http.StatusCreated).field(t, "security_group_rule.protocol", "6")
		c.rule(t, group, obj{"protocol": "tcp", "port_range_min": 5, "port_range_max": 5}).want(t, http.StatusConflict, "SecurityGroupRuleExists")
	}},
	{"rule/what cannot be is 400, each with its own name", func(t *testing.T, c *cloud) {
		group := c.createdGroup(t).text("security_group.id")
		for _, tc := range []struct {
			spec obj
			kind string
		}{
			{obj{"port_range_min": 1, "port_range_max": 2}, "SecurityGroupProtocolRequiredWithPorts"},
			{obj{"protocol": "tcp", "port_range_min": 3, "port_range_max": 2}, "SecurityGroupInvalidPortRange"},
			{obj{"protocol": "tcp", "port_range_min": 3}, "SecurityGroupInvalidPortRange"},
			{obj{"protocol": "tcp", "port_range_min": 0, "port_range_max": 1}, "SecurityGroupInvalidPortValue"},
			{obj{"protocol": "tcp", "port_range_min": 1, "port_range_max": 70000}, "SecurityGroupInvalidPortValue"},
			{obj{"protocol": "icmp", "port_range_max": 8}, "SecurityGroupMissingIcmpType"},
			{obj{"protocol": "foo"}, "SecurityGroupRuleInvalidProtocol"},
			{obj{"protocol": 300}, "SecurityGroupRuleInvalidProtocol"},
			{obj{"protocol": "ipip", "port_range_min": 1, "port_range_max": 2}, "SecurityGroupInvalidProtocolForPort"},
			{obj{"protocol": "icmpv6"}, "SecurityGroupEthertypeConflictWithProtocol"},
			{obj{"ethertype": "IPX"}, "SecurityGroupRuleInvalidEtherType"},
			{obj{"direction": "up"}, "HTTPBadRequest"},
			{obj{"remote_ip_prefix": "10.0.0.0/8", "remote_group_id": group}, "SecurityGroupMultipleRemoteEntites"},
		} {
			c.rule(t, group, tc.spec).want(t, http.StatusBadRequest, tc.kind)
		}
	}},
	{"rule/groups that are not there are 404", func(t *testing.T, c *cloud) {
		group := c.createdGroup(t).text("security_group.id")
		c.rule(t, nobody, nil).want(t, http.StatusNotFound, "SecurityGroupNotFound")
		c.rule(t, group, obj{"remote_group_id": nobody}).want(t, http.StatusNotFound, "SecurityGroupNotFound")
		c.rule(t, group, obj{"remote_group_id": group}).want(t, http.StatusCreated)
	}},
	{"rule/several in one POST are all or none", func(t *testing.T, c *cloud) {
		group := c.createdGroup(t).text("security_group.id")
		post := func(protocols ...string) answer {
			var rules []obj
			for _, p := range protocols {
				rules = append(rules, obj{"security_group_id": group, "direction": "egress", "protocol": p})
			}
			return c.call(t, http.MethodPost, "network", "/v2.0/security-group-rules", obj{"security_group_rules": rules})
		}
		post("udp", "tcp").want(t, http.StatusCreated)
		post("sctp", "sctp").want(t, http.StatusConflict, "DuplicateSecurityGroupRuleInPost")
		post("esp", "tcp").want(t, http.StatusConflict, "SecurityGroupRuleExists")
		a := c.call(t, http.MethodGet, "network", "/v2.0/security-group-rules?direction=egress&security_group_id="+group, nil).want(t, http.StatusOK)
		if got := len(a.list("security_group_rules")); got != 4 {
			t.Errorf("got %d egress rules, want the two of the group and the first two", got)
		}
	}},
	{"security group/default is a name that is taken; names are not unique otherwise", func(t *testing.T, c *cloud) {
		first := c.createdGroup(t)
		post := func(name string) answer {
			return c.call(t, http.MethodPost, "network", "/v2.0/security-groups", obj{"security_group": obj{"name": name}})
		}
		post("default").want(t, http.StatusConflict, "SecurityGroupDefaultAlreadyExists")
		second := post(first.text("security_group.name")).want(t, http.StatusCreated).text("security_group.id")
		c.call(t, http.MethodDelete, "network", "/v2.0/security-groups/"+second, nil).want(t, http.StatusNoContent)
		c.call(t, http.MethodDelete, "network", "/v2.0/security-groups/"+second, nil).want(t, http.StatusNotFound, "SecurityGroupNotFound")
		group := c.call(t, http.MethodGet, "network", "/v2.0/security-groups?name=default&project_id="+c.project, nil).want(t, http.StatusOK).text("security_groups.0.id")
		c.call(t, http.MethodPut, "network", "/v2.0/security-groups/"+group, obj{"security_group": obj{"name": "x"}}).want(t, http.StatusConflict, "SecurityGroupCannotUpdateDefault")
	}},
	{"security group/found by its description", func(t *testing.T, c *cloud) {
		group, mark := c.createdGroup(t).text("security_group.id"), "contract-"+unique()
		c.call(t, http.MethodPut, "network", "/v2.0/security-groups/"+group, obj{"security_group": obj{"description": mark}}).want(t, http.StatusOK)
		c.call(t, http.MethodGet, "network", "/v2.0/security-groups?fields=id&description="+mark, nil).want(t, http.StatusOK).
			field(t, "security_groups", []obj{{"id": group}})
	}},
}

var floatingCases = []contractCase{
	{"floating IP/an update without port_id keeps the port, an empty one lets go of it", func(t *testing.T, c *cloud) {
		r := c.routed(t)
		c.gateway(t, r.router)
		port := c.make(t, "port", obj{"network_id": r.network})
		made := c.created(t, "floatingip", obj{"floating_network_id": c.external(t), "port_id": port})
		path := "/v2.0/floatingips/" + made.text("floatingip.id")
		made.field(t, "floatingip.port_details.network_id", r.network)
		c.call(t, http.MethodPut, "network", path, obj{"floatingip": obj{"description": "x"}}).want(t, http.StatusOK).field(t, "floatingip.port_id", port)
		a := c.call(t, http.MethodPut, "network", path, obj{"floatingip": obj{}}).want(t, http.StatusOK)
		a.field(t, "floatingip.port_id", nil)
		a.field(t, "floatingip.description", "x")
	}},
	{"floating IP/one for an address, and it keeps the gateway and the interface", func(t *testing.T, c *cloud) {
		r, external := c.routed(t), c.external(t)
		c.gateway(t, r.router)
		port := c.make(t, "port", obj{"network_id": r.network})
		first := c.created(t, "floatingip", obj{"floating_network_id": external, "port_id": port})
		again := obj{"floatingip": obj{"floating_network_id": external, "port_id": port}}
		c.call(t, http.MethodPost, "network", "/v2.0/floatingips", again).want(t, http.StatusConflict, "FloatingIPPortAlreadyAssociated")
		c.call(t, http.MethodPut, "network", routersPath+"/"+r.router, obj{"router": obj{"external_gateway_info": nil}}).
			want(t, http.StatusConflict, "RouterExternalGatewayInUseByFloatingIp")
		c.removeInterface(t, r.router, obj{"subnet_id": r.subnet}).want(t, http.StatusConflict, "RouterInterfaceInUseByFloatingIP")
		c.call(t, http.MethodDelete, "network", portsPath+"/"+port, nil).want(t, http.StatusNoContent)
		a := c.call(t, http.MethodGet, "network", "/v2.0/floatingips/"+first.text("floatingip.id"), nil).want(t, http.StatusOK)
		a.field(t, "floatingip.port_id", nil)
		a.field(t, "floatingip.router_id", nil)
	}},
	{"floating IP/what cannot be", func(t *testing.T, c *cloud) {
		external := c.external(t)
		made := c.created(t, "floatingip", obj{"floating_network_id": external})
		path := "/v2.0/floatingips/" + made.text("floatingip.id")
		for _, tc := range []struct {
			change obj
			status int
			kind   string
		}{
			{obj{"fixed_ip_address": "10.77.0.9"}, http.StatusBadRequest, "BadRequest"},
			{obj{"port_id": nobody}, http.StatusNotFound, "PortNotFound"},
			{obj{"floating_network_id": external}, http.StatusBadRequest, "HTTPBadRequest"},
		} {
			c.call(t, http.MethodPut, "network", path, obj{"floatingip": tc.change}).want(t, tc.status, tc.kind)
		}
		for _, tc := range []struct {
			spec   obj
			status int
			kind   string
		}{
			{obj{}, http.StatusBadRequest, "HTTPBadRequest"},
			{obj{"floating_network_id": nobody}, http.StatusNotFound, "NetworkNotFound"},
			{obj{"floating_network_id": external, "floating_ip_address": made.text("floatingip.floating_ip_address")}, http.StatusForbidden, "PolicyNotAuthorized"},
		} {
			c.call(t, http.MethodPost, "network", "/v2.0/floatingips", obj{"floatingip": tc.spec}).want(t, tc.status, tc.kind)
		}
		c.call(t, http.MethodGet, "network", "/v2.0/floatingips/"+nobody, nil).want(t, http.StatusNotFound, "FloatingIPNotFound")
	}},
	{"floating IP/found by address, and by description", func(t *testing.T, c *cloud) {
		mark := "contract-" + unique()
		made := c.created(t, "floatingip", obj{"floating_network_id": c.external(t), "description": mark})
		for _, query := range []string{"description=" + mark, "floating_ip_address=" + made.text("floatingip.floating_ip_address"), "status=DOWN&id=" + made.text("floatingip.id")} {
			c.call(t, http.MethodGet, "network", "/v2.0/floatingips?fields=id&"+query, nil).want(t, http.StatusOK).
				field(t, "floatingips", []obj{{"id": made.text("floatingip.id")}})
		}
	}},
}

var quotaCases = []contractCase{
	{"quota/defaults and details of the own project, and nobody else's", func(t *testing.T, c *cloud) {
		c.call(t, http.MethodGet, "network", "/v2.0/quotas/"+c.project+"/default", nil).want(t, http.StatusOK)
		a := c.call(t, http.MethodGet, "network", "/v2.0/quotas/"+c.project+"/details.json", nil).want(t, http.StatusOK)
		for _, part := range []string{"limit", "used", "reserved"} {
			if a.at("quota.port."+part) == nil {
				t.Errorf("quota.port.%s is missing: %.300s", part, a.raw)
			}
		}
		c.call(t, http.MethodGet, "network", "/v2.0/quotas/"+nobody, nil).want(t, http.StatusForbidden, "PolicyNotAuthorized")
		c.call(t, http.MethodPut, "network", "/v2.0/quotas/"+c.project, obj{"quota": obj{"port": 1}}).want(t, http.StatusForbidden, "PolicyNotAuthorized")
		c.call(t, http.MethodDelete, "network", "/v2.0/quotas/"+c.project, nil).want(t, http.StatusForbidden, "PolicyNotAuthorized")
	}},
}
