package batch

import (
	"context"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"
	"time"
)

// KeyedFunc carries out one batch of one key; see Func.
type KeyedFunc[K comparable, T any] func(ctx context.Context, key K, items []T) []error

// Keyed commits items together by key: one batch at a time for a key, different
// keys side by side.
type Keyed[K comparable, T any] struct {
	do     KeyedFunc[K, T]
	limits limits
	slots  chan struct{} // nil when Parallel is not bounded

	mu      sync.Mutex
	queues  map[K][]*entry[T] // a key is present exactly while a runner serves it
	closed  bool
	drained chan struct{} // closed when closed and the last runner has left
}

type entry[T any] struct {
	item T
	// open makes the context of a batch that this item leads.
	open func(timeout time.Duration) (context.Context, context.CancelFunc)
	done chan error // holds one answer
}

func newEntry[T any](ctx context.Context, item T) *entry[T] {
	open := func(timeout time.Duration) (context.Context, context.CancelFunc) {
		return context.WithTimeout(context.WithoutCancel(ctx), timeout)
	}
	return &entry[T]{item: item, open: open, done: make(chan error, 1)}
}

// NewKeyed makes a Keyed over do.
func NewKeyed[K comparable, T any](do KeyedFunc[K, T], options ...Option) *Keyed[K, T] {
	k := &Keyed[K, T]{
		do:      do,
		limits:  limits{timeout: 2 * time.Minute},
		queues:  map[K][]*entry[T]{},
		drained: make(chan struct{}),
	}
	for _, option := range options {
		option(&k.limits)
	}
	if k.limits.parallel > 0 {
		k.slots = make(chan struct{}, k.limits.parallel)
	}
	return k
}

// Do commits one item of the key; see Group.Do.
func (k *Keyed[K, T]) Do(ctx context.Context, key K, item T) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	e := newEntry(ctx, item)
	if !k.enqueue(key, e) {
		return ErrClosed
	}
	select {
	case err := <-e.done:
		return err
	case <-ctx.Done():
	}
	k.withdraw(key, e)
	select {
	case err := <-e.done: // the answer came at the same moment
		return err
	default:
		return context.Cause(ctx)
	}
}

// Close refuses new items and waits until those accepted are done, or until ctx ends.
func (k *Keyed[K, T]) Close(ctx context.Context) error {
	k.mu.Lock()
	if !k.closed {
		k.closed = true
		k.signalDrained()
	}
	k.mu.Unlock()
	select {
	case <-k.drained:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("drain batch: %w", context.Cause(ctx))
	}
}

func (k *Keyed[K, T]) enqueue(key K, e *entry[T]) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.closed {
		return false
	}
	queue, running := k.queues[key]
	k.queues[key] = append(queue, e)
	if !running {
		go k.run(key)
	}
	return true
}

// withdraw takes an item that has not gone out yet out of its queue.
func (k *Keyed[K, T]) withdraw(key K, e *entry[T]) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if queue, running := k.queues[key]; running {
		k.queues[key] = slices.DeleteFunc(queue, func(other *entry[T]) bool { return other == e })
	}
}

// run serves one key until its queue is empty.
func (k *Keyed[K, T]) run(key K) {
	for {
		// The slot comes before the batch is formed, so that what arrives
		// while waiting for it shares the call.
		if k.slots != nil {
			k.slots <- struct{}{}
		}
		batch := k.next(key)
		if len(batch) > 0 {
			k.commit(key, batch)
		}
		if k.slots != nil {
			<-k.slots
		}
		if len(batch) == 0 {
			return
		}
	}
}

// next takes the next batch of the key, or ends the key's service when there is none.
func (k *Keyed[K, T]) next(key K) []*entry[T] {
	k.mu.Lock()
	defer k.mu.Unlock()
	queue := k.queues[key]
	if len(queue) == 0 {
		delete(k.queues, key)
		k.signalDrained()
		return nil
	}
	n := len(queue)
	if k.limits.items > 0 {
		n = min(n, k.limits.items)
	}
	k.queues[key] = slices.Clone(queue[n:])
	return queue[:n:n]
}

// signalDrained must be called with the lock held.
func (k *Keyed[K, T]) signalDrained() {
	if !k.closed || len(k.queues) > 0 {
		return
	}
	select {
	case <-k.drained:
	default:
		close(k.drained)
	}
}

// commit carries out one batch and gives every item its answer, whatever happens.
func (k *Keyed[K, T]) commit(key K, batch []*entry[T]) {
	ctx, cancel := batch[0].open(k.limits.timeout)
	defer cancel()
	items := make([]T, len(batch))
	for i, e := range batch {
		items[i] = e.item
	}
	errs := k.contained(ctx, key, items)
	for i, e := range batch {
		var err error
		if i < len(errs) {
			err = errs[i]
		}
		e.done <- err
	}
}

// contained turns a panic, and an answer that fits no item, into an error of every item.
func (k *Keyed[K, T]) contained(ctx context.Context, key K, items []T) (errs []error) {
	all := func(err error) []error { return slices.Repeat([]error{err}, len(items)) }
	defer func() {
		if p := recover(); p != nil {
			errs = all(fmt.Errorf("carry out batch of %d: panic: %v\n%s", len(items), p, debug.Stack()))
		}
	}()
	errs = k.do(ctx, key, items)
	if len(errs) != 0 && len(errs) != len(items) {
		errs = all(fmt.Errorf("carry out batch of %d: got %d answers", len(items), len(errs)))
	}
	return errs
}
