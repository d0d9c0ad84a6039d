package spec_test

import (
	"strings"
	"testing"

	"underlay/pkg/loadbalancer/tree"
)

// Only its own Service puts groups on a load balancer: one that shares it and asks
// for groups would be open to everybody, and one that asks for none would write
// ranges that Octavia refuses.
func TestGroupsOfTheAddressAreItsOwners(t *testing.T) {
	n := worker("n1", "10.0.0.11")
	f := cloud(n)
	f.Shared = true
	f.Balancer = &tree.Balancer{Name: "kube_service_blue_shop_api", Provider: "amphora", VIP: tree.VIP{SubnetID: nodesV4, Address: "10.0.0.99"}}
	if got := complaints(input(annotated(map[string]string{"vip-security-group-ids": id("7")}), n), f); len(got) != 1 || !strings.Contains(got[0], "vip-security-group-ids") {
		t.Errorf("got %q, want that the groups cannot be had", got)
	}
	f.Balancer.VIPSecurityGroupIDs = []string{id("7")}
	if got := complaints(input(annotated(map[string]string{"vip-security-group-ids": id("7")}), n), f); len(got) > 0 {
		t.Errorf("got %q, want nothing: they are there", got)
	}
	_, d, _ := resolve(t, input(annotated(map[string]string{"vip-security-group-ids": ""}), n), f)
	if got := d.Balancer.Listeners[0].Settings.AllowedCIDRs; len(got) > 0 {
		t.Errorf("got ranges %v, which Octavia refuses beside the groups that are there", got)
	}
}
