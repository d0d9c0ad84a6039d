package plan

import (
	"fmt"

	"underlay/internal/step"
	"underlay/pkg/loadbalancer/tree"
)

// serveListeners brings each wanted listener about, with all behind it first.
func (v *view) serveListeners() []step.Step {
	steps := v.markAbandonedPools()
	for i := range v.desired.Balancer.Listeners {
		want := &v.desired.Balancer.Listeners[i]
		at := v.balancer.Listener(want.Key())
		if at != nil && !v.usable(at) {
			continue // another's: Check reports it
		}
		pool, ref := v.servePool(want)
		steps = append(steps, pool...)
		steps = append(steps, v.serveListener(want, at, ref)...)
	}
	return steps
}

// serveListener makes or changes the listener over a pool that stands.
func (v *view) serveListener(want, at *tree.Listener, ref *PoolRef) []step.Step {
	create := CreateListener{Balancer: v.balancer.ID, Label: v.label(), Desired: *want, Pool: ref}
	create.Desired.Pool = nil
	switch {
	case at == nil:
		return []step.Step{create}
	case at.Protocol != want.Protocol:
		return []step.Step{
			DeleteListener{ID: at.ID, Key: at.Key(), Why: fmt.Sprintf(
				"it speaks %s and is to speak %s, which never changes in place", at.Protocol, want.Protocol)},
			create,
		}
	default:
		return v.updateListener(want, at, ref)
	}
}

func (v *view) updateListener(want, at *tree.Listener, ref *PoolRef) []step.Step {
	d := differences{}
	update := UpdateListener{ID: at.ID, Key: at.Key(), Settings: listenerChange(&d, &want.Settings, &at.Settings)}
	if ref != nil && (at.Pool == nil || at.Pool.ID != ref.ID) {
		update.Pool = ref
		d.say("goes over to another pool")
	}
	update.Tags, update.Name = v.mark(&d, want.Name, want.Tags, at.Name, at.Tags)
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

// mark is what to write so that a part says whose it is: its tags, or its name
// where the API has none. Numbers in names may differ: a port that moved up in
// its Service keeps its listener.
func (v *view) mark(d *differences, name string, wanted []string, actualName string, actual []string) ([]string, *string) {
	switch {
	case actual != nil && !containsAll(actual, wanted):
		d.say("tags")
		return union(actual, wanted...), nil
	case actual == nil && !v.marked(nil, actualName) && name != "":
		d.say("name")
		return nil, &name
	default:
		return nil, nil
	}
}

// dropParts removes the listeners of this Service that it does not want any
// more, then its pools that serve nothing.
func (v *view) dropParts() []step.Step {
	if v.desired.Balancer.Listeners == nil && !v.desired.Gone {
		return nil
	}
	var steps []step.Step
	for i := range v.balancer.Listeners {
		l := &v.balancer.Listeners[i]
		if v.mine(l) && !v.wanted(l) {
			steps = append(steps, DeleteListener{ID: l.ID, Key: l.Key(), Why: "no port of the Service"})
		}
	}
	for _, p := range v.pools {
		if v.minePool(p) && !v.claimed[p.ID] && !v.usedByOthers(p) {
			steps = append(steps, DeletePool{ID: p.ID, Name: p.Name, Why: "serves no listener any more"})
		}
	}
	return steps
}
