package controller

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"k8s.io/klog/v2"

	"underlay/internal/cloud"
)

const (
	// pollGap and pollGapMax bound the time between two polls while anybody waits.
	pollGap    = 700 * time.Millisecond
	pollGapMax = 8 * time.Second
	// pollTimeout bounds one poll.
	pollTimeout = 30 * time.Second
)

// kind is how one kind of object is read.
type kind[T any] struct {
	name string
	id   func(T) string
	one  func(ctx context.Context, id string) (T, error)
	page func(ctx context.Context, marker string) (page []T, next string, err error)
}

// poller polls one kind of object for all who wait for one. There is one
// goroutine while anybody waits. Few objects are read one by one, more of them
// with the list, whichever takes fewer calls. The gap between polls grows with
// the time that the youngest wait lasts already.
type poller[T any] struct {
	kind kind[T]

	mu      sync.Mutex
	waits   map[*wait[T]]bool
	running bool
	polled  time.Time // begin of the last poll
	failed  int       // polls in a row that failed
	pages   int       // pages of the last whole list
	wake    chan struct{}
}

// wait is one caller's.
type wait[T any] struct {
	id      string
	settled func(T) bool
	began   time.Time
	due     time.Time
	last    T               // as the last poll saw it; guarded by poller.mu
	outcome chan outcome[T] // holds one
}

type outcome[T any] struct {
	object T
	err    error
}

func newPoller[T any](k kind[T]) *poller[T] {
	return &poller[T]{kind: k, waits: map[*wait[T]]bool{}, pages: 1, wake: make(chan struct{}, 1)}
}

// await returns the object as soon as settled holds of it, or cloud.ErrNotFound
// when it is gone. A poll that fails in passing is tried again. When ctx ends
// first, the object is as it was seen last, the zero value if never, and the
// error wraps the cause. settled must be quick and have no effect.
func (p *poller[T]) await(ctx context.Context, id string, settled func(T) bool) (T, error) {
	x := &wait[T]{id: id, settled: settled, began: time.Now(), outcome: make(chan outcome[T], 1)}
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
		return last, fmt.Errorf("wait for %s %s: %w", p.kind.name, id, context.Cause(ctx))
	}
}

func (p *poller[T]) join(ctx context.Context, x *wait[T]) {
	p.mu.Lock()
	defer p.mu.Unlock()
	x.due = x.next(x.began)
	p.waits[x] = true
	if p.running {
		p.nudge()
		return
	}
	p.running = true
	go p.run(context.WithoutCancel(ctx))
}

func (p *poller[T]) nudge() {
	select {
	case p.wake <- struct{}{}:
	default: // one waits already
	}
}

// run polls while anybody waits.
func (p *poller[T]) run(ctx context.Context) {
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

// pause is the time until the next poll; false ends the poller.
func (p *poller[T]) pause() (time.Duration, bool) {
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
	if least := p.polled.Add(min(pollGap<<min(p.failed, 6), 30*time.Second)); due.Before(least) {
		due = least
	}
	return time.Until(due), true
}

// next says when the wait needs its next poll.
func (x *wait[T]) next(now time.Time) time.Time {
	return now.Add(min(max(now.Sub(x.began)/3, pollGap), pollGapMax))
}

// poll reads once all that is waited for, and answers those who need not wait more.
func (p *poller[T]) poll(ctx context.Context) {
	p.mu.Lock()
	p.polled = time.Now()
	asked := map[string][]*wait[T]{}
	for x := range p.waits {
		asked[x.id] = append(asked[x.id], x)
	}
	list := len(asked) > p.pages
	p.mu.Unlock()

	ctx, cancel := context.WithTimeout(ctx, pollTimeout)
	defer cancel()
	if list {
		if err := p.list(ctx, asked); err != nil {
			p.fail(ctx, asked, err)
			return
		}
	}
	// What the list did not have is read by itself: it may have moved between pages.
	for id, waits := range asked {
		object, err := p.kind.one(ctx, id)
		if err != nil && !errors.Is(err, cloud.ErrNotFound) {
			p.fail(ctx, asked, err)
			return
		}
		p.tell(waits, object, err)
		delete(asked, id)
	}
	p.mu.Lock()
	p.failed = 0
	p.mu.Unlock()
}

// list reads pages until all that is asked for was seen, and takes what it saw out of asked.
func (p *poller[T]) list(ctx context.Context, asked map[string][]*wait[T]) error {
	marker, pages := "", 0
	for {
		page, next, err := p.kind.page(ctx, marker)
		if err != nil {
			return err
		}
		pages++
		for _, object := range page {
			id := p.kind.id(object)
			p.tell(asked[id], object, nil)
			delete(asked, id)
		}
		if next == "" || len(asked) == 0 {
			p.mu.Lock()
			p.pages = max(pages, 1)
			p.mu.Unlock()
			return nil
		}
		marker = next
	}
}

// tell gives one object to those who wait for it.
func (p *poller[T]) tell(waits []*wait[T], object T, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	for _, x := range waits {
		if err != nil || x.settled(object) {
			p.settle(x, outcome[T]{object: object, err: err})
			continue
		}
		x.last, x.due = object, x.next(now)
	}
}

// fail gives the error of a poll to those who were not answered yet, where trying
// again cannot help.
func (p *poller[T]) fail(ctx context.Context, asked map[string][]*wait[T], err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.failed++
	final := errors.Is(err, cloud.ErrDenied) || errors.Is(err, cloud.ErrUnsupported) || errors.Is(err, cloud.ErrInvalid)
	if !final {
		klog.FromContext(ctx).V(2).Info("A poll of the storage failed and is tried again", "kind", p.kind.name, "err", err)
		return
	}
	for _, waits := range asked {
		for _, x := range waits {
			p.settle(x, outcome[T]{err: fmt.Errorf("wait for %s %s: %w", p.kind.name, x.id, err)})
		}
	}
}

// settle ends a wait. The lock is held.
func (p *poller[T]) settle(x *wait[T], o outcome[T]) {
	if p.waits[x] { // else the caller left
		delete(p.waits, x)
		x.outcome <- o
	}
}
