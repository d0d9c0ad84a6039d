package spec_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "k8s.io/api/core/v1"

	"underlay/pkg/loadbalancer/tree"
)

// A load balancer has one address of a port that the user made, and Octavia refuses
// ranges of the other family: a dual-stack Service could not be made on such a port.
func TestAPortOfTheUsersGivesOneAddress(t *testing.T) {
	for name, tt := range map[string]struct {
		port    []tree.FixedIP
		address string
		ranges  []string
	}{
		"not seen":          {nil, "", []string{"0.0.0.0/0"}},
		"IPv4":              {[]tree.FixedIP{{Address: "10.0.0.50"}}, "", []string{"0.0.0.0/0"}},
		"IPv6":              {[]tree.FixedIP{{Address: "fd00::50"}}, "", []string{"::/0"}},
		"both":              {[]tree.FixedIP{{Address: "fd00::50"}, {Address: "10.0.0.50"}}, "10.0.0.50", []string{"0.0.0.0/0"}},
		"two of one family": {[]tree.FixedIP{{Address: "10.0.0.51"}, {Address: "10.0.0.50"}}, "10.0.0.51", []string{"0.0.0.0/0"}},
	} {
		t.Run(name, func(t *testing.T) {
			n := worker("n1", "10.0.0.11", "fd00::11")
			in := input(annotated(map[string]string{"port-id": id("7")}), n)
			in.Service.Spec.IPFamilies = []v1.IPFamily{v1.IPv4Protocol, v1.IPv6Protocol}
			f := cloud(n)
			if tt.port != nil {
				f.Ports = append(f.Ports, tree.Port{ID: id("7"), FixedIPs: tt.port})
			}
			_, d, _ := resolve(t, in, f)
			if want := (tree.VIP{PortID: id("7"), Address: tt.address}); d.Balancer.VIP != want {
				t.Errorf("got %+v, want %+v", d.Balancer.VIP, want)
			}
			if diff := cmp.Diff(tt.ranges, d.Balancer.Listeners[0].Settings.AllowedCIDRs); diff != "" {
				t.Errorf("ranges (-want +got):\n%s", diff)
			}
		})
	}
}
