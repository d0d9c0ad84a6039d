package l3agent

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"underlay/test/nodes/tenant"
)

func TestRoutesAreMadeMovedAndRemoved(t *testing.T) {
	actual := []tenant.Route{{Destination: "10.244.0.0/24", NextHop: "10.0.0.1"}, {Destination: "10.244.1.0/24", NextHop: "10.0.0.2"}, {Destination: "10.244.2.0/24", NextHop: "10.0.0.3"}}
	desired := []tenant.Route{actual[0], {Destination: "10.244.1.0/24", NextHop: "10.0.0.9"}, {Destination: "10.244.3.0/24", NextHop: "10.0.0.4"}, {Destination: "fd00::/64", NextHop: "fd01::1"}}
	want := []string{
		"route del 10.244.2.0/24 proto static",
		"route replace 10.244.1.0/24 via 10.0.0.9 proto static",
		"route replace 10.244.3.0/24 via 10.0.0.4 proto static",
	}
	if diff := cmp.Diff(want, routeCommands(desired, actual)); diff != "" {
		t.Errorf("commands (-want +got):\n%s", diff)
	}
	if got := routeCommands(actual, actual); len(got) > 0 {
		t.Errorf("nothing to do: got %v", got)
	}
}

func TestAPortMaySendFromItsAddressesAndPairsOnly(t *testing.T) {
	guarded := tenant.Port{
		ID: "1b2c3d4e-5f60-4711-8f00-000000000001", MAC: "fa:16:3e:00:00:01", PortSecurity: true,
		Pairs: []tenant.Pair{{Address: "10.244.1.0/24", MAC: "fa:16:3e:00:00:01"}, {Address: "10.0.0.77", MAC: "fa:16:3e:ff:ff:ff"}, {Address: "fd00::/64"}},
	}
	guarded.FixedIPs = append(guarded.FixedIPs, struct {
		Address string `json:"ip_address"`
	}{"10.0.0.11"})
	open := tenant.Port{ID: "9b2c3d4e-5f60-4711-8f00-000000000002", MAC: "fa:16:3e:00:00:02"}
	want := `add table bridge port_security
delete table bridge port_security
table bridge port_security {
  chain tap1b2c3d4e-5f {
    ether saddr fa:16:3e:00:00:01 ip saddr 10.0.0.11 accept
    ether saddr fa:16:3e:00:00:01 arp saddr ip 10.0.0.11 accept
    ether saddr fa:16:3e:ff:ff:ff ip saddr 10.0.0.77 accept
    ether saddr fa:16:3e:ff:ff:ff arp saddr ip 10.0.0.77 accept
    ether saddr fa:16:3e:00:00:01 ip saddr 10.244.1.0/24 accept
    ether saddr fa:16:3e:00:00:01 arp saddr ip 10.244.1.0/24 accept
    counter drop
  }
  chain prerouting {
    type filter hook prerouting priority filter
    iifname "tap1b2c3d4e-5f" jump tap1b2c3d4e-5f
  }
}
`
	if diff := cmp.Diff(want, guardRules([]tenant.Port{open, guarded})); diff != "" {
		t.Errorf("rules (-want +got):\n%s", diff)
	}
}

func TestAPortTakesInWhatItsGroupsLetIn(t *testing.T) {
	node := tenant.Port{
		ID: "1b2c3d4e-5f60-4711-8f00-000000000001", MAC: "fa:16:3e:00:00:01", PortSecurity: true, Groups: []string{"nodes", "managed"},
		Pairs: []tenant.Pair{{Address: "10.244.1.0/24"}},
	}
	node.FixedIPs = append(node.FixedIPs, struct {
		Address string `json:"ip_address"`
	}{"10.0.0.11"})
	amphora := tenant.Port{ID: "9b2c3d4e-5f60-4711-8f00-000000000002", PortSecurity: true, Groups: []string{"of another project"}}
	groups := []tenant.Group{
		{ID: "nodes", Rules: []tenant.Rule{
			{ID: "1", Direction: "ingress", EtherType: "IPv4", RemoteGroup: "nodes"}, {ID: "2", Direction: "egress", EtherType: "IPv4"},
			{ID: "3", Direction: "ingress", EtherType: "IPv6"}, {ID: "4", Direction: "ingress", EtherType: "IPv4", Protocol: "icmp", RemoteCIDR: "0.0.0.0/0"},
		}},
		{ID: "managed", Rules: []tenant.Rule{{ID: "5", Direction: "ingress", EtherType: "IPv4", Protocol: "udp", PortMin: 30001, PortMax: 30001, RemoteCIDR: "10.0.0.0/24"}}},
	}
	want := `add table bridge security_groups
delete table bridge security_groups
table bridge security_groups {
  chain tap1b2c3d4e-5f {
    ether type arp accept
    tcp flags & (syn | ack) != syn accept
    ip saddr 10.0.0.11 ether type ip accept
    ip saddr 10.244.1.0/24 ether type ip accept
    ip protocol icmp accept
    ip saddr 10.0.0.0/24 udp dport 30001-30001 accept
    counter drop
  }
  chain postrouting {
    type filter hook postrouting priority filter
    oifname "tap1b2c3d4e-5f" jump tap1b2c3d4e-5f
  }
}
`
	if diff := cmp.Diff(want, filterRules([]tenant.Port{amphora, node}, groups)); diff != "" {
		t.Errorf("rules (-want +got):\n%s", diff)
	}
}

func TestAFloatingIPLeadsToItsAddressAndNothingElseIsReached(t *testing.T) {
	want := `add table ip floating
delete table ip floating
table ip floating {
  chain prerouting {
    type nat hook prerouting priority dstnat
    ip daddr 203.0.113.5 dnat to 10.0.0.9
  }
  chain postrouting {
    type nat hook postrouting priority srcnat
    ip saddr 10.0.0.9 oifname "outside" snat to 203.0.113.5
  }
  chain forward {
    type filter hook forward priority filter
    iifname "outside" ct state new ct status & dnat == 0 drop
  }
}
`
	got := floatingRules([]tenant.FloatingIP{{Address: "203.0.113.9"}, {Address: "203.0.113.5", Fixed: "10.0.0.9"}}, "outside")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rules (-want +got):\n%s", diff)
	}
}
