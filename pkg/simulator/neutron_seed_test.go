package simulator_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/servers"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/ports"

	"underlay/pkg/simulator"
)

func TestServerPorts(t *testing.T) {
	b := newBench(t, simulator.Options{})
	existing := b.port(ports.CreateOpts{Name: "existing"})
	s := b.cloud.AddServer(simulator.ServerSpec{Name: "node", Networks: []simulator.NIC{
		{NetworkID: b.network.ID, SubnetIDs: []string{b.subnet4()}},
		{NetworkID: b.network.ID, FixedIPs: []string{"10.0.0.77", "fd00:1::77"}},
		{NetworkID: b.network.ID},
	}})
	var got [][]string
	for _, id := range s.PortIDs {
		p := b.cloud.Port(id)
		if p.DeviceID != s.ID || p.DeviceOwner != "compute:nova" || p.Status != "ACTIVE" || len(p.SecurityGroups) != 1 || !p.PortSecurity {
			t.Errorf("got port %+v", p)
		}
		var addresses []string
		for _, ip := range p.FixedIPs {
			addresses = append(addresses, ip.Address)
		}
		got = append(got, addresses)
	}
	want := [][]string{{"10.0.0.3"}, {"10.0.0.77", "fd00:1::77"}, {"10.0.0.4", "fd00:1::3"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("addresses (-want +got):\n%s", diff)
	}
	b.cloud.DeleteServer(s.ID)
	for _, id := range s.PortIDs {
		if b.cloud.Port(id).ID != "" {
			t.Errorf("port %s outlives its server", id)
		}
	}
	// A port that was there before its server outlives it; no other server may have it meanwhile.
	nova := compute(t, provider(t, b.cloud), "2.1")
	boot := servers.CreateOpts{Name: "booted", FlavorRef: "1", Networks: []servers.Network{{Port: existing.ID}}}
	booted, err := servers.Create(t.Context(), nova, boot, nil).Extract()
	if err != nil {
		t.Fatalf("create server: %v", err)
	}
	if p := b.cloud.Port(existing.ID); p.DeviceID != booted.ID || p.Status != "ACTIVE" {
		t.Errorf("got port %+v", p)
	}
	if _, err := servers.Create(t.Context(), nova, boot, nil).Extract(); err == nil {
		t.Error("two servers have one port")
	}
	b.cloud.DeleteServer(booted.ID)
	if p := b.cloud.Port(existing.ID); p.Name != "existing" || p.DeviceID != "" || p.Status != "DOWN" {
		t.Errorf("got port %+v after its server has gone", p)
	}
}

func TestSeeding(t *testing.T) {
	c := simulator.New(simulator.Options{})
	const id = "6ce06bce-a359-4ec1-a0d0-1636d0721afb"
	external := c.AddNetwork(simulator.NetworkSpec{Name: "public", Subnets: []string{"203.0.113.0/24"}, External: true})
	lan := c.AddNetwork(simulator.NetworkSpec{Name: "lan", Subnets: []string{"10.0.0.0/24", "fd00::/64"}})
	if got := c.AddRouter(simulator.RouterSpec{ID: id, Name: "r", SubnetIDs: lan.SubnetIDs, ExternalNetworkID: external.ID}); got != id {
		t.Errorf("got router %s, want the id that was asked for", got)
	}
	if _, err := uuid.Parse(lan.ID); err != nil {
		t.Errorf("got network id %q: %v", lan.ID, err)
	}
	port := c.AddPort(simulator.PortSpec{NetworkID: lan.ID, FixedIPs: []string{"10.0.0.9"}})
	f := c.AddFloatingIP(simulator.FloatingIPSpec{NetworkID: external.ID, PortID: port, FixedIP: "10.0.0.9", Description: "d"})
	if f.FixedIP != "10.0.0.9" || f.RouterID != id || !strings.HasPrefix(f.Address, "203.0.113.") {
		t.Errorf("got floating IP %+v", f)
	}
	if diff := cmp.Diff([]simulator.FloatingIPState{f}, c.FloatingIPs()); diff != "" {
		t.Errorf("floating IPs (-want +got):\n%s", diff)
	}
	r := c.Routers()[0]
	var interfaces []string
	for _, i := range r.Interfaces {
		interfaces = append(interfaces, i.CIDR+" "+i.Address)
	}
	if diff := cmp.Diff([]string{"10.0.0.0/24 10.0.0.1", "fd00::/64 fd00::1"}, interfaces); diff != "" {
		t.Errorf("interfaces (-want +got):\n%s", diff)
	}
	if r.GatewayNetworkID != external.ID || r.GatewayAddress != "203.0.113.2" {
		t.Errorf("got router %+v", r)
	}
	nets := c.Networks()
	if len(nets) != 2 || !nets[0].External || nets[1].Subnets[1].Gateway != "fd00::1" {
		t.Errorf("got networks %+v", nets)
	}
	c.SetPortStatus(port, "ERROR")
	c.SetPortFixedIPs(port, "10.0.0.10", "fd00::10")
	c.SetAddressPairs(port, simulator.AddressPairState{IPAddress: "10.244.0.0/24"})
	if p := c.Port(port); p.Status != "ERROR" || p.FixedIPs[1].Address != "fd00::10" || p.AllowedAddressPairs[0].MACAddress != p.MACAddress {
		t.Errorf("got port %+v", p)
	}
	if got := c.Count("*"); got != 0 {
		t.Errorf("seeding counts as %d calls", got)
	}
	if got := c.Router("none"); got.ID != "" {
		t.Errorf("got router %+v for an unknown id", got)
	}
}

// A wrong seed is a bug of the test: it must not go unnoticed.
func TestWrongSeedPanics(t *testing.T) {
	c := simulator.New(simulator.Options{})
	lan := c.AddNetwork(simulator.NetworkSpec{Name: "lan", Subnets: []string{"10.0.0.0/24"}})
	for name, run := range map[string]func(){
		"range with host bits": func() { c.AddNetwork(simulator.NetworkSpec{Subnets: []string{"10.0.0.1/24"}}) },
		"ranges overlap":       func() { c.AddNetwork(simulator.NetworkSpec{Subnets: []string{"10.0.0.0/24", "10.0.0.0/25"}}) },
		"router, no subnet":    func() { c.AddRouter(simulator.RouterSpec{SubnetIDs: []string{"none"}}) },
		"gateway not external": func() { c.AddRouter(simulator.RouterSpec{ExternalNetworkID: lan.ID}) },
		"port, no network":     func() { c.AddPort(simulator.PortSpec{NetworkID: "none"}) },
		"routes, no router":    func() { c.SetRoutes("none", nil) },
		"address elsewhere":    func() { c.AddPort(simulator.PortSpec{NetworkID: lan.ID, FixedIPs: []string{"10.1.0.1"}}) },
		"trunk, no port":       func() { c.AddTrunk("t", "none") },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("the mistake went unnoticed")
				}
			}()
			run()
		})
	}
}

// Calls and changes by hand may come from anywhere at once.
func TestNeutronIsSafeForConcurrentUse(t *testing.T) {
	b := newBench(t, simulator.Options{})
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			route := via(fmt.Sprintf("10.244.%d.0/24", i), fmt.Sprintf("10.0.0.%d", 100+i))
			if _, err := b.add(route); err != nil {
				t.Errorf("add route: %v", err)
			}
			p := b.cloud.AddPort(simulator.PortSpec{NetworkID: b.network.ID})
			b.cloud.SetAddressPairs(p, simulator.AddressPairState{IPAddress: "10.244.0.0/16"})
			if _, err := ports.Get(t.Context(), b.client, p).Extract(); err != nil {
				t.Errorf("get port: %v", err)
			}
			_, _ = b.cloud.Ports(), b.cloud.Routers()
		})
	}
	all.Wait()
	if got := len(b.cloud.Router(b.router).Routes); got != 8 {
		t.Errorf("got %d routes, want 8: each request is one transaction", got)
	}
}
