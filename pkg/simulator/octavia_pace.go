package simulator

import (
	"slices"
	"time"
)

// LoadBalancerPace is how long Octavia's workers take. Meanwhile a load balancer
// is PENDING and refuses every change.
type LoadBalancerPace struct {
	// Create is how long a new load balancer takes, or one that is failed over:
	// most of it is an amphora that boots. Update is any other change, Delete the
	// deletion of a whole load balancer.
	Create, Update, Delete time.Duration
}

// defaultLoadBalancerPace is short, and long enough for whoever does not wait to be refused.
var defaultLoadBalancerPace = LoadBalancerPace{
	Create: 500 * time.Millisecond, Update: 100 * time.Millisecond, Delete: 100 * time.Millisecond,
}

// SetLoadBalancerPace makes the changes that begin from now on take other times.
// At the zero value a change is done as soon as its call has been answered.
func (c *Cloud) SetLoadBalancerPace(pace LoadBalancerPace) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.octavia.pace = pace
}

// wait lets a change take its time; what names what the worker works on, which
// is what ends in ERROR if the change is to go wrong.
func (o *octavia) wait(b *loadBalancer, pace time.Duration, what lbRow) {
	now := time.Now()
	b.due, b.failed, b.whole = now.Add(pace), nil, what == lbRow(b)
	if b.fails {
		b.fails, b.failed = false, what
	}
	if b.Provisioning != lbPendingCreate {
		b.Updated = now
	}
}

// settle does what is due by now. Everything that looks at load balancers, or at
// what they have in Neutron, calls it first.
func (o *octavia) settle() {
	now := time.Now()
	for _, b := range slices.Clone(o.balancers) {
		if !b.due.IsZero() && !now.Before(b.due) {
			o.finish(b)
		}
	}
}

// finish ends what a load balancer is pending for.
func (o *octavia) finish(b *loadBalancer) {
	at, failed := b.due, b.failed
	b.due, b.failed = time.Time{}, nil
	switch {
	case failed == lbRow(b):
		// Of a load balancer that fails its children stay as they are
		// (octavia/controller/worker/v2/tasks/lifecycle_tasks.py).
		b.Provisioning, b.Updated = lbError, at
		return
	case b.Provisioning == lbPendingDelete:
		o.remove(b)
		return
	}
	for _, v := range b.parts() {
		switch base := v.base(); {
		case v == failed:
			base.Provisioning, base.Updated = lbError, at
		case base.Provisioning == lbPendingDelete:
			o.drop(v)
		case base.Provisioning == lbPendingCreate, base.Provisioning == lbPendingUpdate:
			base.Provisioning, base.Updated = lbActive, at
		}
	}
	b.live = true
	o.plug(b)
}

// drop takes one object away, with what belongs to it.
func (o *octavia) drop(v lbRow) {
	delete(o.rows, v.base().ID)
	switch v := v.(type) {
	case *lbListener:
		v.lb.listeners = lbWithout(v.lb.listeners, v)
		for _, p := range v.policies {
			o.drop(p)
		}
	case *lbPool:
		v.lb.pools = lbWithout(v.lb.pools, v)
		for _, l := range v.lb.listeners {
			if l.pool == v {
				l.pool = nil
			}
		}
		for _, part := range v.parts()[1:] {
			delete(o.rows, part.base().ID)
		}
	case *lbMember:
		v.pool.members = lbWithout(v.pool.members, v)
	case *lbMonitor:
		v.pool.monitor = nil
	case *lbPolicy:
		v.listener.policies = lbWithout(v.listener.policies, v)
		for _, r := range v.rules {
			delete(o.rows, r.ID)
		}
	case *lbRule:
		v.policy.rules = lbWithout(v.policy.rules, v)
	}
}

func lbWithout[T comparable](rows []T, v T) []T {
	return slices.DeleteFunc(slices.Clone(rows), func(other T) bool { return other == v })
}

// remove takes a load balancer away with all that it has here and in Neutron.
// Its row stays, DELETED, for a week: GET does not see it, POST of a child does.
func (o *octavia) remove(b *loadBalancer) {
	o.unplug(b)
	for _, v := range b.parts() {
		delete(o.rows, v.base().ID)
	}
	o.balancers = lbWithout(o.balancers, b)
	o.gone[b.ID] = b.ProjectID
}

// change begins a change of a part of a load balancer, which must be ACTIVE. The
// others are those whose configuration it changes as well.
func (o *octavia) change(b *loadBalancer, what lbRow, others ...lbRow) error {
	if b.Provisioning != lbActive {
		return lbImmutable("Load Balancer", b.ID)
	}
	b.Provisioning = lbPendingUpdate
	for _, v := range others {
		v.base().Provisioning, v.base().Updated = lbPendingUpdate, time.Now()
	}
	o.wait(b, o.pace.Update, what)
	return nil
}
