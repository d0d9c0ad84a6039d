package loadbalancer

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"k8s.io/klog/v2"

	"underlay/internal/cloud"
	"underlay/pkg/loadbalancer/tree"
)

const (
	// pollGap and pollGapMax bound the time between two polls while anybody waits.
	pollGap    = 700 * time.Millisecond
	pollGapMax = 8 * time.Second
	// pollTimeout bounds one poll.
	pollTimeout = 30 * time.Second
	// remembered is how many past durations of a kind of work are kept.
	remembered = 8
)

// work is what a load balancer is busy with. How long each kind lasts on this
// cloud is learned.
type work string

const (
	workCreate   work = "create"
	workChange   work = "change"
	workDelete   work = "delete"
	workFailover work = "failover"
	// workUnknown was begun by somebody else, or before this process was.
	workUnknown work = ""
)

// waiter polls load balancers for all who wait for one. Nobody else polls.
//
// A poll is one list call for everybody; it is read by ID where all wait for the
// same one. The gap between polls grows with the time that the youngest wait
// lasts already; where earlier work of the same kind says how long it takes
// here, the first poll comes when it is about done.
type waiter struct {
	balancers Balancers

	mu      sync.Mutex
	waits   map[*wait]bool
	running bool
	polled  time.Time // begin of the last poll
	failed  int       // polls in a row that failed
	past    map[work][]time.Duration
	wake    chan struct{} // holds one when waits have come or gone
	closed  error         // what ends all waits, once the process stops
}

// errStopping ends all waits when the process stops.
var errStopping = errors.New("the controller manager is stopping; its successor will do this")

// close ends all waits, those to come too.
func (w *waiter) close(cause error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = cause
	for x := range w.waits {
		w.settle(x, time.Now(), outcome{err: cause})
	}
	w.nudge()
}

// stopping is the cause of close, or nil.
func (w *waiter) stopping() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.closed
}

// wait is one caller's.
type wait struct {
	id      string
	kind    work
	began   time.Time
	due     time.Time
	outcome chan outcome // holds one
}

type outcome struct {
	balancer tree.Balancer
	err      error
}

func newWaiter(balancers Balancers) *waiter {
	return &waiter{balancers: balancers, waits: map[*wait]bool{}, past: map[work][]time.Duration{}, wake: make(chan struct{}, 1)}
}

// await returns when the load balancer is not PENDING any more: with its id and
// statuses, or with cloud.ErrNotFound when it is gone. A poll that fails in
// passing is tried again; else its error ends all waits.
func (w *waiter) await(ctx context.Context, id string, kind work) (tree.Balancer, error) {
	x := &wait{id: id, kind: kind, began: time.Now(), outcome: make(chan outcome, 1)}
	w.join(ctx, x)
	select {
	case o := <-x.outcome:
		return o.balancer, o.err
	case <-ctx.Done():
		w.mu.Lock()
		delete(w.waits, x)
		w.mu.Unlock()
		w.nudge()
		return tree.Balancer{}, fmt.Errorf("wait for load balancer %s: %w", id, context.Cause(ctx))
	}
}

func (w *waiter) join(ctx context.Context, x *wait) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed != nil {
		x.outcome <- outcome{err: w.closed}
		return
	}
	x.due = w.next(x, x.began)
	w.waits[x] = true
	if w.running {
		w.nudge()
		return
	}
	w.running = true
	go w.run(context.WithoutCancel(ctx))
}

func (w *waiter) nudge() {
	select {
	case w.wake <- struct{}{}:
	default: // one waits already
	}
}

// run polls while anybody waits.
func (w *waiter) run(ctx context.Context) {
	for {
		pause, goOn := w.pause()
		if !goOn {
			return
		}
		if pause > 0 {
			timer := time.NewTimer(pause)
			select {
			case <-timer.C:
			case <-w.wake:
			}
			timer.Stop()
			continue
		}
		w.poll(ctx)
	}
}

// pause is the time until the next poll; false ends the poller.
func (w *waiter) pause() (time.Duration, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.waits) == 0 {
		w.running = false
		return 0, false
	}
	var due time.Time
	for x := range w.waits {
		if due.IsZero() || x.due.Before(due) {
			due = x.due
		}
	}
	if least := w.polled.Add(min(pollGap<<min(w.failed, 6), 30*time.Second)); due.Before(least) {
		due = least
	}
	return time.Until(due), true
}

// next says when a wait needs its next poll.
func (w *waiter) next(x *wait, now time.Time) time.Time {
	elapsed := now.Sub(x.began)
	expected := w.expected(x.kind)
	if elapsed < expected {
		return now.Add(max(expected-elapsed, pollGap))
	}
	return now.Add(min(max((elapsed-expected)/3, pollGap), pollGapMax))
}

// expected is a little less than the shortest of the last times.
func (w *waiter) expected(kind work) time.Duration {
	var least time.Duration
	for i, d := range w.past[kind] {
		if i == 0 || d < least {
			least = d
		}
	}
	return least * 9 / 10
}

// poll asks once, and answers all who waited before it.
func (w *waiter) poll(ctx context.Context) {
	w.mu.Lock()
	w.polled = time.Now()
	asked := make([]*wait, 0, len(w.waits))
	query := BalancerQuery{StatusOnly: true}
	one := true
	for x := range w.waits {
		asked = append(asked, x)
		one = one && x.id == asked[0].id
	}
	w.mu.Unlock()
	if one && len(asked) > 0 {
		query.ID = asked[0].id
	}

	ctx, cancel := context.WithTimeout(ctx, pollTimeout)
	defer cancel()
	found, err := w.balancers.LoadBalancers(ctx, query)
	if err != nil {
		w.fail(ctx, asked, err)
		return
	}
	byID := make(map[string]tree.Balancer, len(found))
	for _, b := range found {
		byID[b.ID] = b
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.failed = 0
	now := time.Now()
	for _, x := range asked {
		b, ok := byID[x.id]
		switch {
		case !ok || b.Provisioning == tree.Deleted:
			w.settle(x, now, outcome{err: fmt.Errorf("load balancer %s: %w", x.id, cloud.ErrNotFound)})
		case !b.Provisioning.Pending():
			w.settle(x, now, outcome{balancer: b})
		default:
			x.due = w.next(x, now)
		}
	}
}

// fail gives the error of a poll to all where trying again cannot help.
func (w *waiter) fail(ctx context.Context, asked []*wait, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.failed++
	final := errors.Is(err, cloud.ErrDenied) || errors.Is(err, cloud.ErrUnsupported) || errors.Is(err, cloud.ErrInvalid)
	if !final {
		klog.FromContext(ctx).V(2).Info("A poll of load balancers failed and is tried again", "err", err)
		return
	}
	for _, x := range asked {
		w.settle(x, time.Now(), outcome{err: fmt.Errorf("wait for load balancer %s: %w", x.id, err)})
	}
}

// settle ends a wait, and learns how long the work took. The lock is held.
func (w *waiter) settle(x *wait, now time.Time, o outcome) {
	if !w.waits[x] {
		return // the caller left
	}
	delete(w.waits, x)
	x.outcome <- o
	good := o.err == nil && o.balancer.Provisioning == tree.Active
	if x.kind == workDelete {
		good = errors.Is(o.err, cloud.ErrNotFound)
	}
	if x.kind == workUnknown || !good {
		return
	}
	w.past[x.kind] = append(w.past[x.kind], now.Sub(x.began))
	if past := w.past[x.kind]; len(past) > remembered {
		w.past[x.kind] = past[len(past)-remembered:]
	}
}
