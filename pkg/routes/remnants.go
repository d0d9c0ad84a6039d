package routes

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"underlay/internal/cloud"
	"underlay/internal/step"
)

// Remnants are routes and address pairs that a cluster left when it went.
// Neutron keeps no owner of either: all that is known is that they lie in a
// range that was the cluster's pods'.
type Remnants struct {
	Router Router
	Routes []RemnantRoute
	Pairs  []RemnantPairs
}

// RemnantRoute is one route with the device that has its next hop: a server's
// UUID, or "" when no port of the project has that address.
type RemnantRoute struct {
	Route
	DeviceID string
}

// RemnantPairs are the allowed address pairs of one port, in the spelling of
// netip.Prefix.
type RemnantPairs struct {
	PortID, DeviceID string
	CIDRs            []string
}

// FindRemnants finds routes of the router, and address pairs of ports on its
// subnets, that lie in the ranges; all ports count where there is no router
// (attached is empty). It never finds what is outside. It is pure and sorted.
func FindRemnants(router Router, attached []Interface, ports []Port, ranges []netip.Prefix) Remnants {
	found := Remnants{Router: router}
	index, at := indexPorts(ports), attach(attached)
	for _, route := range router.Routes {
		p, ok := route.canonical()
		if !ok || !inside(p.prefix, ranges) {
			continue
		}
		remnant := RemnantRoute{Route: route}
		for _, port := range index.byAddress[p.hop] {
			if len(attached) == 0 || at.holds(port, p.hop) {
				remnant.DeviceID = port.DeviceID
			}
		}
		found.Routes = append(found.Routes, remnant)
	}
	slices.SortFunc(found.Routes, func(a, b RemnantRoute) int { return compareRoutes(a.Route, b.Route) })
	for i := range ports {
		if pairs := remnantPairs(&ports[i], ranges); len(pairs) > 0 && near(&ports[i], attached) {
			found.Pairs = append(found.Pairs, RemnantPairs{PortID: ports[i].ID, DeviceID: ports[i].DeviceID, CIDRs: pairs})
		}
	}
	slices.SortFunc(found.Pairs, func(a, b RemnantPairs) int {
		return cmp.Or(strings.Compare(a.CIDRs[0], b.CIDRs[0]), strings.Compare(a.PortID, b.PortID))
	})
	return found
}

// remnantPairs are the pairs with the port's own MAC address inside the ranges.
func remnantPairs(port *Port, ranges []netip.Prefix) []string {
	var pairs []string
	for _, p := range port.AddressPairs {
		if prefix, ok := p.prefix(); ok && p.MACAddress == "" && inside(prefix, ranges) {
			pairs = append(pairs, prefix.String())
		}
	}
	return sorted(pairs, strings.Compare)
}

// near says that the port is on a subnet of the router.
func near(port *Port, attached []Interface) bool {
	return len(attached) == 0 || slices.ContainsFunc(port.FixedIPs, func(ip FixedIP) bool {
		return slices.ContainsFunc(attached, func(i Interface) bool { return i.SubnetID == ip.SubnetID })
	})
}

// Steps takes the routes off in one step, then the pairs, one step a port.
func (r Remnants) Steps() []step.Step {
	var steps []step.Step
	if len(r.Routes) > 0 {
		remove := RemoveRoutes{RouterID: r.Router.ID}
		for _, route := range r.Routes {
			remove.Routes = append(remove.Routes, route.Route)
		}
		steps = append(steps, remove)
	}
	for _, p := range r.Pairs {
		steps = append(steps, SetPairs{PortID: p.PortID, Remove: p.CIDRs})
	}
	return steps
}

// Clear carries out one step of Remnants. What is gone already is success.
func Clear(ctx context.Context, routers RouterAPI, ports PortAPI, s step.Step) error {
	var write func() error
	switch s := s.(type) {
	case RemoveRoutes:
		write = func() error { return clearRoutes(ctx, routers, s) }
	case SetPairs:
		write = func() error { return clearPairs(ctx, ports, s) }
	default:
		return fmt.Errorf("apply step %v: unknown", s)
	}
	err := write()
	for attempt := 1; attempt < pairAttempts && (errors.Is(err, cloud.ErrBusy) || errors.Is(err, cloud.ErrAmbiguous)); attempt++ {
		if pauseErr := pause(ctx, attempt); pauseErr != nil {
			return cloud.Join(err, pauseErr)
		}
		err = write()
	}
	if err != nil && !errors.Is(err, cloud.ErrNotFound) {
		return fmt.Errorf("%s: %w", s, err)
	}
	return nil
}

// clearRoutes removes routes by name or, where the cloud cannot do that, writes
// the rest of the list as it is now.
func clearRoutes(ctx context.Context, routers RouterAPI, s RemoveRoutes) error {
	features, err := routers.Features(ctx)
	if err != nil {
		return err
	}
	if features.AtomicRoutes {
		_, err := routers.RemoveRoutes(ctx, s.RouterID, s.Routes)
		return err
	}
	router, err := routers.Router(ctx, s.RouterID)
	if err != nil {
		return err
	}
	rest := slices.DeleteFunc(slices.Clone(router.Routes), func(r Route) bool { return slices.Contains(s.Routes, r) })
	if len(rest) == len(router.Routes) {
		return nil
	}
	_, err = routers.SetRoutes(ctx, s.RouterID, router.Revision, rest)
	return err
}

func clearPairs(ctx context.Context, ports PortAPI, s SetPairs) error {
	port, err := ports.Port(ctx, s.PortID)
	if err != nil {
		return err
	}
	var remove []netip.Prefix
	for _, cidr := range s.Remove {
		if prefix, err := parsePrefix(cidr); err == nil {
			remove = append(remove, prefix)
		}
	}
	rest := mergePairs(port.AddressPairs, nil, remove)
	if slices.Equal(rest, port.AddressPairs) {
		return nil
	}
	_, err = ports.SetAddressPairs(ctx, s.PortID, port.Revision, rest)
	return err
}
