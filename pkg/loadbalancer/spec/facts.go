package spec

import (
	"slices"
	"strings"

	v1 "k8s.io/api/core/v1"

	"underlay/pkg/loadbalancer/tree"
)

// Facts are what Resolve has to know of the cloud. Lists may be in any order.
type Facts struct {
	// Version is the API's.
	Version tree.Version
	// Balancer is the load balancer that serves the Service now; nil: none yet, it
	// will be made. What can only be chosen when one is made (provider, flavor,
	// zone, addresses, subnets) is then left as it is, and so are names that the
	// Service's parts already have.
	Balancer *tree.Balancer
	// Shared: Balancer is not the Service's own, which only uses it.
	Shared bool
	// The lists are needed as Needs says, else they may be nil.
	ExternalNetworks []tree.Network
	Subnets          []tree.Subnet
	Ports            []tree.Port
}

// Needs says which lists of Facts a Wish depends on.
type Needs struct {
	ExternalNetworks, Subnets, Ports bool
	// Port is one that the list of ports must not miss, "" for none.
	Port string
}

// Needs says which lists Resolve will use.
func (w Wish) Needs() Needs {
	public := !w.internal && slices.Contains(w.families, v1.IPv4Protocol)
	search := public && w.floating.network == ""
	choose := public && w.floating.address == "" && (w.floating.subnets.matches() || w.floating.subnets.id != "")
	return Needs{
		ExternalNetworks: search,
		Subnets:          search || choose || w.choosesSubnets() || w.choosesAddresses() || w.config.ManageSecurityGroups,
		Ports:            w.seesPorts(),
		Port:             w.vip.port.value,
	}
}

// seesPorts: the ports of nodes are looked for, or one that the user made.
func (w Wish) seesPorts() bool {
	return !w.subnetChosen() || w.config.ManageSecurityGroups || w.choosesSubnets() || w.vip.port.value != ""
}

// subnetChosen: somebody says in which subnet the members are.
func (w Wish) subnetChosen() bool { return w.vip.memberSubnet != "" || w.vip.subnet.value != "" }

// choosesSubnets: a subnet of a family is looked for in the VIP's network.
func (w Wish) choosesSubnets() bool {
	if w.vip.port.value != "" {
		return false
	}
	byNetwork := w.vip.subnet.value == "" && w.vip.network.value != ""
	return len(w.families) > 1 || byNetwork && w.families[0] == v1.IPv6Protocol
}

// choosesAddresses: a node has several addresses, of which one in the members'
// subnet is looked for.
func (w Wish) choosesAddresses() bool {
	return w.subnetChosen() && slices.ContainsFunc(w.nodes, func(n node) bool { return len(n.addresses[w.families[0]]) > 1 })
}

// subnet finds a subnet by id, nil where it is not seen.
func (f Facts) subnet(id string) *tree.Subnet {
	for i := range f.Subnets {
		if f.Subnets[i].ID == id {
			return &f.Subnets[i]
		}
	}
	return nil
}

// holder is a port that has an address, and the subnet that this is in.
type holder struct {
	port   *tree.Port
	subnet string
}

// holders finds the ports that have an address of one of the nodes, in one pass:
// a project may have thousands of ports, and a cluster hundreds of Services.
func (f Facts) holders(nodes []node) map[string][]holder {
	all := map[string][]holder{}
	for _, n := range nodes {
		for _, addresses := range n.addresses {
			for _, address := range addresses {
				all[address] = nil
			}
		}
	}
	for i := range f.Ports {
		for _, ip := range f.Ports[i].FixedIPs {
			if found, ok := all[ip.Address]; ok {
				all[ip.Address] = append(found, holder{&f.Ports[i], ip.SubnetID})
			}
		}
	}
	return all
}

// holderOf is the port of a node that has the address; none where none has, or
// where more than one has and the node does not say which server it is.
func holderOf(n node, holders []holder) holder {
	var found holder
	for _, h := range holders {
		ours := h.port.DeviceID == n.server
		if n.server == "" {
			ours = strings.HasPrefix(h.port.DeviceOwner, "compute:")
		}
		switch {
		case !ours:
		case found.port == nil || n.server != "" && h.port.ID < found.port.ID:
			found = h
		case n.server == "":
			return holder{}
		}
	}
	return found
}

// externalNetwork is the first external network, by id as Neutron lists them,
// that has an IPv4 subnet. Where the project may not see the subnets of any
// external network, the first one that has subnets at all.
func (f Facts) externalNetwork() string {
	var seen, unseen string
	for _, n := range f.ExternalNetworks {
		if !n.External {
			continue
		}
		visible := slices.ContainsFunc(f.Subnets, func(s tree.Subnet) bool { return s.NetworkID == n.ID })
		ipv4 := slices.ContainsFunc(f.Subnets, func(s tree.Subnet) bool { return s.NetworkID == n.ID && !s.IPv6 })
		if ipv4 && (seen == "" || n.ID < seen) {
			seen = n.ID
		}
		if !visible && len(n.SubnetIDs) > 0 && (unseen == "" || n.ID < unseen) {
			unseen = n.ID
		}
	}
	if seen != "" {
		return seen
	}
	return unseen
}
