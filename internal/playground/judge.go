package playground

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// Problems says what is not as the product promises; none when every machine
// is a working node whose pods the cloud's network routes, and nothing is left
// of those that went. families is how many pod CIDRs each node must have.
func (o Observation) Problems(families int) []string {
	var problems []string
	say := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	wanted := map[Route]bool{}
	for _, node := range o.Nodes {
		if !node.Booted {
			say("%s: its server is gone, but its Node is still there", node.Name)
			continue
		}
		for _, problem := range node.problems(families) {
			say("%s: %s", node.Name, problem)
		}
		for _, cidr := range node.PodCIDRs {
			hop := node.addressFor(cidr)
			if hop == "" {
				say("%s: no address of the family of %s", node.Name, cidr)
				continue
			}
			wanted[Route{Destination: cidr, NextHop: hop, Node: node.Name, Ours: true}] = true
			if !slices.Contains(node.Pairs, cidr) {
				say("%s: its port has no allowed address pair %s", node.Name, cidr)
			}
		}
		for _, pair := range node.Pairs {
			if !slices.Contains(node.PodCIDRs, pair) {
				say("%s: its port has the allowed address pair %s, which is not its pod CIDR", node.Name, pair)
			}
		}
	}
	return append(problems, o.routeProblems(wanted)...)
}

func (o Observation) routeProblems(wanted map[Route]bool) []string {
	var problems []string
	for _, route := range o.Routes {
		if route.Ours && !wanted[route] {
			problems = append(problems, fmt.Sprintf("router: route %s via %s belongs to no node", route.Destination, route.NextHop))
		}
		delete(wanted, route)
	}
	for _, route := range o.Foreign {
		if !slices.Contains(o.Routes, route) {
			problems = append(problems, fmt.Sprintf("router: the foreign route %s via %s is gone", route.Destination, route.NextHop))
		}
	}
	var missing []string
	for route := range wanted {
		missing = append(missing, fmt.Sprintf("router: no route %s via %s for %s", route.Destination, route.NextHop, route.Node))
	}
	slices.Sort(missing)
	return append(problems, missing...)
}

// problems of the Node itself.
func (n Node) problems(families int) []string {
	if !n.Registered {
		return []string{"has no Node"}
	}
	var problems []string
	check := func(good bool, problem string) {
		if !good {
			problems = append(problems, problem)
		}
	}
	check(n.Initialized, "not initialised: it has the uninitialized taint")
	check(strings.HasSuffix(n.ProviderID, "/"+n.ServerID), fmt.Sprintf("provider ID %q is not that of server %s", n.ProviderID, n.ServerID))
	check(len(n.PodCIDRs) == families, fmt.Sprintf("has %d pod CIDRs, not %d", len(n.PodCIDRs), families))
	check(sameSet(n.InternalIPs, n.ServerAddresses), fmt.Sprintf("addresses %v are not the server's %v", n.InternalIPs, n.ServerAddresses))
	check(n.Ready, "not ready")
	check(n.NetworkAvailable, "its network is not available")
	return problems
}

// addressFor is the server's address of the CIDR's family: the legal next hop.
func (n Node) addressFor(cidr string) string {
	prefix, err := netip.ParsePrefix(cidr)
	if err != nil {
		return ""
	}
	for _, text := range n.ServerAddresses {
		if address, err := netip.ParseAddr(text); err == nil && address.Is4() == prefix.Addr().Is4() {
			return text
		}
	}
	return ""
}

func sameSet(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

// ComparePrefixes orders prefixes by family and number; what is no prefix, as text.
func ComparePrefixes(a, b string) int {
	left, leftErr := netip.ParsePrefix(a)
	right, rightErr := netip.ParsePrefix(b)
	if leftErr != nil || rightErr != nil {
		return strings.Compare(a, b)
	}
	return left.Compare(right)
}

// Settle waits until nothing is wrong. seen, which may be nil, gets every
// observation on the way. When the context ends first, the error lists what
// is wrong still.
func (p *Playground) Settle(ctx context.Context, seen func(Observation)) error {
	var problems []string // as last seen: the time may end in the middle of a look
	for {
		observation, err := p.Observe(ctx)
		if err == nil {
			if seen != nil {
				seen(observation)
			}
			if problems = observation.Problems(len(p.opts.ClusterCIDRs)); len(problems) == 0 {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return &UnsettledError{Problems: problems, Cause: errors.Join(ctx.Err(), err)}
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// UnsettledError says what was wrong when the time was over.
type UnsettledError struct {
	Problems []string
	Cause    error
}

func (e *UnsettledError) Error() string {
	return strings.Join(append([]string{"not as it should be: " + e.Cause.Error()}, e.Problems...), "\n  ")
}

// Unwrap gives the cause to errors.Is.
func (e *UnsettledError) Unwrap() error { return e.Cause }
