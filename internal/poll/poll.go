// Package poll waits for objects of the cloud. Many callers wait at the same time,
// and one goroutine reads for all of them, as seldom as it can.
package poll

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"underlay/internal/cloud"
)

// Gap and GapMax bound the time between two polls while anybody waits.
const (
	Gap    = 700 * time.Millisecond
	GapMax = 8 * time.Second
)

const (
	// backOffMax bounds the time between two polls that fail.
	backOffMax = 30 * time.Second
	// timeout bounds one poll.
	timeout = 30 * time.Second
)

// Work names a kind of work that takes about the same time each time. "" is work of
// which nothing is known.
type Work string

// Source is the kind of object that a Poller waits for.
type Source[T any] struct {
	// Name is what errors call one object.
	Name string
	// Read reads the objects with these ids, which are one or more, sorted. It tells
	// of each, from its own goroutine; err is nil, or wraps cloud.ErrNotFound where
	// the object is gone. What nobody asked for may be told too, and has no effect.
	// When Read returns an error, what it told before counts all the same. It is
	// never called twice at the same time.
	Read func(ctx context.Context, ids []string, tell func(id string, object T, err error)) error
	// Retried is told the error of each poll that is tried again. It must be quick.
	Retried func(ctx context.Context, err error)
	// Typical says whether a wait that ended so tells how long work of its kind
	// takes: object is what settled it, gone means that it exists no more. Where
	// Typical is nil, nothing is learned. It must be quick and have no effect.
	Typical func(kind Work, object T, gone bool) bool
}

// Poller polls one kind of object for all who wait for one. There is one goroutine
// while anybody waits. The gap between polls grows with the time that the youngest
// wait lasts already; where earlier work of the same kind says how long it takes,
// the first poll comes when it is about done.
type Poller[T any] struct {
	source Source[T]

	mu      sync.Mutex
	waits   map[*wait[T]]bool
	running bool
	polled  time.Time // begin of the last poll
	failed  int       // polls in a row that failed
	past    past
	wake    chan struct{} // holds one when waits have come or gone
	closed  error         // what ends all waits
}

// wait is one caller's.
type wait[T any] struct {
	id      string
	kind    Work
	settled func(T) bool
	began   time.Time
	due     time.Time
	last    T               // as the last poll saw it; guarded by Poller.mu
	outcome chan outcome[T] // holds one
}

type outcome[T any] struct {
	object T
	err    error
}

// New makes a Poller. It reads nothing before somebody waits.
func New[T any](source Source[T]) *Poller[T] {
	return &Poller[T]{source: source, waits: map[*wait[T]]bool{}, past: past{}, wake: make(chan struct{}, 1)}
}

// Await returns the object as soon as settled holds of it, or an error that wraps
// cloud.ErrNotFound when it is gone. A poll that fails in passing is tried again; one
// that is denied, unsupported or invalid ends the wait. When ctx ends first, the
// object is as it was seen last, the zero value if never, and the error wraps the
// cause. settled must be quick and have no effect.
func (p *Poller[T]) Await(ctx context.Context, id string, kind Work, settled func(T) bool) (T, error) {
	x := &wait[T]{id: id, kind: kind, settled: settled, began: time.Now(), outcome: make(chan outcome[T], 1)}
	p.join(ctx, x)
	select {
	case o := <-x.outcome:
		return o.object, o.err
	case <-ctx.Done():
		p.mu.Lock()
		delete(p.waits, x)
		last := x.last
		p.mu.Unlock()
		p.nudge()
		return last, fmt.Errorf("wait for %s %s: %w", p.source.Name, id, context.Cause(ctx))
	}
}

// Close ends all waits with the cause, those to come too.
func (p *Poller[T]) Close(cause error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = cause
	for x := range p.waits {
		p.end(x, outcome[T]{err: cause})
	}
	p.nudge()
}

// Closed is the cause of Close, nil before.
func (p *Poller[T]) Closed() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.closed
}

func (p *Poller[T]) join(ctx context.Context, x *wait[T]) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed != nil {
		x.outcome <- outcome[T]{err: p.closed}
		return
	}
	x.due = p.next(x, x.began)
	p.waits[x] = true
	if p.running {
		p.nudge()
		return
	}
	p.running = true
	go p.run(context.WithoutCancel(ctx))
}

func (p *Poller[T]) nudge() {
	select {
	case p.wake <- struct{}{}:
	default: // one waits already
	}
}

// run polls while anybody waits.
func (p *Poller[T]) run(ctx context.Context) {
	for {
		pause, goOn := p.pause()
		if !goOn {
			return
		}
		if pause > 0 {
			timer := time.NewTimer(pause)
			select {
			case <-timer.C:
			case <-p.wake:
			}
			timer.Stop()
			continue
		}
		p.poll(ctx)
	}
}

// pause is the time until the next poll; false ends the goroutine.
func (p *Poller[T]) pause() (time.Duration, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.waits) == 0 {
		p.running = false
		return 0, false
	}
	var due time.Time
	for x := range p.waits {
		if due.IsZero() || x.due.Before(due) {
			due = x.due
		}
	}
	if least := p.polled.Add(min(Gap<<min(p.failed, 6), backOffMax)); due.Before(least) {
		due = least
	}
	return time.Until(due), true
}

// next says when the wait needs its next poll. The lock is held.
func (p *Poller[T]) next(x *wait[T], now time.Time) time.Time {
	elapsed, expected := now.Sub(x.began), p.past.expected(x.kind)
	if elapsed < expected {
		return now.Add(max(expected-elapsed, Gap))
	}
	return now.Add(min(max((elapsed-expected)/3, Gap), GapMax))
}

// poll reads once all that is waited for now, and answers those who need not wait more.
func (p *Poller[T]) poll(ctx context.Context) {
	p.mu.Lock()
	p.polled = time.Now()
	asked := map[string][]*wait[T]{}
	for x := range p.waits {
		asked[x.id] = append(asked[x.id], x)
	}
	p.mu.Unlock()
	if len(asked) == 0 {
		return // all have left meanwhile
	}

	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	err := p.source.Read(ctx, slices.Sorted(maps.Keys(asked)), func(id string, object T, err error) {
		p.tell(asked[id], outcome[T]{object: object, err: err})
		delete(asked, id)
	})
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil {
		p.fail(ctx, asked, err)
		return
	}
	p.failed = 0
}

// tell gives what is known of one object to those who wait for it.
func (p *Poller[T]) tell(waits []*wait[T], o outcome[T]) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	for _, x := range waits {
		if o.err == nil && !x.settled(o.object) {
			x.last, x.due = o.object, p.next(x, now)
			continue
		}
		if p.end(x, o) && x.kind != "" && p.source.Typical != nil && p.source.Typical(x.kind, o.object, o.err != nil) {
			p.past.add(x.kind, now.Sub(x.began))
		}
	}
}

// fail gives the error of a poll to those who were not answered yet, where trying
// again cannot help. The lock is held.
func (p *Poller[T]) fail(ctx context.Context, asked map[string][]*wait[T], err error) {
	p.failed++
	final := errors.Is(err, cloud.ErrDenied) || errors.Is(err, cloud.ErrUnsupported) || errors.Is(err, cloud.ErrInvalid)
	if !final {
		p.source.Retried(ctx, err)
		return
	}
	for _, waits := range asked {
		for _, x := range waits {
			p.end(x, outcome[T]{err: fmt.Errorf("wait for %s %s: %w", p.source.Name, x.id, err)})
		}
	}
}

// end ends a wait, unless its caller has left. The lock is held.
func (p *Poller[T]) end(x *wait[T], o outcome[T]) bool {
	if !p.waits[x] {
		return false
	}
	delete(p.waits, x)
	x.outcome <- o
	return true
}
