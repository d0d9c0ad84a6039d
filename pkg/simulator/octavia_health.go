package simulator

import "slices"

// States of operation, as the health manager makes them of what an amphora
// reports (octavia/amphorae/drivers/health/heartbeat_udp.py). What is new is
// OFFLINE until its load balancer has been ACTIVE once.

// pending tells whether nobody has reported on a row yet.
func (b *lbObjectBase) pending() bool { return b.Provisioning == lbPendingCreate }

func (b *loadBalancer) operating() string {
	switch {
	case b.reported != "":
		return b.reported
	case !b.live || b.values["admin_state_up"] != true:
		return lbOffline
	}
	state := lbOnline
	for _, p := range b.pools {
		switch p.operating() {
		case lbError:
			return lbError
		case lbDegraded:
			state = lbDegraded
		}
	}
	return state
}

func (l *lbListener) operating() string {
	if !l.lb.live || l.pending() || l.values["admin_state_up"] != true {
		return lbOffline
	}
	return lbOnline
}

// operating: a pool without members works; one that no listener uses is not there.
func (p *lbPool) operating() string {
	if !p.lb.live || p.pending() || p.values["admin_state_up"] != true || !p.used() {
		return lbOffline
	}
	failed, serving := 0, 0
	for _, m := range p.members {
		switch m.operating() {
		case lbError:
			failed++
		case lbOnline, lbNoMonitor, lbDraining:
			serving++
		}
	}
	switch {
	case failed > 0 && serving == 0:
		return lbError
	case failed > 0:
		return lbDegraded
	}
	return lbOnline
}

func (p *lbPool) used() bool {
	return slices.ContainsFunc(p.lb.listeners, func(l *lbListener) bool {
		return l.pool == p || slices.ContainsFunc(l.policies, func(v *lbPolicy) bool { return v.pool == p })
	})
}

func (m *lbMember) operating() string {
	monitored := m.pool.monitor != nil && m.pool.monitor.values["admin_state_up"] == true
	switch {
	case m.reported != "":
		return m.reported
	case !monitored && m.values["admin_state_up"] == true:
		return lbNoMonitor
	case !m.pool.lb.live || m.pending() || m.values["admin_state_up"] != true || !m.pool.used():
		return lbOffline
	case m.values.number("weight") == 0:
		return lbDraining
	}
	return lbOnline
}

func (m *lbMonitor) operating() string {
	if m.pending() || m.values["admin_state_up"] != true {
		return lbOffline
	}
	return lbOnline
}

func (p *lbPolicy) operating() string {
	if p.pending() || p.values["admin_state_up"] != true {
		return lbOffline
	}
	return lbOnline
}

func (r *lbRule) operating() string {
	if r.pending() || r.values["admin_state_up"] != true {
		return lbOffline
	}
	return lbOnline
}
