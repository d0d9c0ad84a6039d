package spec_test

import (
	"testing"

	"underlay/pkg/loadbalancer/tree"
)

// A member keeps the subnet that it has, and the load balancer comes out of that
// one: with rules for the node's own subnet it could not come in any more.
func TestGroupLetsInTheSubnetsOfTheMembers(t *testing.T) {
	n := worker("n1", "10.9.0.11")
	in := input(web(), n)
	in.Config.ManageSecurityGroups = true
	f := cloud(n)
	there := nodesV4
	f.Balancer = &tree.Balancer{
		Name: "kube_service_blue_shop_web", Provider: "amphora", VIP: tree.VIP{SubnetID: nodesV4, Address: "10.0.0.99"},
		Listeners: []tree.Listener{{Name: "listener_0_kube_service_blue_shop_web", Protocol: tree.TCP, Port: 80, Pool: &tree.Pool{
			Name: "pool_0_kube_service_blue_shop_web", Protocol: tree.TCP,
			Members: []tree.Member{{Target: tree.Target{Address: "10.9.0.11", Port: 30080}, SubnetID: &there}},
		}}},
	}
	_, d, _ := resolve(t, in, f)
	if got := at(d.Balancer.Listeners[0].Pool.Members[0].SubnetID); got != nodesV4 {
		t.Fatalf("the member is in subnet %s", got)
	}
	found := map[string]bool{}
	for _, r := range d.SecurityGroup.Rules {
		if r.PortMin == 30080 {
			found[r.RemotePrefix] = true
		}
	}
	if !found["10.0.0.0/24"] {
		t.Errorf("NodePort 30080 is open to %v, want the subnet that the load balancer comes from", found)
	}
}
