package playground

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// rightWorld has two dual-stack nodes, routed, and a route of somebody else.
func rightWorld() Observation {
	node := func(n, v4, v6, cidr4, cidr6 string) Node {
		return Node{
			Name: "node-" + n, ServerID: "uuid-" + n, Booted: true, ServerAddresses: []string{v4, v6}, Pairs: []string{cidr4, cidr6},
			Registered: true, Initialized: true, ProviderID: "openstack:///uuid-" + n, InternalIPs: []string{v6, v4},
			PodCIDRs: []string{cidr4, cidr6}, Ready: true, NetworkAvailable: true,
		}
	}
	foreign := Route{Destination: "10.244.9.0/24", NextHop: "192.168.11.9"}
	return Observation{
		Nodes: []Node{
			node("1", "192.168.11.1", "fd00::1", "10.244.0.0/24", "fd10::/64"),
			node("2", "192.168.11.2", "fd00::2", "10.244.1.0/24", "fd10:0:0:1::/64"),
		},
		Routes: []Route{
			{"10.244.0.0/24", "192.168.11.1", "node-1", true}, {"10.244.1.0/24", "192.168.11.2", "node-2", true}, foreign,
			{"fd10::/64", "fd00::1", "node-1", true}, {"fd10:0:0:1::/64", "fd00::2", "node-2", true},
		},
		Foreign: []Route{foreign},
	}
}

func TestARightWorldHasNoProblems(t *testing.T) {
	if got := rightWorld().Problems(2); len(got) > 0 {
		t.Errorf("got %v", got)
	}
	if got := (Observation{}).Problems(1); len(got) > 0 {
		t.Errorf("an empty world: got %v", got)
	}
}

func TestEveryFlawIsAProblem(t *testing.T) {
	for name, test := range map[string]struct {
		flaw func(*Observation)
		want string
	}{
		"no Node":               {func(o *Observation) { o.Nodes[0].Registered = false }, "node-1: has no Node"},
		"Node without a server": {func(o *Observation) { o.Nodes[0].Booted = false }, "node-1: its server is gone, but its Node is still there"},
		"tainted":               {func(o *Observation) { o.Nodes[1].Initialized = false }, "node-2: not initialised: it has the uninitialized taint"},
		"another's provider ID": {func(o *Observation) { o.Nodes[1].ProviderID = "openstack:///uuid-1" }, `node-2: provider ID "openstack:///uuid-1" is not that of server uuid-2`},
		"one family only":       {func(o *Observation) { o.Nodes[0].PodCIDRs = o.Nodes[0].PodCIDRs[:1] }, "node-1: has 1 pod CIDRs, not 2"},
		"stale address":         {func(o *Observation) { o.Nodes[0].InternalIPs[1] = "192.168.11.77" }, "node-1: addresses [fd00::1 192.168.11.77] are not the server's [192.168.11.1 fd00::1]"},
		"not ready":             {func(o *Observation) { o.Nodes[0].Ready = false }, "node-1: not ready"},
		"not available":         {func(o *Observation) { o.Nodes[0].NetworkAvailable = false }, "node-1: its network is not available"},
		"pair missing":          {func(o *Observation) { o.Nodes[0].Pairs = o.Nodes[0].Pairs[1:] }, "node-1: its port has no allowed address pair 10.244.0.0/24"},
		"pair left over":        {func(o *Observation) { o.Nodes[0].Pairs = append(o.Nodes[0].Pairs, "10.244.7.0/24") }, "node-1: its port has the allowed address pair 10.244.7.0/24, which is not its pod CIDR"},
		"route missing":         {func(o *Observation) { o.Routes = o.Routes[1:] }, "router: no route 10.244.0.0/24 via 192.168.11.1 for node-1"},
		"route left over":       {func(o *Observation) { o.Routes = append(o.Routes, Route{"10.244.8.0/24", "192.168.11.8", "", true}) }, "router: route 10.244.8.0/24 via 192.168.11.8 belongs to no node"},
		"second next hop": {func(o *Observation) {
			o.Routes = append(o.Routes, Route{"10.244.0.0/24", "192.168.11.8", "node-1", true})
		}, "router: route 10.244.0.0/24 via 192.168.11.8 belongs to no node"},
		"foreign route gone": {func(o *Observation) { o.Routes = append(o.Routes[:2], o.Routes[3:]...) }, "router: the foreign route 10.244.9.0/24 via 192.168.11.9 is gone"},
		"no address of a family": {func(o *Observation) {
			o.Nodes[0].ServerAddresses, o.Nodes[0].InternalIPs = []string{"fd00::1"}, []string{"fd00::1"}
		}, "node-1: no address of the family of 10.244.0.0/24"},
	} {
		t.Run(name, func(t *testing.T) {
			o := rightWorld()
			test.flaw(&o)
			got := o.Problems(2)
			if !strings.Contains(strings.Join(got, "\n"), test.want) {
				t.Errorf("got %q, want %q among them", got, test.want)
			}
		})
	}
}

func TestAnUnsettledWorldSaysAllThatIsWrong(t *testing.T) {
	cause := errors.New("time is over")
	err := error(&UnsettledError{Problems: []string{"node-1: not ready", "node-2: has no Node"}, Cause: cause})
	want := "not as it should be: time is over\n  node-1: not ready\n  node-2: has no Node"
	if diff := cmp.Diff(want, err.Error()); diff != "" {
		t.Errorf("message (-want +got):\n%s", diff)
	}
	if !errors.Is(err, cause) {
		t.Error("the cause is lost")
	}
}

func TestPrefixesAreOrderedByFamilyAndNumber(t *testing.T) {
	ordered := []string{"10.244.2.0/24", "10.244.10.0/24", "fd10::/64"}
	for i := range ordered[1:] {
		if ComparePrefixes(ordered[i], ordered[i+1]) >= 0 || ComparePrefixes(ordered[i+1], ordered[i]) <= 0 {
			t.Errorf("%s is not before %s", ordered[i], ordered[i+1])
		}
	}
	if ComparePrefixes("default", "default") != 0 {
		t.Error("what is no prefix is not equal to itself")
	}
}
