package routes

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"underlay/internal/batch"
	"underlay/internal/cloud"
	"underlay/internal/step"
)

// Limits of one batch of router writes.
const (
	// batchRoutes bounds the routes of one call. Neutron validates every route
	// of the router on every write; 200 take a quarter of a second.
	batchRoutes = 500
	// batchTime bounds one batch with all its retries.
	batchTime = 2 * time.Minute
)

// change is one caller's wish: a pair on the router, or off it, or only the
// ledger brought up to what was observed.
type change struct {
	pair   pair
	remove bool
	ledger *ledgerChange
}

type ledgerChange struct {
	enter  []pair // of ours, but written by another controller
	strike []pair // of which nothing is left
}

// table writes the routes of one router. All writes pass through its group:
// what is asked for during one call forms the next, adds and removals together.
type table struct {
	api   RouterAPI
	book  *book
	group *batch.Group[change]
	hooks tableHooks

	mu     sync.Mutex
	id     string
	router Router // as last seen
	known  bool   // router was read since the id was set
	writes int    // begun and ended; a read that overlaps a write may be older than it

	limit   routeLimit
	refused cooldown[pair]
}

// tableHooks is what the table asks of the controller.
type tableHooks struct {
	// missing are the pairs that the current plan adds. The first caller's
	// call carries them all: the others will ask for them in a moment.
	missing func() []pair
	// attached reads again where next hops may be.
	attached func(ctx context.Context) (attachment, error)
	// limited is told of routes that the router has no room for.
	limited func(ctx context.Context, err *LimitError, refused []pair)
	// census counts the routes of ours on the router and those wanted.
	census func(router Router) (own, wanted int)
}

func newTable(api RouterAPI, book *book, hooks tableHooks) *table {
	t := &table{api: api, book: book, hooks: hooks}
	t.group = batch.New(t.commit, batch.MaxItems(batchRoutes), batch.Timeout(batchTime))
	return t
}

// use says which router it is. Another one than before is read afresh.
func (t *table) use(id string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.id != id {
		t.id, t.router, t.known = id, Router{}, false
		t.limit.clear()
	}
}

// read reads the router: one call.
func (t *table) read(ctx context.Context) (Router, error) {
	t.mu.Lock()
	id, writes := t.id, t.writes
	t.mu.Unlock()
	router, err := t.api.Router(ctx, id)
	if err != nil {
		return Router{}, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.known && t.writes != writes && router.Revision < t.router.Revision {
		return t.router, nil // a write overtook this read
	}
	t.router, t.known = router, true
	return router, nil
}

// seen gives the router as last seen, reading it the first time.
func (t *table) seen(ctx context.Context) (Router, error) {
	t.mu.Lock()
	router, known := t.router, t.known
	t.mu.Unlock()
	if known {
		return router, nil
	}
	return t.read(ctx)
}

// commit carries out one batch.
func (t *table) commit(ctx context.Context, changes []change) []error {
	r, err := t.open(ctx, changes)
	if err != nil {
		return slices.Repeat([]error{err}, len(changes))
	}
	r.carryOut(ctx)
	if len(r.unfit) > 0 {
		limit := t.limitError(len(r.unfit), r.limit)
		r.fail(r.unfit, limit)
		t.hooks.limited(ctx, limit, r.unfit)
	}
	errs := make([]error, len(changes))
	for i, c := range changes {
		switch {
		case c.ledger != nil:
			errs[i] = r.unsaved
		case c.remove == r.asked[c.pair].removed():
			errs[i] = r.failed[c.pair]
		}
	}
	return errs
}

// intent is what a batch wants of one pair. Who wants it there outweighs who
// wants it away: the latter decided before the former's node came.
type intent int

const (
	keepOff intent = iota + 1
	putOn
)

func (i intent) removed() bool { return i == keepOff }

// open decides what of the changes needs to be written at all.
func (t *table) open(ctx context.Context, changes []change) (*round, error) {
	features, err := t.api.Features(ctx)
	if err != nil {
		return nil, err
	}
	router, err := t.seen(ctx)
	if err != nil {
		return nil, err
	}
	r := &round{table: t, atomic: features.AtomicRoutes, calls: callBudget, asked: map[pair]intent{}, failed: map[pair]error{}}
	var enter, strike []pair
	for _, c := range changes {
		if c.ledger != nil {
			enter, strike = append(enter, c.ledger.enter...), append(strike, c.ledger.strike...)
			continue
		}
		want := putOn
		if c.remove {
			want = keepOff
		}
		r.asked[c.pair] = max(r.asked[c.pair], want)
	}
	present := pairsOf(router)
	for p, want := range r.asked {
		switch {
		case want == keepOff && present[p]:
			r.remove = append(r.remove, p)
		case want == putOn && !present[p]:
			r.add = append(r.add, p)
		}
	}
	r.anticipate(present)
	r.rest()
	r.ration(router)
	strike = slices.DeleteFunc(strike, func(p pair) bool { return present[p] || r.asked[p] == putOn })
	r.record(ctx, enter, strike)
	return r, nil
}

// apply is the one place where routes are written: one call a step.
func (t *table) apply(ctx context.Context, s step.Step) error {
	t.mu.Lock()
	t.writes++
	t.mu.Unlock()
	router, err := t.call(ctx, s)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.writes++
	if err == nil && router.ID == t.id {
		t.router, t.known = router, true
	}
	if errors.Is(err, cloud.ErrNotFound) {
		t.known = false
	}
	return err
}

func pairsOf(router Router) map[pair]bool {
	pairs := make(map[pair]bool, len(router.Routes))
	for _, r := range router.Routes {
		if p, ok := r.canonical(); ok {
			pairs[p] = true
		}
	}
	return pairs
}
