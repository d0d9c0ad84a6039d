package contract_test

import (
	"net/http"
	"testing"
)

const nobody = "00000000-0000-4000-8000-000000000000"

func (c *cloud) addInterface(t *testing.T, router string, body any) answer {
	t.Helper()
	return c.call(t, http.MethodPut, "network", routersPath+"/"+router+"/add_router_interface", body)
}

func (c *cloud) removeInterface(t *testing.T, router string, body any) answer {
	t.Helper()
	return c.call(t, http.MethodPut, "network", routersPath+"/"+router+"/remove_router_interface", body)
}

// gateway gives a router a gateway on the external network.
func (c *cloud) gateway(t *testing.T, router string) answer {
	t.Helper()
	info := obj{"external_gateway_info": obj{"network_id": c.external(t)}}
	return c.call(t, http.MethodPut, "network", routersPath+"/"+router, obj{"router": info}).want(t, http.StatusOK)
}

var interfaceCases = []contractCase{
	{"interface/by port: the port is the router's until it goes", func(t *testing.T, c *cloud) {
		network := c.make(t, "network", obj{})
		c.subnetOn(t, network, obj{"cidr": "10.78.0.0/24", "gateway_ip": nil}).want(t, http.StatusCreated)
		router := c.make(t, "router", obj{"name": "contract-" + unique()})
		port := c.make(t, "port", obj{"network_id": network})
		c.addInterface(t, router, obj{"port_id": port}).want(t, http.StatusOK).field(t, "port_id", port)
		shown := c.call(t, http.MethodGet, "network", portsPath+"/"+port, nil).want(t, http.StatusOK)
		shown.field(t, "port.device_owner", "network:router_interface")
		shown.field(t, "port.device_id", router)
		c.addInterface(t, router, obj{"port_id": port}).want(t, http.StatusConflict, "PortInUse")
		c.call(t, http.MethodDelete, "network", portsPath+"/"+port, nil).want(t, http.StatusConflict, "ServicePortInUse")
		c.updatePort(t, port, obj{"fixed_ips": []obj{{"ip_address": "10.78.0.99"}}}).want(t, http.StatusBadRequest, "BadRequest")
		c.removeInterface(t, router, obj{"port_id": port}).want(t, http.StatusOK)
		c.call(t, http.MethodGet, "network", portsPath+"/"+port, nil).want(t, http.StatusNotFound, "PortNotFound")
	}},
	{"interface/bodies that name nothing, too much or what is not there", func(t *testing.T, c *cloud) {
		r := c.routed(t)
		c.addInterface(t, r.router, obj{}).want(t, http.StatusBadRequest, "BadRequest")
		c.addInterface(t, r.router, nil).want(t, http.StatusBadRequest, "BadRequest")
		c.addInterface(t, r.router, obj{"subnet_id": r.subnet, "port_id": nobody}).want(t, http.StatusBadRequest, "BadRequest")
		c.addInterface(t, r.router, obj{"subnet_id": nobody}).want(t, http.StatusNotFound, "SubnetNotFound")
		c.addInterface(t, r.router, obj{"port_id": nobody}).want(t, http.StatusNotFound, "PortNotFound")
		c.removeInterface(t, r.router, obj{}).want(t, http.StatusBadRequest, "BadRequest")
		c.removeInterface(t, r.router, obj{"subnet_id": nobody}).want(t, http.StatusNotFound, "SubnetNotFound")
		c.removeInterface(t, r.router, obj{"port_id": nobody}).want(t, http.StatusNotFound, "RouterInterfaceNotFound")
	}},
	{"interface/subnets that overlap, or have no gateway, are refused", func(t *testing.T, c *cloud) {
		r, l := c.routed(t), c.lan(t)
		c.addInterface(t, r.router, obj{"subnet_id": l.subnet}).want(t, http.StatusBadRequest, "BadRequest")
		c.removeInterface(t, r.router, obj{"subnet_id": l.subnet}).want(t, http.StatusNotFound, "RouterInterfaceNotFoundForSubnet")
		without := c.subnetOn(t, c.make(t, "network", obj{}), obj{"cidr": "10.79.0.0/24", "gateway_ip": nil}).want(t, http.StatusCreated).text("subnet.id")
		c.addInterface(t, r.router, obj{"subnet_id": without}).want(t, http.StatusBadRequest, "BadRequest")
	}},
	{"gateway/a router gets one and loses it", func(t *testing.T, c *cloud) {
		router := c.make(t, "router", obj{"name": "contract-" + unique()})
		a := c.gateway(t, router)
		a.field(t, "router.external_gateway_info.enable_snat", true)
		if len(a.list("router.external_gateway_info.external_fixed_ips")) != 1 {
			t.Errorf("addresses: got %v, want one", a.at("router.external_gateway_info.external_fixed_ips"))
		}
		c.call(t, http.MethodGet, "network", portsPath+"?device_id="+router, nil).want(t, http.StatusOK).field(t, "ports", []obj{})
		c.call(t, http.MethodPut, "network", routersPath+"/"+router, obj{"router": obj{"external_gateway_info": obj{}}}).want(t, http.StatusOK).
			field(t, "router.external_gateway_info", nil)
	}},
	{"gateway/what a member may not, and networks that are none", func(t *testing.T, c *cloud) {
		l, router, external := c.lan(t), c.make(t, "router", obj{"name": "contract-" + unique()}), c.external(t)
		for _, tc := range []struct {
			info   obj
			status int
			kind   string
		}{
			{obj{"network_id": l.network}, http.StatusBadRequest, "BadRequest"},
			{obj{"network_id": nobody}, http.StatusNotFound, "NetworkNotFound"},
			{obj{"network_id": external, "enable_snat": false}, http.StatusForbidden, "PolicyNotAuthorized"},
			{obj{"network_id": external, "external_fixed_ips": []obj{}}, http.StatusForbidden, "PolicyNotAuthorized"},
		} {
			c.call(t, http.MethodPut, "network", routersPath+"/"+router, obj{"router": obj{"external_gateway_info": tc.info}}).want(t, tc.status, tc.kind)
		}
	}},
	{"gateway/routes by it are fine, and keep it", func(t *testing.T, c *cloud) {
		r := c.routed(t)
		c.gateway(t, r.router)
		hop := c.call(t, http.MethodGet, "network", "/v2.0/subnets?network_id="+c.external(t), nil).want(t, http.StatusOK).text("subnets.0.gateway_ip")
		c.atomic(t, r.router, "add_extraroutes", "10.250.0.0/16 "+hop).want(t, http.StatusOK)
		clear := obj{"router": obj{"external_gateway_info": nil}}
		c.call(t, http.MethodPut, "network", routersPath+"/"+r.router, clear).want(t, http.StatusBadRequest, "InvalidRoutes")
		a := c.replace(t, r.router, hops()).want(t, http.StatusOK)
		a.field(t, "router.external_gateway_info.network_id", c.external(t))
	}},
	{"routes/are answered in order of destination and next hop, as text", func(t *testing.T, c *cloud) {
		r := c.routed(t)
		inOrder := hops("10.244.10.0/24 10.77.0.5", "10.244.9.0/24 10.77.0.4", "10.244.9.0/24 10.77.0.5")
		shuffled := []string{"10.244.9.0/24 10.77.0.5", "10.244.10.0/24 10.77.0.5", "10.244.9.0/24 10.77.0.4"}
		c.atomic(t, r.router, "add_extraroutes", shuffled...).want(t, http.StatusOK).field(t, "router.routes", inOrder)
		c.replace(t, r.router, hops(shuffled...)).want(t, http.StatusOK).field(t, "router.routes", inOrder)
		c.router(t, r.router).field(t, "router.routes", inOrder)
	}},
	{"routes/PUT takes default, equal-cost and odd destinations; not malformed ones", func(t *testing.T, c *cloud) {
		r := c.routed(t)
		for _, good := range [][]string{
			{"0.0.0.0/0 10.77.0.5"}, {"10.77.0.0/24 10.77.0.5"}, {"10.244.1.1/32 10.77.0.5"}, {"224.0.0.0/4 10.77.0.5"},
			{"10.244.1.0/24 10.77.0.0"}, {"10.244.1.0/24 10.77.0.255"}, {"10.244.1.0/24 10.77.0.5", "10.244.1.0/24 10.77.0.6"},
		} {
			wantRoutes(t, c.replace(t, r.router, hops(good...)).want(t, http.StatusOK), good...)
		}
		for _, bad := range []any{
			hops("10.244.1.7/24 10.77.0.5"), hops("127.0.0.0/8 10.77.0.5"), hops("10.244/16 10.77.0.5"), hops("10.244.1.0/24 10.77.5"), "x",
			[]obj{{"destination": "10.244.1.0/24"}}, []obj{{"destination": "10.244.1.0/24", "nexthop": "10.77.0.5", "x": 1}}, []obj{{"destination": "10.244.1.0/24", "nexthop": 5}},
		} {
			c.call(t, http.MethodPut, "network", routersPath+"/"+r.router, obj{"router": obj{"routes": bad}}).want(t, http.StatusBadRequest, "HTTPBadRequest")
		}
		wantRoutes(t, c.call(t, http.MethodPut, "network", routersPath+"/"+r.router, obj{"router": obj{"routes": nil}}).want(t, http.StatusOK))
		c.call(t, http.MethodPost, "network", routersPath, obj{"router": obj{"routes": hops()}}).want(t, http.StatusBadRequest, "HTTPBadRequest")
	}},
	{"routes/the atomic calls: nothing to do, keys too many or too few, other bodies", func(t *testing.T, c *cloud) {
		r := c.routed(t)
		path := routersPath + "/" + r.router + "/"
		first := c.router(t, r.router).number("router.revision_number")
		for _, action := range []string{"add_extraroutes", "remove_extraroutes"} {
			c.atomic(t, r.router, action).want(t, http.StatusOK).field(t, "router.revision_number", first)
			for _, body := range []any{"[]", "null", obj{"router": []obj{}}, obj{"router": obj{"routes": nil}}, obj{"router": obj{"routes": "x"}}, obj{"router": obj{"routes": []obj{{"destination": "10.244.1.0/24"}}}}} {
				c.call(t, http.MethodPut, "network", path+action, body).want(t, http.StatusInternalServerError, "HTTPInternalServerError")
			}
			c.call(t, http.MethodPut, "network", path+action, "{").want(t, http.StatusBadRequest, "MalformedRequestBody")
		}
		more := []obj{{"destination": "10.244.1.0/24", "nexthop": "10.77.0.5", "x": 1}}
		a := c.call(t, http.MethodPut, "network", path+"add_extraroutes", obj{"router": obj{"routes": more, "name": "changed"}, "x": 1}).want(t, http.StatusOK)
		a.field(t, "router.routes", hops("10.244.1.0/24 10.77.0.5"))
		if a.text("router.name") == "changed" {
			t.Error("add_extraroutes changed the name")
		}
	}},
	{"routes/removing looks at nothing, removing twice removes once", func(t *testing.T, c *cloud) {
		r := c.routed(t)
		c.atomic(t, r.router, "add_extraroutes", "10.244.1.0/24 10.77.0.5", "10.244.2.0/24 10.77.0.5").want(t, http.StatusOK)
		c.atomic(t, r.router, "remove_extraroutes", "10.244.9.0/24 node").want(t, http.StatusOK)
		c.atomic(t, r.router, "remove_extraroutes", "pods 10.77.0.5").want(t, http.StatusOK)
		wantRoutes(t, c.atomic(t, r.router, "remove_extraroutes", "10.244.1.0/24 10.77.0.5", "10.244.1.0/24 10.77.0.5").want(t, http.StatusOK), "10.244.2.0/24 10.77.0.5")
	}},
	{"routes/the atomic calls take what PUT would not", func(t *testing.T, c *cloud) {
		r := c.routed(t)
		for _, odd := range []string{"127.0.0.0/8 10.77.0.5", "0.0.0.0/0 10.77.0.5", "10.244.2.0/24 10.77.0.0"} {
			c.atomic(t, r.router, "add_extraroutes", odd).want(t, http.StatusOK)
		}
		for _, bad := range []string{"10.245/16 10.77.0.5", " 10.77.0.5", "10.244.4.0/24 10.77.5"} {
			c.atomic(t, r.router, "add_extraroutes", bad).want(t, http.StatusBadRequest, "AddrFormatError")
		}
		c.atomic(t, r.router, "add_extraroutes", "10.244.4.0/24 10.77.0.5/32").want(t, http.StatusInternalServerError, "HTTPInternalServerError")
	}},
}
