package routes

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Only what lies inside the ranges is found: on the router, and on ports that
// stand beside it. A pair with a MAC address of its own is somebody's virtual IP.
func TestRemnantsLieInsideTheRanges(t *testing.T) {
	router := Router{ID: "r", Routes: []Route{
		{"10.244.1.0/24", "10.0.0.6"}, {"10.244.000.0/24", "10.0.0.5"}, {"10.245.0.0/24", "10.0.0.5"}, {"0.0.0.0/0", "10.0.0.5"},
		{"10.0.0.0/8", "10.0.0.5"}, {"fd00:244:0::/64", "fd00::5"}, {"10.244.9.0/24", "not an address"},
	}}
	attached := []Interface{{SubnetID: "s", CIDR: "10.0.0.0/24", Address: "10.0.0.1"}}
	ports := []Port{
		{ID: "p1", DeviceID: "server", FixedIPs: []FixedIP{{"s", "10.0.0.5"}}, AddressPairs: []AddressPair{
			{IPAddress: "10.244.0.0/24"}, {IPAddress: "10.244.7.1", MACAddress: "fa:16:3e:00:00:01"}, {IPAddress: "192.0.2.0/24"}, {IPAddress: "10.244.8.1"},
		}},
		{ID: "p2", DeviceID: "elsewhere", FixedIPs: []FixedIP{{"other", "10.0.0.6"}}, AddressPairs: []AddressPair{{IPAddress: "10.244.1.0/24"}}},
	}
	ranges := []netip.Prefix{netip.MustParsePrefix("10.244.0.0/16"), netip.MustParsePrefix("fd00:244::/48")}
	want := Remnants{
		Router: router,
		Routes: []RemnantRoute{
			{Route{"10.244.000.0/24", "10.0.0.5"}, "server"}, {Route{"10.244.1.0/24", "10.0.0.6"}, ""}, {Route{"fd00:244:0::/64", "fd00::5"}, ""},
		},
		Pairs: []RemnantPairs{{PortID: "p1", DeviceID: "server", CIDRs: []string{"10.244.0.0/24", "10.244.8.1/32"}}},
	}
	got := FindRemnants(router, attached, ports, ranges)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if n := len(got.Steps()); n != 2 {
		t.Errorf("got %d steps, want one for the router and one for the port", n)
	}
	if n := len(FindRemnants(Router{}, nil, ports, ranges).Pairs); n != 2 {
		t.Errorf("without a router: got pairs of %d ports, want all", n)
	}
	if n := len(FindRemnants(router, attached, ports, nil).Steps()); n != 0 {
		t.Errorf("without a range: got %d steps, want none", n)
	}
}
