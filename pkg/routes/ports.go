package routes

import (
	"net/netip"
	"slices"
	"strings"
)

// portIndex answers who holds an address and which ports a server has. It is
// made from one port list and read only afterwards.
type portIndex struct {
	byID      map[string]*Port
	byDevice  map[string][]*Port
	byAddress map[netip.Addr][]*Port
}

func indexPorts(ports []Port) *portIndex {
	x := &portIndex{
		byID:      make(map[string]*Port, len(ports)),
		byDevice:  make(map[string][]*Port, len(ports)),
		byAddress: make(map[netip.Addr][]*Port, len(ports)),
	}
	for i := range ports {
		p := &ports[i]
		x.byID[p.ID] = p
		if p.DeviceID != "" {
			device := strings.ToLower(p.DeviceID)
			x.byDevice[device] = append(x.byDevice[device], p)
		}
		for _, fixed := range p.FixedIPs {
			if addr, err := parseAddr(fixed.Address); err == nil && !slices.Contains(x.byAddress[addr], p) {
				x.byAddress[addr] = append(x.byAddress[addr], p)
			}
		}
	}
	return x
}

// attachment is what the router can reach directly: the only places where
// Neutron accepts a next hop (validate_routes in neutron/db/extraroute_db.py).
type attachment struct {
	subnets map[string]netip.Prefix
	own     map[netip.Addr]bool // the router's own addresses, never next hops
}

func attach(interfaces []Interface) attachment {
	a := attachment{subnets: map[string]netip.Prefix{}, own: map[netip.Addr]bool{}}
	for _, i := range interfaces {
		if prefix, err := parsePrefix(i.CIDR); err == nil {
			a.subnets[i.SubnetID] = prefix
		}
		if addr, err := parseAddr(i.Address); err == nil {
			a.own[addr] = true
		}
	}
	return a
}

// reaches says whether an address may be a next hop.
func (a attachment) reaches(hop netip.Addr) bool {
	if a.own[hop] {
		return false
	}
	for _, prefix := range a.subnets {
		if prefix.Contains(hop) {
			return true
		}
	}
	return false
}

// holds says whether the port has the address on a subnet of the router.
// Elsewhere the same address is another machine's. While the router is still
// being looked for, any subnet counts.
func (a attachment) holds(p *Port, addr netip.Addr) bool {
	for _, fixed := range p.FixedIPs {
		if _, attached := a.subnets[fixed.SubnetID]; !attached && a.subnets != nil {
			continue
		}
		if got, err := parseAddr(fixed.Address); err == nil && got == addr {
			return true
		}
	}
	return false
}

// String lists the subnets for a message: "10.0.0.0/24 (subnet-id), …".
func (a attachment) String() string {
	if len(a.subnets) == 0 {
		return "none"
	}
	var texts []string
	for id, prefix := range a.subnets {
		texts = append(texts, prefix.String()+" ("+id+")")
	}
	slices.Sort(texts)
	return strings.Join(texts, ", ")
}
