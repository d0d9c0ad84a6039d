package spec

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	v1 "k8s.io/api/core/v1"

	"underlay/internal/owner"
	"underlay/pkg/loadbalancer/tree"
)

// securityGroup wants the managed group, which lets the load balancer reach the
// nodes' NodePorts.
//
// A proxy comes from its own address in the members' subnet. Open vSwitch does
// not change the client's address: then the group lets in whom source ranges
// allow, pods of the cluster, and the subnet, where health checks come from.
func (r *resolver) securityGroup() {
	if !r.config.ManageSecurityGroups {
		return
	}
	wish := &tree.SecurityGroupWish{Name: owner.SecurityGroupName(r.service), Description: r.cluster.SecurityGroupDescription(r.service)}
	r.desired.SecurityGroup = wish
	families := r.groupFamilies()
	for _, family := range families {
		subnets := r.memberCIDRs(family)
		sources := subnets
		if r.can.Provider == tree.OVN {
			sources = r.clientCIDRs(family, subnets)
		}
		for _, p := range r.ports {
			if p.port.NodePort != 0 {
				wish.Rules = append(wish.Rules, rules(family, p.key.Transport, int(p.port.NodePort), sources)...)
			}
		}
		if r.checkPort != 0 {
			wish.Rules = append(wish.Rules, rules(family, tree.TCP, r.checkPort, subnets)...)
		}
	}
	slices.SortFunc(wish.Rules, compareRules)
	wish.Rules = slices.Compact(wish.Rules)
	for _, m := range r.members.all {
		if m.port != nil && m.port.PortSecurity && slices.Contains(families, m.family) {
			wish.PortIDs = append(wish.PortIDs, m.port.ID)
		}
	}
	slices.Sort(wish.PortIDs)
	wish.PortIDs = slices.Compact(wish.PortIDs)
}

// groupFamilies are the families of all pools' members.
func (r *resolver) groupFamilies() []v1.IPFamily {
	var all []v1.IPFamily
	for i := range r.ports {
		all = append(all, r.members.memberFamilies(&r.ports[i])...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// memberSubnets are those that the members say, which may not be the nodes' own.
func (r *resolver) memberSubnets(family v1.IPFamily) []string {
	var ids []string
	for _, l := range r.desired.Balancer.Listeners {
		if l.Pool == nil {
			continue
		}
		for _, m := range l.Pool.Members {
			if familyOfText(m.Address) == family {
				ids = append(ids, cmp.Or(valueOf(m.SubnetID), r.vipSubnet(family)))
			}
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

func valueOf(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}

// memberCIDRs are the subnets from which a load balancer reaches the members.
func (r *resolver) memberCIDRs(family v1.IPFamily) []netip.Prefix {
	var all []netip.Prefix
	for _, id := range r.memberSubnets(family) {
		s := r.facts.subnet(id)
		if s == nil {
			r.reject(memberSubnetID, id, "is not a subnet that the project sees, so that security groups cannot be managed for it", "correct the id, or set manage-security-groups=false")
			continue
		}
		if prefix, err := netip.ParsePrefix(s.CIDR); err == nil {
			all = append(all, prefix.Masked())
		}
	}
	return sortPrefixes(all)
}

// clientCIDRs are where packets come from that keep the client's address.
func (r *resolver) clientCIDRs(family v1.IPFamily, subnets []netip.Prefix) []netip.Prefix {
	all := r.ranges.of([]v1.IPFamily{family})
	if !r.ranges.restricted([]v1.IPFamily{family}) {
		return all
	}
	for _, p := range r.clusterCIDRs {
		if familyOf(p.Addr()) == family {
			all = append(all, p.Masked())
		}
	}
	return sortPrefixes(append(all, subnets...))
}

func rules(family v1.IPFamily, transport tree.Protocol, port int, sources []netip.Prefix) []tree.RuleMatch {
	var all []tree.RuleMatch
	for _, source := range sources {
		all = append(all, tree.RuleMatch{
			Direction: "ingress", EtherType: string(family), Protocol: strings.ToLower(string(transport)),
			PortMin: port, PortMax: port, RemotePrefix: source.String(),
		})
	}
	return all
}

func compareRules(a, b tree.RuleMatch) int {
	return cmp.Or(cmp.Compare(a.EtherType, b.EtherType), cmp.Compare(a.PortMin, b.PortMin), cmp.Compare(a.Protocol, b.Protocol), cmp.Compare(a.RemotePrefix, b.RemotePrefix))
}
