package simulator

import (
	"encoding/json"
	"net/netip"
	"slices"
)

// Router interfaces as neutron/db/l3_db.py (add_router_interface,
// remove_router_interface) has them.

func (n *neutron) registerRouterActions(t routeTable) {
	const router = "/v2.0/routers/{id}/"
	n.on(t, "PUT "+router+"add_router_interface", "router", 200, n.addInterface)
	n.on(t, "PUT "+router+"remove_router_interface", "router", 200, n.removeInterface)
	n.on(t, "PUT "+router+"add_extraroutes", "extraroute-atomic", 200, n.extraRoutes("add_extraroutes", addRoutes))
	n.on(t, "PUT "+router+"remove_extraroutes", "extraroute-atomic", 200,
		n.extraRoutes("remove_extraroutes", removeRoutes))
}

// interfaceWish is the body of both calls; it has no envelope.
type interfaceWish struct {
	SubnetID *string `json:"subnet_id"`
	PortID   *string `json:"port_id"`
}

func readInterface(r *request) (in interfaceWish, err error) {
	if json.Unmarshal(r.Body, &in) != nil || in.SubnetID == nil && in.PortID == nil {
		return in, badResource("router", "Either subnet_id or port_id must be specified")
	}
	return in, nil
}

func (n *neutron) addInterface(r *request) (any, error) {
	v, err := n.routers.findOwn(r, "add_router_interface")
	if err != nil {
		return nil, err
	}
	in, err := readInterface(r)
	if err != nil {
		return nil, err
	}
	if in.SubnetID != nil && in.PortID != nil {
		return nil, badResource("router", "Cannot specify both subnet-id and port-id")
	}
	if err := n.ifMatch(r, v); err != nil {
		return nil, err
	}
	if in.PortID != nil {
		return n.addInterfacePort(callerOf(r), v, *in.PortID)
	}
	return n.addInterfaceSubnet(callerOf(r), v, *in.SubnetID)
}

func (n *neutron) addInterfaceSubnet(c caller, v *router, subnetID string) (any, error) {
	s, found := n.subnets.rows[subnetID]
	switch {
	case !found || !n.subnets.sees(c, s):
		return nil, n.subnets.missing(subnetID)
	case !s.Gateway.IsValid():
		return nil, badResource("router", "Subnet for router interface must have a gateway IP")
	case !c.owns(s):
		return nil, badResource("router",
			"Cannot add interface to router because subnet %s is not owned by project making the request", s.ID)
	}
	p, err := n.attach(v, s)
	if err != nil {
		return nil, err
	}
	return interfaceInfo(v, p, s.ID, []string{s.ID}), nil
}

// attach gives a router the gateway address of a subnet, on a new port or, for
// IPv6, on the port that it has for IPv6 on that network.
func (n *neutron) attach(v *router, s *subnet) (*port, error) {
	if err := n.checkOverlap(v, []*subnet{s}); err != nil {
		return nil, err
	}
	address := s.Gateway.String()
	wish := fixedIPWish{SubnetID: &s.ID, IPAddress: &address}
	if s.version() == 6 {
		for _, p := range n.interfaces(v) {
			if p.NetworkID != s.NetworkID || !p.speaks6() {
				continue
			}
			wishes := append(p.wishes(), wish)
			if err := n.readdress(p, &wishes); err != nil {
				return nil, err
			}
			p.touch()
			v.touch()
			return p, nil
		}
	}
	p, err := n.insertPort(&port{
		attributes: attributes{ProjectID: v.ProjectID}, NetworkID: s.NetworkID, AdminUp: true, Status: "ACTIVE",
		DeviceID: v.ID, DeviceOwner: ownerInterface,
	}, &[]fixedIPWish{wish})
	if err != nil {
		return nil, err
	}
	v.touch()
	return p, nil
}

func (p *port) speaks6() bool {
	return slices.ContainsFunc(p.FixedIPs, func(ip fixedIP) bool { return parseAddress(ip.IPAddress).Is6() })
}

// wishes are the port's own addresses as a body would ask for them.
func (p *port) wishes() []fixedIPWish {
	wishes := make([]fixedIPWish, len(p.FixedIPs))
	for i, ip := range p.FixedIPs {
		wishes[i] = fixedIPWish{SubnetID: &ip.SubnetID, IPAddress: &ip.IPAddress}
	}
	return wishes
}

func (n *neutron) addInterfacePort(c caller, v *router, portID string) (any, error) {
	p, found := n.ports.rows[portID]
	switch {
	case !found || !n.ports.sees(c, p):
		return nil, n.ports.missing(portID)
	case p.DeviceID != "":
		return nil, conflict("PortInUse", "Unable to complete operation on port %s for network %s. "+
			"Port already has an attached device %s.", p.ID, p.NetworkID, p.DeviceID)
	case len(p.FixedIPs) == 0:
		return nil, badResource("router", "Router port must have at least one fixed IP")
	}
	subnets := n.subnetsOn(p)
	if err := n.checkOverlap(v, subnets); err != nil {
		return nil, err
	}
	n.setDevice(p, v.ID, ownerInterface)
	p.Status = "ACTIVE"
	p.touch()
	v.touch()
	return interfaceInfo(v, p, subnets[len(subnets)-1].ID, ids(subnets)), nil
}

// subnetsOn are the subnets of a port's addresses.
func (n *neutron) subnetsOn(p *port) []*subnet {
	subnets := make([]*subnet, len(p.FixedIPs))
	for i, ip := range p.FixedIPs {
		subnets[i] = n.subnets.rows[ip.SubnetID]
	}
	return subnets
}

func ids(subnets []*subnet) []string {
	all := make([]string, len(subnets))
	for i, s := range subnets {
		all[i] = s.ID
	}
	return all
}

// checkOverlap: a router has a subnet once, and no two that overlap.
func (n *neutron) checkOverlap(v *router, subnets []*subnet) error {
	for _, p := range n.devices[v.ID] {
		for _, has := range n.subnetsOn(p) {
			for _, s := range subnets {
				switch {
				case s == has:
					return badResource("router", "Router already has a port on subnet %s", s.ID)
				case p.DeviceOwner == ownerInterface && s.CIDR.Overlaps(has.CIDR):
					return badResource("router", "Cidr %s of subnet %s overlaps with cidr %s of subnet %s",
						s.CIDR, s.ID, has.CIDR, has.ID)
				}
			}
		}
	}
	return nil
}

func interfaceInfo(v *router, p *port, subnetID string, subnetIDs []string) map[string]any {
	return map[string]any{
		"id": v.ID, "tenant_id": p.ProjectID, "project_id": p.ProjectID, "port_id": p.ID, "network_id": p.NetworkID,
		"subnet_id": subnetID, "subnet_ids": subnetIDs,
	}
}

func (n *neutron) removeInterface(r *request) (any, error) {
	v, err := n.routers.findOwn(r, "remove_router_interface")
	if err != nil {
		return nil, err
	}
	in, err := readInterface(r)
	if err != nil {
		return nil, err
	}
	p, leaving, err := n.findInterface(v, in)
	if err != nil {
		return nil, err
	}
	for _, s := range leaving {
		if err := n.interfaceInUse(v, s); err != nil {
			return nil, err
		}
	}
	if err := n.ifMatch(r, v); err != nil {
		return nil, err
	}
	if err := n.detach(v, p, leaving); err != nil {
		return nil, err
	}
	return interfaceInfo(v, p, leaving[0].ID, ids(leaving)), nil
}

// findInterface finds the port and the subnets of it that are to leave the router.
func (n *neutron) findInterface(v *router, in interfaceWish) (*port, []*subnet, error) {
	for _, p := range n.interfaces(v) {
		subnets := n.subnetsOn(p)
		if in.PortID != nil {
			if p.ID != *in.PortID {
				continue
			}
			if in.SubnetID != nil && !slices.Contains(ids(subnets), *in.SubnetID) {
				return nil, nil, invalid("SubnetMismatchForPort",
					"Subnet on port %s does not match the requested subnet %s.", p.ID, *in.SubnetID)
			}
			return p, subnets, nil
		}
		if at := slices.Index(ids(subnets), *in.SubnetID); at >= 0 {
			return p, subnets[at : at+1], nil
		}
	}
	if in.PortID != nil {
		return nil, nil, missing("RouterInterfaceNotFound", "Router %s does not have an interface with id %s", v.ID, *in.PortID)
	}
	if _, found := n.subnets.rows[*in.SubnetID]; !found {
		return nil, nil, n.subnets.missing(*in.SubnetID)
	}
	return nil, nil, missing("RouterInterfaceNotFoundForSubnet",
		"Router %s has no interface on subnet %s", v.ID, *in.SubnetID)
}

// interfaceInUse: floating IPs and next hops on its subnet keep an interface.
func (n *neutron) interfaceInUse(v *router, s *subnet) error {
	refusal := func(kind, what string) error {
		return conflict(kind, "Router interface for subnet %s on router %s cannot be deleted, as it is required by one or more %s.",
			s.ID, v.ID, what)
	}
	for f := range n.floatingIPs.all {
		if f.RouterID == v.ID && s.CIDR.Contains(parseAddress(f.FixedIP)) {
			return refusal("RouterInterfaceInUseByFloatingIP", "floating IPs")
		}
	}
	for _, r := range v.Routes {
		hop, err := netip.ParseAddr(r.NextHop)
		if err == nil && s.CIDR.Contains(hop) {
			return refusal("RouterInterfaceInUseByRoute", "routes")
		}
	}
	return nil
}
