package scenario_test

import (
	"context"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"underlay/internal/playground"
	"underlay/pkg/simulator"
	"underlay/test/openstack/api"
	"underlay/test/world"
)

// octaviaTime is more than real services on a busy machine take for a few changes.
const octaviaTime = 8 * time.Minute

func TestBalancersOnRealServices(t *testing.T) {
	who, there := account(t)
	if !there {
		return
	}
	on := newTenant(t, http.DefaultClient, who)
	if on.client.Endpoint(balancing) == "" || on.client.Endpoint("key-manager") == "" {
		t.Log("left out: this OpenStack has no Octavia or no Barbican")
		return
	}
	var fail func(*testing.T, string)
	if os.Getenv(root) != "" {
		fail = breakDown
	}
	tellOfBalancers(t, on, fail)
}

// TestTheStoryOfBalancersOnTheSimulator is the same story where there is no real cloud.
func TestTheStoryOfBalancersOnTheSimulator(t *testing.T) {
	t.Parallel()
	sim := simulator.New(simulator.Options{})
	sim.AddNetwork(simulator.NetworkSpec{Name: "public", External: true, Subnets: []string{"203.0.113.0/24"}})
	server := httptest.NewServer(sim)
	t.Cleanup(server.Close)
	on := newTenant(t, server.Client(), api.Account{
		AuthURL: simulator.IdentityURL(server.URL), Username: "demo", Password: "simulated", Project: "demo", Region: "RegionOne",
	})
	tellOfBalancers(t, on, func(_ *testing.T, id string) { sim.SetLoadBalancerStatus(id, "ERROR") })
}

// balancerStory is a world whose calls for load balancers are counted.
type balancerStory struct {
	*world.World
	on *tenant
	// cluster is the identity that all has which the product makes.
	cluster     string
	certificate string
	// fail puts a load balancer into ERROR; nil where nobody can.
	fail func(t *testing.T, id string)
}

// balancerScenarios are the life of a load balancer. Each begins with the world
// as the last one left it.
var balancerScenarios = []struct {
	name string
	run  func(*testing.T, *balancerStory)
}{
	{"a Service of all protocols", createBalancer},
	{"nothing to do for a Service", idleBalancer},
	{"a port comes and one goes", changePorts},
	{"clients from some ranges only", sourceRanges},
	{"a node joins the load balancer", joinBalancer},
	{"two Services share a load balancer", shareBalancer},
	{"a restart leaves load balancers alone", restartBalancer},
	{"a load balancer in ERROR is made again", mendBalancer},
	{"nothing of a Service is left", deleteBalancer},
}

func tellOfBalancers(t *testing.T, on *tenant, fail func(*testing.T, string)) {
	s := beginBalancers(t, on)
	s.fail = fail
	for _, scenario := range balancerScenarios {
		if !t.Run(scenario.name, func(t *testing.T) {
			within := *s
			within.World = s.In(t)
			on.proxy.Reset()
			scenario.run(t, &within)
		}) {
			t.Fatalf("the scenarios after %q need what it leaves", scenario.name)
		}
	}
}

// beginBalancers is a cluster of two nodes, whose pods have addresses from these ranges.
// Nothing of it is left in the project after the test, wherever that ends.
func beginBalancers(t *testing.T, on *tenant, pods ...netip.Prefix) *balancerStory {
	t.Helper()
	s := &balancerStory{on: on}
	on.openDoor(t)
	t.Cleanup(func() { s.sweep(t) }) // after the world's end
	on.prepare(t, 2)
	s.World, s.certificate = newWorld(t, on, pods...), on.certificate(t)
	space, err := s.Client.CoreV1().Namespaces().Get(t.Context(), metav1.NamespaceSystem, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	s.cluster = string(space.UID)
	s.Lead(production.flags()...)
	s.JoinAll(1, 2)
	s.Settled(octaviaTime)
	s.Untainted("node-1", "node-2")
	return s
}

// passReads is more than the pass of repair reads, which comes every five minutes
// and lists whole projects.
const passReads = 12

// spent holds the calls for load balancers since the scenario began to a number,
// and the writes among them to another. The polls of the one waiter, and what is
// learned of networks and ports once, are not counted.
func (s *balancerStory) spent(t *testing.T, calls, writes int) {
	t.Helper()
	var all []string
	polls, changes := 0, 0
	for _, call := range s.on.proxy.Calls() {
		octavia := strings.Contains(call.Pattern, "/lbaas/")
		switch {
		case octavia && strings.Contains(call.Pattern, "/loadbalancers") && call.Query.Has("fields"):
			polls++
			continue
		case !octavia && !strings.Contains(call.Pattern, "/floatingips"):
			continue
		case call.Method != http.MethodGet:
			changes++
		case strings.HasSuffix(call.Pattern, "/listeners") && !call.Query.Has("loadbalancer_id"):
			calls += passReads
		}
		all = append(all, call.Pattern)
	}
	t.Logf("%d calls, %d of them writes, and %d polls", len(all), changes, polls)
	if len(all) > calls || changes > writes {
		t.Errorf("got %d calls and %d writes, want at most %d and %d:\n%s", len(all), changes, calls, writes, strings.Join(all, "\n"))
	}
}

// becomes waits until the load balancer serves exactly that.
func (s *balancerStory) becomes(t *testing.T, lines ...string) {
	t.Helper()
	lines = slices.Sorted(slices.Values(lines))
	var got []string
	deadline := time.Now().Add(octaviaTime)
	for time.Now().Before(deadline) {
		now, err := s.on.shape(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if got = now; slices.Equal(got, lines) {
			return
		}
		time.Sleep(time.Second)
	}
	t.Fatalf("after %s (-want +got):\n%s", octaviaTime, cmp.Diff(lines, got))
}

const (
	anywhere  = "from 0.0.0.0/0"
	someRange = "from 10.0.0.0/8 198.51.100.0/24"
)

func createBalancer(t *testing.T, s *balancerStory) {
	s.Serve("web", map[string]string{
		world.Annotation + "port.8080.protocol":                 "http",
		world.Annotation + "port.8080.x-forwarded-for":          "true",
		world.Annotation + "port.443.default-tls-container-ref": s.certificate,
	}, world.TCP(80), world.UDP(53), world.TCP(8080), world.TCP(443))
	address := s.Address("web")
	s.becomes(t, "TCP 80, members 2, "+anywhere, "UDP 53, members 2, "+anywhere, "HTTP 8080, members 2, "+anywhere,
		"TERMINATED_HTTPS 443, members 2, "+anywhere+", with a certificate")
	b := s.on.only(t)
	if name := "kube_service_kubernetes_default_web"; b.Name != name || !slices.Contains(b.Tags, name) {
		t.Errorf("got name %q and tags %v, want %s in both", b.Name, b.Tags, name)
	}
	ips, err := s.on.floatingIPs(t.Context())
	if err != nil || len(ips) != 1 || ips[0] != (floatingIP{address, b.PortID}) {
		t.Errorf("floating IPs: got %v (%v), want %s on port %s", ips, err, address, b.PortID)
	}
	s.UntilEnsured("web", 1) // because of our own annotations, which cost nothing
	s.spent(t, 5, 2)
}

func idleBalancer(t *testing.T, s *balancerStory) {
	before := s.Ensured("web")
	s.Edit("web", func(v *corev1.Service) {
		v.Labels = map[string]string{"touched": "yes"}
		v.Annotations["touched"] = "yes"
	})
	s.UntilEnsured("web", before)
	s.spent(t, 4, 0)
}

func changePorts(t *testing.T, s *balancerStory) {
	s.Edit("web", func(v *corev1.Service) {
		v.Spec.Ports = append(slices.DeleteFunc(v.Spec.Ports, func(p corev1.ServicePort) bool { return p.Port == 53 }), world.TCP(81))
	})
	s.becomes(t, "TCP 80, members 2, "+anywhere, "TCP 81, members 2, "+anywhere, "HTTP 8080, members 2, "+anywhere,
		"TERMINATED_HTTPS 443, members 2, "+anywhere+", with a certificate")
	s.spent(t, 9, 5) // pool, members and listener come, listener and pool go
}

func sourceRanges(t *testing.T, s *balancerStory) {
	s.Edit("web", func(v *corev1.Service) {
		v.Spec.Ports = slices.DeleteFunc(v.Spec.Ports, func(p corev1.ServicePort) bool { return p.Port != 80 && p.Port != 443 })
		maps.DeleteFunc(v.Annotations, func(key, _ string) bool { return strings.Contains(key, "port.8080.") })
		v.Spec.LoadBalancerSourceRanges = []string{"198.51.100.0/24", "10.0.0.0/8"}
	})
	s.becomes(t, "TCP 80, members 2, "+someRange, "TERMINATED_HTTPS 443, members 2, "+someRange+", with a certificate")
}

func joinBalancer(t *testing.T, s *balancerStory) {
	s.JoinAll(3, 3)
	s.becomes(t, "TCP 80, members 3, "+someRange, "TERMINATED_HTTPS 443, members 3, "+someRange+", with a certificate")
	s.Settled(octaviaTime)
	s.Untainted("node-3")
	s.spent(t, 40, 2) // it is looked at each time that the new node is a little more ready
}

func shareBalancer(t *testing.T, s *balancerStory) {
	s.Serve("api", map[string]string{world.Annotation + "load-balancer-id": s.on.only(t).ID}, world.TCP(6443))
	if got, want := s.Address("api"), s.Address("web"); got != want {
		t.Errorf("address: got %s, want that of web, %s", got, want)
	}
	shared := []string{
		"TCP 80, members 3, " + someRange, "TERMINATED_HTTPS 443, members 3, " + someRange + ", with a certificate",
		"TCP 6443, members 3, " + anywhere,
	}
	s.becomes(t, shared...)
	s.Forget("api")
	s.becomes(t, shared[:2]...)
}

func restartBalancer(t *testing.T, s *balancerStory) {
	for _, c := range s.Controllers() {
		if err := c.Stop(playground.StopGrace); err != nil {
			t.Fatal(err)
		}
	}
	s.on.proxy.Reset()
	before := s.Ensured("web")
	s.Lead(production.flags()...)
	s.UntilEnsured("web", before)
	s.spent(t, 6, 0)
}

// mendBalancer: a member of a project may not have Octavia fail over, so that it
// is made anew, with its address.
func mendBalancer(t *testing.T, s *balancerStory) {
	if s.fail == nil {
		t.Logf("left out: %s is not set, and only Octavia's database can say ERROR", root)
		return
	}
	old, address := s.on.only(t), s.Address("web")
	shape, err := s.on.shape(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s.fail(t, old.ID)
	s.Edit("web", func(v *corev1.Service) { v.Annotations["touched"] = "again" })
	s.Until(octaviaTime, "there is another one", func(ctx context.Context) bool {
		all, err := s.on.balancers(ctx)
		return err == nil && len(all) == 1 && all[0].ID != old.ID
	})
	s.becomes(t, shape...)
	if got := s.Address("web"); got != address {
		t.Errorf("address: got %s, want %s as before", got, address)
	}
	ips, err := s.on.floatingIPs(t.Context())
	if err != nil || len(ips) != 1 || ips[0] != (floatingIP{address, s.on.only(t).PortID}) {
		t.Errorf("floating IPs: got %v (%v), want %s on the new port", ips, err, address)
	}
}

func deleteBalancer(t *testing.T, s *balancerStory) {
	s.Forget("web")
	s.spent(t, 7, 2)
	balancers, err := s.on.balancers(t.Context())
	if err != nil || len(balancers) > 0 {
		t.Errorf("left load balancers: %+v (%v)", balancers, err)
	}
	ips, err := s.on.floatingIPs(t.Context())
	if err != nil || len(ips) > 0 {
		t.Errorf("left floating IPs: %+v (%v)", ips, err)
	}
	ports, err := s.on.vipPorts(t.Context())
	if err != nil || ports > 0 {
		t.Errorf("left %d ports of load balancers (%v)", ports, err)
	}
}
