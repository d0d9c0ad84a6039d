package plan_test

import (
	"testing"

	"underlay/internal/owner"
	"underlay/pkg/loadbalancer/plan"
	"underlay/pkg/loadbalancer/tree"
)

// The floating IP of a Service whose first family is IPv6 is on the second address
// of its load balancer.
func TestFloatingIPOnASecondAddressIsSeen(t *testing.T) {
	c, s := owner.Cluster{Name: "blue", UID: "u"}, owner.Service{Namespace: "shop", Name: "web", UID: "1"}
	d := tree.Desired{Cluster: c, Service: s, BalancerName: c.BalancerName(s), Capabilities: tree.Capabilities{Version: tree.Version{Major: 2, Minor: 29}, Provider: "amphora"},
		FloatingIP: &tree.FloatingIPWish{NetworkID: "public", Description: c.FloatingIPDescription(s)},
	}
	d.Balancer.Name = d.BalancerName
	b := tree.Balancer{ID: "lb", Name: d.BalancerName, Tags: []string{d.BalancerName, c.Tag()}, Provisioning: tree.Active,
		VIP:            tree.VIP{PortID: "vip", Address: "fd00::9", SubnetID: "v6"},
		AdditionalVIPs: []tree.VIP{{PortID: "vip", Address: "10.0.0.9", SubnetID: "v4"}},
	}
	actual := tree.Actual{Balancer: &b, Owned: true, FloatingIPs: []tree.FloatingIP{
		{ID: "f", Address: "203.0.113.9", NetworkID: "public", PortID: "vip", FixedIP: "10.0.0.9", Description: c.FloatingIPDescription(s)},
	}}
	if steps := plan.Plan(d, actual); len(steps) > 0 {
		t.Errorf("got %v, want nothing to do", lines(steps))
	}
	d.FloatingIP = nil
	if steps := plan.Plan(d, actual); len(steps) != 1 {
		t.Errorf("got %v, want the floating IP gone once the Service is internal", lines(steps))
	}
}
