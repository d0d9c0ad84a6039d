package contract_test

import (
	"fmt"
	"net/http"
	"testing"
)

var revisionCases = []contractCase{
	{"If-Match/a PUT of what is already there keeps the revision", func(t *testing.T, c *cloud) {
		r := c.routed(t)
		first := c.replace(t, r.router, hops("10.244.1.0/24 10.77.0.5")).want(t, http.StatusOK).number("router.revision_number")
		for _, same := range []obj{{}, {"admin_state_up": true}, {"routes": hops("10.244.1.0/24 10.77.0.5")}} {
			c.call(t, http.MethodPut, "network", routersPath+"/"+r.router, obj{"router": same}).want(t, http.StatusOK).field(t, "router.revision_number", first)
		}
	}},
	{"If-Match/a column that stays the same is guarded, what stands elsewhere is not", func(t *testing.T, c *cloud) {
		r := c.routed(t)
		p := c.created(t, "port", obj{"network_id": r.network, "fixed_ips": []obj{{"ip_address": "10.77.0.50"}}})
		c.replace(t, r.router, hops("10.244.1.0/24 10.77.0.5", "10.244.2.0/24 10.77.0.6")).want(t, http.StatusOK)
		const stale = "If-Match: revision_number=9999"
		router := func(same obj) answer {
			return c.call(t, http.MethodPut, "network", routersPath+"/"+r.router, obj{"router": same}, stale)
		}
		for _, same := range []obj{{}, {"routes": hops("10.244.2.0/24 10.77.0.6", "10.244.1.0/24 10.77.0.5")}, {"external_gateway_info": nil}} {
			router(same).want(t, http.StatusOK)
		}
		for _, same := range []obj{{"admin_state_up": true}, {"description": ""}, {"routes": hops("10.244.1.0/24 10.77.0.5")}} {
			router(same).want(t, http.StatusPreconditionFailed, "RevisionNumberConstraintFailed")
		}
		id := p.text("port.id")
		for _, same := range []obj{{}, {"allowed_address_pairs": []obj{}}, {"security_groups": p.at("port.security_groups")}, {"fixed_ips": p.at("port.fixed_ips")}} {
			c.updatePort(t, id, same, stale).want(t, http.StatusOK)
		}
		for _, same := range []obj{{"name": ""}, {"device_id": ""}, {"port_security_enabled": true}, {"allowed_address_pairs": pairs(1)}} {
			c.updatePort(t, id, same, stale).want(t, http.StatusPreconditionFailed, "RevisionNumberConstraintFailed")
		}
	}},
	{"If-Match/the atomic calls look at it only when they change something", func(t *testing.T, c *cloud) {
		r := c.routed(t)
		first := c.atomic(t, r.router, "add_extraroutes", "10.244.1.0/24 10.77.0.5").want(t, http.StatusOK).number("router.revision_number")
		guarded := func(action, route, match string) answer {
			body := obj{"router": obj{"routes": hops(route)}}
			return c.call(t, http.MethodPut, "network", routersPath+"/"+r.router+"/"+action, body, "If-Match: revision_number="+match)
		}
		guarded("add_extraroutes", "10.244.1.0/24 10.77.0.5", "9999").want(t, http.StatusOK).field(t, "router.revision_number", first)
		guarded("remove_extraroutes", "10.244.9.0/24 10.77.0.5", "9999").want(t, http.StatusOK).field(t, "router.revision_number", first)
		guarded("add_extraroutes", "10.244.2.0/24 10.77.0.5", "9999").want(t, http.StatusPreconditionFailed, "RevisionNumberConstraintFailed")
		guarded("remove_extraroutes", "10.244.1.0/24 10.77.0.5", "9999").want(t, http.StatusPreconditionFailed, "RevisionNumberConstraintFailed")
		wantRoutes(t, guarded("add_extraroutes", "10.244.2.0/24 10.77.0.5", fmt.Sprint(first)).want(t, http.StatusOK), "10.244.1.0/24 10.77.0.5", "10.244.2.0/24 10.77.0.5")
	}},
	{"If-Match/a bad next hop or body is found before a stale revision", func(t *testing.T, c *cloud) {
		r := c.routed(t)
		const stale = "If-Match: revision_number=9999"
		c.replace(t, r.router, hops("10.244.1.0/24 10.99.0.5"), stale).want(t, http.StatusBadRequest, "InvalidRoutes")
		c.replace(t, r.router, hops("10.244.1.0/24 node"), stale).want(t, http.StatusBadRequest, "HTTPBadRequest")
		c.call(t, http.MethodPut, "network", routersPath+"/"+r.router+"/add_extraroutes", obj{"router": obj{"routes": hops("10.244.1.0/24 10.99.0.5")}}, stale).
			want(t, http.StatusBadRequest, "InvalidRoutes")
	}},
	{"If-Match/a group that is gone is found before a stale revision", func(t *testing.T, c *cloud) {
		id := c.make(t, "port", obj{"network_id": c.lan(t).network})
		c.updatePort(t, id, obj{"security_groups": []string{"00000000-0000-4000-8000-000000000000"}}, "If-Match: revision_number=9999").
			want(t, http.StatusNotFound, "SecurityGroupNotFound")
	}},
	{"If-Match/quotes are fine, other numbers are not, other tags are not heard", func(t *testing.T, c *cloud) {
		id := c.make(t, "port", obj{"network_id": c.lan(t).network})
		put := func(match string) answer { return c.updatePort(t, id, obj{"name": unique()}, "If-Match: "+match) }
		put(`"revision_number=1"`).want(t, http.StatusOK)
		put(`"revision_number=1"`).want(t, http.StatusPreconditionFailed, "RevisionNumberConstraintFailed")
		for _, malformed := range []string{"revision_number=abc", `revision_number="1"`, "revision_number=999, revision_number=1"} {
			put(malformed).want(t, http.StatusBadRequest, "BadRequest")
		}
		put("*").want(t, http.StatusOK)
		put("abc, revision_number=999").want(t, http.StatusOK)
	}},
	{"If-Match/guards DELETE, not GET", func(t *testing.T, c *cloud) {
		path := portsPath + "/" + c.make(t, "port", obj{"network_id": c.lan(t).network})
		c.call(t, http.MethodGet, "network", path, nil, "If-Match: revision_number=9999").want(t, http.StatusOK)
		c.call(t, http.MethodDelete, "network", path, nil, "If-Match: revision_number=9999").want(t, http.StatusPreconditionFailed, "RevisionNumberConstraintFailed")
		c.call(t, http.MethodDelete, "network", path, nil, "If-Match: revision_number=1").want(t, http.StatusNoContent)
	}},
	{"revision/other addresses, devices and groups of a port raise it", func(t *testing.T, c *cloud) {
		p := c.created(t, "port", obj{"network_id": c.lan(t).network, "fixed_ips": []obj{{"ip_address": "10.77.0.40"}}})
		last := p.number("port.revision_number")
		for _, change := range []obj{
			{"fixed_ips": []obj{{"ip_address": "10.77.0.41"}}}, {"device_id": "x", "device_owner": "compute:x"}, {"security_groups": []string{}}, {"description": "x"},
		} {
			got := c.updatePort(t, p.text("port.id"), change).want(t, http.StatusOK).number("port.revision_number")
			if got <= last {
				t.Errorf("revision after %v: got %d, was %d", change, got, last)
			}
			last = got
		}
	}},
	{"revision/a rule raises its group's", func(t *testing.T, c *cloud) {
		group := c.createdGroup(t)
		path := "/v2.0/security-groups/" + group.text("security_group.id")
		rule := obj{"security_group_id": group.text("security_group.id"), "direction": "ingress"}
		group.field(t, "security_group.revision_number", 1)
		made := c.call(t, http.MethodPost, "network", "/v2.0/security-group-rules", obj{"security_group_rule": rule}).want(t, http.StatusCreated)
		made.field(t, "security_group_rule.revision_number", 0)
		c.call(t, http.MethodGet, "network", path, nil).want(t, http.StatusOK).field(t, "security_group.revision_number", 2)
	}},
}
