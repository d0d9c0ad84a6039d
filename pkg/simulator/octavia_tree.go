package simulator

import "slices"

// A load balancer with its children in one POST: _graph_create in
// octavia/api/v2/controllers/load_balancer.py, listener.py and pool.py.

// createTree adds the pools, then the listeners that refer to them by name.
func (o *octavia) createTree(b *loadBalancer, listeners, pools []lbBody) error {
	pools, err := collectPools(listeners, pools)
	if err != nil {
		return err
	}
	if err := o.checkQuota("pool", b.ProjectID, len(pools)); err != nil {
		return err
	}
	byName := map[string]*lbPool{}
	for _, in := range pools {
		name := in.text("name")
		for _, attribute := range []string{"protocol", "lb_algorithm"} {
			if in[attribute] == nil {
				return lbInvalid("Pool definition for '%s' missing required attribute: %s", name, attribute)
			}
		}
		if byName[name], err = o.treePool(b, in); err != nil {
			return err
		}
	}
	if err := o.checkQuota("listener", b.ProjectID, len(listeners)); err != nil {
		return err
	}
	for _, in := range listeners {
		if err := o.treeListener(b, in, byName); err != nil {
			return err
		}
	}
	return nil
}

// collectPools are the pools of a tree, wherever they are written out.
func collectPools(listeners, pools []lbBody) ([]lbBody, error) {
	mentioned := []lbBody{}
	for _, l := range listeners {
		mentioned = append(mentioned, l.object("default_pool"))
		for _, policy := range l.objects("l7policies") {
			mentioned = append(mentioned, policy.object("redirect_pool"))
		}
	}
	pools = slices.Clone(pools)
	var referred []string
	for _, p := range mentioned {
		switch {
		case p == nil:
		case p.text("name") == "":
			return nil, lbInvalid("Pools must be named when creating a fully populated loadbalancer.")
		case p.isReference():
			referred = append(referred, p.text("name"))
		default:
			pools = append(pools, p)
		}
	}
	names := map[string]bool{}
	for _, p := range pools {
		if names[p.text("name")] {
			return nil, lbInvalid("Pool names must be unique when creating a fully populated loadbalancer.")
		}
		names[p.text("name")] = true
	}
	for _, name := range referred {
		if !names[name] {
			return nil, lbInvalid("Pool '%s' was referenced but no full definition was found.", name)
		}
	}
	return pools, nil
}

// isReference tells whether a pool is but a name: beside it there are only defaults.
func (b lbBody) isReference() bool {
	for name := range b {
		if name != "name" && name != "admin_state_up" && name != "tls_enabled" {
			return false
		}
	}
	return true
}

func (o *octavia) treePool(b *loadBalancer, in lbBody) (*lbPool, error) {
	monitor, members := in.object("healthmonitor"), in.objects("members")
	p, err := o.newPool(b, in)
	if err != nil {
		return nil, err
	}
	// The amphora driver does not look at the parts of a tree, the ovn driver does.
	if b.provider == providerOVN {
		if err := b.checkPool(p.values.text("protocol"), p.values.text("lb_algorithm")); err != nil {
			return nil, err
		}
	}
	b.pools = append(b.pools, p)
	if monitor != nil {
		if err := o.checkQuota("health_monitor", b.ProjectID, 1); err != nil {
			return nil, err
		}
		kind := monitor.text("type")
		if err := o.checkMonitorFor(p.values.text("protocol"), kind, monitor); err != nil {
			return nil, err
		}
		if p.monitor, err = o.newMonitor(p, monitor); err != nil {
			return nil, err
		}
	}
	if err := o.checkQuota("member", b.ProjectID, len(members)); err != nil {
		return nil, err
	}
	for _, in := range members {
		if err := checkAddress(in.text("address")); err != nil {
			return nil, err
		}
		m, err := o.newMember(p, in)
		if err != nil {
			return nil, err
		}
		p.members = append(p.members, m)
	}
	return p, nil
}

func (o *octavia) treeListener(b *loadBalancer, in lbBody, pools map[string]*lbPool) error {
	policies := in.objects("l7policies")
	pool := pools[in.object("default_pool").text("name")]
	protocol := in.text("protocol")
	if err := o.checkDefaultPool(b, in, protocol); err != nil {
		return err
	}
	switch {
	case pool == nil:
	case protocol == "PROMETHEUS":
		return errNoChildren
	default:
		if err := checkPair(protocol, pool.values.text("protocol")); err != nil {
			return err
		}
	}
	l, err := o.newListener(b, in)
	if err != nil {
		return err
	}
	l.pool = pool
	b.listeners = append(b.listeners, l)
	if protocol == "PROMETHEUS" && len(policies) > 0 {
		return errNoChildren
	}
	for _, in := range policies {
		redirect := in.object("redirect_pool").text("name")
		delete(in, "redirect_pool")
		if redirect != "" {
			in["redirect_pool_id"] = pools[redirect].ID
		}
		p, err := o.newPolicy(l, in)
		if err != nil {
			return err
		}
		p.pool = pools[redirect]
		l.policies = append(l.policies, p)
	}
	return nil
}
