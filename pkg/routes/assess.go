package routes

import (
	"cmp"
	"net/netip"
	"slices"
)

// assessment is the comparison of Desired and Actual before it becomes steps.
// The controller lists routes from it and the plan is made of it, so both agree.
type assessment struct {
	// states has one entry for each of Desired.Wants, in that order.
	states []state
	// leftovers are routes and address pairs of ours that no node wants, sorted.
	leftovers []leftover
	// contests are routes of others that compete with a node's, sorted.
	contests []contest
	// settled are ledger entries of which nothing is left, sorted.
	settled []pair
	// unrecorded are routes of ours that the ledger does not know, sorted:
	// another controller wrote them. Once in the ledger they stay known as ours
	// when their node and its instance go.
	unrecorded []pair
	// kept counts routes for pod CIDRs of which no next hop is known.
	kept int
	// own counts the routes of ours on the router, wanted or left over.
	own int
}

// state says what of a Want is there.
type state struct{ routed, allowed bool }

func (s state) healthy() bool { return s.routed && s.allowed }

// leftover is a route of ours that no node wants, or what is left of one.
type leftover struct {
	pair
	spelled []Route  // as they stand on the router; none when only address pairs are left
	ports   []string // that still allow the prefix
}

// contest is a route of others for a pod CIDR of ours.
type contest struct {
	node   string
	route  Route
	portID string // holds the next hop and is no node's
}

type allowance struct {
	portID string
	prefix netip.Prefix
}

// wishes are the Wants by what they ask of the router and of ports.
type wishes struct {
	routes map[pair]bool
	pairs  map[allowance]bool
}

// assess compares, in time proportional to routes, nodes and ledger entries.
func assess(desired *Desired, actual *Actual) *assessment {
	a := &assessment{states: make([]state, len(desired.Wants))}
	wanted := wishes{
		routes: make(map[pair]bool, len(desired.Wants)),
		pairs:  make(map[allowance]bool, len(desired.Wants)),
	}
	for _, w := range desired.Wants {
		wanted.routes[w.pair()] = true
		wanted.pairs[allowance{w.PortID, w.Prefix}] = true
	}
	present := make(map[pair]bool, len(actual.Router.Routes))
	left := map[pair]*leftover{}
	for _, r := range actual.Router.Routes {
		p, ok := r.canonical()
		if !ok {
			continue
		}
		present[p] = true
		if desired.Unroutable[p.prefix] {
			a.kept++
		}
		if wanted.routes[p] {
			a.recognise(p, actual)
			continue
		}
		a.sort(p, r, desired, actual, left)
	}
	for i, w := range desired.Wants {
		a.states[i] = state{routed: present[w.pair()], allowed: actual.allows(w.PortID, w.Prefix)}
	}
	for p := range actual.Written {
		if !wanted.routes[p] && left[p] == nil && inside(p.prefix, desired.ClusterCIDRs) && !desired.Unroutable[p.prefix] {
			left[p] = &leftover{pair: p}
		}
	}
	a.conclude(left, wanted, actual)
	return a
}

// sort puts a route that no node wants where it belongs.
func (a *assessment) sort(p pair, r Route, desired *Desired, actual *Actual, left map[pair]*leftover) {
	switch actual.judge(p, desired) {
	case ours:
		if left[p] == nil {
			left[p] = &leftover{pair: p}
		}
		left[p].spelled = append(left[p].spelled, r)
		a.recognise(p, actual)
	case contested:
		a.contests = append(a.contests, contest{desired.PodCIDRs[p.prefix], r, actual.holders(p)[0].ID})
	case others:
	}
}

// recognise counts a route of ours.
func (a *assessment) recognise(p pair, actual *Actual) {
	a.own++
	if !actual.Written[p] {
		a.unrecorded = append(a.unrecorded, p)
	}
}

// conclude finds the address pairs that leftovers have on ports which still
// exist, and tells leftovers from what is settled.
func (a *assessment) conclude(left map[pair]*leftover, wanted wishes, actual *Actual) {
	for p, l := range left {
		for _, port := range actual.holders(p) {
			if actual.filters(port) && !wanted.pairs[allowance{port.ID, p.prefix}] && hasPair(port.AddressPairs, p.prefix) {
				l.ports = append(l.ports, port.ID)
			}
		}
		slices.Sort(l.ports)
		if len(l.spelled) == 0 && len(l.ports) == 0 {
			a.settled = append(a.settled, p)
			continue
		}
		a.leftovers = append(a.leftovers, *l)
	}
	slices.SortFunc(a.leftovers, func(x, y leftover) int { return x.compare(y.pair) })
	slices.SortFunc(a.settled, pair.compare)
	a.unrecorded = sorted(a.unrecorded, pair.compare)
	slices.SortFunc(a.contests, func(x, y contest) int {
		return cmp.Or(cmp.Compare(x.node, y.node), compareRoutes(x.route, y.route))
	})
}
