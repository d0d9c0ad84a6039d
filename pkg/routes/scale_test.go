package routes

import (
	"fmt"
	"testing"

	v1 "k8s.io/api/core/v1"
)

// settledSight is an observation of n nodes with both families whose routes and
// pairs are all right, and some routes of others.
func settledSight(n int) *sight {
	m := newModel()
	m.attach("10.0.0.0/16")
	m.attach("fd00:10::/64")
	for i := range n {
		name := fmt.Sprintf("node-%d", i)
		addresses := []string{fmt.Sprintf("10.0.%d.%d", 1+i/250, 1+i%250), fmt.Sprintf("fd00:10::1:%x", i+1)}
		cidrs := []string{fmt.Sprintf("10.244.%d.%d/30", i/64, i%64*4), fmt.Sprintf("fd00:244:0:%x::/64", i+1)}
		m.node(name, addresses, cidrs)
		port := m.port("port-"+name, "server-"+name, addresses...)
		for f, cidr := range cidrs {
			p, _ := Route{cidr, addresses[f]}.canonical()
			m.router.Routes = append(m.router.Routes, p.route())
			m.written[p] = true
			port.AddressPairs = append(port.AddressPairs, AddressPair{IPAddress: p.prefix.String()})
		}
	}
	return &sight{
		nodes: m.nodes, features: m.features, written: m.written,
		ports: indexPorts(m.ports), attached: attach(m.interfaces), router: m.router,
	}
}

// BenchmarkListRoutes is what ListRoutes does beside its one call: from nodes,
// ports and routes to the list for the framework. Two routes a node.
func BenchmarkListRoutes(b *testing.B) {
	for _, n := range []int{1000, 5000} {
		b.Run(fmt.Sprintf("%d nodes", n), func(b *testing.B) {
			s, ranges := settledSight(n), newModel().cluster
			ports := make([]Port, 0, n)
			for _, port := range s.ports.byID {
				ports = append(ports, *port)
			}
			b.ReportAllocs()
			for b.Loop() {
				s.ports = indexPorts(ports)
				if got := len(s.view(ranges).list()); got != 2*n {
					b.Fatalf("listed %d routes, want %d", got, 2*n)
				}
			}
		})
	}
}

// Twice the nodes are twice the work, not four times. Work is counted in
// allocations, which no slow machine changes.
func TestListRoutesIsLinear(t *testing.T) {
	work := func(n int) float64 {
		s, ranges := settledSight(n), newModel().cluster
		return testing.AllocsPerRun(3, func() {
			if got := len(s.view(ranges).list()); got != 2*n {
				t.Fatalf("listed %d routes, want %d", got, 2*n)
			}
		})
	}
	small, large := work(500), work(2000)
	t.Logf("allocations: %v for 500 nodes, %v for 2000", small, large)
	if large > 4.5*small {
		t.Errorf("four times the nodes take %.1f times the allocations", large/small)
	}
}

// The order of anything that comes from maps must not show.
func TestListedRoutesAreSorted(t *testing.T) {
	s, ranges := settledSight(50), newModel().cluster
	first := s.view(ranges).list()
	for range 5 {
		for i, r := range s.view(ranges).list() {
			if r.Name != first[i].Name || r.TargetNode != first[i].TargetNode {
				t.Fatalf("route %d is %v, was %v", i, r, first[i])
			}
		}
	}
	if first[0].TargetNodeAddresses[0].Type != v1.NodeInternalIP || first[0].EnableNodeAddresses {
		t.Errorf("got %+v, want the next hop as address, and EnableNodeAddresses false", first[0])
	}
}
