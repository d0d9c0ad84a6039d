package loadbalancer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"k8s.io/klog/v2"

	"underlay/internal/cloud"
	"underlay/internal/step"
	"underlay/pkg/loadbalancer/plan"
	"underlay/pkg/loadbalancer/tree"
)

// errReplan says that the cloud is not as the plan took it to be.
var errReplan = errors.New("observe again")

// errWaitLimit ends a wait that lasts too long; the framework tries again.
var errWaitLimit = fmt.Errorf("it is still being changed after %s", waitLimit)

// applier carries out one plan, one call a step, and knows what the steps before
// have made.
type applier struct {
	*Controller
	subject *subject
	// actual learns what the steps change as far as the Service's status shows it.
	actual tree.Actual
	// balancer and vipPort are the load balancer's, "" while there is none.
	balancer, vipPort string
	// busy says by load balancer what it is at work with; one that is not in it
	// takes a change. homes are the load balancers of listeners, pools and monitors.
	busy  map[string]work
	homes map[string]string
	// pools are those that this plan made; group is the one that it made or found,
	// address the floating IP that it made.
	pools          map[tree.Key]string
	group, address string
	// denied: the cloud does not let us fail load balancers over.
	denied bool
	// done are the steps that succeeded.
	done []step.Step
	// refused is why the load balancer could not be made.
	refused error
	// lost: a load balancer may be being made, but nobody told.
	lost bool
}

func (c *Controller) newApplier(s *subject, actual *tree.Actual) *applier {
	a := &applier{Controller: c, subject: s, actual: *actual, busy: map[string]work{}, homes: map[string]string{}, pools: map[tree.Key]string{}}
	if b := actual.Balancer; b != nil {
		a.balancer, a.vipPort = b.ID, b.VIP.PortID
		a.meet(b)
	}
	for i := range actual.Former {
		a.meet(&actual.Former[i])
	}
	if len(actual.SecurityGroups) > 0 {
		a.group = actual.SecurityGroups[0].ID
	}
	return a
}

// meet learns what a load balancer is busy with and what hangs on it.
func (a *applier) meet(b *tree.Balancer) {
	switch {
	case b.Provisioning == tree.PendingDelete:
		a.busy[b.ID] = workDelete
	case b.Provisioning.Pending():
		a.busy[b.ID] = workUnknown
	}
	for i := range b.Listeners {
		a.homes[b.Listeners[i].ID] = b.ID
	}
	for _, pool := range poolsOf(b) {
		a.homes[pool.ID] = b.ID
		if pool.MonitorID != "" {
			a.homes[pool.MonitorID] = b.ID
		}
	}
}

// run carries out the steps in their order, then waits until the load balancers
// are quiet. After a step that failed, only those steps go on that neither touch
// a load balancer nor take anything away: a node's security group does not wait
// for a listener that cannot be made, and nothing is removed whose successor is
// missing.
func (a *applier) run(ctx context.Context, steps []step.Step) error {
	log := klog.FromContext(ctx)
	var failures []error
	for _, s := range steps {
		if err := a.waiter.Closed(); err != nil {
			return err
		}
		if len(failures) > 0 && !harmless(s) {
			continue
		}
		target, on := a.target(s)
		if on {
			if err := a.settle(ctx, target); err != nil {
				failures = append(failures, err)
				continue
			}
		}
		err := a.apply(ctx, s)
		a.lists.wrote(target, a.balancer, a.subject.key())
		if err == nil {
			log.Info("Applied", "service", a.subject.owner.String(), "step", s.String())
			a.done = append(a.done, s)
			continue
		}
		if ctx.Err() != nil {
			return err
		}
		a.unsure(s, target, err)
		failures = append(failures, fmt.Errorf("%s: %w", s, err))
	}
	for _, id := range slices.Sorted(maps.Keys(a.busy)) {
		if err := a.settle(ctx, id); err != nil {
			failures = append(failures, err)
		}
	}
	return cloud.Join(failures...)
}

// settle waits until the load balancer takes a change.
func (a *applier) settle(ctx context.Context, id string) error {
	kind, busy := a.busy[id]
	if !busy || id == "" {
		return nil
	}
	limited, cancel := context.WithTimeoutCause(ctx, waitLimit, errWaitLimit)
	defer cancel()
	b, err := a.waiter.await(limited, id, kind)
	a.lists.wrote(id)
	gone := errors.Is(err, cloud.ErrNotFound)
	if err != nil && !gone {
		return err
	}
	delete(a.busy, id)
	switch {
	case gone && id == a.balancer:
		a.balancer, a.vipPort, a.actual.Balancer = "", "", nil
		if kind != workDelete {
			return fmt.Errorf("load balancer %s is gone: %w", id, errReplan)
		}
	case gone:
	case b.Provisioning == tree.Failed:
		return fmt.Errorf("load balancer %s went to ERROR: %w", id, errReplan)
	case kind == workDelete:
		return fmt.Errorf("load balancer %s is still there after its deletion: %w", id, errReplan)
	case id == a.balancer:
		a.actual.Balancer = merged(a.actual.Balancer, &b)
	}
	return nil
}

// target is the load balancer that a step needs to take a change; on is false
// for the steps that touch none.
func (a *applier) target(s step.Step) (id string, on bool) {
	if !onBalancer(s) {
		return "", false
	}
	switch s := s.(type) {
	case plan.UpdateLoadBalancer:
		id = s.ID
	case plan.DeleteLoadBalancer:
		id = s.ID
	case plan.FailoverLoadBalancer:
		id = s.ID
	case plan.UpdateListener:
		id = a.homes[s.ID]
	case plan.DeleteListener:
		id = a.homes[s.ID]
	case plan.DeletePool:
		id = a.homes[s.ID]
	case plan.UpdatePool:
		id = a.homes[s.Pool.ID]
	case plan.SetMembers:
		id = a.homes[s.Pool.ID]
	}
	return cmp.Or(id, a.balancer), true
}

// merged is a load balancer with the statuses of a poll.
func merged(b, polled *tree.Balancer) *tree.Balancer {
	if b == nil {
		return polled
	}
	now := *b
	now.Provisioning, now.Operating = polled.Provisioning, polled.Operating
	return &now
}

// unsure forgets what a failed write may have changed.
func (a *applier) unsure(s step.Step, target string, err error) {
	if target != "" && (errors.Is(err, cloud.ErrAmbiguous) || errors.Is(err, cloud.ErrBusy)) {
		a.busy[target] = workUnknown
	}
	switch s := s.(type) {
	case plan.SetMembers:
		a.forget(s.Pool)
	case plan.UpdatePool:
		a.forget(s.Pool)
	case plan.CreateMonitor:
		a.forget(s.Pool)
	case plan.UpdateMonitor:
		a.forget(s.Pool)
	case plan.DeleteMonitor:
		a.forget(s.Pool)
	}
}

func (a *applier) forget(ref plan.PoolRef) {
	if id, err := a.pool(ref); err == nil {
		a.book.forget(id)
	}
}

// pool resolves a reference.
func (a *applier) pool(ref plan.PoolRef) (string, error) {
	if ref.ID != "" {
		return ref.ID, nil
	}
	if id, ok := a.pools[ref.Key]; ok {
		return id, nil
	}
	return "", fmt.Errorf("the pool of %s was not made: %w", ref.Key, errReplan)
}

// onBalancer says whether a step needs a load balancer that takes a change.
func onBalancer(s step.Step) bool {
	switch s.(type) {
	case plan.CreateFloatingIP, plan.AttachFloatingIP, plan.DetachFloatingIP, plan.DescribeFloatingIP, plan.DeleteFloatingIP,
		plan.CreateSecurityGroup, plan.CreateRules, plan.DeleteRule, plan.SetPortGroups, plan.DeleteSecurityGroup, plan.DescribePort:
		return false
	}
	return true
}

// harmless says whether a step may go on after another failed.
func harmless(s step.Step) bool {
	switch s := s.(type) {
	case plan.CreateFloatingIP, plan.AttachFloatingIP, plan.DescribeFloatingIP, plan.CreateSecurityGroup, plan.CreateRules, plan.DescribePort:
		return true
	case plan.SetPortGroups:
		return s.Add != nil && len(s.Remove) == 0
	}
	return false
}

// apply makes the step's one call.
func (a *applier) apply(ctx context.Context, s step.Step) error {
	switch s := s.(type) {
	case plan.CreateLoadBalancer, plan.UpdateLoadBalancer, plan.DeleteLoadBalancer, plan.FailoverLoadBalancer:
		return a.applyBalancer(ctx, s)
	case plan.CreateListener, plan.UpdateListener, plan.DeleteListener:
		return a.applyListener(ctx, s)
	case plan.CreatePool, plan.UpdatePool, plan.DeletePool, plan.SetMembers:
		return a.applyPool(ctx, s)
	case plan.CreateMonitor, plan.UpdateMonitor, plan.DeleteMonitor:
		return a.applyMonitor(ctx, s)
	case plan.CreateFloatingIP, plan.AttachFloatingIP, plan.DetachFloatingIP, plan.DescribeFloatingIP, plan.DeleteFloatingIP:
		return a.applyAddress(ctx, s)
	default:
		return a.applyGroup(ctx, s)
	}
}

// began notes that a load balancer is at work after a write that succeeded.
func (a *applier) began(id string, kind work, err error) error {
	if err == nil {
		a.busy[id] = kind
	}
	return err
}

// changed is began for a change to what hangs on a load balancer.
func (a *applier) changed(part string, err error) error {
	return a.began(cmp.Or(a.homes[part], a.balancer), workChange, err)
}

// absent makes a deletion of what is gone a success.
func absent(err error) error {
	if errors.Is(err, cloud.ErrNotFound) {
		return nil
	}
	return err
}

// without is a sorted list less some.
func without(list, less []string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool { return slices.Contains(less, s) })
}
