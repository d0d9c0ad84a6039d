package simulator

import (
	"fmt"
	"net/netip"
)

// Seeding: what a test or a demo puts into the cloud without any API call. It
// keeps Neutron's invariants, but neither policy nor quotas stand in its way.
// What cannot be done is a mistake in the caller's program and panics.

// NetworkSpec is a network to make.
type NetworkSpec struct {
	// ID is optional, for those that a configuration must name.
	ID   string
	Name string
	// Subnets are CIDRs of either family; the first address of each is its gateway.
	Subnets []string
	// External makes it a place for router gateways and floating IPs.
	External bool
	// Shared lets every project use it.
	Shared bool
	// PortSecurity is what new ports get; default true.
	PortSecurity *bool
	// ProjectID is the owner; default the plain member's project, for an
	// external network the admin's.
	ProjectID string
}

// Network is a network that was made. SubnetIDs are in the order of the spec's Subnets.
type Network struct {
	ID, Name  string
	SubnetIDs []string
}

// RouterSpec is a router to make.
type RouterSpec struct {
	// ID is optional, for those that a configuration must name.
	ID   string
	Name string
	// SubnetIDs get an interface each, with the subnet's gateway address.
	SubnetIDs []string
	// ExternalNetworkID is where the gateway is; "" makes a router without one.
	ExternalNetworkID string
	// ProjectID is the owner; default the plain member's project.
	ProjectID string
}

// PortSpec is a port to make that no server has.
type PortSpec struct {
	Name, NetworkID string
	// FixedIPs are addresses; none means one of each IP version that the network has.
	FixedIPs              []string
	DeviceID, DeviceOwner string
	// ProjectID is the owner; default the plain member's project.
	ProjectID string
}

// FloatingIPSpec is a floating IP to make.
type FloatingIPSpec struct {
	// NetworkID is the external network.
	NetworkID string
	// PortID is what it leads to; "" leaves it unassociated.
	PortID string
	// FixedIP chooses among the port's IPv4 addresses; "" is the only one.
	FixedIP, Description string
	// ProjectID is the owner; default the plain member's project.
	ProjectID string
}

// seed runs with the lock held; an error is the caller's mistake.
func seed[V any](c *Cloud, what string, run func(n *neutron) (V, error)) V {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.octavia.settle()
	c.cinder.settle()
	made, err := run(c.neutron)
	if err != nil {
		panic(fmt.Sprintf("simulator: %s: %v", what, err)) //nolint:forbidigo // a wrong seed is a bug of the program that seeds
	}
	return made
}

func (n *neutron) owner(projectID string) string {
	if projectID == "" {
		return n.cloud.projectID()
	}
	return projectID
}

// AddNetwork makes a network with its subnets.
func (c *Cloud) AddNetwork(spec NetworkSpec) Network {
	return seed(c, "add network "+spec.Name, func(n *neutron) (Network, error) {
		owner := n.owner(spec.ProjectID)
		if spec.External && spec.ProjectID == "" {
			owner = c.keystone.admin.project.ID
		}
		v := n.networks.add(&network{
			attributes: attributes{ID: spec.ID, Name: spec.Name, ProjectID: owner},
			AdminUp:    true, External: spec.External, Shared: spec.Shared, PortSecurity: true, MTU: defaultMTU,
		})
		assign(&v.PortSecurity, spec.PortSecurity)
		for i, text := range spec.Subnets {
			cidr, err := parseCIDR(text)
			if err == nil {
				err = n.overlap(v, cidr)
			}
			if err != nil {
				return Network{}, fmt.Errorf("add subnet %s: %w", text, err)
			}
			gateway := cidr.Addr().Next()
			n.addSubnet(v, &subnet{
				attributes: attributes{Name: fmt.Sprintf("%s-%d", spec.Name, i), ProjectID: owner},
				NetworkID:  v.ID, CIDR: cidr, Gateway: gateway, DHCP: true, pools: defaultPools(cidr, gateway),
				taken: map[netip.Addr]string{},
			})
		}
		v.Revision = n.networks.firstRevision
		return Network{ID: v.ID, Name: v.Name, SubnetIDs: v.SubnetIDs}, nil
	})
}

// AddRouter makes a router with its interfaces and returns its id.
func (c *Cloud) AddRouter(spec RouterSpec) string {
	return seed(c, "add router "+spec.Name, func(n *neutron) (string, error) {
		id := spec.ID
		if id == "" {
			id = newID()
		}
		v := &router{attributes: attributes{ID: id, Name: spec.Name, ProjectID: n.owner(spec.ProjectID)}, AdminUp: true, SNAT: true}
		if spec.ExternalNetworkID != "" {
			wish := &gatewayWish{NetworkID: &spec.ExternalNetworkID}
			if err := wish.check(n, caller{admin: true}, v, ""); err != nil {
				return "", err
			}
			if err := n.setGateway(v, wish); err != nil {
				return "", err
			}
		}
		n.routers.add(v)
		for _, subnetID := range spec.SubnetIDs {
			if _, err := n.addInterfaceSubnet(caller{admin: true}, v, subnetID); err != nil {
				return "", err
			}
		}
		v.Revision = n.routers.firstRevision
		return v.ID, nil
	})
}

// AddPort makes a port that no server has and returns its id.
func (c *Cloud) AddPort(spec PortSpec) string {
	return seed(c, "add port "+spec.Name, func(n *neutron) (string, error) {
		on, found := n.networks.rows[spec.NetworkID]
		if !found {
			return "", n.networks.missing(spec.NetworkID)
		}
		p := &port{
			attributes: attributes{Name: spec.Name, ProjectID: n.owner(spec.ProjectID)}, NetworkID: on.ID,
			AdminUp: true, Status: "DOWN", PortSecurity: on.PortSecurity, DeviceID: spec.DeviceID, DeviceOwner: spec.DeviceOwner,
		}
		if err := n.secureNew(p, true); err != nil {
			return "", err
		}
		var wishes *[]fixedIPWish
		if len(spec.FixedIPs) > 0 {
			wishes = wishesFor(spec.FixedIPs)
		}
		made, err := n.insertPort(p, wishes)
		if err != nil {
			return "", err
		}
		return made.ID, nil
	})
}

func wishesFor(addresses []string) *[]fixedIPWish {
	wishes := make([]fixedIPWish, len(addresses))
	for i := range addresses {
		wishes[i].IPAddress = &addresses[i]
	}
	return &wishes
}

// AddFloatingIP makes a floating IP, associated with a port if the spec names one.
func (c *Cloud) AddFloatingIP(spec FloatingIPSpec) FloatingIPState {
	return seed(c, "add floating IP", func(n *neutron) (FloatingIPState, error) {
		owner := n.owner(spec.ProjectID)
		in := floatingIPBody{NetworkID: &spec.NetworkID}
		if spec.PortID != "" {
			in.PortID = &spec.PortID
		}
		if spec.FixedIP != "" {
			in.FixedIP = &spec.FixedIP
		}
		f := &floatingIP{
			attributes: attributes{ID: newID(), ProjectID: owner, Description: spec.Description}, NetworkID: spec.NetworkID,
		}
		target, err := n.associate(caller{project: owner, admin: true}, f, in)
		if err != nil {
			return FloatingIPState{}, err
		}
		if f.outer, err = n.outerPort(f, in); err != nil {
			return FloatingIPState{}, err
		}
		n.bind(f, target)
		return n.floatingIPs.add(f).state(), nil
	})
}

// AddTrunk makes a trunk of a parent port with subports, numbered as VLANs from
// 100 on, and returns its id.
func (c *Cloud) AddTrunk(name, portID string, subportIDs ...string) string {
	return seed(c, "add trunk "+name, func(n *neutron) (string, error) {
		parent, found := n.ports.rows[portID]
		if !found {
			return "", n.ports.missing(portID)
		}
		v := &trunk{attributes: attributes{ID: newID(), Name: name, ProjectID: parent.ProjectID}, PortID: portID}
		for i, id := range subportIDs {
			p, found := n.ports.rows[id]
			if !found {
				return "", n.ports.missing(id)
			}
			n.setDevice(p, v.ID, ownerSubport)
			p.Status = parent.Status
			p.touch()
			v.Subports = append(v.Subports, subport{PortID: id, SegmentationType: "vlan", SegmentationID: 100 + i})
		}
		n.parents[portID] = n.trunks.add(v)
		return v.ID, nil
	})
}
