package spec

import (
	"cmp"
	"slices"
	"strings"

	v1 "k8s.io/api/core/v1"

	"underlay/pkg/loadbalancer/tree"
)

// newVIPs chooses the addresses of a load balancer that will be made.
func (r *resolver) newVIPs() {
	b := &r.desired.Balancer
	first := r.families[0]
	r.stacks = []v1.IPFamily{first}
	b.VIP.Address, b.VIP.Kept = r.address(first)
	if r.vip.port.value != "" {
		b.VIP, first = r.portVIP(r.vip.port.value)
		r.stacks = []v1.IPFamily{first}
		return
	}
	b.VIP.SubnetID, b.VIP.NetworkID = r.vip.subnet.value, r.vip.network.value
	switch {
	case b.VIP.SubnetID == "" && b.VIP.NetworkID == "":
		b.VIP.SubnetID = r.nodeSubnet()
	case b.VIP.SubnetID == "" && (first == v1.IPv6Protocol || len(r.families) > 1):
		b.VIP.SubnetID = r.subnetIn(b.VIP.NetworkID, first)
	}
	if len(r.families) > 1 {
		r.additionalVIP(r.families[1])
	}
}

// address is the virtual address to ask for: the one that the user chose, else the
// one by which the Service is known already, if it is no floating IP's.
func (r *resolver) address(family v1.IPFamily) (address string, kept bool) {
	if chosen := r.vip.addresses[family].value; chosen != "" {
		return chosen, false
	}
	if !r.internal && family == v1.IPv4Protocol {
		return "", false
	}
	return r.had[family], r.had[family] != ""
}

// portVIP is the virtual address on a port that the user made, of which a load
// balancer takes one address: the one that the Service asks for; the port's only
// one; of several, which Octavia refuses to choose from, the first of the Service's
// preferred family. Of a port that is not seen nothing is known.
// Source: octavia/api/v2/controllers/load_balancer.py, _validate_port_and_fill_or_validate_subnet.
func (r *resolver) portVIP(id string) (tree.VIP, v1.IPFamily) {
	first := r.families[0]
	vip := tree.VIP{PortID: id, Address: r.vip.addresses[first].value}
	at := slices.IndexFunc(r.facts.Ports, func(p tree.Port) bool { return p.ID == id })
	if at < 0 || vip.Address != "" {
		return vip, first
	}
	all := r.facts.Ports[at].FixedIPs
	if len(all) == 1 {
		return vip, familyOfText(all[0].Address)
	}
	for _, ip := range all {
		if familyOfText(ip.Address) == first {
			vip.Address = ip.Address
			break
		}
	}
	return vip, first
}

// nodeSubnet is the subnet of the first node, by name, that has a port: of a
// member if there is one.
func (r *resolver) nodeSubnet() string {
	for _, n := range slices.Concat(r.nodes, r.allNodes) {
		if held := holderOf(n, r.holders[n.address(r.families[0], noPrefix)]); held.subnet != "" {
			return held.subnet
		}
	}
	r.reject("subnet-id", "", "is not set, and no node has a port with its address, whose subnet could be used", "set subnet-id in cloud.conf, in a class or in an annotation, or wait for nodes")
	return ""
}

// subnetIn is a subnet of the network in the family: one that nodes are in if
// there is one, else the first by id; "" if none is seen.
func (r *resolver) subnetIn(networkID string, family v1.IPFamily) string {
	var best, inUse string
	for _, s := range r.facts.Subnets {
		if s.NetworkID != networkID || s.IPv6 != (family == v1.IPv6Protocol) {
			continue
		}
		if best == "" || s.ID < best {
			best = s.ID
		}
		if r.hasNodes(s.ID) && (inUse == "" || s.ID < inUse) {
			inUse = s.ID
		}
	}
	return cmp.Or(inUse, best)
}

func (r *resolver) hasNodes(subnetID string) bool {
	return slices.ContainsFunc(r.facts.Ports, func(p tree.Port) bool {
		return strings.HasPrefix(p.DeviceOwner, "compute:") &&
			slices.ContainsFunc(p.FixedIPs, func(ip tree.FixedIP) bool { return ip.SubnetID == subnetID })
	})
}

// additionalVIP adds the address of the second family, or says why there is none.
func (r *resolver) additionalVIP(family v1.IPFamily) {
	b := &r.desired.Balancer
	if !r.can.AdditionalVIPs() {
		r.notice(SingleStack, "there is no %s address: it needs %s, but this is %s", family, needs(additionalID), r.here())
		return
	}
	network := b.VIP.NetworkID
	if s := r.facts.subnet(b.VIP.SubnetID); s != nil {
		network = s.NetworkID
	}
	subnet := cmp.Or(r.vip.additionalSubnet.value, r.subnetIn(network, family))
	if subnet == "" {
		r.notice(SingleStack, "there is no %s address: the network of the virtual address has no subnet of that family", family)
		return
	}
	vip := tree.VIP{SubnetID: subnet}
	vip.Address, vip.Kept = r.address(family)
	b.AdditionalVIPs = []tree.VIP{vip}
	r.stacks = append(r.stacks, family)
}

// floatingIP wants a public address where there is an IPv4 address to carry it.
func (r *resolver) floatingIP() {
	if r.internal || !slices.Contains(r.stacks, v1.IPv4Protocol) {
		return
	}
	network := cmp.Or(r.floating.network, r.facts.externalNetwork())
	if network == "" {
		r.notice(NoFloatingNetwork, "the project sees no external network with an IPv4 subnet, so there is no floating IP; set floating-network-id")
		return
	}
	wish := &tree.FloatingIPWish{
		NetworkID: network, Address: r.floating.address,
		Description: r.cluster.FloatingIPDescription(r.service), PortDescription: r.floating.portDescription,
	}
	r.desired.FloatingIP = wish
	choice := r.floating.subnets
	switch {
	case choice.id != "":
		wish.SubnetIDs = []string{choice.id}
		if s := r.facts.subnet(choice.id); s != nil && s.NetworkID != network {
			r.reject(floatSubnetID, choice.id, "is a subnet of another network than "+network, "choose a subnet of that network, or set floating-network-id")
		}
	case choice.matches() && wish.Address == "":
		if wish.SubnetIDs = choice.pick(network, r.facts.Subnets); len(wish.SubnetIDs) == 0 {
			r.reject(floatSubnet, "", "no IPv4 subnet of network "+network+" has "+choice.String(), "correct the choice; it is made in the class, the annotations or cloud.conf")
		}
	}
}
