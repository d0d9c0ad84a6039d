package routes

import (
	"fmt"
	"math/rand"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"underlay/internal/step"
)

// drawModel makes a cloud in any condition: nodes with and without ports, on
// and off the router's subnets, routes and pairs of ours, stale, foreign and
// spelled oddly, and a ledger that may know them.
func drawModel(t *rapid.T) *model {
	m := newModel()
	m.attach("10.0.0.0/24")
	if rapid.Bool().Draw(t, "dual") {
		m.attach("fd00:10::/64")
	}
	m.features.AddressPairs = rapid.IntRange(0, 4).Draw(t, "pairs") > 0
	for i := range rapid.IntRange(0, 6).Draw(t, "nodes") {
		drawNode(t, m, i)
	}
	for i := range rapid.IntRange(0, 2).Draw(t, "foreign ports") {
		m.port(fmt.Sprintf("foreign-%d", i), "", fmt.Sprintf("10.0.0.%d", 200+i))
	}
	for range rapid.IntRange(0, 8).Draw(t, "routes") {
		r := Route{
			Destination: rapid.SampledFrom([]string{
				"10.244.0.0/24", "10.244.1.0/24", "10.244.2.0/24", "10.244.77.0/24", "fd00:244:0:1::/64", "FD00:244:0:1:0::/64",
				"192.168.7.0/24", "0.0.0.0/0",
			}).Draw(t, "destination"),
			NextHop: rapid.SampledFrom([]string{
				"10.0.0.10", "10.0.0.11", "10.0.0.99", "10.0.0.200", "fd00:10::11", "172.16.0.1",
			}).Draw(t, "hop"),
		}
		if slices.Contains(m.router.Routes, r) {
			continue
		}
		m.router.Routes = append(m.router.Routes, r)
		if p, ok := r.canonical(); ok && rapid.Bool().Draw(t, "in ledger") {
			m.written[p] = true
		}
	}
	for i := range m.ports {
		for range rapid.IntRange(0, 2).Draw(t, "pairs") {
			if m.ports[i].PortSecurity {
				m.ports[i].AddressPairs = append(m.ports[i].AddressPairs, AddressPair{
					IPAddress:  rapid.SampledFrom([]string{"10.244.0.0/24", "10.244.77.0/24", "10.244.0.0/16", "10.0.0.250"}).Draw(t, "pair"),
					MACAddress: rapid.SampledFrom([]string{"", "", "fa:16:3e:00:00:01"}).Draw(t, "mac"),
				})
			}
		}
	}
	return m
}

func drawNode(t *rapid.T, m *model, i int) {
	name := fmt.Sprintf("n%d", i)
	address := fmt.Sprintf("10.0.0.%d", 10+i)
	if rapid.IntRange(0, 5).Draw(t, "off the router") == 0 {
		address = fmt.Sprintf("172.16.0.%d", 10+i)
	}
	six := fmt.Sprintf("fd00:10::%d", 10+i)
	cidrs := []string{fmt.Sprintf("10.244.%d.0/24", i), fmt.Sprintf("fd00:244:0:%d::/64", i)}
	m.node(name, []string{address, six}, cidrs[:rapid.IntRange(0, 2).Draw(t, "pod CIDRs")])
	if rapid.IntRange(0, 5).Draw(t, "no port") == 0 {
		return
	}
	port := m.port("port-"+name, "server-"+name, address, six)
	port.PortSecurity = rapid.IntRange(0, 3).Draw(t, "port security") > 0
}

func TestAPlanConvergesInOneGo(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := drawModel(t)
		m.reconcile()
		if again := m.plan(); len(again) > 0 {
			t.Fatalf("after the plan there is still to do:\n%s", rendered(t, again))
		}
		m.observe()
		wants := m.desired().Wants
		for p := range m.written { // of routes that no node wants nothing is left, in the cloud or in the ledger
			if inside(p.prefix, m.cluster) && !m.desired().Unroutable[p.prefix] && !slices.ContainsFunc(wants, func(w Want) bool { return w.pair() == p }) {
				t.Fatalf("the ledger still has %v", p)
			}
		}
	})
}

func TestAPlanIsEmptyWhenAllIsRight(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := drawModel(t)
		m.reconcile()
		before := m.state()
		m.reconcile()
		if diff := cmp.Diff(before, m.state()); diff != "" {
			t.Fatalf("a second plan changed what was right:\n%s", diff)
		}
		a := m.assess()
		for i, w := range m.desired().Wants {
			if !a.states[i].healthy() {
				t.Fatalf("%v is not there: %+v", w, a.states[i])
			}
		}
	})
}

func TestAPlanDoesNotDependOnOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := drawModel(t)
		want := rendered(t, m.plan())
		shuffle := rand.New(rand.NewSource(rapid.Int64().Draw(t, "seed"))) //nolint:gosec // a test's order
		other := m.clone()
		other.nodes = slices.Clone(m.nodes)
		shuffle.Shuffle(len(other.nodes), func(i, j int) { other.nodes[i], other.nodes[j] = other.nodes[j], other.nodes[i] })
		shuffle.Shuffle(len(other.ports), func(i, j int) { other.ports[i], other.ports[j] = other.ports[j], other.ports[i] })
		routes := other.router.Routes
		shuffle.Shuffle(len(routes), func(i, j int) { routes[i], routes[j] = routes[j], routes[i] })
		if diff := cmp.Diff(want, rendered(t, other.plan())); diff != "" {
			t.Fatalf("another order, another plan:\n%s", diff)
		}
	})
}

func TestACrashAfterAnyStepLeaksNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := drawModel(t)
		steps := m.plan()
		whole := m.clone()
		whole.reconcile()
		for k := range len(steps) + 1 {
			crashed := m.clone()
			crashed.observe()
			for _, s := range steps[:k] {
				crashed.apply(s)
			}
			crashed.reconcile()
			if diff := cmp.Diff(whole.state(), crashed.state()); diff != "" {
				t.Fatalf("after a crash after step %d (-whole +crashed):\n%s", k, diff)
			}
		}
	})
}

func TestAPlanNeverTouchesWhatIsNotOurs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := drawModel(t)
		desired, actual := m.desired(), m.actual()
		for _, s := range m.plan() {
			remove, ok := s.(RemoveRoutes)
			if !ok {
				continue
			}
			for _, r := range remove.Routes {
				p, ok := r.canonical()
				if !ok || !inside(p.prefix, m.cluster) {
					t.Fatalf("removes %v, which is outside the cluster CIDRs", r)
				}
				if actual.judge(p, &desired) != ours {
					t.Fatalf("removes %v, which is not ours", r)
				}
			}
		}
		var foreign []string
		for _, port := range m.ports {
			for _, pair := range port.AddressPairs {
				if pair.MACAddress != "" || !strings.HasPrefix(pair.IPAddress, "10.244.") || strings.HasSuffix(pair.IPAddress, "/16") {
					foreign = append(foreign, fmt.Sprint(port.ID, pair))
				}
			}
		}
		m.reconcile()
		var kept []string
		for _, port := range m.ports {
			for _, pair := range port.AddressPairs {
				kept = append(kept, fmt.Sprint(port.ID, pair))
			}
		}
		for _, pair := range foreign {
			if !slices.Contains(kept, pair) {
				t.Fatalf("dropped a pair that is not ours: %s", pair)
			}
		}
	})
}

func rendered(t *rapid.T, steps []step.Step) string {
	var b strings.Builder
	if err := step.Render(&b, steps); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
