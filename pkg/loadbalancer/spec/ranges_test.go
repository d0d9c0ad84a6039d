package spec_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "k8s.io/api/core/v1"
)

// A range of all addresses of one family opens nothing of the other.
func TestRangesOfOneFamilyDoNotOpenTheOther(t *testing.T) {
	n := worker("n1", "10.0.0.11", "fd00::11")
	for name, tt := range map[string]struct {
		families []v1.IPFamily
		ranges   string
	}{
		"the other family open":    {[]v1.IPFamily{v1.IPv4Protocol, v1.IPv6Protocol}, "10.0.0.0/8,::/0"},
		"a family without a range": {[]v1.IPFamily{v1.IPv4Protocol, v1.IPv6Protocol}, "0.0.0.0/0"},
		"only those of the other":  {[]v1.IPFamily{v1.IPv4Protocol}, "::/0"},
	} {
		t.Run(name, func(t *testing.T) {
			in := input(web(), n)
			in.Config.LBProvider = "ovn"
			in.Service.Spec.IPFamilies = tt.families
			in.Service.Spec.LoadBalancerSourceRanges = strings.Split(tt.ranges, ",")
			if got := complaints(in, cloud(n)); len(got) != 1 || !strings.Contains(got[0], "cannot be enforced") {
				t.Errorf("got %q, want that ovn enforces no ranges", got)
			}
		})
	}
	in := input(web(), n)
	in.Config.LBProvider, in.Config.ManageSecurityGroups = "ovn", true
	in.Service.Spec.IPFamilies = []v1.IPFamily{v1.IPv4Protocol, v1.IPv6Protocol}
	in.Service.Spec.LoadBalancerSourceRanges = []string{"192.0.2.0/24", "::/0"}
	in.Service.Spec.Ports = in.Service.Spec.Ports[:1]
	_, d, _ := resolve(t, in, cloud(n))
	var got []string
	for _, r := range d.SecurityGroup.Rules {
		got = append(got, r.RemotePrefix)
	}
	want := []string{"10.0.0.0/24", "10.244.0.0/16", "192.0.2.0/24", "::/0"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the group lets in (-want +got):\n%s", diff)
	}
}
