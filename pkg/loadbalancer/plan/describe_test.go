package plan_test

import (
	"testing"

	"underlay/internal/owner"
	"underlay/pkg/loadbalancer/plan"
	"underlay/pkg/loadbalancer/tree"
)

// Of Services that share a load balancer only its own one describes the port: two
// that want it otherwise would write it in turn for ever.
func TestASharerDoesNotDescribeThePort(t *testing.T) {
	c, web, api := owner.Cluster{Name: "blue", UID: "u"}, owner.Service{Namespace: "shop", Name: "web", UID: "1"}, owner.Service{Namespace: "shop", Name: "api", UID: "2"}
	text := "the door of api"
	b := tree.Balancer{ID: "lb", Name: c.BalancerName(web), Provisioning: tree.Active, VIP: tree.VIP{PortID: "vip", Address: "10.0.0.9"},
		Tags: []string{c.BalancerName(api), c.BalancerName(web), c.Tag()}}
	d := tree.Desired{Cluster: c, Service: api, BalancerName: c.BalancerName(api), Shared: b.ID,
		FloatingIP: &tree.FloatingIPWish{NetworkID: "public", PortDescription: &text}}
	actual := tree.Actual{Balancer: &b, FloatingIPs: []tree.FloatingIP{{ID: "f", PortID: "vip", Address: "203.0.113.9"}},
		Ports: []tree.Port{{ID: "vip", Description: "the door of web"}}}
	if steps := plan.Plan(d, actual); len(steps) > 0 {
		t.Errorf("got %v, want nothing", lines(steps))
	}
	b.Tags = []string{c.BalancerName(api)}
	b.Name = "of the user"
	if steps := plan.Plan(d, actual); len(steps) != 1 {
		t.Errorf("got %v, want the description: nobody else uses the load balancer", lines(steps))
	}
}
