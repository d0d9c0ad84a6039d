// Package snapshot lets many callers share one expensive read, such as the list
// of all ports of a project. A value is read when somebody needs it fresher than
// it is; everyone who asks meanwhile gets the same read.
package snapshot

import (
	"context"
	"sync"
	"time"
)

// Shared is one value of type V and the way to read it. Values that it gives
// out are shared: nobody may change them.
//
// A read runs with the values, but not the cancellation, of the context of the
// caller that started it. It is cancelled when nobody waits for it any more. A
// read that fails is reported to those who waited and is not remembered.
type Shared[V any] struct {
	read func(context.Context) (V, error)

	mu sync.Mutex
	// current is the newest complete read; nil before the first one.
	current *reading[V]
	// running is the read in flight, if any. There is at most one that new
	// callers can join.
	running *reading[V]
	// started counts reads; a reading's number tells whether it began before
	// or after a caller came.
	started uint64
	// valid is the lowest number that is not older than the last Invalidate.
	valid uint64
}

// reading is one run of the read function.
type reading[V any] struct {
	number uint64
	// begun is the time before the read was sent: the value is at most this old.
	begun time.Time
	// edits were made while the read was in flight, and are made again on its result.
	edits   []func(V) V
	waiters int
	cancel  context.CancelFunc

	done  chan struct{} // closed when value and err are final
	value V
	err   error
}

// New shares what read returns. Nothing is read until the first Get.
func New[V any](read func(context.Context) (V, error)) *Shared[V] {
	return &Shared[V]{read: read}
}

// Get returns the value as it was at most maxAge ago. With maxAge 0 the read
// begins after the call of Get, and all callers that come while another read
// is in flight share the next one.
//
// When ctx ends first, Get returns its error and leaves the read to the others.
func (s *Shared[V]) Get(ctx context.Context, maxAge time.Duration) (V, error) {
	var none V
	s.mu.Lock()
	want := want{after: s.started, since: time.Now().Add(-maxAge), valid: s.valid, fresh: maxAge <= 0}
	if s.current != nil && s.current.number >= s.valid && want.accepts(s.current.number, s.current.begun) {
		value := s.current.value
		s.mu.Unlock()
		return value, nil
	}
	for {
		if err := ctx.Err(); err != nil {
			s.mu.Unlock()
			return none, err
		}
		r := s.join(ctx)
		s.mu.Unlock()

		select {
		case <-r.done:
		case <-ctx.Done():
			s.leave(r)
			return none, ctx.Err()
		}

		s.mu.Lock()
		r.waiters--
		if want.accepts(r.number, r.begun) {
			s.mu.Unlock()
			return r.value, r.err
		}
	}
}

// Peek returns the value if there is one at most maxAge old, and never reads.
func (s *Shared[V]) Peek(maxAge time.Duration) (value V, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current == nil || s.current.number < s.valid || time.Since(s.current.begun) > maxAge {
		return value, false
	}
	return s.current.value, true
}

// want says which readings serve one caller.
type want struct {
	after uint64    // reads numbered up to here began before the caller came
	since time.Time // the oldest acceptable beginning
	valid uint64    // the lowest number not invalidated before the caller came
	fresh bool      // only a read that began after the caller came
}

func (w want) accepts(number uint64, begun time.Time) bool {
	if number > w.after {
		return true
	}
	return !w.fresh && number >= w.valid && !begun.Before(w.since)
}

// Invalidate says that the world has changed: reads that began before now do
// not count as fresh for callers that come after, whatever age they accept.
func (s *Shared[V]) Invalidate() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.valid = s.started + 1
}

// Update changes the value to what the caller knows to be true, usually the
// answer to its own write. The edit must return a new value and leave its
// argument as it is. It runs with a lock held, at once on the current value,
// and again on the result of a read that is in flight: it must therefore see by
// itself (by a revision number) whether what it finds is newer than what it brings.
func (s *Shared[V]) Update(edit func(V) V) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current != nil {
		next := *s.current
		next.value = edit(next.value)
		s.current = &next
	}
	if s.running != nil {
		s.running.edits = append(s.running.edits, edit)
	}
}

// join finds or starts a read and counts the caller in. The lock is held.
func (s *Shared[V]) join(ctx context.Context) *reading[V] {
	if s.running == nil {
		s.started++
		detached, cancel := context.WithCancel(context.WithoutCancel(ctx))
		s.running = &reading[V]{number: s.started, begun: time.Now(), cancel: cancel, done: make(chan struct{})}
		go s.run(detached, s.running)
	}
	s.running.waiters++
	return s.running
}

// leave counts a caller out; the last one ends the read.
func (s *Shared[V]) leave(r *reading[V]) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r.waiters--
	if r.waiters > 0 {
		return
	}
	r.cancel()
	if s.running == r {
		s.running = nil // whoever comes now must not get the cancelled read
	}
}

// run reads and publishes the result.
func (s *Shared[V]) run(ctx context.Context, r *reading[V]) {
	defer r.cancel()
	value, err := s.read(ctx)

	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil {
		for _, edit := range r.edits {
			value = edit(value)
		}
	}
	r.value, r.err, r.edits = value, err, nil
	if s.running == r {
		s.running = nil
		if err == nil {
			s.current = r
		}
	}
	close(r.done)
}
