package routes

import (
	"fmt"
	"net"
	"net/netip"

	netutils "k8s.io/utils/net"
)

// pair is a route in canonical form: what two spellings of one route share.
type pair struct {
	prefix netip.Prefix
	hop    netip.Addr
}

func (p pair) String() string { return p.prefix.String() + " via " + p.hop.String() }

// route is the pair as this package writes it to a router.
func (p pair) route() Route {
	return Route{Destination: p.prefix.String(), NextHop: p.hop.String()}
}

// compare orders pairs by destination, then next hop.
func (p pair) compare(q pair) int {
	if c := p.prefix.Compare(q.prefix); c != 0 {
		return c
	}
	return p.hop.Compare(q.hop)
}

// canonical reads a route in any spelling; false when it is not a route to a
// range of addresses through an address.
func (r Route) canonical() (pair, bool) {
	prefix, err := parsePrefix(r.Destination)
	if err != nil {
		return pair{}, false
	}
	hop, err := parseAddr(r.NextHop)
	if err != nil {
		return pair{}, false
	}
	return pair{prefix, hop}, true
}

// parsePrefix reads a CIDR as Kubernetes does (leading zeros are decimal) and
// makes it canonical: host bits cleared, IPv4-mapped IPv6 as IPv4.
func parsePrefix(s string) (netip.Prefix, error) {
	prefix, err := netip.ParsePrefix(s)
	if err != nil {
		if prefix, err = parseSloppyPrefix(s); err != nil {
			return netip.Prefix{}, err
		}
	}
	return canonicalPrefix(prefix), nil
}

func canonicalPrefix(prefix netip.Prefix) netip.Prefix {
	if prefix.Addr().Is4In6() && prefix.Bits() >= 96 {
		prefix = netip.PrefixFrom(prefix.Addr().Unmap(), prefix.Bits()-96)
	}
	return prefix.Masked()
}

func parseSloppyPrefix(s string) (netip.Prefix, error) {
	_, ipnet, err := netutils.ParseCIDRSloppy(s)
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("read CIDR %q: %w", s, err)
	}
	addr, ok := netip.AddrFromSlice(ipnet.IP)
	if !ok {
		return netip.Prefix{}, fmt.Errorf("read CIDR %q: no address", s)
	}
	bits, _ := ipnet.Mask.Size()
	return netip.PrefixFrom(addr, bits), nil
}

// parseAddr reads an address as Kubernetes does and makes it canonical.
func parseAddr(s string) (netip.Addr, error) {
	if addr, err := netip.ParseAddr(s); err == nil {
		return addr.Unmap(), nil
	}
	ip := netutils.ParseIPSloppy(s)
	if ip == nil {
		return netip.Addr{}, &net.ParseError{Type: "IP address", Text: s}
	}
	addr, _ := netip.AddrFromSlice(ip)
	return addr.Unmap(), nil
}

// family names the address family of an address for messages.
func family(addr netip.Addr) string {
	if addr.Is4() {
		return "IPv4"
	}
	return "IPv6"
}

// inside says whether a prefix lies in one of the ranges.
func inside(prefix netip.Prefix, ranges []netip.Prefix) bool {
	for _, r := range ranges {
		if covers(r, prefix) {
			return true
		}
	}
	return false
}

// covers says whether every address of inner is in outer.
func covers(outer, inner netip.Prefix) bool {
	return outer.Bits() <= inner.Bits() && outer.Contains(inner.Addr())
}
