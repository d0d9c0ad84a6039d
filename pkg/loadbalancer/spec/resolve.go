package spec

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	v1 "k8s.io/api/core/v1"

	"underlay/internal/owner"
	"underlay/pkg/loadbalancer/tree"
)

// resolver brings a wish and the facts together.
type resolver struct {
	Wish
	facts    Facts
	can      tree.Capabilities
	name     string
	problems []Problem
	// stacks are the IP families of the load balancer's addresses.
	stacks  []v1.IPFamily
	members backends
	holders map[string][]holder // by address
	desired tree.Desired
}

// Resolve gives what the Service wants of this cloud. The notices are worth a
// warning event each. The error joins a Problem for each wish that cannot be
// met and must not be left out; then nothing is to be done.
//
// Shared and Rebuild are the controller's to set.
func (w Wish) Resolve(f Facts) (tree.Desired, []Notice, error) {
	r := &resolver{Wish: w, facts: f, name: w.cluster.BalancerName(w.service)}
	r.notices = slices.Clone(w.notices)
	r.can = tree.Capabilities{Version: f.Version, Provider: w.kind.provider.value}
	if f.Balancer != nil && f.Balancer.Provider != "" {
		r.can.Provider = f.Balancer.Provider
	}
	r.desired = tree.Desired{
		Cluster: w.cluster, Service: w.service, BalancerName: r.name, Capabilities: r.can,
		MaxShared: w.config.MaxSharedLB, KeepFloatingIP: w.keepFloatingIP, CascadeDelete: w.config.CascadeDelete,
		Serial: w.config.ProviderRequiresSerialAPICalls,
	}
	r.holders = f.holders(w.allNodes)
	r.balancer()
	r.vipSecurityGroups()
	r.members = r.backends()
	r.listeners()
	r.floatingIP()
	r.securityGroup()
	if err := join(r.problems); err != nil {
		return tree.Desired{}, r.sortedNotices(), err
	}
	return r.desired, r.sortedNotices(), nil
}

func (r *resolver) sortedNotices() []Notice {
	slices.SortFunc(r.notices, func(a, b Notice) int {
		return cmp.Or(strings.Compare(a.Reason, b.Reason), strings.Compare(a.Message, b.Message))
	})
	return slices.Compact(r.notices)
}

func (r *resolver) reject(key, value, message, advice string) {
	r.problems = append(r.problems, Problem{key, value, message, advice})
}

// balancer sets all of the load balancer but its listeners.
func (r *resolver) balancer() {
	b := &r.desired.Balancer
	b.Name, b.Description = r.name, r.cluster.BalancerDescription(r.service)
	if r.can.Tags() {
		b.Tags = append([]string{r.cluster.Tag(), r.name}, r.kind.tags...)
		slices.Sort(b.Tags)
	} else if len(r.kind.tags) > 0 {
		r.unsupported(tags, Prefix+tags)
	}
	if r.facts.Balancer != nil {
		r.existing(r.facts.Balancer)
		return
	}
	b.Provider = r.kind.provider.value
	if b.FlavorID = r.kind.flavor.value; b.FlavorID != "" && !r.can.Flavors() {
		b.FlavorID = ""
		r.unsupported(flavorID, r.kind.flavor.key)
	}
	if b.AvailabilityZone = r.kind.zone.value; b.AvailabilityZone != "" && !r.can.AvailabilityZones() {
		b.AvailabilityZone = ""
		r.unsupported(zone, cmp.Or(r.kind.zone.key, "[LoadBalancer] "+zone))
	}
	r.newVIPs()
}

// vipSecurityGroups sets the user's own groups on the VIP port. Without the
// annotation, or on a load balancer that is not the Service's own, those that are
// there stay; Octavia then refuses allowed_cidrs too.
func (r *resolver) vipSecurityGroups() {
	groups := r.kind.vipGroups
	if r.facts.Shared {
		others := func(id string) bool { return !slices.Contains(r.facts.Balancer.VIPSecurityGroupIDs, id) }
		if slices.ContainsFunc(groups.value, others) {
			r.reject(groups.key, "", "cannot change a load balancer that is not the Service's own", "write it on the Service that the load balancer was made for, or remove it")
		}
		groups = setting[[]string]{}
	}
	if groups.key != "" && (r.can.VIPSecurityGroups() || len(groups.value) > 0) {
		r.desired.Balancer.VIPSecurityGroupIDs = groups.value
	}
	if len(groups.value) > 0 && !r.can.VIPSecurityGroups() {
		r.impossible(vipGroups, groups.key)
	}
	if r.guarded() && r.ranges.restricted(r.stacks) {
		r.reject(r.ranges.key, "", "cannot be used together with security groups on the virtual address", "restrict the sources in those groups, or take them off with an empty "+vipGroups)
	}
}

// guarded: the VIP port has, or will have, groups of the user's.
func (r *resolver) guarded() bool {
	if r.kind.vipGroups.key != "" && !r.facts.Shared {
		return len(r.kind.vipGroups.value) > 0
	}
	return r.facts.Balancer != nil && len(r.facts.Balancer.VIPSecurityGroupIDs) > 0
}

// existing leaves what can only be chosen when a load balancer is made.
func (r *resolver) existing(actual *tree.Balancer) {
	b := &r.desired.Balancer
	if actual.Name == owner.LegacyBalancerName(r.service) {
		b.Name = actual.Name
	}
	if r.can.Tags() && actual.Description != "" {
		b.Description = actual.Description // the tags say whose it is
	}
	b.Provider, b.FlavorID, b.AvailabilityZone = actual.Provider, actual.FlavorID, actual.AvailabilityZone
	b.VIP = tree.VIP{NetworkID: actual.VIP.NetworkID, SubnetID: actual.VIP.SubnetID, Address: actual.VIP.Address, PortID: r.vip.port.value}
	for _, vip := range actual.AdditionalVIPs {
		b.AdditionalVIPs = append(b.AdditionalVIPs, tree.VIP{NetworkID: vip.NetworkID, SubnetID: vip.SubnetID, Address: vip.Address})
	}
	for _, vip := range append([]tree.VIP{actual.VIP}, actual.AdditionalVIPs...) {
		if family := familyOfText(vip.Address); family != "" && !slices.Contains(r.stacks, family) {
			r.stacks = append(r.stacks, family)
		}
	}
	if len(r.stacks) == 0 {
		r.stacks = r.families[:1]
	}
	if actual.Name == r.name {
		r.fixed(actual)
	}
}

// fixed tells what the annotations ask for in vain.
func (r *resolver) fixed(actual *tree.Balancer) {
	if len(r.families) > 1 && len(r.stacks) < 2 {
		r.notice(SingleStack, "the load balancer was made with one address, and a second one can only be chosen when it is made")
	}
	for _, f := range []struct {
		wanted setting[string]
		actual string
	}{
		{r.kind.provider, actual.Provider}, {r.kind.flavor, cmp.Or(actual.FlavorID, "none")}, {r.kind.zone, cmp.Or(actual.AvailabilityZone, "none")},
		{r.vip.subnet, actual.VIP.SubnetID}, {r.vip.network, actual.VIP.NetworkID}, {r.vip.port, actual.VIP.PortID},
	} {
		if f.wanted.key != "" && f.wanted.value != "" && f.actual != "" && f.wanted.value != f.actual {
			r.notice(SettingIsFixed, "annotation %s asks for %s, but the load balancer has %s, which can only be chosen when it is made", f.wanted.key, f.wanted.value, f.actual)
		}
	}
	for _, vip := range append([]tree.VIP{actual.VIP}, actual.AdditionalVIPs...) {
		wanted := r.vip.addresses[familyOfText(vip.Address)]
		if wanted.value != "" && wanted.value != vip.Address {
			r.notice(SettingIsFixed, "%s asks for address %s, but the load balancer has %s, which can only be chosen when it is made", wanted.key, wanted.value, vip.Address)
		}
	}
}

// unsupported leaves out what does no harm when it is missing.
func (r *resolver) unsupported(name, key string) {
	if key != "" {
		r.notice(SettingNotSupported, "%s has no effect: it needs %s, but this is %s", key, needs(name), r.here())
	}
}

// impossible refuses what must not be left out.
func (r *resolver) impossible(name, key string) {
	r.reject(key, "", fmt.Sprintf("needs %s, but this is %s", needs(name), r.here()), "remove it, or choose another provider with lb-provider")
}

// needs says in words what an annotation depends on.
func needs(name string) string {
	return strings.NewReplacer("`", "", ", not `ovn`", " and a provider other than ovn", "not `ovn`", "a provider other than ovn").Replace(declared[name].Needs)
}

func (r *resolver) here() string {
	return fmt.Sprintf("Octavia %s with the provider %s", r.can.Version, r.can.Provider)
}
