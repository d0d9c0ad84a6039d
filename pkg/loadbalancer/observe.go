package loadbalancer

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"underlay/internal/owner"
	"underlay/pkg/loadbalancer/spec"
	"underlay/pkg/loadbalancer/tree"
)

// sighting is what one look found for a Service, and what it wants of that.
type sighting struct {
	claim claim
	// old: it was seen in lists that are too old to change anything by.
	old     bool
	desired tree.Desired
	notices []spec.Notice
	actual  tree.Actual
}

// extent says what a look must include.
type extent struct {
	// wish is the Service's; nil: it wants nothing any more.
	wish *spec.Wish
	// whole reads everything of the project, as the repair pass does.
	whole bool
	// freshPorts asks for ports as they are now.
	freshPorts bool
}

func (e *extent) leaving() bool { return e.wish == nil }

// observe reads what the cloud has for a Service: without anything to do four
// calls, however many ports it has.
func (c *Controller) observe(ctx context.Context, k *look, s *subject, found claim, e extent) (*sighting, error) {
	seen := &sighting{claim: found, old: k.old}
	b := found.balancer
	if b != nil && !c.deletedAsWhole(s, found, e) {
		if err := c.whole(ctx, k, b); err != nil {
			return nil, err
		}
	}
	seen.actual.Balancer, seen.actual.Owned, seen.actual.Former = b, found.owned, found.former
	var err error
	if seen.desired, seen.notices, err = c.desire(ctx, s, found, e); err != nil {
		c.sayNotices(s, seen.notices)
		return nil, err
	}
	if seen.actual.FloatingIPs, err = c.floatingIPs(ctx, k, s, b, &seen.desired); err != nil {
		return nil, fmt.Errorf("read floating IPs: %w", err)
	}
	if seen.actual.SecurityGroups, err = c.securityGroups(ctx, k, s, &seen.desired, e); err != nil {
		return nil, fmt.Errorf("read security groups: %w", err)
	}
	if seen.actual.Ports, err = c.ports(ctx, k, seen, e); err != nil {
		return nil, fmt.Errorf("read ports: %w", err)
	}
	return seen, nil
}

// deletedAsWhole: the load balancer serves nobody else and goes with all that
// hangs on it, so that nobody needs to know what that is. Where our own tags are
// gone, those of others may be too, and its parts have to tell.
func (c *Controller) deletedAsWhole(s *subject, found claim, e extent) bool {
	if !e.leaving() || !found.owned || !c.config.CascadeDelete {
		return false
	}
	tags := found.balancer.Tags
	if !slices.Contains(tags, s.name) || !slices.Contains(tags, s.cluster.Tag()) {
		return false
	}
	return !slices.ContainsFunc(tags, func(tag string) bool {
		return strings.HasPrefix(tag, owner.ServicePrefix) && tag != s.name
	})
}

// floatingIPs are those on the VIP port, those that the Service left behind, and
// the one that it asks for. Where the port has the wanted one, a Service that is
// looked at alone and stays looks for nothing else.
func (c *Controller) floatingIPs(ctx context.Context, k *look, s *subject, b *tree.Balancer, desired *tree.Desired) ([]tree.FloatingIP, error) {
	port, wanted := "none yet", "none in particular" // which no object has
	if b != nil {
		port = b.VIP.PortID
	}
	if desired.FloatingIP != nil {
		wanted = cmp.Or(desired.FloatingIP.Address, wanted)
	}
	if k.alone && b != nil && !desired.Gone {
		found, err := k.cloud.FloatingIPs(ctx, port)
		if err != nil || enough(found, desired) {
			return found, err
		}
	}
	all, err := k.addresses.Get(ctx, k.age(true))
	if err != nil {
		return nil, err
	}
	found := sift(all, func(ip *tree.FloatingIP) bool {
		return ip.PortID == port || ip.Address == wanted ||
			s.cluster.MadeFloatingIP(s.owner, ip.Description) || s.cluster.KeptFloatingIP(s.owner, ip.Description)
	})
	slices.SortFunc(found, func(a, b tree.FloatingIP) int { return strings.Compare(a.ID, b.ID) })
	return found, nil
}

// sift copies a few of many. It is kept a Service, and has no room for all.
func sift[T any](all []T, which func(*T) bool) []T {
	var few []T
	for i := range all {
		if which(&all[i]) {
			few = append(few, all[i])
		}
	}
	return few
}

// enough says whether those on the VIP port are all that the Service can need.
func enough(onPort []tree.FloatingIP, desired *tree.Desired) bool {
	return desired.FloatingIP == nil || slices.ContainsFunc(onPort, func(ip tree.FloatingIP) bool {
		return desired.FloatingIP.Address == "" || desired.FloatingIP.Address == ip.Address
	})
}

// securityGroups are those of the Service's generated name. Where they are not
// managed, those of a time when they were are found by the first repair pass.
func (c *Controller) securityGroups(ctx context.Context, k *look, s *subject, desired *tree.Desired, e extent) ([]tree.SecurityGroup, error) {
	first := e.whole && !c.swept.Load()
	if desired.SecurityGroup == nil && !desired.Gone && !first && !s.hadGroups {
		return nil, nil
	}
	name := owner.SecurityGroupName(s.owner)
	if k.alone {
		return k.cloud.SecurityGroups(ctx, name)
	}
	all, err := k.groups.Get(ctx, k.age(false))
	if err != nil {
		return nil, err
	}
	var found []tree.SecurityGroup
	for _, group := range all {
		if group.Name == name {
			found = append(found, group)
		}
	}
	return found, nil
}

// ports are those that carry the Service's groups or are to carry them, and the
// VIP port where something is to be written on it.
func (c *Controller) ports(ctx context.Context, k *look, seen *sighting, e extent) ([]tree.Port, error) {
	wanted, groups := portsWanted(seen), map[string]bool{}
	for i := range seen.actual.SecurityGroups {
		groups[seen.actual.SecurityGroups[i].ID] = true
	}
	if len(wanted) == 0 && len(groups) == 0 {
		return nil, nil
	}
	age := portAge
	switch {
	case e.freshPorts:
		age = 0
	case e.whole:
		age = k.age(false)
	}
	all, err := k.cloud.BalancerPorts(ctx, age)
	if err != nil {
		return nil, err
	}
	var found []tree.Port
	for i := range all {
		carries := slices.ContainsFunc(all[i].SecurityGroupIDs, func(id string) bool { return groups[id] })
		if carries || wanted[all[i].ID] {
			found = append(found, all[i])
		}
	}
	slices.SortFunc(found, func(a, b tree.Port) int { return strings.Compare(a.ID, b.ID) })
	return found, nil
}

func portsWanted(seen *sighting) map[string]bool {
	wanted := map[string]bool{}
	if group := seen.desired.SecurityGroup; group != nil {
		for _, id := range group.PortIDs {
			wanted[id] = true
		}
	}
	if ip := seen.desired.FloatingIP; ip != nil && ip.PortDescription != nil && seen.actual.Balancer != nil {
		wanted[seen.actual.Balancer.VIP.PortID] = true
	}
	return wanted
}
