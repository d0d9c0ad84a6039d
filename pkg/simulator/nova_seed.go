package simulator

import (
	"errors"
	"maps"
	"slices"
)

// NIC is one network interface of a server to add.
type NIC struct {
	NetworkID string
	// SubnetIDs are those from which the port gets one address each; empty lets
	// Neutron choose, as for a port that names no fixed IPs.
	SubnetIDs []string
	// FixedIPs are exact addresses; with them SubnetIDs do not matter.
	FixedIPs []string
}

// ServerSpec is a server to add.
type ServerSpec struct {
	Name string
	// ID is a UUID; a new one if empty.
	ID string
	// Networks become one port each, in order.
	Networks []NIC
	// Flavor is a flavor's name; default "m1.medium". One that is unknown is made, with 2 VCPUs and 4 GiB.
	Flavor string
	// Zone is the availability zone; default the cloud's first.
	Zone string
	// Status is Nova's; default ACTIVE.
	Status   string
	Metadata map[string]string
	Tags     []string
	// Hostname is made of the name if empty.
	Hostname string
	// ProjectID is the owner's; default the plain member's.
	ProjectID string
}

// Server is a server that AddServer made.
type Server struct {
	ID, Name string
	// PortIDs are in the order of the networks.
	PortIDs []string
	// Addresses are the fixed IPs of all ports, in order.
	Addresses []string
}

// AddServer adds a server with a port for each network. It panics when that
// cannot be: a test or a demo has asked for what is not there.
func (c *Cloud) AddServer(spec ServerSpec) Server {
	return seed(c, "add server "+spec.Name, func(*neutron) (Server, error) { return c.nova.seed(spec) })
}

func (n *nova) seed(spec ServerSpec) (Server, error) {
	if _, known := states[spec.Status]; spec.Status != "" && !known {
		return Server{}, errors.New("no such status: " + spec.Status)
	}
	if n.byID[spec.ID] != nil {
		return Server{}, errors.New("there is a server " + spec.ID)
	}
	s := &server{
		ID: spec.ID, Name: spec.Name, Hostname: spec.Hostname, Zone: spec.Zone, PinnedZone: spec.Zone, Status: spec.Status,
		Metadata: maps.Clone(spec.Metadata), Tags: slices.Clone(spec.Tags), ProjectID: spec.ProjectID,
		Flavor: *n.flavorNamed(spec.Flavor), ImageID: n.cloud.glance.images[0].ID,
	}
	n.complete(s)
	made := Server{ID: s.ID, Name: s.Name}
	for _, nic := range spec.Networks {
		p, err := n.cloud.neutron.createServerPort(nic.NetworkID, nic.SubnetIDs, nic.FixedIPs, s.ID, s.ProjectID, s.Zone)
		if err != nil {
			n.cloud.neutron.deleteServerPorts(s.ID)
			return Server{}, err
		}
		made.PortIDs = append(made.PortIDs, p.ID)
		for _, ip := range p.FixedIPs {
			made.Addresses = append(made.Addresses, ip.IPAddress)
		}
	}
	n.keep(s)
	return made, nil
}

// flavorNamed returns the flavor of a name, a new one if there is none.
func (n *nova) flavorNamed(name string) *flavor {
	if name == "" {
		name = "m1.medium"
	}
	for _, f := range n.flavors {
		if f.Name == name {
			return f
		}
	}
	f := &flavor{ID: newID(), Name: name, VCPUs: 2, RAM: 4096, Disk: 40}
	n.flavors = append(n.flavors, f)
	return f
}

// DeleteServer removes a server and its ports, as if somebody else had asked for
// it. A server that is not there is none of its business.
func (c *Cloud) DeleteServer(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cinder.settle()
	if s := c.nova.byID[id]; s != nil {
		c.nova.forget(s)
	}
}

// SetServerStatus puts a server into a status of Nova, e.g. "SHUTOFF". It panics
// when there is no such server or status.
func (c *Cloud) SetServerStatus(id, status string) {
	seed(c, "set server "+id+" to "+status, func(*neutron) (*server, error) {
		s := c.nova.byID[id]
		if _, known := states[status]; s == nil || !known {
			return nil, errors.New("no such server or status")
		}
		c.nova.setStatus(s, status)
		return s, nil
	})
}

// ServerState is a server as it is now.
type ServerState struct {
	ID, Name, Hostname, Status, Flavor, Zone, ProjectID string
	Metadata                                            map[string]string
	PortIDs, Addresses                                  []string
}

// Servers are all servers of all projects, oldest first.
func (c *Cloud) Servers() []ServerState {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := make([]ServerState, 0, len(c.nova.servers))
	for _, s := range c.nova.servers {
		found := ServerState{
			ID: s.ID, Name: s.Name, Hostname: s.Hostname, Status: s.status(), Flavor: s.Flavor.Name,
			Zone: s.Zone, ProjectID: s.ProjectID, Metadata: maps.Clone(s.Metadata),
		}
		for _, p := range c.neutron.serverPorts(s.ID) {
			found.PortIDs = append(found.PortIDs, p.ID)
			for _, ip := range p.FixedIPs {
				found.Addresses = append(found.Addresses, ip.IPAddress)
			}
		}
		list = append(list, found)
	}
	return list
}
