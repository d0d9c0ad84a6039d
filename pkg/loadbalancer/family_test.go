package loadbalancer_test

import (
	"testing"
	"time"

	v1 "k8s.io/api/core/v1"

	"underlay/pkg/simulator"
)

// dual gives the nodes' network a subnet of IPv6.
func dual(w *world) {
	w.t.Helper()
	w.net = w.cloud.AddNetwork(simulator.NetworkSpec{Name: "dual", Subnets: []string{"10.7.0.0/16", "fd00:7::/64"}})
	w.cloud.AddRouter(simulator.RouterSpec{Name: "r7", SubnetIDs: w.net.SubnetIDs, ExternalNetworkID: w.external.ID})
	for i := range 2 {
		w.join(i)
	}
}

// A Service of both families is served at rest, whichever comes first.
func TestBothFamiliesInEitherOrder(t *testing.T) {
	for name, families := range map[string][]v1.IPFamily{
		"IPv4 first": {v1.IPv4Protocol, v1.IPv6Protocol}, "IPv6 first": {v1.IPv6Protocol, v1.IPv4Protocol},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				w := newWorld(t, 0)
				dual(w)
				p := w.start()
				w.service("web", func(s *v1.Service) { s.Spec.IPFamilies = families }, tcp(80), udp(53))
				w.settle(2 * time.Minute)
				if got := len(w.get("web").Status.LoadBalancer.Ingress); got != 2 {
					t.Errorf("got %+v, want two addresses", w.get("web").Status)
				}
				w.cloud.ResetCalls()
				w.change("web", touch)
				pass(20 * time.Minute)
				w.readOnly()
				w.delete("web")
				w.settle(time.Minute)
				if got := len(w.cloud.LoadBalancers()) + len(w.cloud.FloatingIPs()); got > 0 {
					t.Errorf("%d things are left over", got)
				}
				p.end()
			})
		})
	}
}
