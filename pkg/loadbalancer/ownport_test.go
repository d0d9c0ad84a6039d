package loadbalancer_test

import (
	"testing"
	"time"

	v1 "k8s.io/api/core/v1"

	"underlay/pkg/simulator"
)

// A port that the user made has several addresses, of which one is chosen: also
// when the subnet is in cloud.conf, and when the port is younger than the list of
// ports that this process has.
func TestANewPortWithTwoAddresses(t *testing.T) {
	for name, subnet := range map[string]bool{"subnet of the nodes": false, "subnet in cloud.conf": true} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				w := newWorld(t, 2)
				if subnet {
					w.conf += "subnet-id=" + w.net.SubnetIDs[0] + "\n"
				}
				p := w.start()
				w.service("first", internal)
				w.settle(time.Minute)
				pass(10 * time.Minute)
				port := w.cloud.AddPort(simulator.PortSpec{NetworkID: w.net.ID, FixedIPs: []string{"10.0.3.1", "10.0.3.2"}})
				w.service("web", func(s *v1.Service) {
					internal(s)
					annotate("port-id", port)(s)
				})
				w.settle(2 * time.Minute)
				if got := w.get("web").Status.LoadBalancer.Ingress[0].IP; got != "10.0.3.1" && got != "10.0.3.2" {
					t.Errorf("got address %s", got)
				}
				p.end()
			})
		})
	}
}
