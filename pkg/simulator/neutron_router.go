package simulator

import "slices"

// Routers as neutron/db/l3_db.py, l3_gwmode_db.py and neutron/conf/policies/router.py have them.

// router forwards between the subnets of its interfaces and its gateway.
type router struct {
	attributes
	AdminUp bool
	// Routes are never changed in place.
	Routes []route
	// GatewayPort is the port on the external network, nil without one.
	GatewayPort *port
	SNAT        bool
}

func (n *neutron) routerKind() *kind[*router] {
	k := &kind[*router]{
		n: n, singular: "router", plural: "routers", path: "routers", quota: "router", firstRevision: 1, extension: "router",
		notFound: "RouterNotFound", notFoundMessage: "Router %s could not be found",
		create: n.createRouter, update: n.updateRouter, blocked: n.routerInUse, drop: n.dropRouter,
	}
	const set = inPost | inPut | inFilter
	k.attributes = standard(
		named[*router](), tagged[*router](0),
		attribute[*router]{name: "admin_state_up", use: set, value: func(v *router) any { return v.AdminUp }},
		attribute[*router]{name: "status", value: func(*router) any { return "ACTIVE" }},
		attribute[*router]{
			name: "external_gateway_info", use: inPost | inPut | mayBeNull | unsorted,
			value: func(v *router) any { return v.gatewayInfo() },
		},
		attribute[*router]{
			name: "routes", use: inPut | mayBeNull | unsorted, extension: "extraroute",
			value: func(v *router) any { return list(inRouteOrder(v.Routes)) },
		},
		attribute[*router]{
			name: "availability_zones", use: unsorted, extension: "router_availability_zone",
			value: func(*router) any { return n.cloud.options.Zones },
		},
		attribute[*router]{
			name: "availability_zone_hints", use: inPost | unsorted, extension: "router_availability_zone",
			value: func(*router) any { return []string{} },
		},
		// Legacy routers only: what an admin asks for here is accepted and has no effect.
		attribute[*router]{name: "distributed", use: set | adminOnly, value: func(*router) any { return false }},
		attribute[*router]{name: "ha", use: set | adminOnly, value: func(*router) any { return false }},
	)
	return k
}

type routerBody struct {
	common
	AdminUp *bool        `json:"admin_state_up"`
	Gateway *gatewayWish `json:"external_gateway_info"`
	Routes  *[]route     `json:"routes"`
}

// read decodes a body; an empty external_gateway_info means none, as null does.
func (in *routerBody) read(b body) error {
	err := b.decode(in)
	if in.Gateway != nil && *in.Gateway == (gatewayWish{}) {
		in.Gateway = nil
	}
	return err
}

func (n *neutron) createRouter(c caller, b body) (*router, error) {
	var in routerBody
	if err := in.read(b); err != nil {
		return nil, err
	}
	a, err := in.start(c)
	if err != nil {
		return nil, err
	}
	a.ID = newID()
	v := &router{attributes: a, AdminUp: true, SNAT: true}
	assign(&v.AdminUp, in.AdminUp)
	if in.Gateway != nil {
		if err := in.Gateway.check(n, c, v, "create_router"); err != nil {
			return nil, err
		}
		if err := n.setGateway(v, in.Gateway); err != nil {
			return nil, err
		}
	}
	return n.routers.add(v), nil
}

func (n *neutron) updateRouter(c caller, v *router, b body, match func() error) error {
	var in routerBody
	if err := in.read(b); err != nil {
		return err
	}
	routes := v.Routes
	if b.has("routes") {
		if err := checkRoutes(b); err != nil {
			return err
		}
		routes = nil
		assign(&routes, in.Routes)
		if err := n.routesFit(v, routes, nil); err != nil {
			return err
		}
	}
	if in.Gateway != nil {
		if err := in.Gateway.check(n, c, v, "update_router"); err != nil {
			return err
		}
	} else if b.has("external_gateway_info") {
		if err := n.gatewayNeeded(v, routes); err != nil {
			return err
		}
	}
	if err := match(); err != nil {
		return err
	}
	if b.has("external_gateway_info") {
		if err := n.setGateway(v, in.Gateway); err != nil {
			return err
		}
	}
	in.describe(&v.attributes)
	assign(&v.AdminUp, in.AdminUp)
	v.Routes = routes
	return nil
}

// interfaces are a router's ports on its inner networks, oldest first.
func (n *neutron) interfaces(v *router) []*port {
	return slices.DeleteFunc(slices.Clone(n.devices[v.ID]), func(p *port) bool { return p.DeviceOwner != ownerInterface })
}

func (n *neutron) routerInUse(_ caller, v *router) error {
	if len(n.interfaces(v)) > 0 {
		return conflict("RouterInUse", "Router %s still has ports", v.ID)
	}
	return n.gatewayInUse(v)
}

func (n *neutron) dropRouter(v *router) {
	for _, p := range slices.Clone(n.devices[v.ID]) {
		n.dropPort(p)
	}
	n.routers.take(v)
}
