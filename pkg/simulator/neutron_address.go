package simulator

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Addresses of ports, as neutron/ipam and neutron/db/ipam_pluggable_backend.py
// allocate them. The real driver picks one of the first free addresses at
// random; here the lowest free one is next, so that an address is soon used again.

// addressRange is one allocation pool, both ends included.
type addressRange struct {
	Start netip.Addr `json:"start"`
	End   netip.Addr `json:"end"`
}

func (r addressRange) contains(a netip.Addr) bool { return !a.Less(r.Start) && !r.End.Less(a) }

// parseCIDR reads a range without host bits.
func parseCIDR(text string) (netip.Prefix, error) {
	cidr, err := netip.ParsePrefix(text)
	if err != nil {
		return cidr, err
	}
	if cidr != cidr.Masked() {
		return cidr, fmt.Errorf("%s has host bits", text)
	}
	return cidr, nil
}

// lastAddress is the highest address of a range: of IPv4 the broadcast address.
func lastAddress(cidr netip.Prefix) netip.Addr {
	bytes := cidr.Addr().AsSlice()
	for bit := cidr.Bits(); bit < len(bytes)*8; bit++ {
		bytes[bit/8] |= 1 << (7 - bit%8)
	}
	last, _ := netip.AddrFromSlice(bytes)
	return last
}

// defaultPools are all of a range but the network, broadcast and gateway address.
func defaultPools(cidr netip.Prefix, gateway netip.Addr) []addressRange {
	first, last := cidr.Addr().Next(), lastAddress(cidr)
	if cidr.Addr().Is4() && cidr.Bits() < 31 {
		last = last.Prev()
	}
	whole := addressRange{first, last}
	if !first.IsValid() || last.Less(first) {
		return nil
	}
	if !gateway.IsValid() || !whole.contains(gateway) {
		return []addressRange{whole}
	}
	var pools []addressRange
	if first.Less(gateway) {
		pools = append(pools, addressRange{first, gateway.Prev()})
	}
	if gateway.Less(last) {
		pools = append(pools, addressRange{gateway.Next(), last})
	}
	return pools
}

func checkPools(s *subnet) error {
	slices.SortFunc(s.pools, func(a, b addressRange) int { return a.Start.Compare(b.Start) })
	for i, pool := range s.pools {
		text := pool.Start.String() + "-" + pool.End.String()
		switch {
		case pool.End.Less(pool.Start):
			return invalid("InvalidAllocationPool", "The allocation pool %s is not valid.", text)
		case !s.CIDR.Contains(pool.Start) || !s.CIDR.Contains(pool.End):
			return invalid("OutOfBoundsAllocationPool", "The allocation pool %s spans beyond the subnet cidr %s.", text, s.CIDR)
		case s.Gateway.IsValid() && pool.contains(s.Gateway):
			return conflict("GatewayConflictWithAllocationPools",
				"Gateway ip %s conflicts with allocation pool %s.", s.Gateway, text)
		case i > 0 && !s.pools[i-1].End.Less(pool.Start):
			return conflict("OverlappingAllocationPools", "Found overlapping allocation pools for subnet %s.", s.CIDR)
		}
	}
	return nil
}

// free is the lowest address of the pools that nobody has.
func (s *subnet) free() (netip.Addr, bool) {
	for _, pool := range s.pools {
		at := pool.Start
		if s.next.IsValid() && at.Less(s.next) {
			at = s.next
		}
		for ; at.IsValid() && pool.contains(at); at = at.Next() {
			if _, taken := s.taken[at]; !taken {
				s.next = at
				return at, true
			}
		}
	}
	return netip.Addr{}, false
}

func (s *subnet) release(a netip.Addr) {
	delete(s.taken, a)
	if s.next.IsValid() && a.Less(s.next) {
		s.next = a
	}
}

// automatic tells whether ports get their address from their MAC address.
func (s *subnet) automatic() bool {
	return s.AddressMode == "slaac" || s.AddressMode == "dhcpv6-stateless"
}

// usable tells whether a port may have an address: only routers may have the
// network's own in IPv6, and nobody in IPv4.
func (s *subnet) usable(a netip.Addr, deviceOwner string) bool {
	if !s.CIDR.Contains(a) {
		return false
	}
	if s.version() == 6 {
		return a != s.CIDR.Addr() || deviceOwner == ownerInterface
	}
	return s.CIDR.Bits() >= 31 || a != s.CIDR.Addr() && a != lastAddress(s.CIDR)
}

// eui64 is the address that a MAC address has in an IPv6 range (RFC 4291, appendix A).
func eui64(cidr netip.Prefix, mac string) netip.Addr {
	bytes := cidr.Addr().As16()
	var parts [6]byte
	for i, text := range strings.Split(mac, ":") {
		value, err := strconv.ParseUint(text, 16, 8)
		if err != nil || i >= len(parts) {
			continue
		}
		parts[i] = byte(value)
	}
	copy(bytes[8:], []byte{parts[0] ^ 2, parts[1], parts[2], 0xff, 0xfe, parts[3], parts[4], parts[5]})
	return netip.AddrFrom16(bytes)
}

// fixedIP is one address of a port.
type fixedIP struct {
	SubnetID  string `json:"subnet_id"`
	IPAddress string `json:"ip_address"`
}

// fixedIPWish is one entry of fixed_ips in a body.
type fixedIPWish struct {
	SubnetID  *string `json:"subnet_id"`
	IPAddress *string `json:"ip_address"`
}

// grant is an address that a port gets.
type grant struct {
	in      *subnet
	address netip.Addr
}

// subnetsOf are a network's subnets in order of creation.
func (n *neutron) subnetsOf(networkID string) []*subnet {
	v, found := n.networks.rows[networkID]
	if !found {
		return nil
	}
	subnets := make([]*subnet, 0, len(v.SubnetIDs))
	for _, id := range v.SubnetIDs {
		subnets = append(subnets, n.subnets.rows[id])
	}
	return subnets
}

// grantFor finds the subnet that a wish means, and its address if it names one.
func (n *neutron) grantFor(p *port, wish fixedIPWish) (g grant, err error) {
	if wish.IPAddress != nil {
		if g.address, err = netip.ParseAddr(*wish.IPAddress); err != nil {
			return g, invalidInput("fixed_ips", "'%s' is not a valid IP address", *wish.IPAddress)
		}
	}
	switch {
	case wish.SubnetID != nil:
		return n.grantOn(p, *wish.SubnetID, g.address)
	case wish.IPAddress == nil:
		return g, invalid("InvalidInput", "Invalid input for operation: IP allocation requires subnet_id or ip_address.")
	}
	for _, s := range n.subnetsOf(p.NetworkID) {
		if s.usable(g.address, p.DeviceOwner) {
			return grant{s, g.address}, nil
		}
	}
	return g, invalid("InvalidIpForNetwork",
		"IP address %s is not a valid IP for any of the subnets on the specified network.", g.address)
}

// grantOn checks that a subnet is on the port's network and has the address, if any.
func (n *neutron) grantOn(p *port, subnetID string, address netip.Addr) (grant, error) {
	s, found := n.subnets.rows[subnetID]
	switch {
	case !found:
		return grant{}, n.subnets.missing(subnetID)
	case s.NetworkID != p.NetworkID:
		return grant{}, invalid("InvalidInput", "Invalid input for operation: Failed to create port on network %s, "+
			"because fixed_ips included invalid subnet %s.", p.NetworkID, subnetID)
	case address.IsValid() && !s.usable(address, p.DeviceOwner):
		return grant{}, invalid("InvalidIpForSubnet", "IP address %s is not a valid IP for the specified subnet.", address)
	}
	return grant{s, address}, nil
}
