package instances

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	v1 "k8s.io/api/core/v1"

	"underlay/pkg/config"
)

// selection is cloud.conf's [Networking], ready for use.
type selection struct {
	ipv6             bool
	public, internal map[string]bool // network names
	order            []netip.Prefix
}

// newSelection compiles the section. An entry of address-sort-order may itself
// be a comma-separated list, and a bare address as well as a CIDR. Reading the
// configuration reports entries that are neither; here they match nothing.
func newSelection(n config.Networking) selection {
	s := selection{
		ipv6:     !n.IPv6SupportDisabled,
		public:   nameSet(n.PublicNetworkNames),
		internal: nameSet(n.InternalNetworkNames),
	}
	for _, entry := range elements(n.AddressSortOrder) {
		if prefix, err := netip.ParsePrefix(entry); err == nil {
			s.order = append(s.order, prefix.Masked())
		} else if addr, err := netip.ParseAddr(entry); err == nil {
			s.order = append(s.order, netip.PrefixFrom(addr, addr.BitLen()))
		}
	}
	return s
}

// elements splits entries at commas and drops empty ones.
func elements(entries []string) []string {
	var result []string
	for _, entry := range entries {
		for _, part := range strings.Split(entry, ",") {
			if part = strings.TrimSpace(part); part != "" {
				result = append(result, part)
			}
		}
	}
	return result
}

// nameSet is the set of non-empty names. Neutron allows commas in a network's
// name, so names are not split: the key is repeated instead.
func nameSet(names []string) map[string]bool {
	set := map[string]bool{}
	for _, name := range names {
		if name != "" {
			set[name] = true
		}
	}
	return set
}

// usable parses an address that a Node may show: not link-local, loopback,
// unspecified or multicast, and IPv6 only where it is supported.
func (s selection) usable(text string) (netip.Addr, bool) {
	addr, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Addr{}, false
	}
	addr = addr.Unmap().WithZone("")
	if addr.Is6() && !s.ipv6 {
		return netip.Addr{}, false
	}
	return addr, addr.IsGlobalUnicast()
}

// sort puts addresses in the order of the first CIDR that holds them; those
// that match none come last and keep their order among themselves.
func (s selection) sort(addrs []v1.NodeAddress) {
	place := func(a v1.NodeAddress) int {
		addr, err := netip.ParseAddr(a.Address)
		if err != nil {
			return len(s.order)
		}
		for i, prefix := range s.order {
			if prefix.Contains(addr) {
				return i
			}
		}
		return len(s.order)
	}
	slices.SortStableFunc(addrs, func(a, b v1.NodeAddress) int {
		return cmp.Compare(place(a), place(b))
	})
}

// sameIP says whether both texts mean the same address.
func sameIP(a, b string) bool {
	x, errX := netip.ParseAddr(a)
	y, errY := netip.ParseAddr(b)
	return errX == nil && errY == nil && x.Unmap() == y.Unmap()
}

// ipList is the IP addresses, for people.
func ipList(addrs []v1.NodeAddress) string {
	var ips []string
	for _, a := range addrs {
		if a.Type != v1.NodeHostName {
			ips = append(ips, a.Address)
		}
	}
	return strings.Join(ips, ", ")
}
