package routes

import (
	"context"
	"sync"
	"time"

	"k8s.io/klog/v2"

	"underlay/internal/cloud"
)

const (
	// guardPeriod is the time between two port lists: with the list and the
	// repair a pair that somebody removed is back within a minute.
	guardPeriod = 58 * time.Second
	// drainTime bounds how long a stopping controller waits for its writes.
	drainTime = 10 * time.Second
)

// Run guards the address pairs and acts on nodes that change until ctx ends,
// then waits for writes in flight.
func (c *Controller) Run(ctx context.Context) {
	var all sync.WaitGroup
	all.Go(func() { c.watchPairs(ctx) })
	all.Go(func() { c.attend(ctx) })
	all.Wait()
	c.drain(ctx)
}

// watchPairs looks at all ports once a minute: the framework asks only for
// routes, and a pair that somebody takes off a port leaves a route that leads
// nowhere.
func (c *Controller) watchPairs(ctx context.Context) {
	for sleep(ctx, guardPeriod) {
		c.guard(ctx)
	}
}

// guard reads all ports in one list and repairs what drifted.
func (c *Controller) guard(ctx context.Context) {
	log := klog.FromContext(ctx)
	before := c.latest.Load()
	if before == nil {
		return // nothing was ever listed: there is nothing to guard
	}
	v, err := c.observe(ctx, lookAtPorts)
	if err != nil {
		log.Error(err, "Address pairs were not checked; the next check is in a minute")
		return
	}
	if v == nil {
		return
	}
	var wg sync.WaitGroup
	asked := map[string]bool{}
	for i, w := range v.desired.Wants {
		if v.assessment.states[i].allowed || asked[w.PortID] {
			continue
		}
		asked[w.PortID] = true
		wg.Go(func() {
			err := c.pairs.group.Do(ctx, w.PortID, pairChange{node: w.Node, ensure: v.ensure[w.PortID]})
			if err != nil {
				log.Error(err, "Pod traffic of the node is dropped at its port", "node", w.Node)
				return
			}
			if before.allowed(nodeCIDR{w.Node, w.CIDR}) {
				pairsRepaired.Inc()
				log.Info("Put back address pairs that the node's port had lost", "node", w.Node, "port", w.PortID)
			}
		})
	}
	wg.Wait()
}

// allowed says whether the pod CIDR was let through when the view was made.
func (v *view) allowed(key nodeCIDR) bool {
	i, ok := v.wants[key]
	return ok && v.assessment.states[i].allowed
}

func (c *Controller) drain(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
	defer cancel()
	if err := cloud.Join(c.table.group.Close(ctx), c.pairs.group.Close(ctx)); err != nil {
		klog.FromContext(ctx).Error(err, "Stopped with writes in flight; the next controller finds what they left")
	}
}
