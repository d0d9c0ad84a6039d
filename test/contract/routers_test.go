package contract_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
)

const routersPath = "/v2.0/routers"

// hop makes routes: "10.244.1.0/24 10.77.0.5".
func hops(routes ...string) []obj {
	out := []obj{}
	for _, r := range routes {
		destination, nextHop, _ := strings.Cut(r, " ")
		out = append(out, obj{"destination": destination, "nexthop": nextHop})
	}
	return out
}

// atomic is add_extraroutes or remove_extraroutes.
func (c *cloud) atomic(t *testing.T, router, action string, routes ...string) answer {
	t.Helper()
	return c.call(t, http.MethodPut, "network", routersPath+"/"+router+"/"+action, obj{"router": obj{"routes": hops(routes...)}})
}

// replace is PUT routers/{id} with the whole list.
func (c *cloud) replace(t *testing.T, router string, routes []obj, headers ...string) answer {
	t.Helper()
	return c.call(t, http.MethodPut, "network", routersPath+"/"+router, obj{"router": obj{"routes": routes}}, headers...)
}

func wantRoutes(t *testing.T, a answer, want ...string) {
	t.Helper()
	var got []string
	for i := range a.list("router.routes") {
		at := fmt.Sprintf("router.routes.%d.", i)
		got = append(got, a.text(at+"destination")+" "+a.text(at+"nexthop"))
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%s: routes: got %v, want %v", a.request, got, want)
	}
}

func (c *cloud) router(t *testing.T, id string) answer {
	t.Helper()
	return c.call(t, http.MethodGet, "network", routersPath+"/"+id, nil).want(t, http.StatusOK)
}

func manyRoutes(from, n int) []string {
	var out []string
	for i := from; i < from+n; i++ {
		out = append(out, fmt.Sprintf("10.%d.%d.0/24 10.77.0.5", 200+i/256, i%256))
	}
	return out
}

// routeLimit is max_routes, which is 30 unless the cloud's operator has raised it:
// the refusal names it.
func (c *cloud) routeLimit(t *testing.T, router string) int {
	t.Helper()
	refusal := c.replace(t, router, hops(manyRoutes(0, 2000)...)).want(t, http.StatusBadRequest, "RoutesExhausted").text("NeutronError.message")
	var limit int
	if _, err := fmt.Sscanf(refusal[strings.LastIndexByte(refusal, ' ')+1:], "%d.", &limit); err != nil || limit < 10 {
		t.Fatalf("no limit in %q", refusal)
	}
	return limit
}

var routerCases = []contractCase{
	{"router/create shows no routes, no gateway and a revision", func(t *testing.T, c *cloud) {
		a := c.created(t, "router", obj{"name": "r"})
		a.field(t, "router.routes", []obj{})
		a.field(t, "router.external_gateway_info", nil)
		a.field(t, "router.status", "ACTIVE")
		a.field(t, "router.admin_state_up", true)
		a.field(t, "router.project_id", c.project)
		if a.number("router.revision_number") < 0 {
			t.Errorf("revision_number is missing: %.300s", a.raw)
		}
	}},
	{"router/a missing one is 404 RouterNotFound on every call", func(t *testing.T, c *cloud) {
		const id = "00000000-0000-4000-8000-000000000000"
		c.call(t, http.MethodGet, "network", routersPath+"/"+id, nil).want(t, http.StatusNotFound, "RouterNotFound")
		c.replace(t, id, hops()).want(t, http.StatusNotFound, "RouterNotFound")
		c.atomic(t, id, "add_extraroutes", "10.244.1.0/24 10.77.0.5").want(t, http.StatusNotFound, "RouterNotFound")
		c.atomic(t, id, "remove_extraroutes", "10.244.1.0/24 10.77.0.5").want(t, http.StatusNotFound, "RouterNotFound")
	}},
	{"router/an interface is a port of the router with the subnet's gateway address", func(t *testing.T, c *cloud) {
		r := c.routed(t)
		a := c.call(t, http.MethodGet, "network", portsPath+"?device_id="+r.router, nil).want(t, http.StatusOK)
		a.field(t, "ports.0.device_owner", "network:router_interface")
		a.field(t, "ports.0.fixed_ips", []obj{{"subnet_id": r.subnet, "ip_address": "10.77.0.1"}})
		a.field(t, "ports.0.project_id", c.project)
		a.field(t, "ports.0.port_security_enabled", false)
		byOwner := c.call(t, http.MethodGet, "network", portsPath+"?device_owner=network%3Arouter_interface&fixed_ips=subnet_id%3D"+r.subnet, nil).want(t, http.StatusOK)
		byOwner.field(t, "ports.0.device_id", r.router)
	}},
	{"router/the same subnet twice is 400, a second subnet is fine", func(t *testing.T, c *cloud) {
		r := c.routed(t)
		c.call(t, http.MethodPut, "network", routersPath+"/"+r.router+"/add_router_interface", obj{"subnet_id": r.subnet}).want(t, http.StatusBadRequest, "BadRequest")
	}},
	{"router/deleting one with an interface is 409 RouterInUse", func(t *testing.T, c *cloud) {
		r := c.routed(t)
		c.call(t, http.MethodDelete, "network", routersPath+"/"+r.router, nil).want(t, http.StatusConflict, "RouterInUse")
	}},
	{"router/adding an interface raises the router's revision", func(t *testing.T, c *cloud) {
		l := c.lan(t)
		router := c.created(t, "router", obj{"name": "contract-" + unique()})
		id, before := router.text("router.id"), router.number("router.revision_number")
		c.call(t, http.MethodPut, "network", routersPath+"/"+id+"/add_router_interface", obj{"subnet_id": l.subnet}).want(t, http.StatusOK).field(t, "subnet_id", l.subnet)
		if got := c.router(t, id).number("router.revision_number"); got <= before {
			t.Errorf("revision: got %d, was %d", got, before)
		}
		c.call(t, http.MethodPut, "network", routersPath+"/"+id+"/remove_router_interface", obj{"subnet_id": l.subnet}).want(t, http.StatusOK)
	}},
	{"routes/PUT replaces the list and raises the revision", func(t *testing.T, c *cloud) {
		r := c.routed(t)
		before := c.router(t, r.router).number("router.revision_number")
		a := c.replace(t, r.router, hops("10.244.1.0/24 10.77.0.5", "10.244.2.0/24 10.77.0.6")).want(t, http.StatusOK)
		wantRoutes(t, a, "10.244.1.0/24 10.77.0.5", "10.244.2.0/24 10.77.0.6")
		if got := c.router(t, r.router).number("router.revision_number"); got <= before {
			t.Errorf("revision: got %d, was %d", got, before)
		}
		wantRoutes(t, c.replace(t, r.router, hops("10.244.3.0/24 10.77.0.5")).want(t, http.StatusOK), "10.244.3.0/24 10.77.0.5")
		wantRoutes(t, c.replace(t, r.router, hops()).want(t, http.StatusOK))
	}},
	{"routes/the revision in the answer of a PUT is the current one", func(t *testing.T, c *cloud) {
		r := c.routed(t)
		a := c.replace(t, r.router, hops("10.244.1.0/24 10.77.0.5")).want(t, http.StatusOK)
		a.field(t, "router.revision_number", c.router(t, r.router).number("router.revision_number"))
	}},
	{"routes/If-Match guards PUT", func(t *testing.T, c *cloud) {
		r := c.routed(t)
		revision := c.router(t, r.router).number("router.revision_number")
		match := fmt.Sprintf("If-Match: revision_number=%d", revision)
		c.replace(t, r.router, hops("10.244.1.0/24 10.77.0.5"), match).want(t, http.StatusOK)
		c.replace(t, r.router, hops(), match).want(t, http.StatusPreconditionFailed, "RevisionNumberConstraintFailed")
		wantRoutes(t, c.router(t, r.router), "10.244.1.0/24 10.77.0.5")
	}},
	{"routes/a PUT with the same routes keeps them", func(t *testing.T, c *cloud) {
		r := c.routed(t)
		c.replace(t, r.router, hops("10.244.1.0/24 10.77.0.5")).want(t, http.StatusOK)
		wantRoutes(t, c.replace(t, r.router, hops("10.244.1.0/24 10.77.0.5")).want(t, http.StatusOK), "10.244.1.0/24 10.77.0.5")
	}},
	{"routes/a PUT without routes leaves them", func(t *testing.T, c *cloud) {
		r := c.routed(t)
		c.replace(t, r.router, hops("10.244.1.0/24 10.77.0.5")).want(t, http.StatusOK)
		wantRoutes(t, c.call(t, http.MethodPut, "network", routersPath+"/"+r.router, obj{"router": obj{"name": "renamed"}}).want(t, http.StatusOK), "10.244.1.0/24 10.77.0.5")
	}},
	{"routes/a next hop outside the router's subnets is InvalidRoutes", func(t *testing.T, c *cloud) {
		r := c.routed(t)
		c.replace(t, r.router, hops("10.244.1.0/24 10.99.0.5")).want(t, http.StatusBadRequest, "InvalidRoutes")
		c.atomic(t, r.router, "add_extraroutes", "10.244.1.0/24 10.99.0.5").want(t, http.StatusBadRequest, "InvalidRoutes")
	}},
	{"routes/the router's own address as next hop is InvalidRoutes", func(t *testing.T, c *cloud) {
		r := c.routed(t)
		c.replace(t, r.router, hops("10.244.1.0/24 10.77.0.1")).want(t, http.StatusBadRequest, "InvalidRoutes")
		c.atomic(t, r.router, "add_extraroutes", "10.244.1.0/24 10.77.0.1").want(t, http.StatusBadRequest, "InvalidRoutes")
	}},
	{"routes/a router without interfaces takes none", func(t *testing.T, c *cloud) {
		id := c.make(t, "router", obj{"name": "contract-" + unique()})
		c.atomic(t, id, "add_extraroutes", "10.244.1.0/24 10.77.0.5").want(t, http.StatusBadRequest, "InvalidRoutes")
	}},
	{"routes/a next hop that no port has is fine", func(t *testing.T, c *cloud) {
		r := c.routed(t)
		wantRoutes(t, c.atomic(t, r.router, "add_extraroutes", "10.244.1.0/24 10.77.0.200").want(t, http.StatusOK), "10.244.1.0/24 10.77.0.200")
	}},
	{"routes/PUT refuses malformed ones with 400", func(t *testing.T, c *cloud) {
		r := c.routed(t)
		for _, bad := range []string{"10.244.1.0 10.77.0.5", "pods 10.77.0.5", "10.244.1.0/24 node", "10.244.1.0/24 10.77.0.0/24"} {
			c.replace(t, r.router, hops(bad)).want(t, http.StatusBadRequest, "HTTPBadRequest")
		}
	}},
	{"routes/the atomic calls hardly look at what they are given", func(t *testing.T, c *cloud) {
		r := c.routed(t)
		// A destination without a mask is kept as it is, where PUT refuses it.
		wantRoutes(t, c.atomic(t, r.router, "add_extraroutes", "10.244.1.0 10.77.0.5").want(t, http.StatusOK), "10.244.1.0 10.77.0.5")
		c.atomic(t, r.router, "add_extraroutes", "pods 10.77.0.5").want(t, http.StatusBadRequest, "AddrFormatError")
		c.atomic(t, r.router, "add_extraroutes", "10.244.1.0/24 node").want(t, http.StatusBadRequest, "AddrFormatError")
		c.atomic(t, r.router, "add_extraroutes", "10.244.1.0/24 10.77.0.0/24").want(t, http.StatusInternalServerError, "HTTPInternalServerError")
		for _, action := range []string{"add_extraroutes", "remove_extraroutes"} {
			path := routersPath + "/" + r.router + "/" + action
			c.call(t, http.MethodPut, "network", path, obj{"router": obj{}}).want(t, http.StatusInternalServerError, "HTTPInternalServerError")
			c.call(t, http.MethodPut, "network", path, obj{}).want(t, http.StatusInternalServerError, "HTTPInternalServerError")
		}
		wantRoutes(t, c.router(t, r.router), "10.244.1.0 10.77.0.5")
	}},
	{"routes/one route twice in a PUT is 400", func(t *testing.T, c *cloud) {
		r := c.routed(t)
		c.replace(t, r.router, hops("10.244.1.0/24 10.77.0.5", "10.244.1.0/24 10.77.0.5")).want(t, http.StatusBadRequest, "HTTPBadRequest")
	}},
	{"routes/one route twice in add_extraroutes", func(t *testing.T, c *cloud) {
		r := c.routed(t)
		wantRoutes(t, c.atomic(t, r.router, "add_extraroutes", "10.244.1.0/24 10.77.0.5", "10.244.1.0/24 10.77.0.5").want(t, http.StatusOK), "10.244.1.0/24 10.77.0.5")
	}},
	{"routes/adding what is there is harmless", func(t *testing.T, c *cloud) {
		r := c.routed(t)
		c.atomic(t, r.router, "add_extraroutes", "10.244.1.0/24 10.77.0.5").want(t, http.StatusOK)
		wantRoutes(t, c.atomic(t, r.router, "add_extraroutes", "10.244.1.0/24 10.77.0.5", "10.244.2.0/24 10.77.0.6").want(t, http.StatusOK), "10.244.1.0/24 10.77.0.5", "10.244.2.0/24 10.77.0.6")
		wantRoutes(t, c.router(t, r.router), "10.244.1.0/24 10.77.0.5", "10.244.2.0/24 10.77.0.6")
	}},
	{"routes/another next hop for the same destination is added", func(t *testing.T, c *cloud) {
		r := c.routed(t)
		c.atomic(t, r.router, "add_extraroutes", "10.244.1.0/24 10.77.0.5").want(t, http.StatusOK)
		wantRoutes(t, c.atomic(t, r.router, "add_extraroutes", "10.244.1.0/24 10.77.0.6").want(t, http.StatusOK), "10.244.1.0/24 10.77.0.5", "10.244.1.0/24 10.77.0.6")
	}},
	{"routes/removing takes the exact pair, and a missing one is harmless", func(t *testing.T, c *cloud) {
		r := c.routed(t)
		c.atomic(t, r.router, "add_extraroutes", "10.244.1.0/24 10.77.0.5", "10.244.2.0/24 10.77.0.6").want(t, http.StatusOK)
		wantRoutes(t, c.atomic(t, r.router, "remove_extraroutes", "10.244.1.0/24 10.77.0.6").want(t, http.StatusOK), "10.244.1.0/24 10.77.0.5", "10.244.2.0/24 10.77.0.6")
		wantRoutes(t, c.atomic(t, r.router, "remove_extraroutes", "10.244.1.0/24 10.77.0.5", "10.9.9.0/24 10.77.0.5").want(t, http.StatusOK), "10.244.2.0/24 10.77.0.6")
	}},
	{"routes/the caller's spelling of a destination is kept, and only it removes", func(t *testing.T, c *cloud) {
		r := c.routed(t)
		wantRoutes(t, c.atomic(t, r.router, "add_extraroutes", "10.244.1.7/24 10.77.0.5").want(t, http.StatusOK), "10.244.1.7/24 10.77.0.5")
		wantRoutes(t, c.atomic(t, r.router, "remove_extraroutes", "10.244.1.0/24 10.77.0.5").want(t, http.StatusOK), "10.244.1.7/24 10.77.0.5")
		wantRoutes(t, c.atomic(t, r.router, "remove_extraroutes", "10.244.1.7/24 10.77.0.5").want(t, http.StatusOK))
	}},
	{"routes/the limit is RoutesExhausted and nothing of the request is kept", func(t *testing.T, c *cloud) {
		r := c.routed(t)
		limit := c.routeLimit(t, r.router)
		c.atomic(t, r.router, "add_extraroutes", manyRoutes(0, limit)...).want(t, http.StatusOK)
		c.atomic(t, r.router, "add_extraroutes", manyRoutes(limit, 1)...).want(t, http.StatusBadRequest, "RoutesExhausted")
		c.atomic(t, r.router, "add_extraroutes", manyRoutes(limit-5, 10)...).want(t, http.StatusBadRequest, "RoutesExhausted")
		if got := len(c.router(t, r.router).list("router.routes")); got != limit {
			t.Errorf("got %d routes, want %d", got, limit)
		}
		var tooMany []obj
		tooMany = append(tooMany, hops(manyRoutes(0, limit+1)...)...)
		c.replace(t, r.router, tooMany).want(t, http.StatusBadRequest, "RoutesExhausted")
		c.atomic(t, r.router, "remove_extraroutes", manyRoutes(0, 1)...).want(t, http.StatusOK)
		c.atomic(t, r.router, "add_extraroutes", manyRoutes(limit, 1)...).want(t, http.StatusOK)
	}},
	{"routes/one bad next hop refuses the whole request", func(t *testing.T, c *cloud) {
		r := c.routed(t)
		c.atomic(t, r.router, "add_extraroutes", "10.244.1.0/24 10.77.0.5", "10.244.2.0/24 10.99.0.5").want(t, http.StatusBadRequest, "InvalidRoutes")
		wantRoutes(t, c.router(t, r.router))
	}},
	{"routes/an interface in use by a route stays: 409 RouterInterfaceInUseByRoute", func(t *testing.T, c *cloud) {
		r := c.routed(t)
		c.atomic(t, r.router, "add_extraroutes", "10.244.1.0/24 10.77.0.5").want(t, http.StatusOK)
		c.call(t, http.MethodPut, "network", routersPath+"/"+r.router+"/remove_router_interface", obj{"subnet_id": r.subnet}).want(t, http.StatusConflict, "RouterInterfaceInUseByRoute")
	}},
	{"routes/the atomic calls answer with the whole router and raise its revision", func(t *testing.T, c *cloud) {
		r := c.routed(t)
		before := c.router(t, r.router).number("router.revision_number")
		a := c.atomic(t, r.router, "add_extraroutes", "10.244.1.0/24 10.77.0.5").want(t, http.StatusOK)
		a.field(t, "router.id", r.router)
		after := c.router(t, r.router).number("router.revision_number")
		if after <= before {
			t.Errorf("revision: got %d, was %d", after, before)
		}
		a.field(t, "router.revision_number", after)
	}},
	{"routes/If-Match is heard by the atomic calls too", func(t *testing.T, c *cloud) {
		r := c.routed(t)
		path := routersPath + "/" + r.router + "/add_extraroutes"
		c.call(t, http.MethodPut, "network", path, obj{"router": obj{"routes": hops("10.244.1.0/24 10.77.0.5")}}, "If-Match: revision_number=999").want(t, http.StatusPreconditionFailed)
	}},
	{"routes/IPv6 routes stand beside IPv4 ones", func(t *testing.T, c *cloud) {
		r := c.routed(t)
		six := c.make(t, "subnet", obj{"network_id": r.network, "ip_version": 6, "cidr": "fd00:77::/64"})
		base := routersPath + "/" + r.router
		c.call(t, http.MethodPut, "network", base+"/add_router_interface", obj{"subnet_id": six}).want(t, http.StatusOK)
		defer func() {
			c.replace(t, r.router, hops()).want(t, http.StatusOK)
			c.call(t, http.MethodPut, "network", base+"/remove_router_interface", obj{"subnet_id": six}).want(t, http.StatusOK)
		}()
		wantRoutes(t, c.atomic(t, r.router, "add_extraroutes", "10.244.1.0/24 10.77.0.5", "fd00:244::/64 fd00:77::5").want(t, http.StatusOK), "10.244.1.0/24 10.77.0.5", "fd00:244::/64 fd00:77::5")
		// Families are not compared.
		c.atomic(t, r.router, "add_extraroutes", "10.244.2.0/24 fd00:77::5").want(t, http.StatusOK)
	}},
	{"router/list by id, name and with fields", func(t *testing.T, c *cloud) {
		a := c.created(t, "router", obj{"name": "contract-" + unique()})
		id := a.text("router.id")
		for _, query := range []string{"id=" + id, "name=" + a.text("router.name")} {
			got := c.call(t, http.MethodGet, "network", routersPath+"?fields=id&"+query, nil).want(t, http.StatusOK)
			got.field(t, "routers", []obj{{"id": id}})
		}
	}},
}
