package simulator

import (
	"net/netip"
	"slices"
)

// Subnets as neutron/db/db_base_plugin_v2.py and neutron/db/ipam_backend_mixin.py have them.

// subnet is a range of addresses on a network.
type subnet struct {
	attributes
	NetworkID string
	CIDR      netip.Prefix
	// Gateway is invalid where the subnet has none.
	Gateway     netip.Addr
	DHCP        bool
	Nameservers []string
	HostRoutes  []hostRoute
	// RAMode and AddressMode are IPv6's; "" is null.
	RAMode, AddressMode string

	pools []addressRange
	// taken says which port has an address; every pool address below next is taken.
	taken map[netip.Addr]string
	next  netip.Addr
}

type hostRoute struct {
	Destination string `json:"destination"`
	NextHop     string `json:"nexthop"`
}

func (n *neutron) subnetKind() *kind[*subnet] {
	k := &kind[*subnet]{
		n: n, singular: "subnet", plural: "subnets", path: "subnets", quota: "subnet",
		notFound: "SubnetNotFound", notFoundMessage: "Subnet %s could not be found.",
		// Members see the subnets of external networks too.
		sees:   func(c caller, v *subnet) bool { return c.owns(v) || n.networks.sees(c, n.networks.rows[v.NetworkID]) },
		create: n.createSubnet, update: n.updateSubnet, blocked: n.subnetInUse, drop: n.dropSubnet,
	}
	const set = inPost | inPut | inFilter
	k.attributes = standard(
		named[*subnet](), tagged[*subnet](0),
		attribute[*subnet]{name: "network_id", use: inPost | inFilter, value: func(v *subnet) any { return v.NetworkID }},
		attribute[*subnet]{name: "ip_version", use: inPost | inFilter, value: func(v *subnet) any { return v.version() }},
		attribute[*subnet]{name: "cidr", use: inPost | inFilter, value: func(v *subnet) any { return v.CIDR.String() }},
		attribute[*subnet]{
			name: "gateway_ip", use: set | mayBeNull,
			value: func(v *subnet) any { return orNull(v.Gateway.IsValid(), v.Gateway.String()) },
		},
		attribute[*subnet]{
			name: "allocation_pools", use: inPost | unsorted,
			value: func(v *subnet) any { return list(v.pools) },
		},
		attribute[*subnet]{name: "enable_dhcp", use: set, value: func(v *subnet) any { return v.DHCP }},
		attribute[*subnet]{
			name: "dns_nameservers", use: inPost | inPut | mayBeNull | unsorted,
			value: func(v *subnet) any { return list(v.Nameservers) },
		},
		attribute[*subnet]{
			name: "host_routes", use: inPost | inPut | mayBeNull | unsorted,
			value: func(v *subnet) any { return list(v.HostRoutes) },
		},
		attribute[*subnet]{
			name: "ipv6_ra_mode", use: inPost | inFilter | mayBeNull,
			value: func(v *subnet) any { return orNull(v.RAMode != "", v.RAMode) },
		},
		attribute[*subnet]{
			name: "ipv6_address_mode", use: inPost | inFilter | mayBeNull,
			value: func(v *subnet) any { return orNull(v.AddressMode != "", v.AddressMode) },
		},
		attribute[*subnet]{
			name: "subnetpool_id", use: inPost | inFilter | mayBeNull, extension: "subnet_allocation",
			value: func(*subnet) any { return nil },
		},
	)
	return k
}

// orNull is the value, or null.
func orNull(set bool, value string) any {
	if !set {
		return nil
	}
	return value
}

func (s *subnet) version() int {
	if s.CIDR.Addr().Is4() {
		return 4
	}
	return 6
}

type subnetBody struct {
	common
	NetworkID   *string         `json:"network_id"`
	IPVersion   *int            `json:"ip_version"`
	CIDR        *string         `json:"cidr"`
	GatewayIP   *string         `json:"gateway_ip"`
	DHCP        *bool           `json:"enable_dhcp"`
	Nameservers *[]string       `json:"dns_nameservers"`
	HostRoutes  *[]hostRoute    `json:"host_routes"`
	Pools       *[]addressRange `json:"allocation_pools"`
	RAMode      *string         `json:"ipv6_ra_mode"`
	AddressMode *string         `json:"ipv6_address_mode"`
}

func (n *neutron) createSubnet(c caller, b body) (*subnet, error) {
	var in subnetBody
	if err := b.require("network_id", "ip_version"); err != nil {
		return nil, err
	}
	if err := b.decode(&in); err != nil {
		return nil, err
	}
	owner, found := n.networks.rows[*in.NetworkID]
	if !found || !n.networks.sees(c, owner) {
		return nil, n.networks.missing(*in.NetworkID)
	}
	if !c.owns(owner) {
		return nil, forbiddenNetwork(c.project, "subnet")
	}
	a, err := in.start(c)
	if err != nil {
		return nil, err
	}
	s := &subnet{attributes: a, NetworkID: owner.ID, DHCP: true, taken: map[netip.Addr]string{}}
	if err := in.place(s, b); err != nil {
		return nil, err
	}
	if err := n.overlap(owner, s.CIDR); err != nil {
		return nil, err
	}
	return n.addSubnet(owner, s), nil
}

// place sets what never changes: range, modes, gateway and pools.
func (in subnetBody) place(s *subnet, b body) error {
	cidr, err := in.cidr()
	if err != nil {
		return err
	}
	s.CIDR = cidr
	if s.version() != *in.IPVersion {
		return invalidOperation("cidr '%s' does not match the ip_version '%d'.", *in.CIDR, *in.IPVersion)
	}
	assign(&s.RAMode, in.RAMode)
	assign(&s.AddressMode, in.AddressMode)
	if in.GatewayIP == nil && !b.isNull("gateway_ip") {
		s.Gateway = defaultGateway(cidr)
	}
	if err := in.apply(s); err != nil {
		return err
	}
	if err := s.check(); err != nil {
		return err
	}
	if in.Pools == nil {
		s.pools = defaultPools(cidr, s.Gateway)
		return nil
	}
	s.pools = slices.Clone(*in.Pools)
	return checkPools(s)
}

// cidr is the range that a body means: host bits are dropped, an address alone is a range of one.
func (in subnetBody) cidr() (netip.Prefix, error) {
	if in.CIDR == nil {
		return netip.Prefix{}, badResource("subnets", "a subnetpool must be specified in the absence of a cidr")
	}
	if address, err := netip.ParseAddr(*in.CIDR); err == nil {
		return netip.PrefixFrom(address, address.BitLen()), nil
	}
	cidr, err := netip.ParsePrefix(*in.CIDR)
	if err != nil {
		return netip.Prefix{}, invalidOperation("%s is not in a CIDR format.", *in.CIDR)
	}
	return cidr.Masked(), nil
}

// defaultGateway is the first host of an IPv4 range, and of an IPv6 range its own
// address, which is every router's there (RFC 4291, section 2.6.1).
func defaultGateway(cidr netip.Prefix) netip.Addr {
	if cidr.Addr().Is4() {
		return cidr.Addr().Next()
	}
	return cidr.Addr()
}

// check refuses what cannot work (neutron/db/db_base_plugin_v2.py _validate_subnet).
func (s *subnet) check() error {
	switch {
	case s.version() == 4 && s.RAMode != "":
		return invalidOperation("ipv6_ra_mode is not valid when ip_version is 4.")
	case s.version() == 4 && s.AddressMode != "":
		return invalidOperation("ipv6_address_mode is not valid when ip_version is 4.")
	case s.DHCP && s.CIDR.Addr().IsMulticast():
		return invalidOperation("Multicast IP subnet is not supported if enable_dhcp is True.")
	case s.DHCP && s.CIDR.Bits() > s.CIDR.Addr().BitLen()-2:
		return invalidOperation("Subnet has a prefix length that is incompatible with DHCP service enabled.")
	case s.version() == 4 && s.CIDR.Contains(s.Gateway) && !s.usable(s.Gateway, ownerInterface):
		return invalidOperation("Gateway is not valid on subnet.")
	}
	return nil
}

// apply sets what PUT may change too.
func (in subnetBody) apply(s *subnet) error {
	if in.GatewayIP != nil {
		gateway, err := netip.ParseAddr(*in.GatewayIP)
		if err != nil {
			return invalidInput("gateway_ip", "'%s' is not a valid IP address", *in.GatewayIP)
		}
		s.Gateway = gateway
	}
	in.describe(&s.attributes)
	assign(&s.DHCP, in.DHCP)
	assign(&s.Nameservers, in.Nameservers)
	assign(&s.HostRoutes, in.HostRoutes)
	return nil
}

// overlap: two subnets of one network do not overlap.
func (n *neutron) overlap(owner *network, cidr netip.Prefix) error {
	for _, id := range owner.SubnetIDs {
		if other := n.subnets.rows[id]; other.CIDR.Overlaps(cidr) {
			return invalid("InvalidInput", "Invalid input for operation: Requested subnet with cidr: %s for network: %s "+
				"overlaps with another subnet.", cidr, owner.ID)
		}
	}
	return nil
}

func (n *neutron) addSubnet(owner *network, s *subnet) *subnet {
	n.subnets.add(s)
	owner.SubnetIDs = append(slices.Clone(owner.SubnetIDs), s.ID)
	owner.touch()
	return s
}

func (n *neutron) updateSubnet(_ caller, s *subnet, b body, match func() error) error {
	var in subnetBody
	if err := b.decode(&in); err != nil {
		return err
	}
	if err := match(); err != nil {
		return err
	}
	if b.isNull("gateway_ip") {
		s.Gateway = netip.Addr{}
	}
	return in.apply(s)
}

func (n *neutron) subnetInUse(_ caller, s *subnet) error {
	for _, id := range s.taken {
		if p := n.ports.rows[id]; p != nil && p.DeviceOwner != ownerDHCP {
			return conflict("SubnetInUse", "Unable to complete operation on subnet %s: "+
				"One or more ports have an IP allocation from this subnet.", s.ID)
		}
	}
	return nil
}

// dropSubnet removes a subnet, and its addresses from the ports that may lose them.
func (n *neutron) dropSubnet(s *subnet) {
	for _, id := range s.taken {
		if p, found := n.ports.rows[id]; found {
			p.FixedIPs = slices.DeleteFunc(slices.Clone(p.FixedIPs), func(ip fixedIP) bool { return ip.SubnetID == s.ID })
			p.touch()
		}
	}
	n.subnets.take(s)
	if owner, found := n.networks.rows[s.NetworkID]; found {
		owner.SubnetIDs = slices.DeleteFunc(slices.Clone(owner.SubnetIDs), func(id string) bool { return id == s.ID })
		owner.touch()
	}
}
