package loadbalancer

import (
	"fmt"
	"sync"

	"underlay/pkg/loadbalancer/tree"
)

// health follows the operating status of the load balancers from pass to pass.
type health struct {
	mu     sync.Mutex
	states map[string]tree.Operating // by Service key
}

func newHealth() *health { return &health{states: map[string]tree.Operating{}} }

// shownStates are all that the gauge shows, so that one that is no more goes to 0.
var shownStates = []tree.Operating{tree.Online, tree.Offline, tree.Degraded, tree.Unhealthy, tree.Draining, tree.NoMonitor}

// turned notes a status and says whether it has turned bad. A new load balancer
// is OFFLINE until its first heartbeat, so that is bad only after a better one.
func (h *health) turned(key string, now tree.Operating) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	before, known := h.states[key]
	h.states[key] = now
	switch now {
	case tree.Unhealthy, tree.Degraded:
		return before != now
	case tree.Offline:
		return known && before != now
	case tree.Online, tree.Draining, tree.NoMonitor:
	}
	return false
}

// keep forgets all Services but those.
func (h *health) keep(keys map[string]bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for key := range h.states {
		if !keys[key] {
			delete(h.states, key)
		}
	}
}

// watchHealth shows what a pass saw in metrics, and says what turned bad.
func (c *Controller) watchHealth(all []*previewed) {
	counts := map[tree.Operating]int{}
	failed := 0
	keys := map[string]bool{}
	seen := map[string]bool{}
	for _, p := range all {
		keys[p.subject.key()] = true
		b := p.balancer
		if b == nil {
			continue
		}
		if !seen[b.ID] {
			seen[b.ID] = true
			counts[b.Operating]++
			if b.Provisioning == tree.Failed {
				failed++
			}
		}
		if c.health.turned(p.subject.key(), b.Operating) {
			c.voice.Say(p.subject.service, eventUnhealthy, string(b.Operating), fmt.Sprintf(
				"The operating status of load balancer %s (%s) is %s", b.Name, b.ID, b.Operating))
		}
	}
	c.health.keep(keys)
	for _, state := range shownStates {
		balancersByHealth.WithLabelValues(string(state)).Set(float64(counts[state]))
	}
	balancersFailed.Set(float64(failed))
}
