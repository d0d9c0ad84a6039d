package simulator

import "slices"

// Floating IPs as neutron/db/l3_db.py, l3_fip_port_details.py and
// neutron/conf/policies/floatingip.py have them.

// floatingIP is an external address, with or without a port behind it.
type floatingIP struct {
	attributes
	NetworkID, Address string
	// PortID, FixedIP and RouterID are empty while it is not associated.
	PortID, FixedIP, RouterID string
	// outer is the port on the external network that holds the address.
	outer *port
}

func (n *neutron) floatingIPKind() *kind[*floatingIP] {
	k := &kind[*floatingIP]{
		n: n, singular: "floatingip", plural: "floatingips", path: "floatingips", quota: "floatingip", extension: "router",
		notFound: "FloatingIPNotFound", notFoundMessage: "Floating IP %s could not be found",
		create: n.createFloatingIP, update: n.updateFloatingIP, drop: n.dropFloatingIP,
	}
	k.attributes = standard(
		tagged[*floatingIP](0),
		attribute[*floatingIP]{
			name: "floating_network_id", use: inPost | inFilter,
			value: func(v *floatingIP) any { return v.NetworkID },
		},
		attribute[*floatingIP]{
			name: "floating_ip_address", use: inPost | inFilter | mayBeNull,
			value: func(v *floatingIP) any { return v.Address },
		},
		attribute[*floatingIP]{name: "subnet_id", use: inPost | mayBeNull | hidden, value: func(*floatingIP) any { return nil }},
		attribute[*floatingIP]{
			name: "port_id", use: inPost | inPut | inFilter | mayBeNull,
			value: func(v *floatingIP) any { return orNull(v.PortID != "", v.PortID) },
		},
		attribute[*floatingIP]{
			name: "fixed_ip_address", use: inPost | inPut | inFilter | mayBeNull,
			value: func(v *floatingIP) any { return orNull(v.FixedIP != "", v.FixedIP) },
		},
		attribute[*floatingIP]{
			name: "router_id", use: inFilter,
			value: func(v *floatingIP) any { return orNull(v.RouterID != "", v.RouterID) },
		},
		attribute[*floatingIP]{name: "status", use: inFilter, value: func(v *floatingIP) any { return v.status() }},
		attribute[*floatingIP]{
			name: "port_details", use: unsorted, extension: "fip-port-details",
			value: func(v *floatingIP) any { return n.portDetails(v.PortID) },
		},
	)
	return k
}

// status is ACTIVE once the L3 agent carries traffic, which here it does at once.
func (f *floatingIP) status() string {
	if f.PortID == "" {
		return "DOWN"
	}
	return "ACTIVE"
}

func (n *neutron) portDetails(id string) any {
	p, found := n.ports.rows[id]
	if !found {
		return nil
	}
	return map[string]any{
		"name": p.Name, "network_id": p.NetworkID, "mac_address": p.MACAddress, "admin_state_up": p.AdminUp,
		"status": p.Status, "device_id": p.DeviceID, "device_owner": p.DeviceOwner,
	}
}

type floatingIPBody struct {
	common
	NetworkID *string `json:"floating_network_id"`
	Address   *string `json:"floating_ip_address"`
	SubnetID  *string `json:"subnet_id"`
	PortID    *string `json:"port_id"`
	FixedIP   *string `json:"fixed_ip_address"`
}

func (n *neutron) createFloatingIP(c caller, b body) (*floatingIP, error) {
	var in floatingIPBody
	if err := b.require("floating_network_id"); err != nil {
		return nil, err
	}
	if err := b.decode(&in); err != nil {
		return nil, err
	}
	if in.Address != nil && !c.admin {
		return nil, disallowedAttribute("create_floatingip", "floating_ip_address")
	}
	on, found := n.networks.rows[*in.NetworkID]
	switch {
	case !found || !n.networks.sees(c, on):
		return nil, n.networks.missing(*in.NetworkID)
	case !on.External:
		return nil, badResource("floatingip", "Network %s is not a valid external network", on.ID)
	}
	a, err := in.start(c)
	if err != nil {
		return nil, err
	}
	a.ID = newID()
	f := &floatingIP{attributes: a, NetworkID: on.ID}
	target, err := n.associate(c, f, in)
	if err != nil {
		return nil, err
	}
	if f.outer, err = n.outerPort(f, in); err != nil {
		return nil, err
	}
	n.bind(f, target)
	return n.floatingIPs.add(f), nil
}

// outerPort takes an IPv4 address of the external network, which becomes the floating one. Its port belongs to
// no project: members do not see it.
func (n *neutron) outerPort(f *floatingIP, in floatingIPBody) (*port, error) {
	var wishes []fixedIPWish
	if in.SubnetID != nil || in.Address != nil {
		wishes = []fixedIPWish{{SubnetID: in.SubnetID, IPAddress: in.Address}}
	} else {
		subnets := slices.DeleteFunc(n.subnetsOf(f.NetworkID), func(s *subnet) bool { return s.version() != 4 })
		if len(subnets) == 0 {
			return nil, badResource("floatingip", "Network %s does not contain any IPv4 subnet", f.NetworkID)
		}
		chosen := subnets[0]
		for _, s := range subnets {
			if _, free := s.free(); free {
				chosen = s
				break
			}
		}
		wishes = []fixedIPWish{{SubnetID: &chosen.ID}}
	}
	p, err := n.insertPort(&port{
		NetworkID: f.NetworkID, AdminUp: true, Status: "N/A", DeviceID: f.ID, DeviceOwner: ownerFloating,
	}, &wishes)
	if err != nil {
		return nil, err
	}
	for _, ip := range p.FixedIPs {
		if parseAddress(ip.IPAddress).Is4() {
			f.Address = ip.IPAddress
			return p, nil
		}
	}
	n.dropPort(p)
	return nil, invalid("ExternalIpAddressExhausted", "Unable to find any IP address on external network %s.", f.NetworkID)
}

func (n *neutron) updateFloatingIP(c caller, f *floatingIP, b body, match func() error) error {
	var in floatingIPBody
	if err := b.decode(&in); err != nil {
		return err
	}
	// An empty body dissociates as port_id null does.
	if len(b.fields) > 0 && !b.has("port_id") && f.PortID != "" {
		in.PortID = &f.PortID
		if in.FixedIP == nil {
			in.FixedIP = &f.FixedIP
		}
	}
	target, err := n.associate(c, f, in)
	if err != nil {
		return err
	}
	if err := match(); err != nil {
		return err
	}
	in.describe(&f.attributes)
	n.bind(f, target)
	return nil
}

// association is what stands behind a floating IP; the zero value is nothing.
type association struct{ portID, fixedIP, routerID string }

// bind puts a floating IP before what it leads to, and keeps the index right.
func (n *neutron) bind(f *floatingIP, to association) {
	if f.PortID != "" {
		others := slices.DeleteFunc(n.behind[f.PortID], func(o *floatingIP) bool { return o == f })
		n.behind[f.PortID] = others
		if len(others) == 0 {
			delete(n.behind, f.PortID)
		}
	}
	f.PortID, f.FixedIP, f.RouterID = to.portID, to.fixedIP, to.routerID
	if f.PortID != "" {
		n.behind[f.PortID] = append(n.behind[f.PortID], f)
	}
}

// associate finds the port, address and router that a body means.
func (n *neutron) associate(c caller, f *floatingIP, in floatingIPBody) (association, error) {
	if in.PortID == nil {
		if in.FixedIP != nil {
			return association{}, badResource("floatingip", "fixed_ip_address cannot be specified without a port_id")
		}
		return association{}, nil
	}
	p, found := n.ports.rows[*in.PortID]
	switch {
	case !found || !n.ports.sees(c, p):
		return association{}, n.ports.missing(*in.PortID)
	case p.ProjectID != f.ProjectID && !c.admin:
		return association{}, badResource("floatingip", "Cannot process floating IP association with Port %s, "+
			"since that port is owned by a different tenant", p.ID)
	}
	ip, err := inner(p, in.FixedIP)
	if err != nil {
		return association{}, err
	}
	routerID := n.routerBetween(ip.SubnetID, f.NetworkID)
	if routerID == "" {
		return association{}, missing("ExternalGatewayForFloatingIPNotFound", "External network %s is not reachable "+
			"from subnet %s.  Therefore, cannot associate Port %s with a Floating IP.", f.NetworkID, ip.SubnetID, p.ID)
	}
	return association{p.ID, ip.IPAddress, routerID}, n.alone(f, p, ip.IPAddress)
}

// alone: an address has one floating IP of an external network at most.
func (n *neutron) alone(f *floatingIP, p *port, fixed string) error {
	for _, other := range n.behind[p.ID] {
		if other != f && other.FixedIP == fixed && other.NetworkID == f.NetworkID {
			return conflict("FloatingIPPortAlreadyAssociated", "Cannot associate floating IP %s (%s) "+
				"with port %s using fixed IP %s, as that fixed IP already has a floating IP on external network %s.",
				f.Address, f.ID, p.ID, fixed, f.NetworkID)
		}
	}
	return nil
}

// inner is the port's address that a floating IP leads to: the one named, or the only IPv4 one.
func inner(p *port, named *string) (fixedIP, error) {
	var candidates []fixedIP
	for _, ip := range p.FixedIPs {
		if parseAddress(ip.IPAddress).Is4() && (named == nil || *named == ip.IPAddress) {
			candidates = append(candidates, ip)
		}
	}
	switch {
	case len(candidates) == 1:
		return candidates[0], nil
	case named != nil:
		return fixedIP{}, badResource("floatingip", "Port %s does not have fixed ip %s", p.ID, *named)
	case len(candidates) == 0:
		return fixedIP{}, badResource("floatingip",
			"Cannot add floating IP to port %s that has no fixed IPv4 addresses", p.ID)
	}
	return fixedIP{}, badResource("floatingip", "Port %s has multiple fixed IPv4 addresses.  Must provide a specific "+
		"IPv4 address when assigning a floating IP", p.ID)
}

// routerBetween finds the router between a subnet and an external network: the
// one that has the subnet's gateway address, else the first; "" is none.
func (n *neutron) routerBetween(subnetID, externalID string) string {
	first := ""
	for v := range n.routers.all {
		if v.GatewayPort == nil || v.GatewayPort.NetworkID != externalID {
			continue
		}
		for _, p := range n.interfaces(v) {
			for _, ip := range p.FixedIPs {
				switch {
				case ip.SubnetID != subnetID:
				case ip.IPAddress == n.subnets.rows[subnetID].Gateway.String():
					return v.ID
				case first == "":
					first = v.ID
				}
			}
		}
	}
	return first
}

func (n *neutron) dropFloatingIP(f *floatingIP) {
	n.bind(f, association{})
	n.dropPort(f.outer)
	n.floatingIPs.take(f)
}
