package spec

import (
	"cmp"
	"net/netip"
	"slices"

	v1 "k8s.io/api/core/v1"

	"underlay/pkg/loadbalancer/tree"
)

var noPrefix netip.Prefix

// backend is a node's address as a member.
type backend struct {
	name, address string
	family        v1.IPFamily
	// subnet is "" where none is known.
	subnet string
	// port is the node's port that has the address, nil where it is not seen.
	port     *tree.Port
	draining bool
}

// backends are the members to be, by address.
type backends struct {
	*resolver
	all []backend
	// kept are the subnets of members that are there.
	kept map[tree.Target]*string
}

// backends finds an address, a port and a subnet for each node and family.
func (r *resolver) backends() backends {
	b := backends{resolver: r, kept: map[tree.Target]*string{}}
	for _, family := range r.families {
		b.all = append(b.all, r.backendsOf(family)...)
	}
	if !slices.ContainsFunc(b.all, func(m backend) bool { return !m.draining }) {
		for i := range b.all {
			b.all[i].draining = false // better a node that goes than none
		}
	}
	if len(b.all) == 0 {
		r.notice(NoMembers, "no node can serve the Service: check node-selector, and the nodes' addresses")
	}
	if r.facts.Balancer != nil && r.chosenSubnet() == "" {
		for _, l := range r.facts.Balancer.Listeners {
			if l.Pool == nil {
				continue
			}
			for _, m := range l.Pool.Members {
				b.kept[m.Target] = m.SubnetID
			}
		}
	}
	return b
}

// backendsOf finds the addresses of one family; of nodes with the same address
// the first that is not about to go counts.
func (r *resolver) backendsOf(family v1.IPFamily) []backend {
	chosen := r.facts.subnet(r.chosenSubnet())
	var within netip.Prefix
	if chosen != nil {
		within, _ = netip.ParsePrefix(chosen.CIDR)
	}
	var all []backend
	for _, n := range r.nodes {
		m := backend{name: n.name, address: n.address(family, within), family: family, draining: n.draining}
		if m.address == "" {
			continue
		}
		held := holderOf(n, r.holders[m.address])
		m.port = held.port
		m.subnet = cmp.Or(r.memberSubnet(family, chosen), held.subnet, r.vipSubnet(family))
		i := slices.IndexFunc(all, func(other backend) bool { return other.address == m.address })
		switch {
		case i < 0:
			all = append(all, m)
		case all[i].draining && !m.draining:
			all[i] = m
		}
	}
	return all
}

// memberSubnet is the chosen subnet where it fits the family; a subnet that is
// not seen is taken for one of the preferred family.
func (r *resolver) memberSubnet(family v1.IPFamily, chosen *tree.Subnet) string {
	fits := family == r.families[0]
	if chosen != nil {
		fits = chosen.IPv6 == (family == v1.IPv6Protocol)
	}
	if !fits {
		return ""
	}
	return r.chosenSubnet()
}

// chosenSubnet is the members' subnet where somebody chose one: for them, or for
// the virtual address. A load balancer that is there has the one that it has.
func (r *resolver) chosenSubnet() string {
	if r.vip.memberSubnet != "" || r.vip.subnet.value == "" {
		return r.vip.memberSubnet
	}
	return cmp.Or(r.desired.Balancer.VIP.SubnetID, r.vip.subnet.value)
}

// vipSubnet is the subnet of the virtual address of a family, or "".
func (r *resolver) vipSubnet(family v1.IPFamily) string {
	b := &r.desired.Balancer
	for i, vip := range append([]tree.VIP{b.VIP}, b.AdditionalVIPs...) {
		own := familyOfText(vip.Address)
		if own == "" && i < len(r.stacks) {
			own = r.stacks[i]
		}
		if own == family && vip.SubnetID != "" {
			return vip.SubnetID
		}
	}
	return ""
}

// of gives the members of a port, sorted; never nil.
func (b backends) of(p *portWish, monitor *tree.Monitor) []tree.Member {
	members := []tree.Member{}
	if p.port.NodePort == 0 { // allocateLoadBalancerNodePorts is false
		return members
	}
	for _, m := range b.all {
		if !slices.Contains(b.memberFamilies(p), m.family) {
			continue
		}
		member := tree.Member{
			Target: tree.Target{Address: m.address, Port: int(p.port.NodePort)},
			Name:   m.name, Weight: pointer(1),
		}
		if m.draining {
			member.Weight = pointer(0)
		}
		if m.subnet != "" {
			member.SubnetID = pointer(m.subnet)
		}
		if kept, ok := b.kept[member.Target]; ok {
			member.SubnetID = kept
		}
		if b.can.MonitorPort() {
			member.MonitorPort = pointer(0)
			if monitor != nil && monitor.Type == "HTTP" {
				member.MonitorPort = pointer(b.checkPort)
			}
		}
		members = append(members, member)
	}
	slices.SortFunc(members, func(x, y tree.Member) int { return x.Compare(y.Target) })
	return members
}

// memberFamilies are the families of a pool's members. A proxy reaches members
// of one family from clients of both; LVS, which carries UDP and SCTP, and Open
// vSwitch need members of the client's own family.
func (b backends) memberFamilies(p *portWish) []v1.IPFamily {
	if p.key.Transport == tree.TCP && b.can.Provider != tree.OVN {
		return b.families[:1]
	}
	var both []v1.IPFamily
	for _, family := range b.families {
		if slices.Contains(b.stacks, family) {
			both = append(both, family)
		}
	}
	if len(both) == 0 {
		return b.families[:1]
	}
	return both
}
