// Package batch is group commit: what arrives while a call is in flight forms
// the next call. There is no timer: the first item goes out at once, alone, and
// the slower the call, the more items share the next one.
package batch

import (
	"context"
	"errors"
	"time"
)

// ErrClosed is the answer to an item that arrives after Close.
var ErrClosed = errors.New("batch is closed")

// Func carries out one batch. It returns one error an item, in the order of the
// items; nil, or a nil slice, means that all succeeded.
//
// Its context carries the values of the first item's context (so its logger),
// is bounded by the group's timeout, and survives the cancellation of any caller.
type Func[T any] func(ctx context.Context, items []T) []error

// Group commits items together, one batch at a time.
type Group[T any] struct{ keyed *Keyed[struct{}, T] }

// New makes a Group over do.
func New[T any](do Func[T], options ...Option) *Group[T] {
	one := func(ctx context.Context, _ struct{}, items []T) []error { return do(ctx, items) }
	return &Group[T]{keyed: NewKeyed(one, options...)}
}

// Do commits one item with whatever else is waiting and returns the item's own
// error. When ctx ends first, Do returns its cause at once: an item that has not
// gone out yet is withdrawn, one in flight is carried out for the others' sake.
func (g *Group[T]) Do(ctx context.Context, item T) error { return g.keyed.Do(ctx, struct{}{}, item) }

// Close refuses new items and waits until those accepted are done, or until ctx ends.
func (g *Group[T]) Close(ctx context.Context) error { return g.keyed.Close(ctx) }

// Option sets a limit of a Group or Keyed.
type Option func(*limits)

type limits struct {
	items    int
	parallel int
	timeout  time.Duration
}

// MaxItems bounds how many items one batch carries; the rest form the next.
// 0, the default, means no bound.
func MaxItems(n int) Option { return func(l *limits) { l.items = n } }

// Parallel bounds how many keys have a batch in flight at the same time.
// 0, the default, means no bound. A Group has one key, so it needs none.
func Parallel(n int) Option { return func(l *limits) { l.parallel = n } }

// Timeout bounds one batch. The default is two minutes.
func Timeout(d time.Duration) Option { return func(l *limits) { l.timeout = d } }
