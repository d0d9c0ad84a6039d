package simulator

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// Load balancers changed by hand, as an operator, another program or bad luck
// changes them behind the back of whoever is tested: at once, whatever state
// they are in. What cannot be done is a mistake in the caller's program and panics.

// byHand runs one change with the lock held.
func byHand[V any](c *Cloud, what string, run func(o *octavia) (V, error)) V {
	return seed(c, what, func(*neutron) (V, error) { return run(c.octavia) })
}

// change runs one change of any object, by id.
func lbByHand[T lbRow](c *Cloud, id string, run func(o *octavia, v T) error) {
	byHand(c, "change "+id, func(o *octavia) (T, error) {
		v, found := lbFind[T](o, id)
		if !found {
			return v, lbMissing("object", id)
		}
		err := run(o, v)
		v.base().Updated = time.Now()
		return v, err
	})
}

// SetLoadBalancerStatus sets the provisioning status of a load balancer, or of
// any part of one: ACTIVE, ERROR or a PENDING one, in which it then stays for ever.
func (c *Cloud) SetLoadBalancerStatus(id, status string) {
	lbByHand(c, id, func(_ *octavia, v lbRow) error {
		v.base().Provisioning = status
		if b, whole := v.(*loadBalancer); whole {
			b.due = time.Time{}
			b.live = b.live || status == lbActive
		}
		return nil
	})
}

// SetLoadBalancerOperatingStatus overrides what the members give; "" ends that.
func (c *Cloud) SetLoadBalancerOperatingStatus(id, status string) {
	lbByHand(c, id, func(_ *octavia, b *loadBalancer) error {
		b.reported = status
		return nil
	})
}

// SetMemberOperatingStatus says what the health monitor finds: ERROR, ONLINE and
// so on, with what follows for the pool and the load balancer; "" is well again.
func (c *Cloud) SetMemberOperatingStatus(id, status string) {
	lbByHand(c, id, func(_ *octavia, m *lbMember) error {
		m.reported = status
		return nil
	})
}

// FailLoadBalancerCreates lets the next n load balancers that are created end in ERROR.
func (c *Cloud) FailLoadBalancerCreates(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.octavia.failing = n
}

// FailLoadBalancerChange lets the next change of a load balancer go wrong. As in
// Octavia, what was changed is in ERROR then: a listener, pool or member, with the
// load balancer ACTIVE, or the load balancer itself.
func (c *Cloud) FailLoadBalancerChange(id string) {
	lbByHand(c, id, func(_ *octavia, b *loadBalancer) error {
		b.fails = true
		return nil
	})
}

// DeleteLoadBalancer removes a load balancer whole, with what it has in Neutron.
func (c *Cloud) DeleteLoadBalancer(id string) {
	lbByHand(c, id, func(o *octavia, b *loadBalancer) error {
		o.remove(b)
		return nil
	})
}

// DeleteLoadBalancerPart removes a listener, pool, member, monitor, policy or rule.
func (c *Cloud) DeleteLoadBalancerPart(id string) {
	lbByHand(c, id, func(o *octavia, v lbRow) error {
		if _, whole := v.(*loadBalancer); whole {
			return fmt.Errorf("%s is a whole load balancer", id)
		}
		b := v.balancer()
		o.drop(v)
		o.plug(b)
		return nil
	})
}

// Attributes are attributes of a load balancer or of a part of one, as the API
// names and takes them, e.g. {"connection_limit": 100}.
type Attributes map[string]any

// EditLoadBalancer changes attributes of a load balancer or of any part of one,
// those too that the API never changes, e.g. a listener's protocol_port. Only a
// value that the API would not take at all is refused.
func (c *Cloud) EditLoadBalancer(id string, attributes Attributes) {
	lbByHand(c, id, func(o *octavia, v lbRow) error {
		schema := slices.Clone(v.schema())
		for i := range schema {
			schema[i].use |= lbPut
		}
		in, err := o.decoded(attributes, lbObject(func() lbSchema { return schema }, lbPut))
		if err != nil {
			return err
		}
		given := in.(lbBody)
		if l, ok := v.(*lbListener); ok && given.has("default_pool_id") {
			l.pool, _ = lbFind[*lbPool](o, given.text("default_pool_id"))
			delete(given, "default_pool_id")
		}
		v.base().set(given)
		o.plug(v.balancer())
		return nil
	})
}

// decoded checks a value as if it had come as JSON.
func (o *octavia) decoded(v any, kind lbType) (any, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("write attributes: %w", err)
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var plain any
	if err := decoder.Decode(&plain); err != nil {
		return nil, fmt.Errorf("read attributes: %w", err)
	}
	return kind(octaviaNewest, plain)
}

// AddLoadBalancer makes a load balancer of the plain member's project with all
// its children, ACTIVE at once: what a POST with these attributes makes.
func (c *Cloud) AddLoadBalancer(attributes Attributes) LoadBalancerState {
	return byHand(c, "add load balancer", func(o *octavia) (LoadBalancerState, error) {
		in, err := o.decoded(attributes, lbObject(loadBalancerSchema, lbPost))
		if err != nil {
			return LoadBalancerState{}, err
		}
		project := c.projectID()
		if other := in.(lbBody).text("project_id"); other != "" {
			project = other
		}
		failing := o.failing
		o.failing = 0
		b, err := o.createLoadBalancer(caller{project: project, admin: true}, project, in.(lbBody))
		o.failing = failing
		if err != nil {
			return LoadBalancerState{}, err
		}
		o.finish(b)
		return o.state(b), nil
	})
}

// AddListener adds a listener to a load balancer and returns its id.
func (c *Cloud) AddListener(loadBalancerID string, attributes Attributes) string {
	return byHand(c, "add listener", func(o *octavia) (string, error) {
		b, found := lbFind[*loadBalancer](o, loadBalancerID)
		if !found {
			return "", lbMissing("Load Balancer", loadBalancerID)
		}
		in, err := o.decoded(attributes, lbObject(listenerSchema, lbTree))
		if err != nil {
			return "", err
		}
		l, err := o.newListener(b, in.(lbBody))
		if err != nil {
			return "", err
		}
		b.listeners = append(b.listeners, l)
		o.addByHand(b, l)
		return l.ID, nil
	})
}

// AddPool adds a pool to a load balancer and returns its id.
func (c *Cloud) AddPool(loadBalancerID string, attributes Attributes) string {
	return byHand(c, "add pool", func(o *octavia) (string, error) {
		b, found := lbFind[*loadBalancer](o, loadBalancerID)
		if !found {
			return "", lbMissing("Load Balancer", loadBalancerID)
		}
		in, err := o.decoded(attributes, lbObject(poolSchema, lbTree))
		if err != nil {
			return "", err
		}
		p, err := o.treePool(b, in.(lbBody))
		if err != nil {
			return "", err
		}
		o.addByHand(b, p.parts()...)
		return p.ID, nil
	})
}

// AddMember adds a member to a pool and returns its id.
func (c *Cloud) AddMember(poolID string, attributes Attributes) string {
	return byHand(c, "add member", func(o *octavia) (string, error) {
		p, found := lbFind[*lbPool](o, poolID)
		if !found {
			return "", lbMissing("Pool", poolID)
		}
		in, err := o.decoded(attributes, lbObject(memberSchema, lbTree))
		if err != nil {
			return "", err
		}
		m, err := o.newMember(p, in.(lbBody))
		if err != nil {
			return "", err
		}
		p.members = append(p.members, m)
		o.addByHand(p.lb, m)
		return m.ID, nil
	})
}

// AddMonitor gives a pool a health monitor and returns its id.
func (c *Cloud) AddMonitor(poolID string, attributes Attributes) string {
	return byHand(c, "add monitor", func(o *octavia) (string, error) {
		p, found := lbFind[*lbPool](o, poolID)
		if !found {
			return "", lbMissing("Pool", poolID)
		}
		in, err := o.decoded(attributes, lbObject(monitorSchema, lbTree))
		if err != nil {
			return "", err
		}
		if p.monitor, err = o.newMonitor(p, in.(lbBody)); err != nil {
			return "", err
		}
		o.addByHand(p.lb, p.monitor)
		return p.monitor.ID, nil
	})
}

// SetMembers replaces all members of a pool.
func (c *Cloud) SetMembers(poolID string, members ...Attributes) {
	lbByHand(c, poolID, func(o *octavia, p *lbPool) error {
		for _, m := range slices.Clone(p.members) {
			o.drop(m)
		}
		return nil
	})
	for _, m := range members {
		c.AddMember(poolID, m)
	}
}

// addByHand makes new rows ACTIVE.
func (o *octavia) addByHand(b *loadBalancer, rows ...lbRow) {
	for _, v := range rows {
		v.base().Provisioning = lbActive
		o.rows[v.base().ID] = v
	}
	o.plug(b)
}
