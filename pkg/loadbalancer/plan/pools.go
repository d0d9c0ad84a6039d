package plan

import (
	"cmp"

	"underlay/internal/owner"
	"underlay/internal/step"
	"underlay/pkg/loadbalancer/tree"
)

// servePool brings the pool behind a wanted listener about and says which it
// is; nil for a listener without a pool.
func (v *view) servePool(want *tree.Listener) ([]step.Step, *PoolRef) {
	if want.Pool == nil {
		return nil, nil
	}
	key := want.Key()
	if at := v.claims[key]; at != nil {
		ref := PoolRef{ID: at.ID, Key: key}
		return v.changePool(ref, want.Pool, at), &ref
	}
	ref := PoolRef{Key: key}
	empty := *want.Pool
	empty.Members, empty.Monitor = nil, nil
	steps := []step.Step{CreatePool{Balancer: v.balancer.ID, Label: v.label(), Key: key, Desired: empty}}
	steps = append(steps, setMembers(ref, want.Pool.Members, &tree.Pool{Members: []tree.Member{}})...)
	if want.Pool.Monitor != nil {
		steps = append(steps, CreateMonitor{Pool: ref, Desired: *want.Pool.Monitor})
	}
	return steps, &ref
}

// changePool brings a pool in order: the pool itself first, because Octavia
// takes neither members nor monitor into one in ERROR; a monitor that asks the
// wrong way before the members that it would take out; a new one after them.
func (v *view) changePool(ref PoolRef, want, at *tree.Pool) []step.Step {
	steps := v.updatePool(ref, want, at)
	replace := at.MonitorID != "" && (want.Monitor == nil || at.Monitor != nil && at.Monitor.Type != want.Monitor.Type)
	if replace {
		why := "none is wanted"
		if want.Monitor != nil {
			why = "its type is " + at.Monitor.Type + " and never changes in place"
		}
		steps = append(steps, DeleteMonitor{ID: at.MonitorID, Pool: ref, Why: why})
	}
	steps = append(steps, setMembers(ref, want.Members, at)...)
	switch {
	case want.Monitor == nil:
	case at.MonitorID == "" || replace:
		steps = append(steps, CreateMonitor{Pool: ref, Desired: *want.Monitor})
	case at.Monitor != nil:
		steps = append(steps, updateMonitor(ref, want.Monitor, at.Monitor)...)
	}
	return steps
}

func (v *view) updatePool(ref PoolRef, want, at *tree.Pool) []step.Step {
	d := differences{}
	update := UpdatePool{Pool: ref, Settings: poolChange(&d, &want.Settings, &at.Settings)}
	// A pool of the peer's carries no tag, but its name says whose it is.
	if !v.marked(at.Tags, at.Name) {
		update.Tags, update.Name = v.mark(&d, want.Name, union(want.Tags, v.desired.BalancerName), at.Name, at.Tags)
	}
	if at.Provisioning == tree.Failed {
		update.Settings = want.Settings
		d.say("it is in ERROR")
	}
	if d.none() {
		return nil
	}
	update.Why = d.why()
	return []step.Step{update}
}

func updateMonitor(ref PoolRef, want, at *tree.Monitor) []step.Step {
	d := differences{}
	change := monitorChange(&d, want, at)
	if at.Provisioning == tree.Failed {
		change = *want
		change.Name, change.Type = "", ""
		d.say("it is in ERROR")
	}
	if d.none() {
		return nil
	}
	return []step.Step{UpdateMonitor{ID: at.ID, Pool: ref, Change: change, Why: d.why()}}
}

// markAbandonedPools marks the pools that are this Service's only by the
// listener in front of them, before that listener leaves them: else nobody
// would know them again after a crash.
func (v *view) markAbandonedPools() []step.Step {
	var steps []step.Step
	for _, p := range v.pools {
		if v.claimed[p.ID] || !v.minePool(p) || v.marked(p.Tags, p.Name) {
			continue
		}
		d := differences{}
		update := UpdatePool{Pool: PoolRef{ID: p.ID, Key: v.keyOf(p)}}
		update.Tags, update.Name = v.mark(&d, owner.PartName("pool", 0, v.desired.BalancerName),
			[]string{v.desired.BalancerName}, p.Name, p.Tags)
		update.Why = cmp.Or(d.why(), "mark")
		steps = append(steps, update)
	}
	return steps
}

// keyOf is the key of the listener in front of the pool.
func (v *view) keyOf(p *tree.Pool) tree.Key {
	for i := range v.balancer.Listeners {
		if l := &v.balancer.Listeners[i]; l.Pool != nil && l.Pool.ID == p.ID {
			return l.Key()
		}
	}
	return tree.Key{}
}
