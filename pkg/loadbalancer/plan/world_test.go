package plan_test

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"underlay/internal/step"
	"underlay/pkg/loadbalancer/plan"
	"underlay/pkg/loadbalancer/tree"
)

// world is a cloud as small as a plan can be judged by: a pure model of what the
// services take and refuse, without time.
type world struct {
	balancers []tree.Balancer
	addresses []tree.FloatingIP
	groups    []tree.SecurityGroup
	ports     []tree.Port
	serial    int
	// made is what the plan at hand has made so far.
	made struct {
		balancer, group, address string
		pools                    map[tree.Key]string
	}
}

func (w *world) id(kind string) string {
	w.serial++
	return fmt.Sprintf("%s-%d", kind, w.serial)
}

var errImmutable = errors.New("immutable")

func refuse(format string, args ...any) error { return fmt.Errorf(format, args...) }

// run carries out the steps of one plan, at most the first n. After each it
// calls watch, where that is not nil.
func (w *world) run(actual tree.Actual, steps []step.Step, n int, watch func(step.Step)) error {
	w.made.balancer, w.made.group, w.made.address = "", "", ""
	w.made.pools = map[tree.Key]string{}
	if actual.Balancer != nil {
		w.made.balancer = actual.Balancer.ID
	}
	for _, s := range steps[:min(n, len(steps))] {
		if err := w.apply(s); err != nil {
			return fmt.Errorf("%s: %w", s, err)
		}
		if watch != nil {
			watch(s)
		}
	}
	return nil
}

func (w *world) apply(s step.Step) error {
	for _, part := range []func(step.Step) (bool, error){w.applyBalancer, w.applyListener, w.applyPool, w.applyMonitor, w.applyAddress, w.applyGroup} {
		if done, err := part(s); done {
			return err
		}
	}
	return refuse("no such step")
}

func (w *world) balancer(id string) *tree.Balancer {
	for i := range w.balancers {
		if w.balancers[i].ID == id {
			return &w.balancers[i]
		}
	}
	return nil
}

// mutable finds a load balancer that takes changes.
func (w *world) mutable(id string) (*tree.Balancer, error) {
	b := w.balancer(id)
	switch {
	case b == nil:
		return nil, refuse("no load balancer %q", id)
	case b.Provisioning == tree.Failed:
		return nil, errImmutable
	}
	return b, nil
}

func (w *world) applyBalancer(s step.Step) (bool, error) {
	switch s := s.(type) {
	case plan.CreateLoadBalancer:
		return true, w.createBalancer(s)
	case plan.UpdateLoadBalancer:
		b, err := w.mutable(s.ID)
		if err != nil {
			return true, err
		}
		set(&b.Name, s.Name)
		set(&b.Description, s.Description)
		if s.Tags != nil {
			b.Tags = s.Tags
		}
		if s.VIPSecurityGroupIDs != nil {
			b.VIPSecurityGroupIDs = s.VIPSecurityGroupIDs
		}
		if s.AdminUp != nil {
			b.AdminUp = s.AdminUp
		}
		return true, nil
	case plan.FailoverLoadBalancer:
		b := w.balancer(s.ID)
		if b == nil || b.Provisioning != tree.Failed {
			return true, refuse("nothing to fail over")
		}
		b.Provisioning = tree.Active
		return true, nil
	case plan.DeleteLoadBalancer:
		return true, w.deleteBalancer(s)
	}
	return false, nil
}

func set[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}

func (w *world) createBalancer(s plan.CreateLoadBalancer) error {
	b := s.Desired
	b.ID, b.Provisioning = w.id("lb"), tree.Active
	if b.VIP.PortID != "" {
		b.VIP.Address = "10.0.1.50" // that of the user's port
	} else if b.VIP.Address == "" {
		b.VIP.Address = fmt.Sprintf("10.0.1.%d", w.serial)
	}
	for i := range w.balancers {
		if w.balancers[i].VIP.Address == b.VIP.Address {
			return refuse("address %s is in use", b.VIP.Address)
		}
	}
	if b.VIP.PortID == "" {
		b.VIP.PortID = w.id("vip")
		w.ports = append(w.ports, tree.Port{ID: b.VIP.PortID, Name: "octavia-lb-" + b.ID, PortSecurity: true, SecurityGroupIDs: []string{}})
	}
	b.Listeners = slices.Clone(b.Listeners)
	for i := range b.Listeners {
		l := &b.Listeners[i]
		l.ID, l.BalancerID, l.Provisioning = w.id("listener"), b.ID, tree.Active
		l.Settings = told(l.Settings)
		if l.Pool == nil {
			continue
		}
		pool := *l.Pool
		pool.ID, pool.ListenerIDs, pool.Provisioning, pool.MemberIDs = w.id("pool"), []string{l.ID}, tree.Active, make([]string, len(pool.Members))
		pool.Members = append([]tree.Member{}, pool.Members...)
		for i := range pool.Members {
			pool.Members[i].MonitorPort = over(new(0), pool.Members[i].MonitorPort)
		}
		if pool.Monitor != nil {
			monitor := *pool.Monitor
			monitor.ID = w.id("monitor")
			pool.Monitor, pool.MonitorID = &monitor, monitor.ID
		}
		l.Pool = &pool
	}
	w.balancers = append(w.balancers, b)
	w.made.balancer = b.ID
	return nil
}

func (w *world) deleteBalancer(s plan.DeleteLoadBalancer) error {
	b := w.balancer(s.ID)
	if b == nil {
		return refuse("no load balancer %q", s.ID)
	}
	if !s.Cascade && (len(b.Listeners) > 0 || len(b.Pools) > 0) {
		return refuse("it still has parts")
	}
	port := b.VIP.PortID
	w.balancers = slices.DeleteFunc(w.balancers, func(b tree.Balancer) bool { return b.ID == s.ID })
	own := slices.ContainsFunc(w.ports, func(p tree.Port) bool { return p.ID == port && strings.HasPrefix(p.Name, "octavia-lb-") })
	if !own {
		return nil // a port that the user made stays, and what is on it
	}
	w.ports = slices.DeleteFunc(w.ports, func(p tree.Port) bool { return p.ID == port })
	for i := range w.addresses {
		if w.addresses[i].PortID == port {
			w.addresses[i].PortID, w.addresses[i].FixedIP = "", ""
		}
	}
	return nil
}

// takes says which pools Octavia lets stand behind a listener.
// Source: octavia/common/constants.py, VALID_LISTENER_POOL_PROTOCOL_MAP.
var takes = map[tree.Protocol][]tree.Protocol{
	tree.TCP:             {tree.HTTP, tree.HTTPS, tree.Proxy, tree.ProxyV2, tree.TCP},
	tree.HTTP:            {tree.HTTP, tree.Proxy, tree.ProxyV2},
	tree.HTTPS:           {tree.HTTPS, tree.Proxy, tree.ProxyV2, tree.TCP},
	tree.TerminatedHTTPS: {tree.HTTP, tree.Proxy, tree.ProxyV2},
	tree.UDP:             {tree.UDP},
	tree.SCTP:            {tree.SCTP},
	tree.Prometheus:      {},
}

func (w *world) applyListener(s step.Step) (bool, error) {
	switch s := s.(type) {
	case plan.CreateListener:
		b, err := w.mutable(cmp.Or(s.Balancer, w.made.balancer))
		if err != nil {
			return true, err
		}
		l := s.Desired
		l.ID, l.BalancerID, l.Provisioning = w.id("listener"), b.ID, tree.Active
		l.Settings = told(l.Settings)
		if b.Listener(l.Key()) != nil {
			return true, refuse("there is a listener at %s", l.Key())
		}
		b.Listeners = append(slices.Clone(b.Listeners), l)
		return true, w.point(b, l.ID, s.Pool)
	case plan.UpdateListener:
		b, l := w.listener(s.ID)
		if l == nil || b.Provisioning == tree.Failed {
			return true, errImmutable
		}
		set(&l.Name, s.Name)
		if s.Tags != nil {
			l.Tags = s.Tags
		}
		l.Settings, l.Provisioning = overListener(l.Settings, s.Settings), tree.Active
		return true, w.point(b, l.ID, s.Pool)
	case plan.DeleteListener:
		b, l := w.listener(s.ID)
		if l == nil || b.Provisioning == tree.Failed {
			return true, errImmutable
		}
		pool := l.Pool
		b.Listeners = slices.DeleteFunc(slices.Clone(b.Listeners), func(l tree.Listener) bool { return l.ID == s.ID })
		w.release(b, pool, s.ID)
		return true, nil
	}
	return false, nil
}

func (w *world) listener(id string) (*tree.Balancer, *tree.Listener) {
	for i := range w.balancers {
		for j := range w.balancers[i].Listeners {
			if l := &w.balancers[i].Listeners[j]; l.ID == id {
				return &w.balancers[i], l
			}
		}
	}
	return nil, nil
}

// release takes a pool away from a listener: it is idle when no other uses it.
func (w *world) release(b *tree.Balancer, pool *tree.Pool, listenerID string) {
	if pool == nil {
		return
	}
	pool.ListenerIDs = slices.DeleteFunc(slices.Clone(pool.ListenerIDs), func(id string) bool { return id == listenerID })
	if len(pool.ListenerIDs) == 0 {
		b.Pools = append(slices.Clone(b.Pools), *pool)
	}
}

// point lets a listener use a pool.
func (w *world) point(b *tree.Balancer, listenerID string, ref *plan.PoolRef) error {
	if ref == nil {
		return nil
	}
	_, l := w.listener(listenerID)
	_, pool := w.pool(*ref)
	if pool == nil || !slices.Contains(takes[l.Protocol], pool.Protocol) {
		return refuse("listener %s does not take pool %v", l.Key(), ref)
	}
	if l.Pool != nil && l.Pool.ID == pool.ID {
		return nil
	}
	old, next := l.Pool, *pool
	next.ListenerIDs = append(slices.Clone(next.ListenerIDs), l.ID)
	l.Pool = &next
	b.Pools = slices.DeleteFunc(slices.Clone(b.Pools), func(p tree.Pool) bool { return p.ID == next.ID })
	w.release(b, old, l.ID)
	return nil
}

func (w *world) pool(ref plan.PoolRef) (*tree.Balancer, *tree.Pool) {
	id := ref.ID
	if id == "" {
		id = w.made.pools[ref.Key]
	}
	for i := range w.balancers {
		b := &w.balancers[i]
		for j := range b.Listeners {
			if p := b.Listeners[j].Pool; p != nil && p.ID == id {
				return b, p
			}
		}
		for j := range b.Pools {
			if b.Pools[j].ID == id {
				return b, &b.Pools[j]
			}
		}
	}
	return nil, nil
}

func (w *world) applyPool(s step.Step) (bool, error) {
	switch s := s.(type) {
	case plan.CreatePool:
		b, err := w.mutable(cmp.Or(s.Balancer, w.made.balancer))
		if err != nil {
			return true, err
		}
		p := s.Desired
		p.ID, p.Provisioning, p.Members = w.id("pool"), tree.Active, []tree.Member{}
		b.Pools = append(slices.Clone(b.Pools), p)
		w.made.pools[s.Key] = p.ID
		return true, nil
	case plan.UpdatePool:
		b, p := w.pool(s.Pool)
		if p == nil || b.Provisioning == tree.Failed {
			return true, errImmutable
		}
		set(&p.Name, s.Name)
		if s.Tags != nil {
			p.Tags = s.Tags
		}
		p.Settings, p.Provisioning = overPool(p.Settings, s.Settings), tree.Active
		return true, nil
	case plan.DeletePool:
		b, p := w.pool(plan.PoolRef{ID: s.ID})
		if p == nil || b.Provisioning == tree.Failed || len(p.ListenerIDs) > 0 {
			return true, refuse("pool %s is in use or immutable", s.ID)
		}
		b.Pools = slices.DeleteFunc(slices.Clone(b.Pools), func(p tree.Pool) bool { return p.ID == s.ID })
		return true, nil
	case plan.SetMembers:
		return true, w.setMembers(s)
	}
	return false, nil
}

// setMembers keeps a member's subnet, as Octavia does with one that is there.
// Source: octavia/api/v2/controllers/member.py, MembersController.put.
func (w *world) setMembers(s plan.SetMembers) error {
	b, p := w.pool(s.Pool)
	if p == nil || b.Provisioning == tree.Failed || p.Provisioning == tree.Failed {
		return errImmutable
	}
	members := []tree.Member{}
	for _, m := range s.Members {
		m.Provisioning = tree.Active
		if m.MonitorPort == nil {
			m.MonitorPort = new(0)
		}
		for _, old := range p.Members {
			if old.Target == m.Target {
				m.SubnetID = old.SubnetID
			}
		}
		members = append(members, m)
	}
	p.Members, p.MemberIDs = members, make([]string, len(members))
	return nil
}

func (w *world) applyMonitor(s step.Step) (bool, error) {
	var ref plan.PoolRef
	switch s := s.(type) {
	case plan.CreateMonitor:
		ref = s.Pool
	case plan.UpdateMonitor:
		ref = s.Pool
	case plan.DeleteMonitor:
		ref = s.Pool
	default:
		return false, nil
	}
	b, p := w.pool(ref)
	if p == nil || b.Provisioning == tree.Failed || p.Provisioning == tree.Failed {
		return true, errImmutable
	}
	switch s := s.(type) {
	case plan.CreateMonitor:
		if p.MonitorID != "" {
			return true, refuse("there is a monitor")
		}
		m := s.Desired
		m.ID = w.id("monitor")
		p.Monitor, p.MonitorID = &m, m.ID
	case plan.UpdateMonitor:
		m := overMonitor(*p.Monitor, s.Change)
		p.Monitor = &m
	case plan.DeleteMonitor:
		p.Monitor, p.MonitorID = nil, ""
	}
	return true, nil
}

func createStep(b tree.Balancer) plan.CreateLoadBalancer { return plan.CreateLoadBalancer{Desired: b} }

func deleteStep(id string) plan.DeleteLoadBalancer {
	return plan.DeleteLoadBalancer{ID: id, Cascade: true}
}
