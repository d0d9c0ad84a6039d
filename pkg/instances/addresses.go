package instances

import (
	"cmp"
	"net/netip"
	"slices"

	v1 "k8s.io/api/core/v1"
)

// hostnameKey is the server's metadata key that sets the Node's Hostname
// address; the reference peer reads the same key.
const hostnameKey = "hostname"

// nic is one network interface of a server: a port of its own or a subport of
// its trunk.
type nic struct {
	// network is the network's name, "" where it could not be learned.
	network  string
	active   bool
	fixedIPs []string
}

// located is one usable address and where it was found.
type located struct {
	addr    netip.Addr
	network string
	// rank is the network's place: those that the server lists, in its order,
	// then those of trunk subports.
	rank int
}

// addresses are what a Node shows of its server:
//
//   - InternalIP: fixed IPs of active interfaces (trunk subports too) and of
//     Nova's address map. The map also covers ports that this project may not
//     see. With internal-network-name, only those on networks so named.
//   - ExternalIP: Nova's access IPs, fixed IPs on networks named
//     public-network-name (which are then not internal), floating IPs.
//   - Hostname: the server's metadata "hostname", if set.
//
// Link-local, loopback and unreadable addresses are dropped, and IPv6 as a
// whole with ipv6-support-disabled. Spelling is canonical. An address appears
// once in a type. The order does not depend on the order of nics: network by
// network as the server lists them, IPv4 before IPv6, ascending; then
// address-sort-order. Kubernetes takes the first InternalIP for the Node's own.
func addresses(server *Server, nics []nic, choice selection) []v1.NodeAddress {
	fixed, floating := collect(server, nics, choice)
	var internal, external []netip.Addr
	for _, access := range []string{server.AccessIPv4, server.AccessIPv6} {
		if addr, ok := choice.usable(access); ok {
			external = append(external, addr)
		}
	}
	for _, at := range fixed {
		switch {
		case choice.public[at.network]:
			external = append(external, at.addr)
		case len(choice.internal) == 0 || choice.internal[at.network]:
			internal = append(internal, at.addr)
		}
	}
	for _, at := range floating {
		external = append(external, at.addr)
	}
	result := typed(nil, v1.NodeInternalIP, internal)
	result = typed(result, v1.NodeExternalIP, external)
	choice.sort(result)
	if name := server.Metadata[hostnameKey]; name != "" {
		result = append(result, v1.NodeAddress{Type: v1.NodeHostName, Address: name})
	}
	return result
}

// collect gathers the usable fixed and floating addresses, each once, sorted.
func collect(server *Server, nics []nic, choice selection) (fixed, floating []located) {
	ranks := map[string]int{}
	for _, a := range server.Addresses {
		if _, known := ranks[a.Network]; !known {
			ranks[a.Network] = len(ranks)
		}
		if addr, ok := choice.usable(a.Address); ok {
			at := located{addr: addr, network: a.Network, rank: ranks[a.Network]}
			if a.Floating {
				floating = append(floating, at)
			} else {
				fixed = append(fixed, at)
			}
		}
	}
	for _, n := range nics {
		rank, known := ranks[n.network]
		if !known {
			rank = len(ranks)
		}
		for _, ip := range n.fixedIPs {
			if addr, ok := choice.usable(ip); ok && n.active {
				fixed = append(fixed, located{addr: addr, network: n.network, rank: rank})
			}
		}
	}
	return once(fixed), once(floating)
}

// once sorts, and keeps the first of several of one address.
func once(list []located) []located {
	slices.SortFunc(list, located.compare)
	seen := make(map[netip.Addr]bool, len(list))
	return slices.DeleteFunc(list, func(l located) bool {
		again := seen[l.addr]
		seen[l.addr] = true
		return again
	})
}

func (l located) compare(other located) int {
	return cmp.Or(
		cmp.Compare(l.rank, other.rank),
		cmp.Compare(l.network, other.network),
		l.addr.Compare(other.addr), // IPv4 sorts before IPv6
	)
}

// typed appends each address once under the type.
func typed(to []v1.NodeAddress, kind v1.NodeAddressType, addrs []netip.Addr) []v1.NodeAddress {
	for _, addr := range addrs {
		entry := v1.NodeAddress{Type: kind, Address: addr.String()}
		if !slices.Contains(to, entry) {
			to = append(to, entry)
		}
	}
	return to
}

// hasIP says whether any of the addresses is an IP address, not only a name.
func hasIP(addrs []v1.NodeAddress) bool {
	return slices.ContainsFunc(addrs, func(a v1.NodeAddress) bool {
		return a.Type == v1.NodeInternalIP || a.Type == v1.NodeExternalIP
	})
}
