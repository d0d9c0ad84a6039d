package simulator

// What each kind shows beyond its own attributes, as from_data_model in
// octavia/api/v2/types/*.py does.

func (b *loadBalancer) own(into map[string]any) {
	into["provider"] = b.provider
	into["vip_address"], into["vip_port_id"] = b.vip.address, b.vip.portID
	into["vip_subnet_id"], into["vip_network_id"] = b.vip.subnetID, b.vip.networkID
	into["listeners"], into["pools"] = lbLinks(b.listeners), lbLinks(b.pools)
	vips := []map[string]string{}
	for _, v := range b.additional {
		vips = append(vips, map[string]string{"subnet_id": v.subnetID, "ip_address": v.address})
	}
	into["additional_vips"] = vips
}

func (l *lbListener) own(into map[string]any) {
	into["loadbalancers"] = lbLinks([]*loadBalancer{l.lb})
	into["l7policies"] = lbLinks(l.policies)
	into["default_pool_id"] = nil
	if l.pool != nil {
		into["default_pool_id"] = l.pool.ID
	}
	if cidrs, _ := into["allowed_cidrs"].([]any); len(cidrs) == 0 {
		into["allowed_cidrs"] = nil
	}
}

func (p *lbPool) own(into map[string]any) {
	into["loadbalancers"] = lbLinks([]*loadBalancer{p.lb})
	into["listeners"], into["members"] = lbLinks(p.listeners()), lbLinks(p.members)
	if p.monitor != nil {
		into["healthmonitor_id"] = p.monitor.ID
	}
	into["session_persistence"] = nil
	if sp := p.values.object("session_persistence"); sp != nil {
		into["session_persistence"] = map[string]any{
			"type": sp["type"], "cookie_name": sp["cookie_name"],
			"persistence_timeout": sp["persistence_timeout"], "persistence_granularity": sp["persistence_granularity"],
		}
	}
}

func (*lbMember) own(map[string]any) {}

func (m *lbMonitor) own(into map[string]any) { into["pools"] = lbLinks([]*lbPool{m.pool}) }

func (p *lbPolicy) own(into map[string]any) {
	into["listener_id"], into["rules"] = p.listener.ID, lbLinks(p.rules)
	into["redirect_pool_id"] = nil
	if p.pool != nil {
		into["redirect_pool_id"] = p.pool.ID
	}
}

func (*lbRule) own(map[string]any) {}

// fullView shows a load balancer with all that belongs to it, as the answer to
// its POST does.
func (o *octavia) fullView(b *loadBalancer) map[string]any {
	out := o.view(b)
	listeners, pools := []any{}, []any{}
	for _, l := range lbShuffled(b.listeners) {
		view := o.view(l)
		delete(view, "loadbalancers")
		policies := []any{}
		for _, p := range lbShuffled(l.policies) {
			policies = append(policies, o.fullPolicyView(p))
		}
		view["l7policies"] = policies
		listeners = append(listeners, view)
	}
	for _, p := range lbShuffled(b.pools) {
		pools = append(pools, o.fullPoolView(p))
	}
	out["listeners"], out["pools"] = listeners, pools
	return out
}

func (o *octavia) fullPolicyView(p *lbPolicy) map[string]any {
	view, rules := o.view(p), []any{}
	for _, r := range lbShuffled(p.rules) {
		rules = append(rules, o.view(r))
	}
	view["rules"] = rules
	return view
}

func (o *octavia) fullPoolView(p *lbPool) map[string]any {
	view, members := o.view(p), []any{}
	delete(view, "loadbalancers")
	delete(view, "healthmonitor_id")
	for _, m := range lbShuffled(p.members) {
		members = append(members, o.view(m))
	}
	view["members"], view["healthmonitor"] = members, nil
	if p.monitor != nil {
		monitor := o.view(p.monitor)
		delete(monitor, "pools")
		view["healthmonitor"] = monitor
	}
	return view
}

// statusTree is the answer to /status: names and states only. A pool that no
// listener has is not in it.
func (b *loadBalancer) statusTree() map[string]any {
	listeners := []any{}
	for _, l := range lbShuffled(b.listeners) {
		pools := []any{}
		for _, p := range l.usedPools() {
			pools = append(pools, p.statusTree())
		}
		listeners = append(listeners, lbStatus(l, "pools", pools))
	}
	return map[string]any{"statuses": map[string]any{"loadbalancer": lbStatus(b, "listeners", listeners)}}
}

// usedPools are the default pool and those that its policies lead to.
func (l *lbListener) usedPools() []*lbPool {
	var pools []*lbPool
	seen := map[*lbPool]bool{nil: true}
	add := func(p *lbPool) {
		if !seen[p] {
			seen[p] = true
			pools = append(pools, p)
		}
	}
	add(l.pool)
	for _, p := range l.policies {
		add(p.pool)
	}
	return lbShuffled(pools)
}

func (p *lbPool) statusTree() map[string]any {
	members := []any{}
	for _, m := range lbShuffled(p.members) {
		members = append(members, lbStatus(m, "address", m.values["address"], "protocol_port", m.values["protocol_port"]))
	}
	view := lbStatus(p, "members", members)
	if p.monitor != nil {
		view["health_monitor"] = lbStatus(p.monitor, "type", p.monitor.values["type"])
	}
	return view
}

// lbStatus is one node of the status tree, with more in pairs of name and value.
func lbStatus(v lbRow, more ...any) map[string]any {
	b := v.base()
	out := map[string]any{
		"id": b.ID, "name": b.values.text("name"),
		"provisioning_status": b.Provisioning, "operating_status": v.operating(),
	}
	for i := 0; i+1 < len(more); i += 2 {
		out[more[i].(string)] = more[i+1]
	}
	return out
}
