package plan_test

import (
	"errors"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"underlay/internal/step"
	"underlay/pkg/loadbalancer/plan"
	"underlay/pkg/loadbalancer/tree"
)

func TestCheckNamesWhatNeverChanges(t *testing.T) {
	w, s := shop(t)
	w.first().FlavorID, w.first().Provider = "small", "amphora"
	w.first().AdditionalVIPs = []tree.VIP{}
	d := s.desired()
	d.Balancer.FlavorID, d.Balancer.Provider = "large", "ovn"
	d.Balancer.VIP.Address = "10.0.1.77"
	d.Balancer.AdditionalVIPs = []tree.VIP{{SubnetID: "v6"}}
	actual := w.observe(d)
	err := plan.Check(d, actual)
	var immutable *plan.ImmutableError
	if !errors.As(err, &immutable) || strings.Count(err.Error(), "\n") != 3 {
		t.Errorf("got %v, want four ImmutableErrors", err)
	}
	for _, part := range []string{`"small"`, `"large"`, "10.0.1.77", "number of VIPs", "provider"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q is not in %v", part, err)
		}
	}
	if steps := plan.Plan(d, actual); len(steps) > 0 {
		t.Errorf("got %v, want nothing: it cannot be changed", lines(steps))
	}
}

func TestSharingTakesTags(t *testing.T) {
	w, _ := shop(t)
	w.first().Tags = nil
	d := (&wish{service: api, shared: w.first().ID, ports: []wishedPort{{port: 443, nodePort: 30443, listener: tree.TCP, pool: tree.TCP}}}).desired()
	var sharing *plan.SharingError
	if err := plan.Check(d, w.observe(d)); !errors.As(err, &sharing) {
		t.Errorf("got %v, want a SharingError", err)
	}
	if steps := plan.Plan(d, w.observe(d)); len(steps) > 0 {
		t.Errorf("got %v, want nothing", lines(steps))
	}
}

// A named load balancer that is not there is not made: it would be another one.
func TestNamedBalancerIsNotMade(t *testing.T) {
	w := newWorld()
	w.wants(t, &wish{service: api, shared: "lb-nowhere", external: true})
}

func TestSharerDoesNotChangeTheAddress(t *testing.T) {
	w, _ := shop(t)
	second := &wish{service: api, shared: w.first().ID, external: true, address: "203.0.113.9"}
	d := second.desired()
	var address *plan.AddressError
	if err := plan.Check(d, w.observe(d)); !errors.As(err, &address) {
		t.Errorf("got %v, want an AddressError", err)
	}
	w.wants(t, second, "change load balancer kube_service_blue_shop_web: tags")
}

// Without tags (API before 2.5), names and descriptions say whose things are.
func TestWithoutTags(t *testing.T) {
	w, s := newWorld(), &wish{service: web, nodes: nodes, external: true, provider: "amphora", old: true,
		ports: []wishedPort{{port: 80, nodePort: 30080, listener: tree.TCP, pool: tree.TCP}}}
	w.reach(t, s.desired())
	w.settled(t, s.desired())
	b := w.first()
	if b.Tags != nil || b.Listeners[0].Tags != nil {
		t.Fatalf("got tags %v and %v, want none", b.Tags, b.Listeners[0].Tags)
	}
	b.Description = "Kubernetes external service shop/web from cluster blue"
	b.Listeners[0].Name, b.Listeners[0].Pool.Name = "mine", "TCP_80_pool"
	w.wants(t, s,
		"change load balancer kube_service_blue_shop_web: description",
		"create pool TCP for TCP/80 on kube_service_blue_shop_web",
		"set 3 members of pool TCP/80 (+10.0.0.1:30080 +10.0.0.2:30080 +10.0.0.3:30080)",
		"change listener TCP/80: goes over to another pool, name")
	b.Listeners[0].Name = "listener_7_" + b.Name
	s.ports[0].pool = tree.Proxy
	w.wants(t, s,
		"change load balancer kube_service_blue_shop_web: description",
		"change pool TCP/80: name",
		"create pool PROXY for TCP/80 on kube_service_blue_shop_web",
		"set 3 members of pool TCP/80 (+10.0.0.1:30080 +10.0.0.2:30080 +10.0.0.3:30080)",
		"change listener TCP/80: goes over to another pool",
		"delete pool TCP_80_pool: serves no listener any more")
	w.reach(t, s.desired())
	w.settled(t, s.desired())
	s.gone = true
	w.reach(t, s.desired())
	if left := leftOf(w); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// What is being deleted serves nobody: its address moves to the next one.
func TestBalancerOnItsWayOutIsReplaced(t *testing.T) {
	w, s := shop(t)
	b := w.first()
	b.Provisioning = tree.PendingDelete
	address := w.addresses[len(w.addresses)-1].Address
	w.wants(t, s,
		"create load balancer kube_service_blue_shop_web at "+b.VIP.Address+": TCP/80 over 3 members",
		"put floating IP "+address+" on the VIP")
	s.gone = true
	w.wants(t, s, "delete floating IP "+address+": the Service is gone")
	w.addresses = nil
	if d := s.desired(); !plan.Remains(d, w.observe(d)) {
		t.Error("it is not gone yet")
	}
	b.Provisioning = tree.Deleted
	if d := s.desired(); plan.Remains(d, w.observe(d)) {
		t.Error("it is gone")
	}
}

// Whose load balancer is in ERROR has to mend it before we can leave it.
func TestServiceRemainsOnABrokenBalancerOfOthers(t *testing.T) {
	w, _ := shop(t)
	second := &wish{service: api, shared: "lb-green", nodes: nodes,
		ports: []wishedPort{{port: 443, nodePort: 30443, listener: tree.TCP, pool: tree.TCP}}}
	w.reach(t, second.desired())
	second.gone = true
	w.balancer("lb-green").Provisioning = tree.Failed
	w.wants(t, second)
	if d := second.desired(); !plan.Remains(d, w.observe(d)) {
		t.Error("its listener is still there")
	}
	w.balancer("lb-green").Provisioning = tree.Active
	w.reach(t, second.desired())
	if d := second.desired(); plan.Remains(d, w.observe(d)) {
		t.Error("nothing of it is there any more")
	}
}

// A VIP port that the user made outlives the load balancer.
func TestUsersPort(t *testing.T) {
	w, s := newWorld(), &wish{service: web, nodes: nodes, external: true, provider: "amphora", vipPort: "port-users", portText: new("the shop"),
		ports: []wishedPort{{port: 80, nodePort: 30080, listener: tree.TCP, pool: tree.TCP}}}
	w.reach(t, s.desired())
	w.settled(t, s.desired())
	if got := w.port("port-users").Description; got != "the shop" {
		t.Errorf("got description %q", got)
	}
	w.port("port-users").Description = "changed"
	w.wants(t, s, `describe the VIP port as "the shop"`)
	address := w.addresses[len(w.addresses)-1].Address
	s.gone = true
	w.wants(t, s,
		"take floating IP "+address+" off: its port stays",
		"delete load balancer kube_service_blue_shop_web with all its parts: no Service uses it any more",
		"delete floating IP "+address+": the Service is gone")
}

// Unread members and monitors are taken as equal, but for how many there are.
func TestUnreadIsEqual(t *testing.T) {
	w, s := shop(t)
	s.ports[0].monitor = "TCP"
	w.reach(t, s.desired())
	p := w.first().Listeners[0].Pool
	p.Members, p.Monitor = nil, nil
	p.Settings, w.first().Listeners[0].Settings, w.first().AdminUp = tree.PoolSettings{}, tree.ListenerSettings{}, nil
	w.settled(t, s.desired())
	p.MemberIDs = p.MemberIDs[1:]
	w.wants(t, s, "set 3 members of pool TCP/80")
}

func TestLongLinesAreCut(t *testing.T) {
	var targets []tree.Target
	for i := range 12 {
		targets = append(targets, tree.Target{Address: "fd00::1", Port: i})
	}
	for want, s := range map[string]step.Step{
		"set 0 members of pool TCP/80 (+[fd00::1]:0 +[fd00::1]:1 +[fd00::1]:2 +[fd00::1]:3 +[fd00::1]:4 +[fd00::1]:5 +[fd00::1]:6 " +
			"+[fd00::1]:7 +[fd00::1]:8 +[fd00::1]:9 and 2 more)": plan.SetMembers{Pool: plan.PoolRef{Key: tree.Key{Transport: tree.TCP, Port: 80}}, Added: targets},
		"put the managed security group on port p in place of a, b": plan.SetPortGroups{PortID: "p", Add: &plan.GroupRef{}, Remove: []string{"a", "b"}},
		"change monitor of pool x: delay":                           plan.UpdateMonitor{Pool: plan.PoolRef{ID: "x"}, Why: "delay"},
		"delete rule ingress IPv6 any protocol/1-9 from g":          plan.DeleteRule{Rule: tree.RuleMatch{Direction: "ingress", EtherType: "IPv6", PortMin: 1, PortMax: 9, RemoteGroupID: "g"}},
	} {
		if got := s.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestGroupsOfAPort(t *testing.T) {
	s := plan.SetPortGroups{GroupIDs: []string{"default", "old", "more"}, Add: &plan.GroupRef{}, Remove: []string{"old"}}
	if diff := gocmp.Diff([]string{"default", "more", "new"}, s.Groups("new")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	s.Add, s.Remove = nil, []string{"default", "old", "more"}
	if got := s.Groups(""); got == nil || len(got) > 0 {
		t.Errorf("got %#v, want none, not nil", got)
	}
}
