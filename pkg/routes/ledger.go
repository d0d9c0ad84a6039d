package routes

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
)

// Ledger remembers which routes this cluster wrote, across restarts. It is
// written ahead: a route stands in it before it stands on the router, and leaves
// it after the route and its address pair are gone. So a route whose node and
// instance have both disappeared is still known as ours.
type Ledger interface {
	// Load reads all entries. An empty ledger is no error.
	Load(ctx context.Context) ([]Route, error)
	// Save replaces all entries; ErrLedgerChanged when somebody else wrote
	// since the last Load or Save of this Ledger.
	Save(ctx context.Context, routes []Route) error
}

// ErrLedgerChanged means that somebody else wrote the ledger: load, merge, save again.
var ErrLedgerChanged = errors.New("the ledger was changed by somebody else")

// MemoryLedger forgets with the process: for tests, and where the cluster does
// not let us keep a ConfigMap.
type MemoryLedger struct {
	mu     sync.Mutex
	routes []Route
}

// Load reads all entries.
func (l *MemoryLedger) Load(context.Context) ([]Route, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.routes), nil
}

// Save replaces all entries.
func (l *MemoryLedger) Save(_ context.Context, routes []Route) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.routes = slices.Clone(routes)
	return nil
}

// book is the ledger as this process knows it.
type book struct {
	ledger  Ledger
	writing turn // guards pairs
	// pairs is replaced, never changed, so that readers need no copy; nil until loaded.
	pairs map[pair]bool
}

func newBook(ledger Ledger) *book { return &book{ledger: ledger, writing: newTurn()} }

// read gives all entries, from the ledger the first time. The caller must not change them.
func (b *book) read(ctx context.Context) (map[pair]bool, error) {
	if err := b.writing.take(ctx); err != nil {
		return nil, err
	}
	defer b.writing.pass()
	if err := b.open(ctx); err != nil {
		return nil, err
	}
	return b.pairs, nil
}

func (b *book) open(ctx context.Context) error {
	if b.pairs != nil {
		return nil
	}
	pairs, err := b.load(ctx)
	if err == nil {
		b.pairs = pairs
	}
	return err
}

// update enters and strikes pairs with one save, or with none where nothing changes.
func (b *book) update(ctx context.Context, enter, strike []pair) error {
	if err := b.writing.take(ctx); err != nil {
		return err
	}
	defer b.writing.pass()
	if err := b.open(ctx); err != nil {
		return err
	}
	const attempts = 4
	for attempt := 1; ; attempt++ {
		next := maps.Clone(b.pairs)
		for _, p := range strike {
			delete(next, p)
		}
		for _, p := range enter {
			next[p] = true
		}
		if maps.Equal(next, b.pairs) {
			return nil
		}
		err := b.ledger.Save(ctx, listed(next))
		if err == nil {
			b.pairs = next
			return nil
		}
		if !errors.Is(err, ErrLedgerChanged) || attempt == attempts {
			return fmt.Errorf("save the ledger of routes: %w", err)
		}
		// What the other writer entered may be on the router: keep it all.
		// An entry too many costs one comparison, one too few leaks a route.
		theirs, err := b.load(ctx)
		if err != nil {
			return err
		}
		merged := maps.Clone(b.pairs)
		maps.Copy(merged, theirs)
		b.pairs = merged
	}
}

func (b *book) load(ctx context.Context) (map[pair]bool, error) {
	routes, err := b.ledger.Load(ctx)
	if err != nil {
		return nil, fmt.Errorf("load the ledger of routes: %w", err)
	}
	pairs := make(map[pair]bool, len(routes))
	for _, r := range routes {
		if p, ok := r.canonical(); ok {
			pairs[p] = true
		}
	}
	return pairs, nil
}

func listed(pairs map[pair]bool) []Route {
	routes := make([]Route, 0, len(pairs))
	for _, p := range slices.SortedFunc(maps.Keys(pairs), pair.compare) {
		routes = append(routes, p.route())
	}
	return routes
}
