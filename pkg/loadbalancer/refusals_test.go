package loadbalancer_test

import (
	"testing"
	"time"

	v1 "k8s.io/api/core/v1"

	"underlay/pkg/simulator"
)

// TestARefusedCreateIsNotRepeatedInALoop: Octavia leaves the VIP port of every
// refused create behind, so a Service that names a secret which does not exist
// would fill the project with ports.
func TestARefusedCreateIsNotRepeatedInALoop(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 2)
		p := w.start()
		defer p.end()
		container := func(ref string) func(*v1.Service) {
			return func(s *v1.Service) { s.Annotations = map[string]string{prefix + "default-tls-container-ref": ref} }
		}
		w.service("web", container("http://openstack.simulator/key-manager/v1/secrets/00000000-0000-4000-8000-000000000000"), tcp(443))
		pass(2 * time.Hour)
		if got := w.cloud.Count("POST /v2/lbaas/loadbalancers"); got < 3 || got > 9 {
			t.Errorf("asked %d times in two hours", got)
		}
		w.change("web", func(s *v1.Service) { s.Annotations = nil })
		w.settle(3 * time.Minute)
		if flaw := w.flaw("web"); flaw != "" {
			t.Error(flaw)
		}
	})
}

// TestARefusalEndsWithItsReason: what was refused is asked for again by itself.
func TestARefusalEndsWithItsReason(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 2)
		p := w.start()
		defer p.end()
		w.cloud.AddFault(simulator.Fault{Match: "POST /v2/lbaas/loadbalancers", Times: 3, Kind: simulator.FailBefore, Status: 400, Message: "no"})
		w.service("web", nil)
		pass(2 * time.Minute)
		if got := w.cloud.Count("POST /v2/lbaas/loadbalancers"); got != 2 {
			t.Errorf("asked %d times in two minutes, want twice", got)
		}
		w.settle(30 * time.Minute)
		if flaw := w.flaw("web"); flaw != "" {
			t.Error(flaw)
		}
		if got := w.cloud.Count("POST /v2/lbaas/loadbalancers"); got != 4 {
			t.Errorf("asked %d times, want four", got)
		}
	})
}

// TestAnAddressThatCannotBeIsNotAskedForInALoop: a network or subnet that the
// user names and that is not there is not there at the next look either.
func TestAnAddressThatCannotBeIsNotAskedForInALoop(t *testing.T) {
	for _, annotation := range []string{"floating-network-id", "floating-subnet-id"} {
		t.Run(annotation, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				w := newWorld(t, 2)
				p := w.start()
				w.service("web", annotate(annotation, "00000000-0000-4000-8000-000000000000"))
				pass(time.Minute)
				if got := w.cloud.Count("POST /v2.0/floatingips"); got < 1 || got > 4 {
					t.Errorf("asked %d times in a minute", got)
				}
				w.change("web", func(s *v1.Service) { s.Annotations = nil })
				w.settle(3 * time.Minute)
				if flaw := w.flaw("web"); flaw != "" {
					t.Error(flaw)
				}
				p.end()
			})
		})
	}
}
