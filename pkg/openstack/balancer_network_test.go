package openstack_test

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"underlay/internal/cloud"
	"underlay/pkg/loadbalancer"
	"underlay/pkg/loadbalancer/tree"
	"underlay/pkg/simulator"
)

// outside adds an external network behind the router, and a port to reach from it.
func (w *world) outside() (external simulator.Network, port string) {
	external = w.AddNetwork(simulator.NetworkSpec{Name: "public", Subnets: []string{"203.0.113.0/28"}, External: true})
	w.router = w.AddRouter(simulator.RouterSpec{Name: "out", ExternalNetworkID: external.ID, SubnetIDs: []string{
		w.AddNetwork(simulator.NetworkSpec{Name: "inside", Subnets: []string{"198.51.100.0/24"}}).SubnetIDs[0],
	}})
	for _, network := range w.Networks() {
		if network.Name == "inside" {
			return external, w.AddPort(simulator.PortSpec{NetworkID: network.ID})
		}
	}
	return external, ""
}

func TestFloatingIPs(t *testing.T) {
	w := newWorld(t, simulator.Options{}, 0)
	ctx := t.Context()
	external, port := w.outside()
	w.client = w.ownerClient(t)
	made, err := w.client.CreateFloatingIP(ctx, loadbalancer.FloatingIPRequest{
		NetworkID: external.ID, SubnetID: external.SubnetIDs[0], Address: "203.0.113.9", PortID: port, Description: "d",
	})
	want := tree.FloatingIP{Address: "203.0.113.9", NetworkID: external.ID, PortID: port, Description: "d"}
	ignore := cmpopts.IgnoreFields(tree.FloatingIP{}, "ID", "FixedIP", "Tags", "Revision")
	if diff := gocmp.Diff(want, made, ignore); err != nil || diff != "" || made.ID == "" || made.FixedIP == "" {
		t.Fatalf("%v: %+v (-want +got):\n%s", err, made, diff)
	}
	other, err := w.client.CreateFloatingIP(ctx, loadbalancer.FloatingIPRequest{NetworkID: external.ID})
	if err != nil || other.PortID != "" || other.FixedIP != "" {
		t.Fatalf("got %+v, %v; want one that leads nowhere", other, err)
	}
	w.ResetCalls()
	both := []tree.FloatingIP{made, other}
	slices.SortFunc(both, func(a, b tree.FloatingIP) int { return slices.Compare([]byte(a.ID), []byte(b.ID)) })
	all, err := w.client.FloatingIPs(ctx, "")
	if diff := gocmp.Diff(both, all); err != nil || diff != "" {
		t.Errorf("all: %v (-want +got):\n%s", err, diff)
	}
	of, err := w.client.FloatingIPs(ctx, port)
	if diff := gocmp.Diff([]tree.FloatingIP{made}, of); err != nil || diff != "" {
		t.Errorf("of the port: %v (-want +got):\n%s", err, diff)
	}
	at, err := w.client.FloatingIPAt(ctx, other.Address)
	if diff := gocmp.Diff(other, at); err != nil || diff != "" {
		t.Errorf("by address: %v (-want +got):\n%s", err, diff)
	}
	if _, err := w.client.FloatingIPAt(ctx, "203.0.113.200"); !errors.Is(err, cloud.ErrNotFound) {
		t.Errorf("got %v, want cloud.ErrNotFound", err)
	}
	w.calls(t, map[string]int{"GET /v2.0/floatingips": 4})

	described, err := w.client.UpdateFloatingIP(ctx, made.ID, nil, new("e"))
	if err != nil || described.Description != "e" || described.PortID != port {
		t.Errorf("got %+v, %v; want only another description", described, err)
	}
	detached, err := w.client.UpdateFloatingIP(ctx, made.ID, new(""), nil)
	if err != nil || detached.PortID != "" || detached.Description != "e" {
		t.Errorf("got %+v, %v; want it off its port", detached, err)
	}
	moved, err := w.client.UpdateFloatingIP(ctx, other.ID, &port, nil)
	if err != nil || moved.PortID != port {
		t.Errorf("got %+v, %v; want it on the port", moved, err)
	}
	do(t, w.client.DeleteFloatingIP(ctx, made.ID))
	if err := w.client.DeleteFloatingIP(ctx, made.ID); !errors.Is(err, cloud.ErrNotFound) {
		t.Errorf("again: got %v, want cloud.ErrNotFound", err)
	}
}

func TestFloatingIPErrors(t *testing.T) {
	w := newWorld(t, simulator.Options{}, 1)
	ctx := t.Context()
	external, port := w.outside()
	unreachable := w.AddPort(simulator.PortSpec{NetworkID: w.network.ID})
	// Whoever is no admin may not choose an address (neutron/conf/policies/floatingip.py).
	chosen := loadbalancer.FloatingIPRequest{NetworkID: external.ID, Address: "203.0.113.5"}
	if _, err := w.client.CreateFloatingIP(ctx, chosen); !errors.Is(err, cloud.ErrDenied) {
		t.Errorf("an address chosen by a member: got %v, want cloud.ErrDenied", err)
	}
	w.client = w.ownerClient(t)
	create := func(wish loadbalancer.FloatingIPRequest) error {
		_, err := w.client.CreateFloatingIP(ctx, wish)
		return err
	}
	do(t, create(chosen))
	for name, test := range map[string]struct {
		wish loadbalancer.FloatingIPRequest
		want error
	}{
		"no route to the port":      {loadbalancer.FloatingIPRequest{NetworkID: external.ID, PortID: unreachable}, cloud.ErrInvalid},
		"not an external network":   {loadbalancer.FloatingIPRequest{NetworkID: w.network.ID, PortID: port}, cloud.ErrInvalid},
		"an address that is taken":  {loadbalancer.FloatingIPRequest{NetworkID: external.ID, Address: "203.0.113.5"}, cloud.ErrInvalid},
		"an address of elsewhere":   {loadbalancer.FloatingIPRequest{NetworkID: external.ID, Address: "8.8.8.8"}, cloud.ErrInvalid},
		"a network that is nowhere": {loadbalancer.FloatingIPRequest{NetworkID: missing}, cloud.ErrInvalid},
		"a subnet that is nowhere":  {loadbalancer.FloatingIPRequest{NetworkID: external.ID, SubnetID: missing}, cloud.ErrInvalid},
		"a port that is gone":       {loadbalancer.FloatingIPRequest{NetworkID: external.ID, PortID: missing}, cloud.ErrNotFound},
	} {
		if err := create(test.wish); !errors.Is(err, test.want) {
			t.Errorf("%s: got %v, want %v", name, err, test.want)
		}
	}
	var err error
	for range 20 {
		if err = create(loadbalancer.FloatingIPRequest{NetworkID: external.ID}); err != nil {
			break
		}
	}
	if !errors.Is(err, cloud.ErrQuota) {
		t.Errorf("no address left: got %v, want cloud.ErrQuota", err)
	}
}

func TestSecurityGroups(t *testing.T) {
	w := newWorld(t, simulator.Options{}, 0)
	ctx := t.Context()
	made, err := w.client.CreateSecurityGroup(ctx, "lb-sg", "ours")
	if err != nil || made.Name != "lb-sg" || made.Description != "ours" || made.ID == "" {
		t.Fatalf("got %+v, %v", made, err)
	}
	rules := []tree.RuleMatch{
		{Direction: "ingress", EtherType: "IPv4", Protocol: "tcp", PortMin: 30080, PortMax: 30080, RemotePrefix: "192.0.2.0/24"},
		{Direction: "ingress", EtherType: "IPv6", Protocol: "udp", PortMin: 30053, PortMax: 30053, RemotePrefix: "2001:db8::/64"},
		{Direction: "ingress", EtherType: "IPv4", RemoteGroupID: made.ID},
	}
	w.ResetCalls()
	do(t, w.client.CreateRules(ctx, made.ID, "mark", rules))
	do(t, w.client.CreateRules(ctx, made.ID, "mark", nil))
	w.calls(t, map[string]int{"POST /v2.0/security-group-rules": 1})
	if err := w.client.CreateRules(ctx, made.ID, "mark", []tree.RuleMatch{
		{Direction: "ingress", EtherType: "IPv4", Protocol: "tcp", PortMin: 1, PortMax: 2}, rules[0],
	}); !errors.Is(err, cloud.ErrInvalid) {
		t.Errorf("a rule twice: got %v, want cloud.ErrInvalid", err)
	}
	found, err := w.client.SecurityGroups(ctx, "lb-sg")
	if err != nil || len(found) != 1 || found[0].ID != made.ID || found[0].Revision <= made.Revision {
		t.Fatalf("got %+v, %v; want one with a later revision", found, err)
	}
	var got []tree.RuleMatch
	for _, rule := range found[0].Rules {
		if rule.Direction == "ingress" {
			got = append(got, rule.RuleMatch)
		}
		if rule.GroupID != made.ID || rule.Direction == "ingress" && rule.Description != "mark" {
			t.Errorf("got %+v, want its group and our mark", rule)
		}
	}
	anyOrder := cmpopts.SortSlices(func(a, b tree.RuleMatch) bool { return a.EtherType+a.Protocol < b.EtherType+b.Protocol })
	if diff := gocmp.Diff(rules, got, anyOrder); diff != "" {
		t.Errorf("rules, none of the second call (-want +got):\n%s", diff)
	}
	if all, err := w.client.SecurityGroups(ctx, ""); err != nil || len(all) != 2 {
		t.Errorf("got %v, %v; want the default group too", all, err)
	}
	if none, err := w.client.SecurityGroups(ctx, "nobody's"); err != nil || len(none) != 0 {
		t.Errorf("got %v, %v; want none", none, err)
	}
	do(t, w.client.DeleteRule(ctx, found[0].Rules[0].ID))
	if err := w.client.DeleteRule(ctx, found[0].Rules[0].ID); !errors.Is(err, cloud.ErrNotFound) {
		t.Errorf("again: got %v, want cloud.ErrNotFound", err)
	}
	port := w.AddPort(simulator.PortSpec{NetworkID: w.network.ID})
	do(t, w.client.SetPortGroups(ctx, port, w.Port(port).Revision, []string{made.ID}))
	if err := w.client.DeleteSecurityGroup(ctx, made.ID); !errors.Is(err, cloud.ErrInvalid) {
		t.Errorf("in use: got %v, want cloud.ErrInvalid", err)
	}
	do(t, w.client.SetPortGroups(ctx, port, w.Port(port).Revision, nil))
	do(t, w.client.DeleteSecurityGroup(ctx, made.ID))
}

// One list of ports serves load balancers too, and learns what they write.
func TestPortsOfLoadBalancers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, simulator.Options{}, 0)
		ctx := t.Context()
		id := w.AddPort(simulator.PortSpec{Name: "n", NetworkID: w.network.ID})
		group, err := w.client.CreateSecurityGroup(ctx, "g", "")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.client.Ports(ctx, time.Minute); err != nil {
			t.Fatal(err)
		}
		w.ResetCalls()
		before := w.balancerPort(t, id)
		if before.Name != "n" || before.NetworkID != w.network.ID || !before.PortSecurity || len(before.FixedIPs) == 0 || before.Revision == 0 {
			t.Errorf("got %+v", before)
		}
		do(t, w.client.SetPortGroups(ctx, id, before.Revision, append([]string{group.ID}, before.SecurityGroupIDs...)))
		do(t, w.client.DescribePort(ctx, id, "described"))
		after := w.balancerPort(t, id)
		if after.Description != "described" || !slices.Contains(after.SecurityGroupIDs, group.ID) ||
			len(after.SecurityGroupIDs) != len(before.SecurityGroupIDs)+1 || !slices.IsSorted(after.SecurityGroupIDs) {
			t.Errorf("got %+v, want both writes", after)
		}
		w.calls(t, map[string]int{"PUT /v2.0/ports/{id}": 2})
		if err := w.client.SetPortGroups(ctx, id, before.Revision, nil); !errors.Is(err, cloud.ErrBusy) {
			t.Errorf("an old revision: got %v, want cloud.ErrBusy", err)
		}
		if now := w.balancerPort(t, id); !slices.Equal(now.SecurityGroupIDs, after.SecurityGroupIDs) {
			t.Errorf("got %+v, want it unchanged", now)
		}
		w.calls(t, map[string]int{"PUT /v2.0/ports/{id}": 1, "GET /v2.0/ports": 1})
	})
}

func (w *world) balancerPort(t *testing.T, id string) tree.Port {
	t.Helper()
	ports, err := w.client.BalancerPorts(t.Context(), time.Minute)
	at := slices.IndexFunc(ports, func(p tree.Port) bool { return p.ID == id })
	if err != nil || at < 0 {
		t.Fatalf("got %v, %v; want %s among them", ports, err, id)
	}
	return ports[at]
}

func TestNetworksAreRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, simulator.Options{}, 0)
		ctx := t.Context()
		external := w.AddNetwork(simulator.NetworkSpec{Name: "public", Subnets: []string{"203.0.113.0/24"}, External: true})
		for range 2 {
			networks, err := w.client.ExternalNetworks(ctx)
			want := []tree.Network{{ID: external.ID, Name: "public", External: true, SubnetIDs: external.SubnetIDs}}
			if diff := gocmp.Diff(want, networks); err != nil || diff != "" {
				t.Errorf("networks: %v (-want +got):\n%s", err, diff)
			}
			subnets, err := w.client.Subnets(ctx)
			if err != nil || len(subnets) != 3 {
				t.Fatalf("got %v, %v; want three subnets", subnets, err)
			}
			for _, s := range subnets {
				if s.IPv6 != (s.CIDR == "2001:db8::/64") || s.NetworkID == "" {
					t.Errorf("got %+v, want its family and network", s)
				}
			}
			networks[0].SubnetIDs[0], subnets[0].CIDR = "changed", "changed" // by a caller
		}
		w.calls(t, map[string]int{"POST /v3/auth/tokens": 1, "GET /v2.0/networks": 1, "GET /v2.0/subnets": 1})
		w.AddNetwork(simulator.NetworkSpec{Name: "more", Subnets: []string{"198.51.100.0/24"}, External: true})
		time.Sleep(10*time.Minute + time.Second)
		if networks, err := w.client.ExternalNetworks(ctx); err != nil || len(networks) != 2 {
			t.Errorf("got %v, %v; want the new one too", networks, err)
		}
	})
}

// Neutron keeps what it is given: two spellings of one thing are one thing here.
func TestSpellings(t *testing.T) {
	w := newWorld(t, simulator.Options{}, 0)
	ctx := t.Context()
	group, err := w.client.CreateSecurityGroup(ctx, "g", "")
	if err != nil {
		t.Fatal(err)
	}
	do(t, w.client.CreateRules(ctx, group.ID, "", []tree.RuleMatch{
		{Direction: "ingress", EtherType: "IPv4", Protocol: "6", PortMin: 1, PortMax: 1, RemotePrefix: "192.0.2.0/24"},
	}))
	found, err := w.client.SecurityGroups(ctx, "g")
	if err != nil || !slices.ContainsFunc(found[0].Rules, func(r tree.Rule) bool {
		return r.RuleMatch == tree.RuleMatch{
			Direction: "ingress", EtherType: "IPv4", Protocol: "tcp", PortMin: 1, PortMax: 1, RemotePrefix: "192.0.2.0/24",
		}
	}) {
		t.Errorf("got %+v, %v; want tcp by its name", found, err)
	}
}
