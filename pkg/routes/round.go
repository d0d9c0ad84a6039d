package routes

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"k8s.io/klog/v2"

	"underlay/internal/cloud"
	"underlay/internal/step"
)

const (
	// callBudget bounds the writes of one batch, so that a batch with many bad
	// routes cannot flood the cloud. What is left waits for the next reconcile.
	callBudget = 24
	// sendAttempts bounds how often one write meets a busy router.
	sendAttempts = 6
)

// round is one batch being carried out.
type round struct {
	table  *table
	atomic bool
	// add and remove are what must be written, sorted; a pair is in one at most.
	add, remove []pair
	asked       map[pair]intent
	failed      map[pair]error
	unsaved     error // what kept the ledger from being written
	// unfit are the pairs that the router has no room for, limit what it said.
	unfit []pair
	limit error
	calls int // left
	// aimed: next hops were already compared with the router's subnets.
	aimed bool
}

// anticipate takes along what the plan adds anyway.
func (r *round) anticipate(present map[pair]bool) {
	if len(r.add) == 0 {
		return
	}
	for _, p := range r.table.hooks.missing() {
		if _, asked := r.asked[p]; !asked && !present[p] && len(r.add) < batchRoutes {
			r.asked[p] = putOn
			r.add = append(r.add, p)
		}
	}
}

// rest leaves out what the cloud refused a moment ago.
func (r *round) rest() {
	r.add = slices.DeleteFunc(r.add, func(p pair) bool {
		err := r.table.refused.resting(p, 0)
		if err != nil {
			r.failed[p] = err
		}
		return err != nil
	})
	slices.SortFunc(r.add, pair.compare)
	slices.SortFunc(r.remove, pair.compare)
}

// ration leaves out what a router that was full is known to have no room for.
// These fail silently: the limit was announced when it was met.
func (r *round) ration(router Router) {
	room, cause := r.table.limit.room(len(router.Routes) - len(r.remove))
	if room >= len(r.add) {
		return
	}
	r.fail(r.add[room:], r.table.limitError(len(r.add)-room, cause))
	r.add = r.add[:room]
}

// record writes the ledger ahead of the router, with one save.
func (r *round) record(ctx context.Context, enter, strike []pair) {
	r.unsaved = r.table.book.update(ctx, append(enter, r.add...), strike)
	if r.unsaved == nil {
		return
	}
	// An unrecorded route could become nobody's; so none is written.
	r.fail(r.add, r.unsaved)
	r.add = nil
}

// carryOut writes: removals first, then additions, in one call where the cloud
// replaces the whole list anyway.
func (r *round) carryOut(ctx context.Context) {
	if !r.atomic && len(r.add) > 0 && len(r.remove) > 0 && !r.table.limit.probing() {
		err := r.send(ctx, r.add, r.remove)
		if err == nil {
			return
		}
		if !errors.Is(err, cloud.ErrInvalid) && !errors.Is(err, cloud.ErrQuota) {
			r.fail(r.add, err)
			r.fail(r.remove, err)
			return
		}
	}
	r.divide(ctx, r.remove, keepOff)
	if r.table.limit.probing() && len(r.add) > 1 {
		// One route tells whether there is room again.
		r.divide(ctx, r.add[:1], putOn)
		if len(r.unfit) > 0 {
			r.refuse(r.add[1:], r.limit)
			return
		}
		r.add = r.add[1:]
	}
	r.divide(ctx, r.add, putOn)
}

// send writes one set of changes, meeting a busy router and lost answers by
// reading again and sending only what is still missing.
func (r *round) send(ctx context.Context, add, remove []pair) error {
	for attempt := 1; ; attempt++ {
		router, err := r.table.seen(ctx)
		if err != nil {
			return err
		}
		s := r.step(router, add, remove)
		if s == nil {
			return nil
		}
		err = r.table.apply(ctx, s)
		if err == nil {
			klog.FromContext(ctx).Info("Applied", "step", s.String())
			r.table.accept(add)
			return nil
		}
		if !errors.Is(err, cloud.ErrBusy) && !errors.Is(err, cloud.ErrAmbiguous) || attempt == sendAttempts {
			return err
		}
		if err := pause(ctx, attempt); err != nil {
			return err
		}
		if _, readErr := r.table.read(ctx); readErr != nil {
			return cloud.Join(err, readErr)
		}
	}
}

// step is the one write that is needed; nil when none is.
func (r *round) step(router Router, add, remove []pair) step.Step {
	present := pairsOf(router)
	var fresh []Route
	for _, p := range add {
		if !present[p] {
			fresh = append(fresh, p.route())
		}
	}
	off := make(map[pair]bool, len(remove))
	for _, p := range remove {
		off[p] = true
	}
	var stale, kept []Route
	for _, route := range router.Routes {
		if p, ok := route.canonical(); ok && off[p] {
			stale = append(stale, route)
		} else {
			kept = append(kept, route)
		}
	}
	switch {
	case len(fresh) == 0 && len(stale) == 0:
		return nil
	case !r.atomic:
		return ReplaceRoutes{RouterID: router.ID, Revision: router.Revision,
			Routes: append(kept, fresh...), Added: len(fresh), Removed: len(stale)}
	case len(stale) > 0:
		return RemoveRoutes{RouterID: router.ID, Routes: stale}
	default:
		return AddRoutes{RouterID: router.ID, Routes: fresh}
	}
}

func (r *round) fail(pairs []pair, err error) {
	for _, p := range pairs {
		r.failed[p] = err
	}
}

// call makes the step's one API call.
func (t *table) call(ctx context.Context, s step.Step) (Router, error) {
	switch s := s.(type) {
	case AddRoutes:
		return t.api.AddRoutes(ctx, s.RouterID, s.Routes)
	case RemoveRoutes:
		return t.api.RemoveRoutes(ctx, s.RouterID, s.Routes)
	case ReplaceRoutes:
		return t.api.SetRoutes(ctx, s.RouterID, s.Revision, s.Routes)
	default:
		return Router{}, fmt.Errorf("apply step %v: not a change of routes", s)
	}
}

// accept forgets refusals and a limit that the router has passed.
func (t *table) accept(added []pair) {
	for _, p := range added {
		t.refused.accepted(p)
	}
	t.mu.Lock()
	present := len(t.router.Routes)
	t.mu.Unlock()
	t.limit.passed(present)
}

// pause waits a little longer each attempt, with jitter, or until ctx ends.
func pause(ctx context.Context, attempt int) error {
	base := 100 * time.Millisecond << min(attempt, 5)
	timer := time.NewTimer(base/2 + rand.N(base/2))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
