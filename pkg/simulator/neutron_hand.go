package simulator

import "slices"

// Changes by hand, as an operator or another program makes them behind the
// back of whoever is tested. Each is a new revision.

// changed runs one change of a row by hand.
func changed[T row](c *Cloud, id string, of func(*neutron) *kind[T], change func(n *neutron, v T) error) {
	seed(c, "change "+id, func(n *neutron) (T, error) {
		k := of(n)
		v, found := k.rows[id]
		if !found {
			return v, k.missing(id)
		}
		err := change(n, v)
		v.base().touch()
		return v, err
	})
}

func portsOf(n *neutron) *kind[*port]     { return n.ports }
func routersOf(n *neutron) *kind[*router] { return n.routers }

// SetRoutes replaces a router's routes, unchecked.
func (c *Cloud) SetRoutes(routerID string, routes []RouteState) {
	changed(c, routerID, routersOf, func(_ *neutron, v *router) error {
		v.Routes = nil
		for _, r := range routes {
			v.Routes = append(v.Routes, route(r))
		}
		return nil
	})
}

// SetAddressPairs replaces a port's allowed address pairs; none clears them.
func (c *Cloud) SetAddressPairs(portID string, pairs ...AddressPairState) {
	changed(c, portID, portsOf, func(_ *neutron, p *port) error {
		var given []addressPair
		for _, pair := range pairs {
			given = append(given, addressPair{MACAddress: pair.MACAddress, IPAddress: pair.IPAddress})
		}
		p.AddressPairs = withMAC(given, p.MACAddress)
		return nil
	})
}

// SetPortFixedIPs gives a port other addresses, each of a subnet of its network.
func (c *Cloud) SetPortFixedIPs(portID string, addresses ...string) {
	changed(c, portID, portsOf, func(n *neutron, p *port) error { return n.readdress(p, wishesFor(addresses)) })
}

// SetPortSecurity turns a port's security on or off. Off takes its address pairs
// and groups away, which Neutron demands first.
func (c *Cloud) SetPortSecurity(portID string, on bool) {
	changed(c, portID, portsOf, func(_ *neutron, p *port) error {
		p.PortSecurity = on
		if !on {
			p.AddressPairs, p.SecurityGroups = nil, nil
		}
		return nil
	})
}

// SetPortStatus sets a port's status: ACTIVE, DOWN, BUILD or ERROR.
func (c *Cloud) SetPortStatus(portID, status string) {
	changed(c, portID, portsOf, func(_ *neutron, p *port) error {
		p.Status = status
		return nil
	})
}

// DeletePort removes a port whoever has it.
func (c *Cloud) DeletePort(portID string) {
	changed(c, portID, portsOf, func(n *neutron, p *port) error {
		n.dropPort(p)
		return nil
	})
}

// AttachSubnet gives a router an interface on a subnet.
func (c *Cloud) AttachSubnet(routerID, subnetID string) {
	changed(c, routerID, routersOf, func(n *neutron, v *router) error {
		_, err := n.addInterfaceSubnet(caller{admin: true}, v, subnetID)
		return err
	})
}

// DetachSubnet takes a router's interface on a subnet away, even if routes need it.
func (c *Cloud) DetachSubnet(routerID, subnetID string) {
	changed(c, routerID, routersOf, func(n *neutron, v *router) error {
		p, leaving, err := n.findInterface(v, interfaceWish{SubnetID: &subnetID})
		if err != nil {
			return err
		}
		return n.detach(v, p, leaving)
	})
}

// detach takes subnets off a router's port, or the port if none stays.
func (n *neutron) detach(v *router, p *port, leaving []*subnet) error {
	v.touch()
	if len(leaving) == len(p.FixedIPs) {
		n.dropPort(p)
		return nil
	}
	staying := slices.DeleteFunc(p.wishes(), func(w fixedIPWish) bool { return slices.Contains(ids(leaving), *w.SubnetID) })
	p.touch()
	return n.readdress(p, &staying)
}
