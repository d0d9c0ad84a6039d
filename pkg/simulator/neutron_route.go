package simulator

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// Static routes as neutron/db/extraroute_db.py (extensions extraroute and
// extraroute-atomic) has them.

// route is one static route, in the caller's spelling.
type route struct {
	Destination string `json:"destination"`
	NextHop     string `json:"nexthop"`
}

// checkRoutes validates the list of PUT routers/{id} (neutron_lib/api/validators
// validate_hostroutes); the two member actions skip this.
func checkRoutes(b body) error {
	if b.isNull("routes") {
		return nil
	}
	var sent []map[string]json.RawMessage
	if err := json.Unmarshal(b.fields["routes"], &sent); err != nil {
		return invalidInput("routes", "Invalid data format for hostroute: '%s'", b.fields["routes"])
	}
	seen := map[route]bool{}
	for _, keys := range sent {
		_, hasDestination := keys["destination"]
		_, hasNextHop := keys["nexthop"]
		if !hasDestination || !hasNextHop || len(keys) != 2 {
			return invalidInput("routes", "Validation of dictionary's keys failed. "+
				"Expected keys: {'destination', 'nexthop'}")
		}
		r := route{text(keys["destination"]), text(keys["nexthop"])}
		cidr, err := parseCIDR(r.Destination)
		switch {
		case err != nil:
			return invalidInput("routes", "'%s' is not a valid CIDR", r.Destination)
		case cidr.Addr().IsLoopback():
			return invalidInput("routes", "'%s' is not a routable CIDR", r.Destination)
		}
		if _, err := netip.ParseAddr(r.NextHop); err != nil {
			return invalidInput("routes", "'%s' is not a valid IP address", r.NextHop)
		}
		if seen[r] {
			return invalidInput("routes", "Duplicate hostroute '%s'", r)
		}
		seen[r] = true
	}
	return nil
}

// text is a JSON string's value, or the raw JSON of anything else.
func text(raw json.RawMessage) string {
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		return string(raw)
	}
	return s
}

// String is the route as Python prints it, for messages.
func (r route) String() string {
	return fmt.Sprintf("{'destination': '%s', 'nexthop': '%s'}", r.Destination, r.NextHop)
}

// routesFit validates the whole list that a router would have: how many there
// are, and that each next hop is on a subnet of one of the router's ports without
// being an address of the router. Up to 2026.1 the limit is the option max_routes,
// checked first; from 2026.2 on it is the quota router_route, checked last. The
// port without, if any, counts as gone already.
func (n *neutron) routesFit(v *router, routes []route, without *port) error {
	options := n.cloud.options
	if options.RouterRouteQuota == 0 && len(routes) > options.MaxRoutes {
		return invalid("RoutesExhausted", "Unable to complete operation for %s. "+
			"The number of routes exceeds the maximum %d.", v.ID, options.MaxRoutes)
	}
	ranges, own := n.reach(v, without)
	for _, r := range routes {
		hop, err := netip.ParseAddr(r.NextHop)
		switch {
		case err != nil && strings.Contains(r.NextHop, "/"):
			return errInternal
		case err != nil:
			return addressFormat("failed to detect a valid IP address from '%s'", r.NextHop)
		}
		if !slices.ContainsFunc(ranges, func(cidr netip.Prefix) bool { return cidr.Contains(hop) }) {
			return invalidRoutes(routes, "the nexthop is not connected with router")
		}
		if own[r.NextHop] {
			return invalidRoutes(routes, "the nexthop is used by router")
		}
	}
	if options.RouterRouteQuota == 0 {
		return nil
	}
	return n.checkQuota("router_route", v.ProjectID, 0, len(routes))
}

// reach is where a router's next hops may be, and which addresses are its own;
// the port without, if any, does not count.
func (n *neutron) reach(v *router, without *port) (ranges []netip.Prefix, own map[string]bool) {
	own = map[string]bool{}
	for _, p := range n.devices[v.ID] {
		if p == without {
			continue
		}
		for _, ip := range p.FixedIPs {
			ranges = append(ranges, n.subnets.rows[ip.SubnetID].CIDR)
			own[ip.IPAddress] = true
		}
	}
	return ranges, own
}

func invalidRoutes(routes []route, reason string) error {
	texts := make([]string, len(routes))
	for i, r := range routes {
		texts[i] = r.String()
	}
	return invalid("InvalidRoutes", "Invalid format for routes: [%s], %s", strings.Join(texts, ", "), reason)
}

// addressFormat is netaddr's refusal, which Neutron passes on as 400.
func addressFormat(format, text string) error {
	return &neutronError{http.StatusBadRequest, "AddrFormatError", fmt.Sprintf(format, text)}
}

// addRoutes is PUT …/add_extraroutes: exact duplicates merge, also within the
// request; another next hop of the same destination is one more route.
func addRoutes(old, sent []route) []route {
	routes := slices.Clone(old)
	for _, r := range sent {
		if !slices.Contains(routes, r) {
			routes = append(routes, r)
		}
	}
	return routes
}

// removeRoutes is PUT …/remove_extraroutes: exact pairs go; missing ones are no error.
func removeRoutes(old, sent []route) []route {
	return slices.DeleteFunc(slices.Clone(old), func(r route) bool { return slices.Contains(sent, r) })
}

// inRouteOrder is the list as the database gives it: by destination and next hop as text.
func inRouteOrder(routes []route) []route {
	sorted := slices.Clone(routes)
	slices.SortFunc(sorted, func(a, b route) int {
		return cmp.Or(strings.Compare(a.Destination, b.Destination), strings.Compare(a.NextHop, b.NextHop))
	})
	return sorted
}

// sentRoutes reads the body of the two member actions, which Neutron hardly
// checks: whatever has not the shape that it takes for granted makes it stumble.
func sentRoutes(r *request) ([]route, error) {
	if len(r.Body) > 0 && !json.Valid(r.Body) {
		return nil, invalid("MalformedRequestBody", "Malformed request body: Cannot understand JSON.")
	}
	var in struct {
		Router struct {
			Routes []map[string]json.RawMessage `json:"routes"`
		} `json:"router"`
	}
	if err := json.Unmarshal(r.Body, &in); err != nil || in.Router.Routes == nil {
		return nil, errInternal
	}
	routes := make([]route, 0, len(in.Router.Routes))
	for _, sent := range in.Router.Routes {
		if sent["destination"] == nil || sent["nexthop"] == nil {
			return nil, errInternal
		}
		routes = append(routes, route{text(sent["destination"]), text(sent["nexthop"])})
	}
	return routes, nil
}

// extraRoutes serves the two member actions. The answer is the whole router.
func (n *neutron) extraRoutes(rule string, combine func(old, sent []route) []route) operation {
	return func(r *request) (any, error) {
		sent, err := sentRoutes(r)
		if err != nil && !errors.Is(err, errInternal) {
			return nil, err
		}
		v, missing := n.routers.findOwn(r, rule)
		if missing != nil {
			return nil, missing
		}
		if err != nil {
			return nil, err
		}
		routes := combine(v.Routes, sent)
		if err := n.routesFit(v, routes, nil); err != nil {
			return nil, err
		}
		if err := destinationsParse(routes); err != nil {
			return nil, err
		}
		if !slices.Equal(routes, v.Routes) {
			if err := n.ifMatch(r, v); err != nil {
				return nil, err
			}
			v.Routes = routes
			v.touch()
		}
		return n.routers.wrap(callerOf(r), v, nil), nil
	}
}

// destinationsParse: what is no network at all cannot be stored; host bits can.
func destinationsParse(routes []route) error {
	for _, r := range routes {
		_, err := netip.ParsePrefix(r.Destination)
		if _, addressErr := netip.ParseAddr(r.Destination); err != nil && addressErr != nil {
			return addressFormat("invalid IPNetwork %s", r.Destination)
		}
	}
	return nil
}
