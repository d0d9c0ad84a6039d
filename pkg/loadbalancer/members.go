package loadbalancer

import (
	"context"
	"time"

	"underlay/internal/step"
	"underlay/pkg/loadbalancer/plan"
	"underlay/pkg/loadbalancer/tree"
)

// updateMembers brings the members to the nodes. Nodes come and go for all
// Services at once, so this looks only at the pools, one call a Service, and
// takes the rest as it was left; whatever else turns out to be needed is left to
// a whole look.
func (c *Controller) updateMembers(ctx context.Context, s *subject) error {
	w := &worker{Controller: c, subject: s}
	done, err := w.membersRound(ctx)
	for done && err == nil && c.nodesMoved(s) {
		done, err = w.membersRound(ctx)
	}
	w.release()
	if err != nil && !again(err) || ctx.Err() != nil {
		return err
	}
	if done && err == nil {
		return nil
	}
	status, err := c.converge(ctx, s)
	if err == nil {
		err = c.publish(ctx, s, status)
	}
	return err
}

// membersRound does what a change of nodes needs; done is false where that
// cannot be told from the pools alone.
func (w *worker) membersRound(ctx context.Context) (done bool, err error) {
	s := w.subject
	actual, ok := w.memory.actual(s)
	if !ok {
		return false, nil
	}
	if current, err := w.hold(ctx, actual.Balancer.ID, time.Now()); err != nil || !current {
		return false, err
	}
	w.meetNodes(s)
	if w.wish, err = w.read(s); err != nil {
		return false, err
	}
	seen, err := w.seePools(ctx, actual)
	if err != nil || seen == nil {
		return false, err
	}
	steps := plan.Plan(seen.desired, seen.actual)
	if !onlyMembers(steps) {
		return false, nil
	}
	a := w.newApplier(s, &seen.actual)
	return true, a.run(ctx, steps)
}

// seePools is what was left, with the pools as they are now; nil where they are
// not those that were left.
func (w *worker) seePools(ctx context.Context, actual tree.Actual) (*sighting, error) {
	s, b := w.subject, actual.Balancer
	k, end := w.lists.begin(s.key(), b.ID)
	defer end()
	pools, err := k.poolsOf(ctx, b.ID)
	if err != nil {
		return nil, err
	}
	before := b.Listeners
	b.Listeners, b.Pools = joinParts(before, pools)
	for i := range before {
		if now := b.Listener(before[i].Key()); before[i].Pool != nil && now.Pool == nil {
			return nil, nil
		}
	}
	if err := w.book.fill(ctx, b); err != nil {
		return nil, err
	}
	seen := &sighting{claim: claim{balancer: b, owned: actual.Owned}, actual: actual}
	e := extent{wish: w.wish}
	if seen.desired, seen.notices, err = w.desire(ctx, s, seen.claim, e); err != nil {
		return nil, err
	}
	seen.actual.Ports, err = w.ports(ctx, k, seen, e)
	return seen, err
}

// onlyMembers says whether the steps are all of a kind that a change of nodes needs.
func onlyMembers(steps []step.Step) bool {
	for _, s := range steps {
		switch s.(type) {
		case plan.SetMembers, plan.SetPortGroups:
		default:
			return false
		}
	}
	return true
}

// notePart takes a change to a part of the load balancer over into what is known.
func (a *applier) notePart(s step.Step, id, poolID string) {
	b := a.actual.Balancer
	if b == nil {
		return
	}
	now := *b
	now.Listeners = make([]tree.Listener, 0, len(b.Listeners)+1)
	gone := ""
	if d, ok := s.(plan.DeleteListener); ok {
		gone = d.ID
	}
	for _, l := range b.Listeners {
		if u, ok := s.(plan.UpdateListener); ok && u.ID == l.ID && poolID != "" {
			l.Pool = &tree.Pool{ID: poolID}
		}
		if l.ID != gone {
			now.Listeners = append(now.Listeners, l)
		}
	}
	if made, ok := s.(plan.CreateListener); ok {
		l := made.Desired
		l.ID, l.BalancerID, l.Pool = id, b.ID, nil
		if poolID != "" {
			l.Pool = &tree.Pool{ID: poolID}
		}
		now.Listeners = append(now.Listeners, l)
	}
	a.actual.Balancer = &now
}
