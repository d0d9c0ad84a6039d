package tree_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"underlay/pkg/loadbalancer/tree"
)

func TestWithoutKept(t *testing.T) {
	chosen := tree.VIP{SubnetID: "s", Address: "10.0.0.9"}
	kept := tree.VIP{SubnetID: "s", Address: "10.0.0.9", Kept: true}
	anyAddress := tree.VIP{SubnetID: "s"}
	for name, tt := range map[string]struct {
		vip, other         tree.VIP
		wantVIP, wantOther tree.VIP
		want               bool
	}{
		"chosen":                    {chosen, chosen, chosen, chosen, false},
		"kept":                      {kept, chosen, anyAddress, chosen, true},
		"the second is kept":        {chosen, kept, chosen, anyAddress, true},
		"both are kept":             {kept, kept, anyAddress, anyAddress, true},
		"any address was asked for": {anyAddress, anyAddress, anyAddress, anyAddress, false},
	} {
		before := tree.Balancer{VIP: tt.vip, AdditionalVIPs: []tree.VIP{tt.other}}
		got, did := before.WithoutKept()
		want := tree.Balancer{VIP: tt.wantVIP, AdditionalVIPs: []tree.VIP{tt.wantOther}}
		if diff := cmp.Diff(want, got); diff != "" || did != tt.want {
			t.Errorf("%s: got %v, want %v (-want +got):\n%s", name, did, tt.want, diff)
		}
		if before.AdditionalVIPs[0] != tt.other {
			t.Errorf("%s: what it was asked of has changed", name)
		}
	}
}
