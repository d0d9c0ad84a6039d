package plan

import (
	"cmp"
	"slices"
	"strings"

	"underlay/internal/owner"
	"underlay/internal/step"
	"underlay/pkg/loadbalancer/tree"
)

// makeBalancer asks for the whole tree in one call, or for the load balancer
// alone where the provider wants its parts one by one. Where an old one is given
// up, the new one gets the same addresses.
func (v *view) makeBalancer() []step.Step {
	desired := v.desired.Balancer
	if v.desired.Capabilities.Tags() {
		desired.Tags = union(desired.Tags, v.desired.BalancerName, v.desired.Cluster.Tag())
	}
	var steps []step.Step
	if old := cmp.Or(v.balancer, v.going); old != nil {
		desired.VIP, desired.AdditionalVIPs = sameAddresses(&desired, old)
	}
	if v.rebuild() {
		steps = v.markAddresses()
		steps = append(steps, DeleteLoadBalancer{ID: v.balancer.ID, Label: v.label(), Cascade: true,
			Why: "it is in ERROR and is made again with the same addresses"})
	}
	if v.desired.Serial {
		desired.Listeners = nil
	}
	return append(steps, CreateLoadBalancer{Desired: desired})
}

// makeParts makes listeners and pools one by one on the load balancer that this
// plan makes, where its provider cannot take the whole tree.
func (v *view) makeParts() []step.Step {
	if !v.desired.Serial {
		return nil
	}
	made := v.actual
	made.Balancer, made.Owned = &tree.Balancer{Name: v.desired.Balancer.Name, Provisioning: tree.Active}, true
	return look(v.desired, made).serveListeners()
}

// sameAddresses are the VIPs of a load balancer that replaces another: where
// nothing else is asked for, those that it has.
func sameAddresses(desired, old *tree.Balancer) (tree.VIP, []tree.VIP) {
	vip := desired.VIP
	if vip.PortID == "" && vip.Address == "" && cmp.Or(vip.SubnetID, old.VIP.SubnetID) == old.VIP.SubnetID &&
		cmp.Or(vip.NetworkID, old.VIP.NetworkID) == old.VIP.NetworkID {
		vip.SubnetID, vip.Address, vip.Kept = old.VIP.SubnetID, old.VIP.Address, true
	}
	more := slices.Clone(desired.AdditionalVIPs)
	for i := range more {
		for _, had := range old.AdditionalVIPs {
			if more[i].Address == "" && more[i].SubnetID == had.SubnetID {
				more[i].Address, more[i].Kept = had.Address, true
			}
		}
	}
	return vip, more
}

// changeBalancer mends the load balancer itself and marks it as used. Only the
// Service that owns it changes more than its tags.
func (v *view) changeBalancer() []step.Step {
	b, steps := v.balancer, v.mend()
	update, d := UpdateLoadBalancer{ID: b.ID, Label: v.label()}, differences{}
	if tags := v.wantedTags(); b.Tags != nil && !containsAll(b.Tags, tags) {
		update.Tags = union(b.Tags, tags...)
		d.say("tags")
	}
	if v.actual.Owned {
		want := &v.desired.Balancer
		if b.Tags == nil && owner.DescribedCluster(b.Description) == "" && want.Description != "" {
			update.Description = &want.Description
			d.say("description")
		}
		if v.renamed() {
			update.Name = &want.Name
			d.say("name")
		}
		update.AdminUp = changed(&d, "admin_state_up", want.AdminUp, b.AdminUp)
		update.VIPSecurityGroupIDs = changedSet(&d, "security groups of the VIP", want.VIPSecurityGroupIDs, b.VIPSecurityGroupIDs)
	}
	if d.none() {
		return steps
	}
	update.Why = d.why()
	return append(steps, update)
}

// renamed says that somebody gave the Service's own load balancer a name under
// which it is not found again.
func (v *view) renamed() bool {
	return v.desired.Balancer.Name != "" && !v.isName(v.balancer.Name)
}

// wantedTags are the tags that must be on the load balancer.
func (v *view) wantedTags() []string {
	if !v.actual.Owned {
		return []string{v.desired.BalancerName}
	}
	return union(v.desired.Balancer.Tags, v.desired.BalancerName, v.desired.Cluster.Tag())
}

// union sorts both together and drops what stands twice.
func union(some []string, more ...string) []string {
	all := slices.Concat(some, more)
	slices.Sort(all)
	return slices.Compact(all)
}

func containsAll(all, some []string) bool {
	return !slices.ContainsFunc(some, func(s string) bool { return !slices.Contains(all, s) })
}

// goesWhole says that the load balancer is deleted when the Service leaves it:
// no other Service uses it, and it is the Service's own, or one that this
// cluster made for a Service which went before.
func (v *view) goesWhole() bool {
	return v.balancer != nil && len(v.others) == 0 &&
		(v.actual.Owned || v.made(v.balancer) && strings.HasPrefix(v.balancer.Name, owner.ServicePrefix))
}
