package simulator

import (
	"errors"
	"net/http"
)

// Ports of servers, as nova/api/openstack/compute/attach_interfaces.py has them.

func (n *nova) registerInterfaces(t routeTable) {
	t["GET /servers/{id}/os-interface"] = n.one(n.listInterfaces)
	t["GET /servers/{id}/os-interface/{port}"] = n.one(n.showInterface)
	t["POST /servers/{id}/os-interface"] = n.one(n.attachInterface)
	t["DELETE /servers/{id}/os-interface/{port}"] = n.one(n.detachInterface)
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

func noInterface(s *server, portID string) response {
	return novaError(http.StatusNotFound, "Instance "+s.ID+" does not have a port with id "+portID)
}

// interfaceOf is the server's port with an id, or nil.
func (n *nova) interfaceOf(s *server, portID string) *port {
	for _, p := range n.cloud.neutron.serverPorts(s.ID) {
		if p.ID == portID {
			return p
		}
	}
	return nil
}

func (n *nova) showInterface(r *request, s *server) response {
	p := n.interfaceOf(s, r.Vars["port"])
	if p == nil {
		return noInterface(s, r.Vars["port"])
	}
	return novaOK("interfaceAttachment", interfaceView(r, p))
}

// attachInterface adds a port that is there, or a new one on a network.
func (n *nova) attachInterface(r *request, s *server) response {
	var wanted struct {
		NetID    string    `json:"net_id"`
		PortID   string    `json:"port_id"`
		FixedIPs []fixedIP `json:"fixed_ips"`
	}
	if err := r.decode("interfaceAttachment", &wanted); err != nil || (wanted.NetID == "") == (wanted.PortID == "") {
		return novaError(http.StatusBadRequest, "Must input network_id when request IP address, or port_id alone")
	}
	nic := createNIC{UUID: wanted.NetID, Port: wanted.PortID}
	if len(wanted.FixedIPs) > 0 {
		nic.FixedIP = wanted.FixedIPs[0].IPAddress
	}
	if err := n.plug(s, nic); err != nil {
		return networkRefusal(err, http.StatusNotFound)
	}
	ports := n.cloud.neutron.serverPorts(s.ID)
	return novaOK("interfaceAttachment", interfaceView(r, ports[len(ports)-1]))
}

// networkRefusal is what Nova makes of Neutron's refusal: conflicts stay
// conflicts, what is missing is what the API says of it, all else is a bad request.
func networkRefusal(err error, missing int) response {
	var cause *neutronError
	status := http.StatusBadRequest
	if errors.As(err, &cause) {
		switch cause.status {
		case http.StatusConflict:
			status = http.StatusConflict
		case http.StatusNotFound:
			status = missing
		}
		return novaError(status, cause.message)
	}
	return novaError(status, err.Error())
}

// detachInterface removes a port, or sets it free if Nova has not made it.
func (n *nova) detachInterface(r *request, s *server) response {
	// The answer comes before Nova looks: a port that is not the server's is no error.
	if p := n.interfaceOf(s, r.Vars["port"]); p != nil {
		n.cloud.neutron.releaseServerPort(p)
	}
	return response{Status: http.StatusAccepted}
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
