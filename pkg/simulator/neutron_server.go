package simulator

import "slices"

// What Nova asks of Neutron for a server's NICs (nova/network/neutron.py). As
// Nova makes these ports itself, neither quotas nor policy stand in the way.

// createServerPort makes a port for a NIC of a server, with an address of each
// named subnet, or exactly the given fixed IPs, or of the network's first subnets.
func (n *neutron) createServerPort(networkID string, subnetIDs, fixedIPs []string, serverID, projectID, zone string) (*port, error) {
	on, found := n.networks.rows[networkID]
	if !found {
		return nil, n.networks.missing(networkID)
	}
	var wishes *[]fixedIPWish
	if len(fixedIPs) > 0 || len(subnetIDs) > 0 {
		wishes = &[]fixedIPWish{}
	}
	for _, address := range fixedIPs {
		*wishes = append(*wishes, fixedIPWish{IPAddress: &address})
	}
	if len(fixedIPs) == 0 {
		for _, id := range subnetIDs {
			*wishes = append(*wishes, fixedIPWish{SubnetID: &id})
		}
	}
	p := &port{
		attributes: attributes{ProjectID: projectID}, NetworkID: on.ID, AdminUp: true, Status: "ACTIVE",
		DeviceID: serverID, DeviceOwner: "compute:" + zone, HostID: "compute-" + zone, PortSecurity: on.PortSecurity,
	}
	if p.PortSecurity && n.has("security-group") {
		p.SecurityGroups = []string{n.defaultGroup(projectID).ID}
	}
	return n.insertPort(p, wishes)
}

// bindServerPort gives a server a port that is there already: it must be the
// project's and free.
func (n *neutron) bindServerPort(portID, serverID, projectID, zone string) error {
	p, found := n.ports.rows[portID]
	switch {
	case !found || p.ProjectID != projectID:
		return n.ports.missing(portID)
	case p.DeviceID != "":
		return conflict("PortInUse", "Unable to complete operation on port %s for network %s. "+
			"Port already has an attached device %s.", p.ID, p.NetworkID, p.DeviceID)
	}
	n.setDevice(p, serverID, "compute:"+zone)
	p.Status, p.HostID, p.older = "ACTIVE", "compute-"+zone, true
	p.touch()
	return nil
}

// deleteServerPorts takes all ports away from a server.
func (n *neutron) deleteServerPorts(serverID string) {
	for _, p := range n.serverPorts(serverID) {
		n.releaseServerPort(p)
	}
}

// releaseServerPort removes a port that Nova made for a server; one that was
// there before it is free again.
func (n *neutron) releaseServerPort(p *port) {
	if !p.older {
		n.dropPort(p)
		return
	}
	n.setDevice(p, "", "")
	p.Status, p.HostID, p.older = "DOWN", "", false
	p.touch()
}

// floatingFor is the floating IP that leads to an address of a port, or "".
func (n *neutron) floatingFor(portID, fixed string) string {
	for _, f := range n.behind[portID] {
		if f.FixedIP == fixed {
			return f.Address
		}
	}
	return ""
}

// serverPorts are the ports whose device is the server, oldest first.
func (n *neutron) serverPorts(serverID string) []*port { return slices.Clone(n.devices[serverID]) }
