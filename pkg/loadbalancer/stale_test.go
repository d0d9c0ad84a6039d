package loadbalancer_test

import (
	"fmt"
	"testing"
	"time"

	v1 "k8s.io/api/core/v1"

	"underlay/pkg/simulator"
)

// The framework's node sync collects its Services before it begins with the
// first, and comes to the last one with a copy of long ago.
func TestAnOldCopyOfTheServiceTakesNothingBack(t *testing.T) {
	life(t, 2, nil, nil, func(t *testing.T, w *world, p *process) {
		before := w.get("web")
		w.change("web", func(s *v1.Service) { s.Spec.Ports = []v1.ServicePort{tcp(8080)} })
		pass(time.Minute)
		if err := p.controller.UpdateLoadBalancer(t.Context(), clusterName, before, nil); err != nil {
			t.Error(err)
		}
		if wrong := w.flaw("web"); wrong != "" {
			t.Error(wrong)
		}
	})
}

// A repair that waited for its turn works for the Service as it is by then.
func TestALateRepairTakesNothingBack(t *testing.T) {
	const stuck = 16 // as many as are put right at the same time
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 2)
		p := w.start()
		name := func(i int) string { return fmt.Sprintf("web-%02d", i) }
		for i := range stuck + 1 {
			w.service(name(i), nil)
		}
		w.settle(3 * time.Minute)
		for i := range stuck + 1 {
			b := w.balancer(name(i))
			w.cloud.DeleteLoadBalancerPart(b.Pools[0].Members[0].ID)
			if i < stuck {
				w.cloud.SetLoadBalancerStatus(b.ID, "PENDING_UPDATE")
			}
		}
		pass(7 * time.Minute)
		w.change(name(stuck), func(s *v1.Service) { s.Spec.Ports = []v1.ServicePort{tcp(8080)} })
		pass(time.Minute)
		for i := range stuck {
			w.cloud.SetLoadBalancerStatus(w.balancer(name(i)).ID, "ACTIVE")
		}
		for range 30 {
			pass(time.Second)
			if wrong := w.flaw(name(stuck)); wrong != "" {
				t.Fatal(wrong)
			}
		}
		p.end()
	})
}

// A node begins to drain while its load balancers are changed because another came.
func TestADrainBesideAnotherChangeIsNotForgotten(t *testing.T) {
	life(t, 2, nil, nil, func(t *testing.T, w *world, p *process) {
		w.cloud.SetLoadBalancerPace(simulator.LoadBalancerPace{Create: 75 * time.Second, Update: 30 * time.Second, Delete: 5 * time.Second})
		w.join(2)
		pass(3 * time.Second)
		w.changeNode(0, func(n *v1.Node) {
			n.Spec.Taints = []v1.Taint{{Key: "ToBeDeletedByClusterAutoscaler", Effect: v1.TaintEffectNoSchedule}}
		})
		pass(90 * time.Second)
		w.wantWeights("a minute and a half after it began", 0, 1, 1)
	})
}

// One load balancer at which Octavia works for ever keeps the repair of no other.
func TestOneStuckLoadBalancerHoldsUpNoOther(t *testing.T) {
	life(t, 2, nil, nil, func(t *testing.T, w *world, p *process) {
		w.service("api", nil)
		w.settle(time.Minute)
		stuck := w.balancer("api")
		w.cloud.DeleteLoadBalancerPart(stuck.Pools[0].Members[0].ID)
		w.cloud.SetLoadBalancerStatus(stuck.ID, "PENDING_UPDATE")
		pass(7 * time.Minute)
		w.changeNode(0, func(n *v1.Node) {
			n.Spec.Taints = []v1.Taint{{Key: "ToBeDeletedByClusterAutoscaler", Effect: v1.TaintEffectNoSchedule}}
		})
		pass(20 * time.Second)
		w.wantWeights("beside a load balancer that is stuck", 0, 1)
	})
}
