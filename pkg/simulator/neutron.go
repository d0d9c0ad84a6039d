package simulator

// This file only lets the package build until Neutron is here: Neutron's author
// may replace it entirely. The core needs exactly what it declares:
//
//	newNeutron(c *Cloud) *neutron      called by New once Keystone stands: c.options, c.projectID() are set
//	(*neutron) register(t routeTable)  the patterns below /network; "GET /" alone needs no token
//	createServerPort, deleteServerPorts, serverPorts   called by Nova with the lock held
//
// Core and Nova read of a port: ID, NetworkID, MACAddress, Status and FixedIPs
// ({IPAddress, SubnetID}); of a network its name, by networkName(id).
// A token (see keystone.go) has ProjectID, UserID and Admin; newID makes ids.

type neutron struct{ cloud *Cloud }

type port struct {
	ID, NetworkID, MACAddress, Status string
	FixedIPs                          []fixedIP
}

type fixedIP struct {
	SubnetID  string `json:"subnet_id"`
	IPAddress string `json:"ip_address"`
}

func newNeutron(c *Cloud) *neutron { return &neutron{cloud: c} }

func (n *neutron) register(routeTable) {}

// createServerPort makes a port for a NIC of a server, with an address of each
// named subnet, or exactly the given fixed IPs, or of the network's first subnets.
func (n *neutron) createServerPort(networkID string, subnetIDs, fixedIPs []string, serverID, projectID, zone string) (*port, error) {
	_, _, _, _, _ = subnetIDs, fixedIPs, serverID, projectID, zone
	return &port{ID: newID(), NetworkID: networkID}, nil
}

// deleteServerPorts removes all ports whose device is the server.
func (n *neutron) deleteServerPorts(serverID string) { _ = serverID }

// serverPorts are the ports whose device is the server, oldest first.
func (n *neutron) serverPorts(serverID string) []*port { _ = serverID; return nil }

// networkName is a network's name, or "" when there is none.
func (n *neutron) networkName(id string) string { _ = id; return "" }
