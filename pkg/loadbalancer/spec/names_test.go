package spec_test

import (
	"testing"

	v1 "k8s.io/api/core/v1"

	"underlay/pkg/loadbalancer/tree"
)

// A pool keeps its name when ports before its own go, and Octavia makes no tree with
// two pools of one name: a load balancer in ERROR could not be made again.
func TestNamesOfPoolsDiffer(t *testing.T) {
	n := worker("n1", "10.0.0.11")
	in := input(web(), n)
	in.Service.Spec.Ports = []v1.ServicePort{{Port: 443, NodePort: 30443}, {Port: 9090, NodePort: 30090}}
	f := cloud(n)
	name := "kube_service_blue_shop_web"
	f.Balancer = &tree.Balancer{Name: name, Provider: "amphora", VIP: tree.VIP{SubnetID: nodesV4, Address: "10.0.0.99"}, Listeners: []tree.Listener{
		{Name: "listener_1_" + name, Tags: []string{name}, Protocol: tree.TCP, Port: 443, Pool: &tree.Pool{Name: "pool_1_" + name, Tags: []string{name}, Protocol: tree.TCP}},
	}}
	_, d, _ := resolve(t, in, f)
	if a, b := d.Balancer.Listeners[0].Pool.Name, d.Balancer.Listeners[1].Pool.Name; a == b {
		t.Errorf("both pools are named %s", a)
	}
}
