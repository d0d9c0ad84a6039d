package routes

import (
	"errors"
	"sync"
	"time"

	"underlay/internal/cloud"
)

// How long a refused write rests before it is tried again. The framework asks
// again every ten seconds; a refusal that only a person can end is answered
// from memory in between.
const (
	firstRest   = 30 * time.Second
	longestRest = 5 * time.Minute
)

// cooldown remembers what the cloud refused, by what was to be written.
type cooldown[K comparable] struct {
	mu      sync.Mutex
	refused map[K]refusal
}

type refusal struct {
	err   error
	rest  time.Duration
	until time.Time
	// revision of the object when it refused; another revision is another
	// chance at once. 0 where the object's revision says nothing about it.
	revision int
}

// refuse remembers err when nothing but a change elsewhere can cure it.
func (c *cooldown[K]) refuse(key K, revision int, err error) {
	if !lasting(err) {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	for other, r := range c.refused { // what nobody asks for any more
		if now.After(r.until.Add(longestRest)) {
			delete(c.refused, other)
		}
	}
	rest := firstRest
	if before, ok := c.refused[key]; ok {
		rest = min(2*before.rest, longestRest)
	}
	if c.refused == nil {
		c.refused = map[K]refusal{}
	}
	c.refused[key] = refusal{err: err, rest: rest, until: now.Add(rest), revision: revision}
}

// resting gives the last refusal while it is not time to try again.
func (c *cooldown[K]) resting(key K, revision int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r, ok := c.refused[key]; ok && r.revision == revision && time.Now().Before(r.until) {
		return r.err
	}
	return nil
}

// accepted forgets the refusals of key.
func (c *cooldown[K]) accepted(key K) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.refused, key)
}

// lasting says whether sending the same again is pointless until somebody
// changes something.
func lasting(err error) bool {
	for _, class := range []error{cloud.ErrInvalid, cloud.ErrQuota, cloud.ErrDenied, cloud.ErrUnsupported} {
		if errors.Is(err, class) {
			return true
		}
	}
	return false
}
