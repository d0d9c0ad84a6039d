package loadbalancer_test

import (
	"strings"
	"testing"
	"time"

	v1 "k8s.io/api/core/v1"
)

// A load balancer to share may be named in any spelling of its id.
func TestSharedByAnIDInCapitals(t *testing.T) {
	life(t, 2, nil, nil, func(t *testing.T, w *world, p *process) {
		id := w.balancer("web").ID
		w.service("api", func(s *v1.Service) { s.Annotations[idKey] = " " + strings.ToUpper(id) }, tcp(81))
		w.service("none", func(s *v1.Service) { s.Annotations[idKey] = " " }, tcp(82))
		w.settle(2 * time.Minute)
		if got := len(w.balancer("web").Listeners); got != 2 {
			t.Errorf("got %d listeners, want 2", got)
		}
	})
}
