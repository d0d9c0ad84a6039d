package loadbalancer

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"k8s.io/klog/v2"

	"underlay/internal/cloud"
	"underlay/internal/step"
	"underlay/pkg/loadbalancer/plan"
	"underlay/pkg/loadbalancer/tree"
)

func (a *applier) applyBalancer(ctx context.Context, s step.Step) error {
	switch s := s.(type) {
	case plan.CreateLoadBalancer:
		made, err := a.createBalancer(ctx, s.Desired)
		if err == nil {
			a.created(&s.Desired, &made)
		}
		a.refused = err
		a.lost = errors.Is(err, cloud.ErrAmbiguous)
		return a.began(made.ID, workCreate, err)
	case plan.UpdateLoadBalancer:
		return a.began(s.ID, workChange, a.cloud.UpdateLoadBalancer(ctx, s.ID, BalancerChange{
			Name: s.Name, Description: s.Description, Tags: s.Tags, VIPSecurityGroupIDs: s.VIPSecurityGroupIDs, AdminUp: s.AdminUp,
		}))
	case plan.DeleteLoadBalancer:
		return a.began(s.ID, workDelete, absent(a.cloud.DeleteLoadBalancer(ctx, s.ID, s.Cascade)))
	case plan.FailoverLoadBalancer:
		err := a.cloud.FailoverLoadBalancer(ctx, s.ID)
		a.denied = errors.Is(err, cloud.ErrDenied) || errors.Is(err, cloud.ErrUnsupported)
		return a.began(s.ID, workFailover, err)
	default:
		return fmt.Errorf("apply step %v: not one on a load balancer", s)
	}
}

// createBalancer makes it with the addresses that the Service had, and where the
// cloud refuses those, somebody else having one, with any.
func (a *applier) createBalancer(ctx context.Context, desired tree.Balancer) (tree.Balancer, error) {
	made, err := a.cloud.CreateLoadBalancer(ctx, desired)
	anew, kept := desired.WithoutKept()
	if !kept || !errors.Is(err, cloud.ErrInvalid) {
		return made, err
	}
	klog.FromContext(ctx).Info("The cloud refuses a load balancer with the address that the Service had: making it with any", "service", a.subject.owner.String(), "address", desired.VIP.Address, "err", err)
	return a.cloud.CreateLoadBalancer(ctx, anew)
}

// or is the id of a step, or, where it does not know it yet, of what this plan made.
func (a *applier) or(id string) string {
	if id == "" {
		return a.balancer
	}
	return id
}

// created takes over the ids of a new tree.
func (a *applier) created(desired, made *tree.Balancer) {
	a.balancer, a.vipPort = made.ID, made.VIP.PortID
	now := *made
	if len(now.Listeners) == 0 {
		now.Listeners = desired.Listeners
	}
	a.actual.Balancer, a.actual.Owned = &now, true
	for i := range made.Listeners {
		pool := made.Listeners[i].Pool
		wish := desired.Listener(made.Listeners[i].Key())
		if pool == nil || pool.ID == "" || wish == nil || wish.Pool == nil {
			continue
		}
		a.pools[made.Listeners[i].Key()] = pool.ID
		a.book.wroteMembers(pool.ID, wish.Pool.Members)
		a.book.wroteMonitor(pool.ID, wish.Pool.Monitor)
	}
}

func (a *applier) applyListener(ctx context.Context, s step.Step) error {
	switch s := s.(type) {
	case plan.CreateListener:
		poolID := ""
		if s.Pool != nil {
			var err error
			if poolID, err = a.pool(*s.Pool); err != nil {
				return err
			}
		}
		made, err := a.cloud.CreateListener(ctx, a.or(s.Balancer), poolID, s.Desired)
		if err == nil {
			a.notePart(s, made.ID, poolID)
		}
		return a.changed("", err)
	case plan.UpdateListener:
		change := ListenerChange{Settings: s.Settings, Name: s.Name, Tags: s.Tags}
		poolID := ""
		if s.Pool != nil {
			var err error
			if poolID, err = a.pool(*s.Pool); err != nil {
				return err
			}
			change.PoolID = &poolID
		}
		err := a.cloud.UpdateListener(ctx, s.ID, change)
		if err == nil {
			a.notePart(s, s.ID, poolID)
		}
		return a.changed(s.ID, err)
	case plan.DeleteListener:
		err := absent(a.cloud.DeleteListener(ctx, s.ID))
		if err == nil {
			a.notePart(s, s.ID, "")
		}
		return a.changed(s.ID, err)
	default:
		return fmt.Errorf("apply step %v: not one on a listener", s)
	}
}

func (a *applier) applyPool(ctx context.Context, s step.Step) error {
	switch s := s.(type) {
	case plan.CreatePool:
		made, err := a.cloud.CreatePool(ctx, a.or(s.Balancer), s.Desired)
		if err != nil {
			return err
		}
		a.pools[s.Key] = made.ID
		a.book.wroteMembers(made.ID, nil)
		a.book.wroteMonitor(made.ID, nil)
		return a.changed("", nil)
	case plan.DeletePool:
		err := a.changed(s.ID, absent(a.cloud.DeletePool(ctx, s.ID)))
		a.book.forget(s.ID)
		return err
	case plan.UpdatePool:
		id, err := a.pool(s.Pool)
		if err != nil {
			return err
		}
		err = a.cloud.UpdatePool(ctx, id, PoolChange{Settings: s.Settings, Name: s.Name, Tags: s.Tags})
		if err == nil {
			a.book.wroteOther(id)
		}
		return a.changed(id, err)
	case plan.SetMembers:
		id, err := a.pool(s.Pool)
		if err != nil {
			return err
		}
		if err = a.cloud.SetMembers(ctx, id, s.Members); err == nil {
			a.book.wroteMembers(id, s.Members)
		}
		return a.changed(id, err)
	default:
		return fmt.Errorf("apply step %v: not one on a pool", s)
	}
}

func (a *applier) applyMonitor(ctx context.Context, s step.Step) error {
	switch s := s.(type) {
	case plan.CreateMonitor:
		id, err := a.pool(s.Pool)
		if err != nil {
			return err
		}
		made, err := a.cloud.CreateMonitor(ctx, id, s.Desired)
		if err == nil {
			wish := s.Desired
			wish.ID = made.ID
			a.book.wroteMonitor(id, &wish)
		}
		return a.changed(id, err)
	case plan.UpdateMonitor:
		err := a.changed(s.ID, a.cloud.UpdateMonitor(ctx, s.ID, s.Change))
		a.forget(s.Pool) // what the change left as it was is read again
		return err
	case plan.DeleteMonitor:
		err := a.changed(s.ID, absent(a.cloud.DeleteMonitor(ctx, s.ID)))
		if id, unmade := a.pool(s.Pool); err == nil && unmade == nil {
			a.book.wroteMonitor(id, nil)
		}
		return err
	default:
		return fmt.Errorf("apply step %v: not one on a monitor", s)
	}
}

// noteAddress takes a floating IP over into what is known; gone takes it out.
func (a *applier) noteAddress(ip tree.FloatingIP, gone bool) {
	rest := slices.DeleteFunc(slices.Clone(a.actual.FloatingIPs), func(known tree.FloatingIP) bool { return known.ID == ip.ID })
	if !gone {
		rest = append(rest, ip)
	}
	a.actual.FloatingIPs = rest
}
