package plan_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"underlay/internal/owner"
	"underlay/internal/step"
	"underlay/pkg/loadbalancer/plan"
	"underlay/pkg/loadbalancer/tree"
)

// The tests here are the defects of kubernetes/cloud-provider-openstack that a
// plan decides, each by the issue in which somebody met it.

// shop is an external Service with a port over all nodes, as it stands.
func shop(t *testing.T) (*world, *wish) {
	t.Helper()
	w, s := newWorld(), &wish{service: web, nodes: nodes, external: true, provider: "amphora",
		ports: []wishedPort{{port: 80, nodePort: 30080, listener: tree.TCP, pool: tree.TCP, cidrs: []string{}}}}
	w.reach(t, s.desired())
	w.settled(t, s.desired())
	return w, s
}

// lines is a plan as text.
func lines(steps []step.Step) []string {
	var texts []string
	for _, s := range steps {
		texts = append(texts, s.String())
	}
	return texts
}

func (w *world) wants(t *testing.T, s *wish, want ...string) {
	t.Helper()
	d := s.desired()
	if diff := gocmp.Diff(want, lines(plan.Plan(d, w.observe(d)))); diff != "" {
		t.Fatalf("plan (-want +got):\n%s", diff)
	}
}

// ovn knows no monitor port: with it in the comparison, members never are equal.
func TestMonitorPortIsNoDifferenceOnOVN(t *testing.T) {
	w, s := shop(t)
	s.provider, s.ports[0].health, s.ports[0].monitor = tree.OVN, 32000, "TCP"
	w.reach(t, s.desired())
	w.settled(t, s.desired())
	for _, m := range w.first().Listeners[0].Pool.Members {
		if *m.MonitorPort != 0 {
			t.Errorf("member %s: monitor port %d was sent", m.Target, *m.MonitorPort)
		}
	}
}

func TestSessionAffinityIsApplied(t *testing.T) {
	w, s := shop(t)
	s.ports[0].sticky = true
	w.wants(t, s, "change pool TCP/80: session persistence")
	w.reach(t, s.desired())
	s.ports[0].sticky = false
	w.wants(t, s, "change pool TCP/80: session persistence")
}

// A load balancer that is gone neither blocks its Service nor hides what it left.
func TestNothingLeaksWhenTheBalancerIsGone(t *testing.T) {
	w, s := shop(t)
	s.groups = true
	w.reach(t, s.desired())
	if err := w.deleteBalancer(deleteStep(w.first().ID)); err != nil {
		t.Fatal(err)
	}
	s.gone = true
	if d := s.desired(); !plan.Remains(d, w.observe(d)) {
		t.Error("address and group are there: the Service must not be forgotten")
	}
	w.reach(t, s.desired())
	if left := leftOf(w); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// #2541
func TestBalancerInErrorIsMended(t *testing.T) {
	w, s := shop(t)
	w.first().Provisioning = tree.Failed
	w.wants(t, s, "fail load balancer kube_service_blue_shop_web over: it is in ERROR")
	s.rebuild = true
	address := w.first().VIP.Address
	w.reach(t, s.desired())
	w.settled(t, s.desired())
	if got := w.first().VIP.Address; got != address {
		t.Errorf("got VIP %s, want %s", got, address)
	}
	s.gone = true
	w.first().Provisioning = tree.Failed
	w.reach(t, s.desired())
	if left := leftOf(w); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// A rebuild would take the listeners of others along.
func TestSharedBalancerInErrorIsNotRebuilt(t *testing.T) {
	w, s := shop(t)
	w.reach(t, (&wish{service: api, shared: w.first().ID}).desired())
	w.first().Provisioning = tree.Failed
	s.rebuild = true
	w.wants(t, s, "fail load balancer kube_service_blue_shop_web over: it is in ERROR")
}

// What is neither the Service's nor this cluster's is not ours to fail over.
func TestBalancerOfOthersInErrorIsLeftAlone(t *testing.T) {
	w, s := shop(t)
	s.shared = "lb-green"
	w.balancer("lb-green").Provisioning = tree.Failed
	d := s.desired()
	actual := w.observe(d)
	var broken *plan.BrokenError
	if err := plan.Check(d, actual); !errors.As(err, &broken) {
		t.Errorf("got %v, want a BrokenError", err)
	}
	if steps := plan.Plan(d, actual); len(steps) > 0 {
		t.Errorf("got %v, want nothing", lines(steps))
	}
}

func TestGroupLeavesThePortsOfExcludedNodes(t *testing.T) {
	w, s := shop(t)
	s.groups = true
	w.reach(t, s.desired())
	s.nodes = nodes[:2]
	w.wants(t, s, "set 2 members of pool TCP/80 (-10.0.0.3:30080)", "take security group sg-6 off port port-10.0.0.3")
}

// Whose listener is in the way is asked of the port, not of the protocol.
func TestConflictsAreOfPortsNotProtocols(t *testing.T) {
	w, s := shop(t)
	second := &wish{service: api, shared: w.first().ID, nodes: nodes, ports: []wishedPort{
		{port: 80, nodePort: 30180, listener: tree.TerminatedHTTPS, pool: tree.HTTP},
	}}
	d := second.desired()
	var conflict *plan.ConflictError
	if err := plan.Check(d, w.observe(d)); !errors.As(err, &conflict) || !slices.Equal(conflict.Holders, []string{blue.BalancerName(web)}) {
		t.Fatalf("got %v, want a ConflictError that names the holder", err)
	}
	w.reach(t, d)
	w.settled(t, s.desired())
}

// #3102, #2241: a listener of a Service of the same name in another cluster.
func TestAnotherClustersThingsAreNotTouched(t *testing.T) {
	w, s := shop(t)
	before := othersOf(w)
	s.gone = true
	w.reach(t, s.desired())
	if diff := gocmp.Diff(before, othersOf(w), everything); diff != "" {
		t.Errorf("(-before +after):\n%s", diff)
	}
}

// #2962, #1597
func TestMemberDriftIsRepaired(t *testing.T) {
	w, s := shop(t)
	p := w.first().Listeners[0].Pool
	p.Members = append(p.Members[:1], stranger())
	p.Members[0].Weight = new(9)
	w.wants(t, s, "set 3 members of pool TCP/80 (+10.0.0.2:30080 +10.0.0.3:30080 -10.9.9.9:1 ~10.0.0.1:30080)")
}

// #2443
func TestLoadBalancerIPCanChange(t *testing.T) {
	w, s := shop(t)
	s.address = "203.0.113.9"
	w.reach(t, s.desired())
	w.settled(t, s.desired())
	if f := w.addresses[len(w.addresses)-1]; f.Address != s.address || f.FixedIP != w.first().VIP.Address {
		t.Errorf("got %+v at the VIP, want %s", f, s.address)
	}
}

// #2751: the Service has its own load balancer now, and still parts on another.
func TestFormerBalancerIsLeft(t *testing.T) {
	w, s := shop(t)
	second := &wish{service: api, shared: w.first().ID, nodes: nodes,
		ports: []wishedPort{{port: 443, nodePort: 30443, listener: tree.TCP, pool: tree.TCP}}}
	w.reach(t, second.desired())
	second.shared = ""
	w.wants(t, second,
		"create load balancer kube_service_blue_shop_api: TCP/443 over 3 members",
		"delete listener TCP/443: no port of the Service",
		"delete pool pool_0_kube_service_blue_shop_api: serves no listener any more",
		"change load balancer kube_service_blue_shop_web: the Service leaves it")
	w.reach(t, second.desired())
	w.settled(t, second.desired())
	w.settled(t, s.desired())
}

// #2699
func TestRulesOfOthersStay(t *testing.T) {
	w, s := shop(t)
	s.groups = true
	w.reach(t, s.desired())
	g := &w.groups[len(w.groups)-1]
	g.Rules = append(g.Rules, tree.Rule{ID: "by-hand", RuleMatch: ingress(22), Description: "mine"},
		tree.Rule{ID: "egress", RuleMatch: tree.RuleMatch{Direction: "egress", EtherType: "IPv4"}})
	w.settled(t, s.desired())
	// In a group that the peer made, no rule is marked; people's have a word or a range.
	w.unmark()
	g.Rules[len(g.Rules)-2].Description = "mine"
	w.first().Tags = append(w.first().Tags, blue.Tag())
	w.settled(t, s.desired())
}

// #2675, #2891
func TestInternalBalancersCanBeShared(t *testing.T) {
	w, s := shop(t)
	s.external = false
	w.reach(t, s.desired())
	second := &wish{service: api, shared: w.first().ID, nodes: nodes, ports: []wishedPort{
		{port: 443, nodePort: 30443, listener: tree.TCP, pool: tree.TCP},
	}}
	if err := plan.Check(second.desired(), w.observe(second.desired())); err != nil {
		t.Fatal(err)
	}
	w.reach(t, second.desired())
	w.settled(t, second.desired())
	w.settled(t, s.desired())
}

// #2682: a name by which the load balancer is not found again is set right; one
// that it had under another --cluster-name stays, with the parts that carry it.
func TestNamesOfBalancers(t *testing.T) {
	w, s := shop(t)
	w.first().Name = "renamed"
	d := s.desired()
	actual := w.observe(d)
	actual.Balancer, actual.Owned, actual.Former = w.first(), true, nil
	want := []string{"change load balancer renamed: name"}
	if diff := gocmp.Diff(want, lines(plan.Plan(d, actual))); diff != "" {
		t.Errorf("renamed by hand (-want +got):\n%s", diff)
	}
	old := owner.Cluster{Name: "old", UID: blue.UID}.BalancerName(web)
	b := w.first()
	b.Name, b.Tags = old, []string{old, blue.Tag()}
	b.Listeners[0].Tags, b.Listeners[0].Name = []string{old}, owner.PartName("listener", 0, old)
	b.Listeners[0].Pool.Tags, b.Listeners[0].Pool.Name = []string{old}, owner.PartName("pool", 0, old)
	want = []string{"change load balancer " + old + ": tags", "change listener TCP/80: tags"}
	if diff := gocmp.Diff(want, lines(plan.Plan(d, actual))); diff != "" {
		t.Errorf("another --cluster-name (-want +got):\n%s", diff)
	}
	s.gone = true
	if !plan.Remains(s.desired(), actual) {
		t.Error("the load balancer is the Service's own: it has to go with it")
	}
}

// #2638, #3090: Octavia never changes the subnet of a member that stays.
func TestMembersOfTheWrongSubnetAreReplaced(t *testing.T) {
	w, s := shop(t)
	w.first().Listeners[0].Pool.Members[1].SubnetID = new("wrong")
	w.wants(t, s,
		"set 2 members of pool TCP/80 (-10.0.0.2:30080)",
		"set 3 members of pool TCP/80 (~10.0.0.2:30080)")
	w.reach(t, s.desired())
	w.settled(t, s.desired())
}

// #2327
func TestServicesWithoutNodePortsHaveEmptyPools(t *testing.T) {
	w, s := shop(t)
	s.ports[0].nodePort = 0
	w.wants(t, s, "set 0 members of pool TCP/80 (-10.0.0.1:30080 -10.0.0.2:30080 -10.0.0.3:30080)")
	w.reach(t, s.desired())
	w.settled(t, s.desired())
}

func TestAddressGoesAfterItsBalancer(t *testing.T) {
	w, s := shop(t)
	s.gone = true
	d := s.desired()
	steps := plan.Plan(d, w.observe(d))
	at := func(verb string) int {
		return slices.IndexFunc(steps, func(s step.Step) bool { return strings.HasPrefix(s.String(), verb) })
	}
	if b, f := at("delete load balancer"), at("delete floating IP"); b < 0 || f < b {
		t.Errorf("got %v, want the load balancer first", lines(steps))
	}
}

// Marks that somebody took off a listener do not keep it, nor the load balancer
// once another Service is the last on it. A listener that somebody made stays.
func TestListenerWithoutMarksIsKnownByItsPool(t *testing.T) {
	w, s := shop(t)
	second := sharer(w.first().ID)
	w.reach(t, second)
	l := w.first().Listener(tree.Key{Transport: tree.TCP, Port: 80})
	l.Name, l.Tags = "mine", []string{}
	s.gone = true
	w.reach(t, s.desired())
	if l := w.first().Listener(tree.Key{Transport: tree.TCP, Port: 80}); l != nil {
		t.Errorf("listener %s is still there", l.Name)
	}
	second.Gone = true
	w.reach(t, second)
	if left := leftOf(w); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestListenerOfPeopleStays(t *testing.T) {
	w, s := shop(t)
	b := w.first()
	b.Listeners = append(b.Listeners, tree.Listener{ID: "by-hand", Name: "mine", Tags: []string{}, Protocol: tree.TCP, Port: 8080, Pool: b.Listeners[0].Pool})
	s.ports[0].port = 81
	w.reach(t, s.desired())
	if l := w.first().Listener(tree.Key{Transport: tree.TCP, Port: 8080}); l == nil || l.Pool == nil {
		t.Error("the listener that somebody made lost its pool or is gone")
	}
}
