package simulator

import "net/netip"

// A router's gateway as neutron/db/l3_db.py (_update_router_gw_info) and
// l3_gwmode_db.py have it.

// gatewayWish is external_gateway_info in a body.
type gatewayWish struct {
	NetworkID *string        `json:"network_id"`
	SNAT      *bool          `json:"enable_snat"`
	FixedIPs  *[]fixedIPWish `json:"external_fixed_ips"`
}

func (v *router) gatewayInfo() any {
	if v.GatewayPort == nil {
		return nil
	}
	return map[string]any{
		"network_id": v.GatewayPort.NetworkID, "enable_snat": v.SNAT, "external_fixed_ips": list(v.GatewayPort.FixedIPs),
	}
}

// check tells whether the caller may have the gateway; details are an admin's.
func (w *gatewayWish) check(n *neutron, c caller, v *router, rule string) error {
	switch {
	case w.NetworkID == nil:
		return invalidInput("external_gateway_info", "Validation of dictionary's keys failed. Expected keys: {'network_id'}")
	case w.SNAT != nil && !c.admin:
		return disallowedAttribute(rule, "external_gateway_info:enable_snat")
	case w.FixedIPs != nil && !c.admin:
		return disallowedAttribute(rule, "external_gateway_info:external_fixed_ips")
	}
	on, found := n.networks.rows[*w.NetworkID]
	if !found || !n.networks.sees(c, on) {
		return n.networks.missing(*w.NetworkID)
	}
	if !on.External {
		return badResource("router", "Network %s is not an external network", on.ID)
	}
	if v.GatewayPort != nil && v.GatewayPort.NetworkID != on.ID {
		return n.gatewayInUse(v)
	}
	return nil
}

// gatewayInUse: floating IPs keep a gateway.
func (n *neutron) gatewayInUse(v *router) error {
	for f := range n.floatingIPs.all {
		if f.RouterID == v.ID {
			return conflict("RouterExternalGatewayInUseByFloatingIp", "Gateway cannot be updated for router %s, since a "+
				"gateway to external network %s is required by one or more floating IPs.", v.ID, f.NetworkID)
		}
	}
	return nil
}

// gatewayNeeded: floating IPs and routes over it keep a gateway from being cleared.
func (n *neutron) gatewayNeeded(v *router, routes []route) error {
	if err := n.gatewayInUse(v); err != nil || v.GatewayPort == nil {
		return err
	}
	return n.routesFit(v, routes, v.GatewayPort)
}

// setGateway gives a router its gateway, or takes it away where wish is nil.
func (n *neutron) setGateway(v *router, wish *gatewayWish) error {
	old := v.GatewayPort
	if wish == nil {
		if old != nil {
			n.dropPort(old)
		}
		v.GatewayPort, v.SNAT = nil, true
		return nil
	}
	assign(&v.SNAT, wish.SNAT)
	if old != nil && old.NetworkID == *wish.NetworkID {
		if wish.FixedIPs == nil {
			return nil
		}
		return n.readdress(old, wish.FixedIPs)
	}
	// The gateway port belongs to no project: members do not see it.
	made, err := n.insertPort(&port{
		NetworkID: *wish.NetworkID, AdminUp: true, Status: "ACTIVE", DeviceID: v.ID, DeviceOwner: ownerGateway,
	}, wish.FixedIPs)
	if err != nil {
		return err
	}
	if old != nil {
		n.dropPort(old)
	}
	v.GatewayPort = made
	return nil
}

// parseAddress reads an address that the simulator itself wrote.
func parseAddress(text string) netip.Addr {
	a, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Addr{}
	}
	return a
}
