package routes

import (
	"context"
	"sync"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"

	"underlay/internal/cloud"
)

const (
	// promptSettle is how long a change of nodes may gather others before it is
	// acted upon: nodes come in groups.
	promptSettle = 300 * time.Millisecond
	// promptGather bounds how long one waits for others that are being initialised.
	promptGather = 3 * time.Second
	// promptGap is the least time from one prompt write to the next. Many nodes
	// that come one after the other are left to the framework's reconcile, so
	// that they cost no more writes than it would make.
	promptGap = 10 * time.Second
)

// NodeHandler makes the controller act when a node comes, changes or goes. The
// framework looks once in ten seconds; a node that joins alone has its routes
// within a second instead.
func (c *Controller) NodeHandler() cache.ResourceEventHandler {
	return cache.ResourceEventHandlerFuncs{
		AddFunc: func(added any) {
			if node, ok := added.(*v1.Node); ok && routable(node) {
				c.nudge()
			}
		},
		UpdateFunc: func(before, after any) {
			was, ok := before.(*v1.Node)
			is, also := after.(*v1.Node)
			if ok && also && routable(is) && (!routable(was) || identity(was) != identity(is)) {
				c.nudge()
			}
		},
		DeleteFunc: func(any) { c.nudge() },
	}
}

func (c *Controller) nudge() {
	select {
	case c.nudges <- struct{}{}:
	default: // one waits already
	}
}

// routable says whether a node is far enough to be routed: it is initialised,
// has pod CIDRs, and says its addresses.
func routable(node *v1.Node) bool {
	return len(node.Spec.PodCIDRs) > 0 && len(internalIPs(node)) > 0 && !uninitialised(node)
}

// attend acts on nudges until ctx ends. It begins when the framework lists routes,
// which it does once the informer has all nodes: before, the routes of those that
// are still to come would look left over.
func (c *Controller) attend(ctx context.Context) {
	select {
	case <-c.listed:
	case <-ctx.Done():
		return
	}
	for {
		select {
		case <-c.nudges:
		case <-ctx.Done():
			return
		}
		if !c.settle(ctx) {
			return
		}
		drainNudges(c.nudges)
		if c.catchUp(ctx) && !sleep(ctx, promptGap) {
			return
		}
	}
}

// settle gathers what comes at the same time: it waits a moment, and, while
// nodes are being initialised, a little longer. It says whether ctx goes on.
func (c *Controller) settle(ctx context.Context) bool {
	for range int(promptGather / promptSettle) {
		if !sleep(ctx, promptSettle) {
			return false
		}
		if !c.newcomers.any(c.nodes()) {
			return true
		}
	}
	return true
}

func drainNudges(nudges <-chan struct{}) {
	select {
	case <-nudges:
	default:
	}
}

// catchUp carries out the plan for all routable nodes, against the router as
// last seen, and opens the nodes whose routes are all there. It says whether
// there was anything to write. What fails is left to the framework's reconcile,
// which says so in an event.
func (c *Controller) catchUp(ctx context.Context) (wrote bool) {
	log := klog.FromContext(ctx)
	v, err := c.observe(ctx, lookAtCache)
	if err != nil {
		log.V(2).Info("Nodes that changed wait for the next reconcile", "reason", err)
		return false
	}
	if v == nil {
		return false
	}
	var wg sync.WaitGroup
	if len(v.assessment.leftovers) > 0 {
		wrote = true
		wg.Go(func() { c.report(ctx, c.takeOff(ctx, v.assessment.leftovers)) })
	}
	for name, wants := range v.waiting() {
		wrote = wrote || len(wants) > 0
		wg.Go(func() {
			if err := cloud.Join(c.putAll(ctx, v, wants)...); err != nil {
				c.report(ctx, err)
				return
			}
			c.open(ctx, v.nodes[name])
		})
	}
	wg.Wait()
	return wrote
}

func (c *Controller) report(ctx context.Context, err error) {
	if err != nil && ctx.Err() == nil {
		klog.FromContext(ctx).V(2).Info("The next reconcile tries again", "reason", err)
	}
}

// waiting gives the routable nodes that are not open, and what of each is to be
// written: nothing where only the word is missing. A node one of whose pod CIDRs
// cannot be routed is left to the reconcile, which says why.
func (v *view) waiting() map[string][]Want {
	waiting := map[string][]Want{}
	for i, w := range v.desired.Wants {
		switch {
		case !routable(v.nodes[w.Node]):
		case !v.assessment.states[i].healthy():
			waiting[w.Node] = append(waiting[w.Node], w)
		case !isOpen(v.nodes[w.Node]) && waiting[w.Node] == nil:
			waiting[w.Node] = []Want{}
		}
	}
	for _, p := range v.desired.Problems {
		delete(waiting, p.Node)
	}
	return waiting
}

// open lets pods onto a node whose routes are there. The framework would, too,
// at its next reconcile.
func (c *Controller) open(ctx context.Context, node *v1.Node) {
	if c.gate == nil {
		return
	}
	if err := c.gate.Open(ctx, node); err != nil && ctx.Err() == nil {
		klog.FromContext(ctx).V(2).Info("The next reconcile opens the node", "node", node.Name, "reason", err)
	}
}

// sleep waits and says whether ctx still goes on.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
