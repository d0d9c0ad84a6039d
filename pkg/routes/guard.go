package routes

import (
	"context"
	"sync"
	"time"

	"k8s.io/klog/v2"
)

const (
	// guardPeriod is the time between two port lists: with the list and the
	// repair a pair that somebody removed is back within a minute.
	guardPeriod = 58 * time.Second
	// drainTime bounds how long a stopping controller waits for its writes.
	drainTime = 10 * time.Second
)

// Run guards the address pairs until ctx ends, then waits for writes in flight.
// The framework asks only for routes; a pair that somebody takes off a port
// leaves a route that leads nowhere, so the ports are looked at once a minute.
func (c *Controller) Run(ctx context.Context) {
	ticker := time.NewTicker(guardPeriod)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			c.guard(ctx)
		case <-ctx.Done():
			c.drain(ctx)
			return
		}
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
	if err := join(c.table.group.Close(ctx), c.pairs.group.Close(ctx)); err != nil {
		klog.FromContext(ctx).Error(err, "Stopped with writes in flight; the next controller finds what they left")
	}
}
