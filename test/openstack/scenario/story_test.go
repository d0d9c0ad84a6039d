package scenario_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"underlay/internal/playground"
	"underlay/pkg/simulator"
	"underlay/test/openstack/api"
	"underlay/test/world"
)

// nodes of the cold start on real services.
const nodes = 30

// pace is how often the product looks at the world.
type pace struct {
	// routes and monitor are --route-reconciliation-period and --node-monitor-period.
	routes, monitor time.Duration
	// status is --node-status-update-frequency: how late a node's new address is seen.
	status time.Duration
}

// production has the defaults, but for a node's new address, which may take five
// minutes. quick is for where waiting is all there is.
var (
	production = pace{routes: 10 * time.Second, monitor: 5 * time.Second, status: 10 * time.Second}
	quick      = pace{routes: 2 * time.Second, monitor: time.Second, status: 5 * time.Second}
)

func (p pace) flags() []string {
	return []string{
		"--route-reconciliation-period=" + p.routes.String(),
		"--node-monitor-period=" + p.monitor.String(),
		"--node-status-update-frequency=" + p.status.String(),
	}
}

// TestOnRealServices runs beside the stories on simulators, which share nothing
// with it.
func TestOnRealServices(t *testing.T) {
	t.Parallel()
	who, there := account(t)
	if !there {
		return
	}
	on := newTenant(t, http.DefaultClient, who)
	on.bootAll(t, nodes)
	t.Run("Neutron as it is", func(t *testing.T) { tell(t, on, nodes, production) })
	hideAtomicRoutes(on)
	t.Run("extraroute-atomic hidden", func(t *testing.T) { tell(t, on, nodes, production) })
}

// TestTheStoryOnTheSimulator holds the scenarios themselves to their work where
// there is no real cloud.
func TestTheStoryOnTheSimulator(t *testing.T) {
	t.Parallel()
	sim := simulator.New(simulator.Options{})
	server := httptest.NewServer(sim)
	t.Cleanup(server.Close)
	on := newTenant(t, server.Client(), api.Account{
		AuthURL: simulator.IdentityURL(server.URL), Username: "demo", Password: "simulated", Project: "demo", Region: "RegionOne",
	})
	hideAtomicRoutes(on)
	on.bootAll(t, 3)
	tell(t, on, 3, quick)
}

// hideAtomicRoutes is what clouds before Neutron's Stein release look like, and
// those whose L3 plugin does not have it.
func hideAtomicRoutes(on *tenant) {
	on.proxy.HideExtension("extraroute-atomic", "add_extraroutes", "remove_extraroutes")
}

// scenarios of the life of a cluster. Each begins with the world as the last one
// left it.
var scenarios = []struct {
	name string
	run  func(*testing.T, *story)
}{
	{"cold start", coldStart},
	{"nothing to do", idle},
	{"a node joins", join},
	{"a node leaves", leave},
	{"a node's address changes", readdress},
	{"routes of others stay", foreign},
	{"a route removed by hand is back within a minute", routeDrift},
	{"a pair removed by hand is back within a minute", pairDrift},
	{"a restart writes nothing", restart},
}

// tell runs all scenarios on one tenant, one after the other.
func tell(t *testing.T, on *tenant, nodes int, pace pace) {
	begin := func(t *testing.T) *story {
		on.prepare(t, nodes)
		return &story{World: newWorld(t, on), on: on, nodes: nodes, pace: pace}
	}
	t.Run("life of a cluster", func(t *testing.T) {
		s := begin(t)
		s.Lead(s.pace.flags()...)
		for _, scenario := range scenarios {
			if !t.Run(scenario.name, func(t *testing.T) { scenario.run(t, s.in(t)) }) {
				t.Fatalf("the scenarios after %q need what it leaves", scenario.name)
			}
		}
	})
	t.Run("killed in the middle of a cold start", func(t *testing.T) { killed(t, begin(t)) })
}

// story is a world whose calls are counted.
type story struct {
	*world.World
	on    *tenant
	nodes int
	pace  pace
	since time.Time // when counting began
}

// in is the story within a subtest, with no calls yet.
func (s *story) in(t *testing.T) *story {
	within := &story{World: s.In(t), on: s.on, nodes: s.nodes, pace: s.pace}
	within.count()
	return within
}

// count begins to count calls, at none.
func (s *story) count() {
	s.on.proxy.Reset()
	s.since = time.Now()
}

// budget is what a scenario may cost at most. reads come on top of what the time
// costs that it takes; see periodic. checks are questions whether one server
// exists: none, unless a node is new or has left, and then one more in every
// period of the monitor.
type budget struct{ router, port, reads, checks int }

// within holds the calls since count to a budget.
func (s *story) within(t *testing.T, most budget) {
	t.Helper()
	took := time.Since(s.since)
	most.reads += s.periodic(took)
	if most.checks > 0 {
		most.checks += int(took / s.pace.monitor)
	}
	var got budget
	seen := map[string]int{}
	for _, call := range s.on.proxy.Calls() {
		seen[fmt.Sprintf("%s %d", call.Pattern, call.Status)]++
		switch {
		case strings.HasSuffix(call.Pattern, "/auth/tokens"): // one a process, and one an hour
		case call.Pattern == "GET /servers/{id}":
			got.checks++
		case call.Method == http.MethodGet:
			got.reads++
		case strings.HasPrefix(call.Pattern, "PUT /v2.0/routers/"):
			got.router++
		case strings.HasPrefix(call.Pattern, "PUT /v2.0/ports/"):
			got.port++
		default:
			t.Errorf("the product called %s, which is nothing that it does", call.Pattern)
		}
	}
	t.Logf("%.0f s, calls: %v", took.Seconds(), seen)
	if got.router > most.router || got.port > most.port || got.reads > most.reads || got.checks > most.checks {
		t.Errorf("got %+v, want at most %+v", got, most)
	}
}

// periodic is how many reads a time costs in which nothing happens: the router in
// every period of the routes, all ports twice a minute for the routes, and servers
// and ports twice a minute for the addresses. There is one each at its beginning.
func (s *story) periodic(took time.Duration) int {
	return 4 + int(took/s.pace.routes) + 3*int(took/(30*time.Second))
}

func coldStart(t *testing.T, s *story) {
	s.JoinAll(1, s.nodes)
	s.Settled(4 * time.Minute)
	// That all these servers exist is known from lists, but for the first ten that
	// somebody asks for.
	s.within(t, budget{router: 5, port: s.nodes, reads: 5, checks: 10})
}

// idle looks at three periods of the route controller.
func idle(t *testing.T, s *story) {
	// By then the last question of the cold start is answered.
	s.Until(2*time.Minute, "the router is read once", func(context.Context) bool {
		return s.on.proxy.Count("GET /v2.0/routers/*") >= 1
	})
	s.count()
	s.Until(2*time.Minute, "the router is read three times", func(context.Context) bool {
		return s.on.proxy.Count("GET /v2.0/routers/*") >= 3
	})
	// Twice in half a minute, for routes and for addresses, however long three periods
	// are on a busy machine.
	took := time.Since(s.since)
	if got, most := s.on.proxy.Count("GET /v2.0/ports"), 2+2*int(took/(30*time.Second)); got > most {
		t.Errorf("ports were listed %d times in %s, want at most %d", got, took.Round(time.Second), most)
	}
	s.within(t, budget{})
}

func join(t *testing.T, s *story) {
	s.JoinAll(s.nodes+1, s.nodes+1)
	s.Settled(2 * time.Minute)
	s.within(t, budget{router: 1, port: 1, reads: 3, checks: 1})
}

// farewell is what the removal of one node costs: its server is missing twice, and
// lists of servers, of ports and of the router's subnets do not contradict.
var farewell = budget{router: 1, reads: 6, checks: 3}

func leave(t *testing.T, s *story) {
	s.Remove("node-2")
	s.Settled(2 * time.Minute)
	s.within(t, farewell) // the port went with its server
}

func readdress(t *testing.T, s *story) {
	seen, err := s.on.Observe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	address := "192.168.11.222"
	if slices.Contains(seen.Ports[s.Member("node-1").PortID].Addresses, address) { // since the last story
		address = "192.168.11.223"
	}
	s.on.setPort(t, s.Member("node-1").PortID, object{"fixed_ips": []object{{"subnet_id": s.on.subnet, "ip_address": address}}})
	s.Settled(2 * time.Minute)
	routes, err := s.on.routes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	hops := 0
	for _, route := range routes {
		if route.NextHop == address {
			hops++
		}
	}
	if hops != 1 || len(routes) != s.nodes {
		t.Errorf("got %d routes, %d of them via %s, want %d and 1", len(routes), hops, address, s.nodes)
	}
	s.within(t, budget{router: 2, port: 1, reads: 4})
}

func foreign(t *testing.T, s *story) {
	s.Foreign("203.0.113.0/24", "192.168.11.250")
	s.Foreign("10.244.200.0/24", "192.168.11.251") // inside the cluster CIDR, and no node's
	s.Remove("node-3")
	s.Settled(2 * time.Minute)
	s.within(t, farewell)
}

// repairTime is a minute, and what a busy machine takes to show it.
const repairTime = 90 * time.Second

func routeDrift(t *testing.T, s *story) {
	s.on.dropRoute(t, s.Member("node-1"))
	s.Settled(repairTime)
	s.within(t, budget{router: 1})
}

func pairDrift(t *testing.T, s *story) {
	s.on.setPort(t, s.Member("node-1").PortID, object{"allowed_address_pairs": []object{}})
	s.Settled(repairTime)
	s.within(t, budget{port: 1})
}

func restart(t *testing.T, s *story) {
	for _, c := range s.Controllers() {
		if err := c.Stop(playground.StopGrace); err != nil {
			t.Fatal(err)
		}
	}
	s.count()
	c := s.Lead(s.pace.flags()...)
	s.Until(2*time.Minute, "the router is read twice", func(context.Context) bool {
		return s.on.proxy.Count("GET /v2.0/routers/*") >= 2
	})
	s.Settled(time.Minute)
	s.Alive(c)
	s.within(t, budget{reads: 6})
}

// killed has the product die without a word when some ports are written and
// others are not.
func killed(t *testing.T, s *story) {
	first := s.Lead(s.pace.flags()...)
	s.count()
	s.JoinAll(1, s.nodes)
	s.Until(2*time.Minute, "a third of the ports are written", func(context.Context) bool {
		return s.on.proxy.Count("PUT /v2.0/ports/*") >= s.nodes/3
	})
	first.Kill()
	before, err := s.on.Observe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("killed with %d routes on the router", len(before.Routes))
	s.Lead(s.pace.flags()...)
	s.Settled(4 * time.Minute)
	// What was in flight is unknown, and may be written again; no more than that.
	s.within(t, budget{router: 10, port: s.nodes + 8, reads: 12, checks: 20})
}
