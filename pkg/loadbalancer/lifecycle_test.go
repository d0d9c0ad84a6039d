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

// A provider that takes one thing at a time gets a load balancer without listeners,
// and then listener after listener.
func TestSerialProviderGetsOneThingACall(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 2, configured("provider-requires-serial-api-calls=true"))
		p := w.start()
		w.service("web", nil, tcp(80), tcp(443))
		w.settle(2 * time.Minute)
		b := w.balancer("web")
		if len(b.Listeners) != 2 || len(b.Pools) != 2 || len(b.Pools[0].Members) != 2 || b.ProvisioningStatus != "ACTIVE" {
			t.Errorf("got %+v", b)
		}
		for pattern, want := range map[string]int{"POST *loadbalancers": 1, "POST *listeners": 2} {
			if got := w.cloud.Count(pattern); got != want {
				t.Errorf("got %d calls of %q, want %d", got, pattern, want)
			}
		}
		p.end()
	})
}
