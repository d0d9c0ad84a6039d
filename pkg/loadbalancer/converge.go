package loadbalancer

import (
	"context"
	"errors"
	"fmt"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/klog/v2"

	"underlay/internal/cloud"
	"underlay/internal/step"
	"underlay/pkg/loadbalancer/plan"
	"underlay/pkg/loadbalancer/spec"
	"underlay/pkg/loadbalancer/tree"
)

// converge observes, plans and applies until the cloud is as the Service wants
// it, and gives the Service's status. The lock of the Service is held.
func (c *Controller) converge(ctx context.Context, s *subject) (*v1.LoadBalancerStatus, error) {
	_, known := c.memory.actual(s)
	return (&worker{Controller: c, subject: s, patient: !known}).converge(ctx)
}

func (w *worker) converge(ctx context.Context) (*v1.LoadBalancerStatus, error) {
	s := w.subject
	defer w.release()
	for round := 1; ; round++ {
		done, err := w.round(ctx)
		if err == nil && done && !w.nodesMoved(s) {
			break
		}
		if err != nil && (!again(err) || round >= rounds || ctx.Err() != nil) {
			return nil, err
		}
		if err != nil {
			klog.FromContext(ctx).V(2).Info("The load balancer is looked at again", "service", s.owner.String(), "reason", err)
			w.freshPorts = true
		}
	}
	status := w.wish.Status(w.desired, w.actual)
	if err := w.annotate(ctx, s, &w.actual, status); err != nil {
		return nil, err
	}
	return status, nil
}

// again says whether observing again can help.
func again(err error) bool {
	return errors.Is(err, errReplan) || errors.Is(err, cloud.ErrBusy) || errors.Is(err, cloud.ErrAmbiguous) || errors.Is(err, cloud.ErrNotFound)
}

// worker is one piece of work on one Service.
type worker struct {
	*Controller
	subject *subject
	// wish is the Service's; nil: it wants nothing any more.
	wish *spec.Wish
	// desired and actual are those of the last round, actual after its steps.
	desired    tree.Desired
	actual     tree.Actual
	freshPorts bool
	// patient: old lists will do as long as nothing is to be done by them. When
	// something is, the next look takes lists that are not old, once.
	patient, recent bool
	// done are the steps of all rounds that succeeded.
	done []step.Step
	// whole: it looks at all that the Service may have left anywhere.
	whole bool
	// held is the id of the load balancer whose lock is held, and how to give it up.
	held   string
	unlock func()
}

func (w *worker) release() {
	if w.unlock != nil {
		w.unlock()
		w.unlock, w.held = nil, ""
	}
}

// hold takes the lock of a load balancer. It says whether what was seen since
// began can be relied on: nobody changed the load balancer meanwhile.
func (w *worker) hold(ctx context.Context, id string, began time.Time) (bool, error) {
	if w.held == id {
		return true, nil
	}
	w.release()
	key := "balancer " + id
	unlock, free := w.locks.tryTake(key)
	if !free {
		var err error
		if unlock, err = w.locks.take(ctx, key); err != nil {
			return false, err
		}
	}
	w.unlock, w.held = unlock, id
	return free && !w.lists.changed(id, began), nil
}

// round is one observation and what follows from it; done says that nothing is left to do.
func (w *worker) round(ctx context.Context) (done bool, err error) {
	s := w.subject
	w.meetNodes(s)
	if w.wish, err = w.read(s); err != nil {
		return false, err
	}
	seen, err := w.see(ctx)
	if err != nil || seen == nil {
		return false, err
	}
	if seen.old && len(plan.Plan(seen.desired, seen.actual)) > 0 {
		w.patient, w.recent = false, true
		return false, nil
	}
	w.sayClaim(s, &seen.claim)
	w.sayNotices(s, seen.notices)
	if err := w.trouble.admit(s, &seen.desired, seen.actual.Balancer); err != nil {
		return false, err
	}
	objection := plan.Check(seen.desired, seen.actual)
	steps := plan.Plan(seen.desired, seen.actual)
	if err := w.refusals.admit(s, steps); err != nil {
		return false, err
	}
	a := w.newApplier(s, &seen.actual)
	err = a.run(ctx, steps)
	w.refusals.learn(s, steps, a.refused)
	w.desired, w.actual, w.done = seen.desired, a.actual, append(w.done, a.done...)
	w.trouble.tried(s, &seen.desired, seen.actual.Balancer, a.denied)
	if err != nil && a.denied {
		err = cloud.Join(errReplan, err)
	}
	if a.lost {
		w.awaitLost(ctx)
	}
	if err == nil {
		err = hindering(objection)
	}
	return err == nil, err
}

// hindering is the part of what a plan leaves undone for which the Service is
// not served; what can only be chosen for a new load balancer is no part of it.
func hindering(objection error) error {
	if joined, ok := objection.(interface{ Unwrap() []error }); ok {
		var rest []error
		for _, err := range joined.Unwrap() {
			rest = append(rest, hindering(err))
		}
		return cloud.Join(rest...)
	}
	var immutable *plan.ImmutableError
	if errors.As(objection, &immutable) {
		return nil
	}
	return objection
}

// see finds the load balancer, takes its lock, and reads what the Service has.
// It gives nil when it has to be done again.
func (w *worker) see(ctx context.Context) (*sighting, error) {
	s := w.subject
	began := time.Now()
	begin := w.lists.begin
	switch {
	case w.whole || w.recent:
		begin, w.recent = w.lists.beginMany, false
	case w.patient:
		begin = w.lists.beginOld
	}
	k, end := begin(s.key(), s.known, s.named())
	defer end()
	found, err := w.find(ctx, k, s, w.wish == nil)
	if err != nil {
		return nil, err
	}
	if found.balancer != nil {
		current, err := w.hold(ctx, found.balancer.ID, began)
		if err != nil || !current {
			return nil, err
		}
	}
	return w.observe(ctx, k, s, found, extent{wish: w.wish, freshPorts: w.freshPorts})
}

// remove deletes what the Service has.
func (c *Controller) remove(ctx context.Context, s *subject) error {
	s.known = c.memory.balancer(s)
	w := &worker{Controller: c, subject: s}
	defer w.release()
	for round := 1; ; round++ {
		err := w.removalRound(ctx)
		if err == nil {
			break
		}
		if !again(err) || round >= rounds || ctx.Err() != nil {
			return err
		}
		w.freshPorts = true
	}
	c.memory.forget(s)
	c.trouble.forget(s)
	c.refusals.forget(s)
	return c.unannotate(ctx, s)
}

func (w *worker) removalRound(ctx context.Context) error {
	seen, err := w.see(ctx)
	if err != nil {
		return err
	}
	if seen == nil {
		return fmt.Errorf("load balancer of Service %s: %w", w.subject.owner, errReplan)
	}
	return w.newApplier(w.subject, &seen.actual).run(ctx, plan.Plan(seen.desired, seen.actual))
}

// leftOver says whether the Service, whose load balancer is gone, left a floating
// IP that is not to be kept, or a security group.
func (c *Controller) leftOver(ctx context.Context, k *look, s *subject) (bool, error) {
	seen, err := c.observe(ctx, k, s, claim{}, extent{})
	if err != nil {
		return false, err
	}
	return plan.Remains(seen.desired, seen.actual), nil
}
