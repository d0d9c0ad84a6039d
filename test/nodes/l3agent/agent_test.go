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
