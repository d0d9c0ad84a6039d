package loadbalancer_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	v1 "k8s.io/api/core/v1"

	"underlay/pkg/simulator"
)

// ports makes P ports.
func ports(n int) []v1.ServicePort {
	var all []v1.ServicePort
	for i := range n {
		all = append(all, tcp(int32(80+i)))
	}
	return all
}

// TestBudgets holds the number of calls, polls left out, of everything that a
// Service lives through. What the process learns once, as networks and the API
// version, is learned by a Service before.
func TestBudgets(t *testing.T) {
	for _, p := range []int{1, 2, 5} {
		t.Run(fmt.Sprintf("%d ports", p), func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				w := newWorld(t, 4)
				process := w.start()
				w.service("before", nil)
				w.settle(time.Minute)

				w.cloud.ResetCalls()
				w.service("web", nil, ports(p)...)
				w.settle(time.Minute)
				pass(20 * time.Second)
				w.budget(5) // with the call that our own annotations cause

				for range 3 {
					w.cloud.ResetCalls()
					w.change("web", func(s *v1.Service) { s.Annotations["touched"] += "." })
					pass(10 * time.Second)
					w.budget(4)
				}

				w.cloud.ResetCalls()
				w.change("web", func(s *v1.Service) { s.Spec.Ports = append(s.Spec.Ports, tcp(8443)) })
				pass(time.Minute)
				w.budget(5 + 3) // pool, members, listener
				if got := len(w.balancer("web").Listeners); got != p+1 {
					t.Errorf("got %d listeners, want %d", got, p+1)
				}
				w.change("web", func(s *v1.Service) { s.Spec.Ports = s.Spec.Ports[:p] })
				pass(time.Minute)

				w.cloud.ResetCalls()
				w.delete("web")
				w.settle(time.Minute)
				w.budget(5)
				process.end()
			})
		})
	}
}

// TestNodesComeAndGoWithinBudget: a read a Service, a write a pool, and one
// waiter for all.
func TestNodesComeAndGoWithinBudget(t *testing.T) {
	for _, c := range []struct{ services, ports int }{{1, 1}, {1, 4}, {10, 1}, {10, 3}} {
		t.Run(fmt.Sprintf("%d Services of %d ports", c.services, c.ports), func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				w := newWorld(t, 3)
				process := w.start()
				for i := range c.services {
					w.service(fmt.Sprintf("web-%d", i), nil, ports(c.ports)...)
				}
				w.settle(2 * time.Minute)
				w.join(3) // from what creation left
				pass(time.Minute)
				for _, change := range []func(){func() { w.join(4) }, func() { w.leave(0) }} {
					w.cloud.ResetCalls()
					began := time.Now()
					change()
					pass(time.Minute)
					w.budget(c.services*(1+c.ports) + 1) // and the ports, for the subnet of a new node
					last := w.cloud.Calls()[len(w.cloud.Calls())-1].At.Sub(began)
					if most := time.Duration(c.ports)*5*time.Second + 5*time.Second; last > most {
						t.Errorf("took %v, want at most %v: Services are not served side by side", last, most)
					}
				}
				if got := len(w.balancer("web-0").Pools[0].Members); got != 4 {
					t.Errorf("got %d members, want 4", got)
				}
				process.end()
			})
		})
	}
}

// TestFloatingIPsOfNodesCostNothing: they are no port's own, so a list of ports
// does not lack them.
func TestFloatingIPsOfNodesCostNothing(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 2)
		process := w.start()
		w.changeNode(0, func(n *v1.Node) {
			n.Status.Addresses = append(n.Status.Addresses, v1.NodeAddress{Type: v1.NodeExternalIP, Address: "198.51.100.7"})
		})
		w.service("web", nil)
		w.settle(time.Minute)
		pass(6 * time.Minute)
		w.cloud.ResetCalls()
		w.change("web", touch)
		pass(10 * time.Second)
		w.budget(4)
		if got := w.cloud.Count("GET /v2.0/ports"); got > 0 {
			t.Errorf("ports were listed %d times, want none", got)
		}
		process.end()
	})
}

// TestRestartWithinBudget: a new leader reads the project once, and each status tree.
func TestRestartWithinBudget(t *testing.T) {
	for _, services := range []int{1, 10, 100} {
		t.Run(fmt.Sprintf("%d Services", services), func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				w := newWorld(t, 3)
				process := w.start()
				for i := range services {
					w.service(fmt.Sprintf("web-%d", i), nil, tcp(80), tcp(443))
				}
				w.settle(5 * time.Minute)
				process.end()
				w.cloud.ResetCalls()
				process = w.start()
				pass(time.Minute)
				w.budget(10 + services)
				w.readOnly()
				process.end()
			})
		})
	}
}

// TestAtRestAPassIsAHandfulOfCalls, whatever the number of Services.
func TestAtRestAPassIsAHandfulOfCalls(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 3)
		process := w.start()
		for i := range 50 {
			w.service(fmt.Sprintf("web-%d", i), nil)
		}
		w.settle(5 * time.Minute)
		pass(10 * time.Minute) // the first pass looks for more
		for range 3 {
			w.cloud.ResetCalls()
			pass(300 * time.Second)
			w.budget(8) // four lists, two pools, and networks and subnets every ten minutes
			w.readOnly()
		}
		process.end()
	})
}

// TestHundredServicesAtOnce on a cloud whose amphorae take 75 seconds.
func TestHundredServicesAtOnce(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 3)
		w.cloud.SetLoadBalancerPace(simulator.LoadBalancerPace{Create: 75 * time.Second, Update: 2 * time.Second, Delete: 5 * time.Second})
		process := w.start()
		for i := range 100 {
			w.service(fmt.Sprintf("web-%d", i), nil)
		}
		w.settle(120 * time.Second)
		all := w.calls()
		polls := len(all) - len(slices.DeleteFunc(slices.Clone(all), isPoll))
		t.Logf("%d calls, %d of them polls", len(all), polls)
		if polls > 60 {
			t.Errorf("got %d polls for 100 Services that wait at the same time", polls)
		}
		process.end()
	})
}

// readOnly checks that nothing was written since the last reset.
func (w *world) readOnly() {
	w.t.Helper()
	if writes := w.writes(); len(writes) > 0 {
		w.t.Errorf("got writes:\n%s", strings.Join(writes, "\n"))
	}
}

// writes are the calls since the last reset that change something.
func (w *world) writes() []string {
	return slices.DeleteFunc(w.calls(), func(call string) bool { return strings.HasPrefix(call, "GET ") })
}
