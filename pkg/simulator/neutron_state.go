package simulator

import (
	"slices"
	"time"
)

// Looking and changing by hand: none of this counts as a call.

// NetworkState is what a network is like.
type NetworkState struct {
	ID, Name, ProjectID string
	External, Shared    bool
	PortSecurity        bool
	Subnets             []SubnetState
}

// SubnetState is what a subnet is like; Gateway is "" where it has none.
type SubnetState struct{ ID, Name, CIDR, Gateway string }

// RouterState is what a router is like.
type RouterState struct {
	ID, Name string
	// Routes are in the order in which they were added.
	Routes     []RouteState
	Interfaces []InterfaceState
	// GatewayNetworkID and GatewayAddress are "" without a gateway.
	GatewayNetworkID, GatewayAddress string
	Revision                         int
}

// RouteState is one static route, in the spelling of whoever added it.
type RouteState struct{ Destination, NextHop string }

// InterfaceState is one address of a router on a subnet.
type InterfaceState struct{ PortID, SubnetID, CIDR, Address string }

// PortState is what a port is like.
type PortState struct {
	ID, Name, ProjectID, NetworkID, MACAddress string
	DeviceID, DeviceOwner, Status              string
	FixedIPs                                   []FixedIPState
	AllowedAddressPairs                        []AddressPairState
	SecurityGroups                             []string
	PortSecurity                               bool
	Revision                                   int
	Updated                                    time.Time
}

// FixedIPState is one address of a port.
type FixedIPState struct{ SubnetID, Address string }

// AddressPairState is one of a port's allowed address pairs, in the spelling of
// whoever set it; an empty MACAddress stands for the port's own when it is set.
type AddressPairState struct{ IPAddress, MACAddress string }

// FloatingIPState is what a floating IP is like; PortID, FixedIP and RouterID
// are "" while it is not associated.
type FloatingIPState struct {
	ID, Address, NetworkID, PortID, FixedIP, RouterID, Description string
	Revision                                                       int
}

func (n *neutron) networkState(v *network) NetworkState {
	state := NetworkState{
		ID: v.ID, Name: v.Name, ProjectID: v.ProjectID, External: v.External, Shared: v.Shared, PortSecurity: v.PortSecurity,
	}
	for _, s := range n.subnetsOf(v.ID) {
		gateway := ""
		if s.Gateway.IsValid() {
			gateway = s.Gateway.String()
		}
		state.Subnets = append(state.Subnets, SubnetState{s.ID, s.Name, s.CIDR.String(), gateway})
	}
	return state
}

func (n *neutron) routerState(v *router) RouterState {
	state := RouterState{ID: v.ID, Name: v.Name, Revision: v.Revision}
	for _, r := range v.Routes {
		state.Routes = append(state.Routes, RouteState(r))
	}
	for _, p := range n.interfaces(v) {
		for _, ip := range p.FixedIPs {
			cidr := n.subnets.rows[ip.SubnetID].CIDR.String()
			state.Interfaces = append(state.Interfaces, InterfaceState{p.ID, ip.SubnetID, cidr, ip.IPAddress})
		}
	}
	if gateway := v.GatewayPort; gateway != nil {
		state.GatewayNetworkID = gateway.NetworkID
		if len(gateway.FixedIPs) > 0 {
			state.GatewayAddress = gateway.FixedIPs[0].IPAddress
		}
	}
	return state
}

func (p *port) state() PortState {
	state := PortState{
		ID: p.ID, Name: p.Name, ProjectID: p.ProjectID, NetworkID: p.NetworkID, MACAddress: p.MACAddress,
		DeviceID: p.DeviceID, DeviceOwner: p.DeviceOwner, Status: p.Status, PortSecurity: p.PortSecurity,
		SecurityGroups: slices.Clone(p.SecurityGroups), Revision: p.Revision, Updated: p.Updated,
	}
	for _, ip := range p.FixedIPs {
		state.FixedIPs = append(state.FixedIPs, FixedIPState{ip.SubnetID, ip.IPAddress})
	}
	for _, pair := range p.AddressPairs {
		state.AllowedAddressPairs = append(state.AllowedAddressPairs, AddressPairState{pair.IPAddress, pair.MACAddress})
	}
	return state
}

func (f *floatingIP) state() FloatingIPState {
	return FloatingIPState{
		f.ID, f.Address, f.NetworkID, f.PortID, f.FixedIP, f.RouterID, f.Description, f.Revision,
	}
}

// statesOf collects what a kind's rows are like, oldest first.
func statesOf[T row, V any](c *Cloud, of func(*neutron) *kind[T], state func(*neutron, T) V) []V {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.octavia.settle()
	var all []V
	for v := range of(c.neutron).all {
		all = append(all, state(c.neutron, v))
	}
	return all
}

// Networks are all networks, oldest first.
func (c *Cloud) Networks() []NetworkState {
	return statesOf(c, func(n *neutron) *kind[*network] { return n.networks }, (*neutron).networkState)
}

// Routers are all routers, oldest first.
func (c *Cloud) Routers() []RouterState {
	return statesOf(c, func(n *neutron) *kind[*router] { return n.routers }, (*neutron).routerState)
}

// Ports are all ports, those of routers and floating IPs included, oldest first.
func (c *Cloud) Ports() []PortState {
	return statesOf(c, func(n *neutron) *kind[*port] { return n.ports }, func(_ *neutron, p *port) PortState { return p.state() })
}

// FloatingIPs are all floating IPs, oldest first.
func (c *Cloud) FloatingIPs() []FloatingIPState {
	return statesOf(c, func(n *neutron) *kind[*floatingIP] { return n.floatingIPs },
		func(_ *neutron, f *floatingIP) FloatingIPState { return f.state() })
}

// Router is what a router is like; the zero value if there is none.
func (c *Cloud) Router(id string) RouterState {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.octavia.settle()
	v, found := c.neutron.routers.rows[id]
	if !found {
		return RouterState{}
	}
	return c.neutron.routerState(v)
}

// Port is what a port is like; the zero value if there is none.
func (c *Cloud) Port(id string) PortState {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.octavia.settle()
	p, found := c.neutron.ports.rows[id]
	if !found {
		return PortState{}
	}
	return p.state()
}
