package cli

import (
	"cmp"
	"slices"
	"strings"

	"underlay/internal/playground"
)

// change is one thing that happened between two observations.
type change struct {
	node string
	// gone: something went away, rather than came.
	gone         bool
	what, detail string
}

// fact is something that a node has or has not; came and went say it in the
// past tense.
type fact struct {
	came, went string
	// value is "" while it is not so.
	value func(playground.Observation, playground.Node) string
}

// facts in the order in which they come about.
var facts = []fact{
	{"server booted", "server deleted", func(_ playground.Observation, n playground.Node) string {
		return yes(n.Booted, strings.Join(n.ServerAddresses, " "))
	}},
	{"registered", "Node removed", func(_ playground.Observation, n playground.Node) string {
		return yes(n.Registered, "by its kubelet, as uninitialized")
	}},
	{"initialised", "not initialised", func(_ playground.Observation, n playground.Node) string {
		return yes(n.Initialized && n.ProviderID != "", n.ProviderID)
	}},
	{"pod CIDR", "no pod CIDR", func(_ playground.Observation, n playground.Node) string {
		return strings.Join(n.PodCIDRs, " ")
	}},
	{"address pair", "address pair gone", func(_ playground.Observation, n playground.Node) string {
		return strings.Join(n.Pairs, " ")
	}},
	{"route", "route gone", routesOf},
	{"network available", "network not available", func(_ playground.Observation, n playground.Node) string {
		return yes(n.NetworkAvailable, "pods may come")
	}},
	{"ready", "not ready", func(_ playground.Observation, n playground.Node) string {
		return yes(n.Ready, "kubelet posts ready status")
	}},
}

func yes(so bool, detail string) string {
	switch {
	case !so:
		return ""
	case detail == "":
		return "yes"
	}
	return detail
}

// routesOf are the routes that lead to one of the node's addresses.
func routesOf(o playground.Observation, n playground.Node) string {
	var texts []string
	for _, route := range o.Routes {
		if route.Ours && slices.Contains(slices.Concat(n.ServerAddresses, n.InternalIPs), route.NextHop) {
			texts = append(texts, route.Destination+" via "+route.NextHop)
		}
	}
	return strings.Join(texts, ", ")
}

// changes are what happened to the nodes from one observation to the next.
func changes(before, after playground.Observation) []change {
	var all []change
	old := map[string]playground.Node{}
	for _, node := range before.Nodes {
		old[node.ServerID] = node
	}
	for _, node := range after.Nodes {
		all = append(all, nodeChanges(before, after, old[node.ServerID], node)...)
		delete(old, node.ServerID)
	}
	for _, node := range before.Nodes { // in the order of joining
		if _, vanished := old[node.ServerID]; vanished {
			all = append(all, nodeChanges(before, after, node, playground.Node{Name: node.Name})...)
		}
	}
	return append(all, strayRoutes(before, after)...)
}

func nodeChanges(before, after playground.Observation, was, is playground.Node) []change {
	var all []change
	for i, fact := range facts {
		old, now := fact.value(before, was), fact.value(after, is)
		switch {
		case old == now:
		case now != "":
			all = append(all, change{node: is.Name, what: fact.came, detail: now})
		case i < 2: // the server, the Node
			all = append(all, change{node: is.Name, gone: true, what: fact.went})
		case is.Booted && is.Registered: // else it went with the server or the Node
			all = append(all, change{node: is.Name, gone: true, what: fact.went, detail: old})
		}
	}
	return all
}

// strayRoutes are routes that went away without being told by their node's
// changes: those of nodes that are gone.
func strayRoutes(before, after playground.Observation) []change {
	var all []change
	for _, route := range before.Routes {
		left := slices.ContainsFunc(after.Routes, func(r playground.Route) bool {
			return r.Destination == route.Destination && r.NextHop == route.NextHop
		})
		alive := slices.ContainsFunc(after.Nodes, func(n playground.Node) bool {
			return n.Booted && n.Registered && slices.Contains(n.ServerAddresses, route.NextHop)
		})
		if !left && !alive {
			all = append(all, change{node: route.Node, gone: true, what: "route removed", detail: route.Destination + " via " + route.NextHop})
		}
	}
	return all
}

// row is one line of the router's table; mark is ' ', '+' or '-' against before.
type row struct {
	mark                       rune
	destination, nexthop, node string
}

// tableOf is the router's table after, and what has gone from it since before.
func tableOf(before, after playground.Observation) []row {
	marks := map[playground.Route]rune{}
	for _, route := range before.Routes {
		marks[route] = '-'
	}
	for _, route := range after.Routes {
		if marks[route] == 0 {
			marks[route] = '+'
		} else {
			marks[route] = ' '
		}
	}
	var table []row
	for route, mark := range marks {
		table = append(table, row{mark, route.Destination, route.NextHop, route.Node})
	}
	slices.SortFunc(table, func(a, b row) int {
		return cmp.Or(playground.ComparePrefixes(a.destination, b.destination), cmp.Compare(a.nexthop, b.nexthop))
	})
	return table
}

func sameRoutes(before, after playground.Observation) bool {
	return !slices.ContainsFunc(tableOf(before, after), func(r row) bool { return r.mark != ' ' })
}
