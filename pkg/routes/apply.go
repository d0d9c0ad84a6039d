package routes

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"underlay/internal/cloud"
)

// put writes what one pod CIDR of one node lacks: its route, and all pairs of
// the node's port. Concurrent callers share the writes.
func (c *Controller) put(ctx context.Context, v *view, want Want) error {
	// Both at once: after the router, the ports would trickle in one by one,
	// and after the ports, the router's batch would be cut into pieces.
	var wg sync.WaitGroup
	var portErr error
	if port := v.actual.ports.byID[want.PortID]; v.actual.filters(port) {
		wg.Go(func() {
			portErr = c.pairs.group.Do(ctx, want.PortID, pairChange{node: want.Node, ensure: v.ensure[want.PortID]})
		})
	}
	routeErr := c.table.group.Do(ctx, change{pair: want.pair()})
	wg.Wait()
	if errors.Is(portErr, cloud.ErrNotFound) {
		c.relist.Store(true)
	}
	if err := cloud.Join(routeErr, portErr); err != nil {
		return fmt.Errorf("create route %s of node %s: %w", want.pair(), want.Node, err)
	}
	return nil
}

// putAll is put for several, at once; the errors stand in no order.
func (c *Controller) putAll(ctx context.Context, v *view, wants []Want) []error {
	errs := make([]error, len(wants))
	var wg sync.WaitGroup
	for i, want := range wants {
		wg.Go(func() { errs[i] = c.put(ctx, v, want) })
	}
	wg.Wait()
	return errs
}

// takeOff removes leftovers: routes from the router, pairs from ports.
func (c *Controller) takeOff(ctx context.Context, leftovers []leftover) error {
	var wg sync.WaitGroup
	var mu sync.Mutex
	var errs []error
	do := func(write func() error) {
		wg.Go(func() {
			if err := write(); err != nil {
				mu.Lock()
				defer mu.Unlock()
				errs = append(errs, err)
			}
		})
	}
	for _, l := range leftovers {
		do(func() error { return c.table.group.Do(ctx, change{pair: l.pair, remove: true}) })
		for _, port := range l.ports {
			do(func() error {
				return c.pairs.group.Do(ctx, port, pairChange{remove: []netip.Prefix{l.prefix}})
			})
		}
	}
	wg.Wait()
	return cloud.Join(errs...)
}

const (
	// initialiseWait bounds how long CreateRoute waits for nodes that are being
	// initialised. The framework's reconcile waits for it meanwhile, so it is short.
	initialiseWait = 6 * time.Second
	initialisePoll = 200 * time.Millisecond
)

// awaitInitialised waits until no node is being initialised, for a bounded
// time. Without it each new node would begin with a warning; and since all
// callers are let go at the same moment, their routes go into one write.
func (c *Controller) awaitInitialised(ctx context.Context) {
	for range int(initialiseWait / initialisePoll) {
		if !c.newcomers.any(c.nodes()) || !sleep(ctx, initialisePoll) {
			return
		}
	}
}
