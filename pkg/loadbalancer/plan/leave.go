package plan

import (
	"slices"

	"underlay/internal/step"
	"underlay/pkg/loadbalancer/tree"
)

// leave removes all that the Service has. The load balancer goes first: until
// its deletion was accepted, the address stays, so that a deletion which is
// refused takes nothing away.
func (v *view) leave() []step.Step {
	return slices.Concat(v.leaveBalancer("no Service uses it any more"), v.dropAddresses(), v.closeGroups(), v.leaveFormer())
}

// leaveBalancer deletes the load balancer or, where others use it, too, only
// what is this Service's; its tag goes last, for it says that there is more.
func (v *view) leaveBalancer(why string) []step.Step {
	switch {
	case v.balancer == nil:
		return nil
	case v.goesWhole():
		return slices.Concat(v.markAddresses(), v.deleteBalancer(why))
	case v.broken():
		return nil
	}
	steps := slices.Concat(v.mend(), v.markAbandonedPools(), v.dropParts())
	tags := slices.DeleteFunc(slices.Clone(v.balancer.Tags), v.isName)
	if len(tags) < len(v.balancer.Tags) {
		slices.Sort(tags)
		steps = append(steps, UpdateLoadBalancer{ID: v.balancer.ID, Label: v.label(), Tags: tags, Why: "the Service leaves it"})
	}
	return steps
}

// deleteBalancer deletes it in one call or part by part. One in ERROR refuses
// every change of a part.
func (v *view) deleteBalancer(why string) []step.Step {
	b := v.balancer
	whole := DeleteLoadBalancer{ID: b.ID, Label: v.label(), Cascade: true, Why: why}
	if v.desired.CascadeDelete || b.Provisioning == tree.Failed {
		return []step.Step{whole}
	}
	var steps []step.Step
	for i := range b.Listeners {
		steps = append(steps, DeleteListener{ID: b.Listeners[i].ID, Key: b.Listeners[i].Key(), Why: "its load balancer goes"})
	}
	for _, p := range v.pools {
		steps = append(steps, DeletePool{ID: p.ID, Name: p.Name, Why: "its load balancer goes"})
	}
	whole.Cascade = false
	return append(steps, whole)
}

// mend fails a load balancer in ERROR over: it refuses every other change.
func (v *view) mend() []step.Step {
	if v.balancer.Provisioning != tree.Failed {
		return nil
	}
	return []step.Step{FailoverLoadBalancer{ID: v.balancer.ID, Label: v.label(), Why: "it is in ERROR"}}
}

// leaveFormer leaves the load balancers that the Service does not use any more,
// once what replaces them stands.
func (v *view) leaveFormer() []step.Step {
	var steps []step.Step
	for i := range v.actual.Former {
		steps = append(steps, v.formerView(i).leaveBalancer("the Service has another")...)
	}
	return steps
}

// formerView sees the Service leave one of its former load balancers. It is the
// Service's own only if this cluster made it under the Service's name.
func (v *view) formerView(i int) *view {
	former := &v.actual.Former[i]
	gone := tree.Desired{
		Cluster: v.desired.Cluster, Service: v.desired.Service, BalancerName: v.desired.BalancerName,
		Capabilities: v.desired.Capabilities, Gone: true,
		KeepFloatingIP: v.desired.KeepFloatingIP, CascadeDelete: v.desired.CascadeDelete,
	}
	own := v.made(former) && (v.isName(former.Name) || v.formerName(former.Name))
	return look(gone, tree.Actual{Balancer: former, Owned: own})
}
