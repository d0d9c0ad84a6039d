package plan_test

import (
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"underlay/internal/owner"
	"underlay/pkg/loadbalancer/plan"
	"underlay/pkg/loadbalancer/tree"
)

// With another --cluster-name a Service knows what it has on a load balancer that
// another Service of the cluster was given under the former name.
func TestASharerKnowsItsPartsUnderTheFormerClusterName(t *testing.T) {
	before, now := owner.Cluster{Name: "green", UID: "u"}, owner.Cluster{Name: "blue", UID: "u"}
	web, api := owner.Service{Namespace: "shop", Name: "web", UID: "1"}, owner.Service{Namespace: "shop", Name: "api", UID: "2"}
	part := func(s owner.Service, port int) tree.Listener {
		name := before.BalancerName(s)
		return tree.Listener{ID: "listener-" + s.Name, Name: owner.PartName("listener", 0, name), Tags: []string{name}, Protocol: tree.TCP, Port: port, Provisioning: tree.Active,
			Pool: &tree.Pool{ID: "pool-" + s.Name, Name: owner.PartName("pool", 0, name), Tags: []string{name}, Protocol: tree.TCP, Provisioning: tree.Active, Members: []tree.Member{}}}
	}
	b := tree.Balancer{ID: "lb", Name: before.BalancerName(web), Provisioning: tree.Active, VIP: tree.VIP{PortID: "vip", Address: "10.0.0.9"},
		Tags: []string{before.BalancerName(api), before.BalancerName(web), now.Tag()}, Listeners: []tree.Listener{part(web, 80), part(api, 443)}}
	d := tree.Desired{Cluster: now, Service: api, BalancerName: now.BalancerName(api), Shared: b.ID, MaxShared: 2,
		Capabilities: tree.Capabilities{Version: tree.Version{Major: 2, Minor: 29}, Provider: "amphora"}}
	want := part(api, 443)
	want.Tags, want.Pool.Tags = []string{d.BalancerName}, []string{d.BalancerName}
	want.Pool.Members = []tree.Member{{Target: tree.Target{Address: "10.0.0.1", Port: 30443}}}
	d.Balancer.Listeners = []tree.Listener{want}
	actual := tree.Actual{Balancer: &b}
	if err := plan.Check(d, actual); err != nil {
		t.Errorf("got %v", err)
	}
	steps := []string{
		"change load balancer kube_service_green_shop_web: tags",
		"set 1 member of pool TCP/443 (+10.0.0.1:30443)",
		"change listener TCP/443: tags",
	}
	if diff := gocmp.Diff(steps, lines(plan.Plan(d, actual))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	gone := tree.Desired{Cluster: now, Service: api, BalancerName: d.BalancerName, Gone: true, Capabilities: d.Capabilities}
	steps = []string{
		"delete listener TCP/443: no port of the Service", "delete pool pool_0_kube_service_green_shop_api: serves no listener any more",
		"change load balancer kube_service_green_shop_web: the Service leaves it",
	}
	if diff := gocmp.Diff(steps, lines(plan.Plan(gone, actual))); diff != "" {
		t.Errorf("gone (-want +got):\n%s", diff)
	}
	b.Tags = []string{before.BalancerName(api), before.BalancerName(web), "underlay_cluster_other"}
	if err := plan.Check(d, actual); err == nil {
		t.Error("a part of another cluster's Service is taken")
	}
}
