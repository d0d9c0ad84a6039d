package routes

import (
	"net/netip"
	"slices"
)

// coveredBy says whether one of the pairs, with the port's own MAC address,
// allows every address of the prefix.
func coveredBy(pairs []AddressPair, prefix netip.Prefix) bool {
	return slices.ContainsFunc(pairs, func(p AddressPair) bool {
		allowed, ok := p.prefix()
		return ok && p.MACAddress == "" && covers(allowed, prefix)
	})
}

// hasPair says whether the pairs have exactly the prefix, with the port's own MAC address.
func hasPair(pairs []AddressPair, prefix netip.Prefix) bool {
	return slices.ContainsFunc(pairs, func(p AddressPair) bool { return p.is(prefix) })
}

// mergePairs adds the prefixes that are not allowed yet and takes out those to
// remove. All other pairs stay byte for byte, in their order: a write replaces
// the whole list, and what stands in it may be somebody else's.
// What is ensured wins over what is removed.
func mergePairs(pairs []AddressPair, ensure, remove []netip.Prefix) []AddressPair {
	merged := make([]AddressPair, 0, len(pairs)+len(ensure))
	for _, p := range pairs {
		drop := slices.ContainsFunc(remove, func(prefix netip.Prefix) bool {
			return p.is(prefix) && !slices.Contains(ensure, prefix)
		})
		if !drop {
			merged = append(merged, p)
		}
	}
	for _, prefix := range ensure {
		if !coveredBy(merged, prefix) {
			merged = append(merged, AddressPair{IPAddress: prefix.String()})
		}
	}
	return merged
}

func (p AddressPair) is(prefix netip.Prefix) bool {
	own, ok := p.prefix()
	return ok && p.MACAddress == "" && own == prefix
}

// prefix reads the pair's address or CIDR.
func (p AddressPair) prefix() (netip.Prefix, bool) {
	if prefix, err := parsePrefix(p.IPAddress); err == nil {
		return prefix, true
	}
	addr, err := parseAddr(p.IPAddress)
	if err != nil {
		return netip.Prefix{}, false
	}
	return netip.PrefixFrom(addr, addr.BitLen()), true
}
