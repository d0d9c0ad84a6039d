package cloudprovider

import (
	"context"
	"errors"
	"sync"

	cloudprovider "k8s.io/cloud-provider"
)

// errStopping is the answer to calls that arrive after the drain began.
var errStopping = errors.New("the controller manager is stopping; its successor will do this")

// drain counts the calls that are under way, so that a clean stop hands over
// the leader lease only when none of ours can still write.
type drain struct {
	mu       sync.Mutex
	running  int
	stopping bool
	idle     chan struct{} // closed when stopping and nothing runs
}

func newDrain() *drain { return &drain{idle: make(chan struct{})} }

// enter admits a call; leave must follow when it returned nil.
func (d *drain) enter() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.stopping {
		return errStopping
	}
	d.running++
	return nil
}

func (d *drain) leave() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.running--
	if d.stopping && d.running == 0 {
		close(d.idle)
	}
}

// stop refuses further calls and waits for those under way until ctx ends.
func (d *drain) stop(ctx context.Context) error {
	d.mu.Lock()
	if !d.stopping {
		d.stopping = true
		if d.running == 0 {
			close(d.idle)
		}
	}
	d.mu.Unlock()
	select {
	case <-d.idle:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// drainedRoutes is cloudprovider.Routes behind a drain.
type drainedRoutes struct {
	routes cloudprovider.Routes
	drain  *drain
}

// ListRoutes reads, so it is never refused.
func (r drainedRoutes) ListRoutes(ctx context.Context, clusterName string) ([]*cloudprovider.Route, error) {
	return r.routes.ListRoutes(ctx, clusterName)
}

// CreateRoute is refused while the process stops.
func (r drainedRoutes) CreateRoute(ctx context.Context, clusterName, nameHint string, route *cloudprovider.Route) error {
	if err := r.drain.enter(); err != nil {
		return err
	}
	defer r.drain.leave()
	return r.routes.CreateRoute(ctx, clusterName, nameHint, route)
}

// DeleteRoute is refused while the process stops.
func (r drainedRoutes) DeleteRoute(ctx context.Context, clusterName string, route *cloudprovider.Route) error {
	if err := r.drain.enter(); err != nil {
		return err
	}
	defer r.drain.leave()
	return r.routes.DeleteRoute(ctx, clusterName, route)
}
