package tenant_test

import (
	"net/netip"
	"testing"

	"underlay/pkg/simulator"
)

// A network can be removed although Octavia has left a port of an amphora in it;
// ports of anybody else stay.
func TestPortsThatOctaviaLeavesGoWithTheLoadBalancers(t *testing.T) {
	cloud, client, _ := login(t)
	made, err := client.MakeNetwork(t.Context(), "nodes", netip.MustParsePrefix("192.168.11.0/24"))
	if err != nil {
		t.Fatal(err)
	}
	cloud.AddLoadBalancer(simulator.Attributes{"name": "web", "vip_subnet_id": made.SubnetID})
	cloud.AddPort(simulator.PortSpec{Name: "octavia-lb-member-fdf6d53c", NetworkID: made.ID})
	kept := cloud.AddPort(simulator.PortSpec{Name: "somebody's", NetworkID: made.ID})
	if err := client.RemoveBalancers(t.Context(), made.ID); err != nil {
		t.Fatal(err)
	}
	if left := cloud.LoadBalancers(); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
	if err := client.RemoveNetwork(t.Context(), made); err == nil {
		t.Error("a port of somebody else is gone")
	}
	cloud.DeletePort(kept)
	made.RouterID = "" // it is removed already
	if err := client.RemoveNetwork(t.Context(), made); err != nil {
		t.Error(err)
	}
}
