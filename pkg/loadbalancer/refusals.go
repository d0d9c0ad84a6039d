package loadbalancer

import (
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"k8s.io/cloud-provider/api"

	"underlay/internal/cloud"
	"underlay/internal/step"
	"underlay/pkg/loadbalancer/plan"
)

const (
	// refusalGap is the time from the first refusal of a create to the next
	// attempt; it doubles up to refusalGapMax.
	refusalGap    = time.Minute
	refusalGapMax = 30 * time.Minute
)

// refusals rations creates that Octavia refuses as they stand, by Service. Each
// leaves its VIP port behind in the project for ever: Octavia makes the port
// first, and looks at the listeners afterwards
// (octavia/api/v2/controllers/load_balancer.py, post). One that wants something
// else than the refused one goes out at once.
type refusals struct {
	mu    sync.Mutex
	byKey map[string]*refusal
}

type refusal struct {
	wish  string
	why   error
	count int
	until time.Time
}

func newRefusals() *refusals { return &refusals{byKey: map[string]*refusal{}} }

// admit gives an error where the plan makes what was refused not long ago.
func (r *refusals) admit(s *subject, steps []step.Step) error {
	wish := wished(steps)
	r.mu.Lock()
	defer r.mu.Unlock()
	old := r.byKey[s.key()]
	if wish == "" || old == nil || old.wish != wish {
		return nil
	}
	wait := time.Until(old.until)
	if wait <= 0 {
		return nil
	}
	text := fmt.Sprintf("%v; it is tried again in %s, or as soon as the Service wants something else", old.why, wait.Round(time.Second))
	return api.NewRetryError(text, wait)
}

// learn notes what became of a plan.
func (r *refusals) learn(s *subject, steps []step.Step, err error) {
	wish := wished(steps)
	if wish == "" {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !errors.Is(err, cloud.ErrInvalid) {
		delete(r.byKey, s.key())
		return
	}
	old := r.byKey[s.key()]
	if old == nil || old.wish != wish {
		old = &refusal{wish: wish}
		r.byKey[s.key()] = old
	}
	old.why = err
	old.until = time.Now().Add(min(refusalGap<<min(old.count, 10), refusalGapMax))
	old.count++
}

// forget drops what is known of a Service that is gone.
func (r *refusals) forget(s *subject) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.byKey, s.key())
}

// wished is the load balancer that a plan makes, as text; "" for none.
func wished(steps []step.Step) string {
	for _, s := range steps {
		if create, ok := s.(plan.CreateLoadBalancer); ok {
			text, err := json.Marshal(create.Desired)
			if err != nil {
				return "" // it cannot be told from another, so nothing is held back
			}
			return string(text)
		}
	}
	return ""
}
