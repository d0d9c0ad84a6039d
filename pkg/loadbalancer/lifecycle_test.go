package loadbalancer_test

import (
	"testing"
	"time"
)

func TestServiceComesAndGoes(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 3)
		p := w.start()
		w.service("web", nil)
		w.settle(time.Minute)
		b := w.balancer("web")
		s := w.get("web")
		if len(b.Listeners) != 1 || len(b.Pools) != 1 || len(b.Pools[0].Members) != 3 || b.ProvisioningStatus != "ACTIVE" {
			t.Errorf("got %+v", b)
		}
		ips := w.cloud.FloatingIPs()
		if len(ips) != 1 || ips[0].PortID != b.VIPPortID || s.Status.LoadBalancer.Ingress[0].IP != ips[0].Address {
			t.Errorf("got floating IPs %+v and status %+v", ips, s.Status)
		}
		if s.Annotations[idKey] != b.ID || s.Annotations[addressKey] != ips[0].Address {
			t.Errorf("got annotations %v", s.Annotations)
		}
		w.delete("web")
		w.settle(time.Minute)
		if got, ips := w.cloud.LoadBalancers(), w.cloud.FloatingIPs(); len(got)+len(ips) > 0 || w.get("web") != nil {
			t.Errorf("left over: %+v %+v", got, ips)
		}
		p.end()
	})
}
