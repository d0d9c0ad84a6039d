package loadbalancer_test

import (
	"testing"
	"time"

	v1 "k8s.io/api/core/v1"
)

// An address that a Service was told to keep is not given away by the next one
// of its name.
func TestAKeptAddressOutlivesTheNextServiceOfTheName(t *testing.T) {
	for name, next := range map[string]func(*v1.Service){
		"an internal one": internal,
		"an external one": nil,
		"one that keeps":  annotate("keep-floatingip", "true"),
	} {
		t.Run(name, func(t *testing.T) {
			life(t, 2, nil, annotate("keep-floatingip", "true"), func(t *testing.T, w *world, p *process) {
				kept := w.cloud.FloatingIPs()[0]
				w.change("web", touch)
				pass(10 * time.Minute)
				w.delete("web")
				w.settle(time.Minute)
				w.service("web", next)
				w.settle(3 * time.Minute)
				pass(8 * time.Minute)
				w.delete("web")
				w.settle(time.Minute)
				left := w.cloud.FloatingIPs()
				if len(left) != 1 || left[0].ID != kept.ID {
					t.Errorf("got %+v, want %s alone", left, kept.Address)
				}
			})
		})
	}
}

// A Service that becomes internal keeps its address, and gets it back.
func TestAKeptAddressComesBack(t *testing.T) {
	life(t, 2, nil, annotate("keep-floatingip", "true"), func(t *testing.T, w *world, p *process) {
		kept := w.cloud.FloatingIPs()[0]
		w.change("web", internal)
		pass(time.Minute)
		if got := w.cloud.FloatingIPs(); len(got) != 1 || got[0].PortID != "" {
			t.Errorf("while it is internal: got %+v", got)
		}
		w.change("web", func(s *v1.Service) { s.Annotations = nil })
		pass(time.Minute)
		if got := w.cloud.FloatingIPs(); len(got) != 1 || got[0].ID != kept.ID || got[0].PortID != w.balancer("web").VIPPortID {
			t.Errorf("when it is external again: got %+v", got)
		}
	})
}
