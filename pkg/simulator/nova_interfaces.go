package simulator

import "net/http"

// Ports of servers, as nova/api/openstack/compute/attach_interfaces.py has them.

func (n *nova) registerInterfaces(t routeTable) {
	t["GET /servers/{id}/os-interface"] = n.one(n.listInterfaces)
	t["GET /servers/{id}/os-interface/{port}"] = n.one(n.showInterface)
}

func interfaceView(r *request, p *port) map[string]any {
	view := map[string]any{
		"port_id": p.ID, "net_id": p.NetworkID, "mac_addr": p.MACAddress, "port_state": p.Status, "fixed_ips": p.FixedIPs,
	}
	if r.since(70) {
		view["tag"] = nil
	}
	return view
}

func (n *nova) listInterfaces(r *request, s *server) response {
	views := []any{}
	for _, p := range n.cloud.neutron.serverPorts(s.ID) {
		views = append(views, interfaceView(r, p))
	}
	return novaOK("interfaceAttachments", views)
}

func (n *nova) showInterface(r *request, s *server) response {
	for _, p := range n.cloud.neutron.serverPorts(s.ID) {
		if p.ID == r.Vars["port"] {
			return novaOK("interfaceAttachment", interfaceView(r, p))
		}
	}
	return novaError(http.StatusNotFound, "Instance "+s.ID+" does not have a port with id "+r.Vars["port"])
}

// onlyNetwork is the network that a server gets which names none: the one that
// the project can use. None gives a server without NICs, several are ambiguous.
func (n *nova) onlyNetwork(r *request) ([]createNIC, *response) {
	var usable []createNIC
	for network := range n.cloud.neutron.networks.all {
		if (network.ProjectID == r.Token.ProjectID || network.Shared) && !network.External && len(network.SubnetIDs) > 0 {
			usable = append(usable, createNIC{UUID: network.ID})
		}
	}
	if len(usable) > 1 {
		refused := novaError(http.StatusConflict, "Multiple possible networks found, use a Network ID to be more specific.")
		return nil, &refused
	}
	return usable, nil
}
