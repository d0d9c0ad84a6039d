package simulator

import (
	"net/netip"
	"slices"
)

// Allocation is all or nothing: it works on a port's grants and gives back what
// it took when it fails (neutron/db/ipam_pluggable_backend.py).

// allocation is the change of one port's addresses.
type allocation struct {
	port *port
	// kept and added become the port's addresses.
	kept, added []grant
	// spare are the port's addresses that no wish has claimed yet.
	spare []grant
}

// readdress gives a port the addresses that are wished for; nil wishes for one
// address of each IP version that the network has.
func (n *neutron) readdress(p *port, wishes *[]fixedIPWish) error {
	a := allocation{port: p}
	for _, ip := range p.FixedIPs {
		a.spare = append(a.spare, grant{n.subnets.rows[ip.SubnetID], parseAddress(ip.IPAddress)})
	}
	var err error
	if wishes == nil {
		err = n.allocateAny(&a)
	} else {
		err = n.allocateWishes(&a, *wishes)
	}
	if err == nil {
		err = a.claimAutomatic(n.subnetsOf(p.NetworkID))
	}
	if err != nil {
		a.undo()
		return err
	}
	for _, g := range a.spare {
		g.in.release(g.address)
	}
	p.FixedIPs = a.fixedIPs()
	return nil
}

func (n *neutron) allocateWishes(a *allocation, wishes []fixedIPWish) error {
	var anyOf []*subnet
	seen := map[netip.Addr]bool{}
	for _, wish := range wishes {
		g, err := n.grantFor(a.port, wish)
		switch {
		case err != nil:
			return err
		case !g.address.IsValid():
			anyOf = append(anyOf, g.in)
			continue
		case seen[g.address]:
			return invalidInput("fixed_ips", "Duplicate IP address '%s'", g.address)
		}
		seen[g.address] = true
		if err := a.claim(g); err != nil {
			return err
		}
	}
	for _, s := range anyOf {
		if err := a.claimAny(s); err != nil {
			return err
		}
	}
	return nil
}

// allocateAny takes an address of the first subnet of each IP version that has one.
func (n *neutron) allocateAny(a *allocation) error {
	for _, version := range []int{4, 6} {
		var candidates []*subnet
		for _, s := range n.subnetsOf(a.port.NetworkID) {
			if s.version() == version && !s.automatic() {
				candidates = append(candidates, s)
			}
		}
		full := len(candidates) > 0
		for _, s := range candidates {
			if a.claimAny(s) == nil {
				full = false
				break
			}
		}
		if full {
			return conflict("IpAddressGenerationFailure", "No more IP addresses available on network %s.", a.port.NetworkID)
		}
	}
	return nil
}

// claimAutomatic adds the addresses that come from the MAC address; routers have none.
func (a *allocation) claimAutomatic(subnets []*subnet) error {
	for _, s := range subnets {
		if !s.automatic() || a.port.DeviceOwner == ownerInterface {
			continue
		}
		g := grant{s, eui64(s.CIDR, a.port.MACAddress)}
		if slices.Contains(a.kept, g) || slices.Contains(a.added, g) {
			continue
		}
		if err := a.claim(g); err != nil {
			return err
		}
	}
	return nil
}

// claim takes one address: the port's own, or a free one.
func (a *allocation) claim(g grant) error {
	if at := slices.Index(a.spare, g); at >= 0 {
		a.kept = append(a.kept, g)
		a.spare = slices.Delete(a.spare, at, at+1)
		return nil
	}
	if _, taken := g.in.taken[g.address]; taken {
		return conflict("IpAddressAlreadyAllocated", "IP address %s already allocated in subnet %s", g.address, g.in.ID)
	}
	g.in.taken[g.address] = a.port.ID
	a.added = append(a.added, g)
	return nil
}

// claimAny takes any address of a subnet, one that the port has first.
func (a *allocation) claimAny(s *subnet) error {
	for _, g := range a.spare {
		if g.in == s {
			return a.claim(g)
		}
	}
	if s.automatic() {
		return a.claim(grant{s, eui64(s.CIDR, a.port.MACAddress)})
	}
	address, found := s.free()
	if !found {
		return conflict("IpAddressGenerationFailure", "No more IP addresses available on network %s.", s.NetworkID)
	}
	return a.claim(grant{s, address})
}

func (a *allocation) undo() {
	for _, g := range a.added {
		g.in.release(g.address)
	}
}

func (a *allocation) fixedIPs() []fixedIP {
	var ips []fixedIP
	for _, g := range slices.Concat(a.kept, a.added) {
		ips = append(ips, fixedIP{g.in.ID, g.address.String()})
	}
	return ips
}
