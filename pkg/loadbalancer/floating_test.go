package loadbalancer_test

import (
	"testing"
	"time"

	"underlay/pkg/simulator"
)

// A floating IP is known again under another --cluster-name.
func TestFloatingIPOfAnotherClusterName(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 2)
		ip := w.cloud.AddFloatingIP(simulator.FloatingIPSpec{NetworkID: w.external.ID, Description: "Floating IP for Kubernetes external service shop/web from cluster green [underlay_cluster_" + clusterUID + "]"})
		p := w.start()
		w.service("web", nil)
		w.settle(time.Minute)
		if got := w.get("web").Status.LoadBalancer.Ingress[0].IP; got != ip.Address {
			t.Errorf("got %s, want %s, which was made for the Service", got, ip.Address)
		}
		w.delete("web")
		w.settle(time.Minute)
		if got := w.cloud.FloatingIPs(); len(got) > 0 {
			t.Errorf("left: %+v", got)
		}
		p.end()
	})
}
