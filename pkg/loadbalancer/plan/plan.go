package plan

import (
	"slices"

	"underlay/internal/step"
	"underlay/pkg/loadbalancer/tree"
)

// Plan lists what leads from actual to desired, in an order that keeps traffic
// flowing: what lets traffic in before what sends it, members before the
// listeners over them, and nothing goes before what replaces it stands. A new
// load balancer is asked for first, because it takes longest.
//
// What Check objects to is left alone; the rest of the plan stands. A nil
// desired value is left as it is; a nil actual value is taken as equal.
func Plan(desired tree.Desired, actual tree.Actual) []step.Step {
	v := look(desired, actual)
	switch {
	case desired.Gone:
		return v.leave()
	case v.shut():
		return nil
	case v.fresh():
		return slices.Concat(v.makeBalancer(), v.takeAddress(), v.openGroup(), v.makeParts(), v.closeGroups(), v.leaveFormer())
	default:
		return slices.Concat(v.openGroup(), v.changeBalancer(), v.serveListeners(),
			v.takeAddress(), v.dropParts(), v.closeGroups(), v.leaveFormer())
	}
}

// shut says that the Service may not use the load balancer, or has none to use:
// the named one is not there, cannot be shared, is full, or is broken and not
// ours to mend.
func (v *view) shut() bool {
	if v.balancer == nil {
		return v.desired.Shared != ""
	}
	return v.unshareable() || v.full() || v.broken()
}

// unshareable says that the API cannot note a second Service.
func (v *view) unshareable() bool { return !v.actual.Owned && v.balancer.Tags == nil }

// full says that the load balancer serves as many other Services as it may.
func (v *view) full() bool {
	return !v.actual.Owned && v.desired.MaxShared > 0 && len(v.others) >= v.desired.MaxShared &&
		!slices.ContainsFunc(v.balancer.Tags, v.isName)
}

// broken says that the load balancer is in ERROR and somebody else's.
func (v *view) broken() bool {
	return v.balancer.Provisioning == tree.Failed && !v.actual.Owned && !v.made(v.balancer)
}
