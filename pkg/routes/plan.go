package routes

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"underlay/internal/step"
)

// Actual is what the cloud has, as far as routes are concerned.
type Actual struct {
	Router Router
	// FilterPorts is true where ports drop what their address pairs do not
	// allow: the allowed-address-pairs extension is there.
	FilterPorts bool
	// Written are the pairs that the ledger says this cluster wrote.
	Written map[pair]bool

	attached attachment
	ports    *portIndex
}

// filters says whether the port drops what its address pairs do not allow.
func (a *Actual) filters(port *Port) bool { return a.FilterPorts && port.PortSecurity }

// allows says whether the port lets the prefix through: it does not filter, or
// a pair with its own MAC address covers the prefix. A pair that somebody set
// for the whole cluster CIDR will do.
func (a *Actual) allows(portID string, prefix netip.Prefix) bool {
	port := a.ports.byID[portID]
	return port != nil && (!a.filters(port) || coveredBy(port.AddressPairs, prefix))
}

// plan compares what the nodes need with what the cloud has and lists the
// steps that lead from one to the other: removals before additions, so that a
// full router has room and a destination never has a stale next hop beside the
// right one. It is pure; an empty plan means that all is right.
func plan(desired *Desired, actual *Actual) []step.Step {
	return assess(desired, actual).steps(desired, actual)
}

// steps renders the assessment as a plan.
func (a *assessment) steps(desired *Desired, actual *Actual) []step.Step {
	var remove, add []Route
	ports := map[string]*SetPairs{}
	port := func(id string) *SetPairs {
		if ports[id] == nil {
			ports[id] = &SetPairs{PortID: id}
		}
		return ports[id]
	}
	for _, l := range a.leftovers {
		remove = append(remove, l.spelled...)
		for _, id := range l.ports {
			port(id).Remove = append(port(id).Remove, l.prefix.String())
		}
	}
	for i, w := range desired.Wants {
		if !a.states[i].routed {
			add = append(add, w.pair().route())
		}
		if !a.states[i].allowed {
			s := port(w.PortID)
			s.Node = w.Node
			s.Add = append(s.Add, w.Prefix.String())
		}
	}
	var steps []step.Step
	if len(remove) > 0 {
		steps = append(steps, RemoveRoutes{RouterID: actual.Router.ID, Routes: sorted(remove, compareRoutes)})
	}
	if len(add) > 0 {
		steps = append(steps, AddRoutes{RouterID: actual.Router.ID, Routes: sorted(add, compareRoutes)})
	}
	return append(steps, portSteps(ports)...)
}

func portSteps(ports map[string]*SetPairs) []step.Step {
	var steps []step.Step
	for _, s := range slices.SortedFunc(maps.Values(ports), func(x, y *SetPairs) int {
		return cmp.Or(cmp.Compare(x.Node, y.Node), cmp.Compare(x.PortID, y.PortID))
	}) {
		s.Add, s.Remove = sorted(s.Add, strings.Compare), sorted(s.Remove, strings.Compare)
		steps = append(steps, *s)
	}
	return steps
}

// sorted sorts in place and drops what stands twice.
func sorted[T comparable](items []T, compare func(T, T) int) []T {
	slices.SortFunc(items, compare)
	return slices.Compact(items)
}

func compareRoutes(x, y Route) int {
	return cmp.Or(strings.Compare(x.Destination, y.Destination), strings.Compare(x.NextHop, y.NextHop))
}
