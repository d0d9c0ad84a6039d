package simulator

// Networks as neutron/db/db_base_plugin_v2.py, external_net_db.py and
// neutron/conf/policies/network.py have them.

// network is a virtual L2 segment.
type network struct {
	attributes
	AdminUp, External, Shared bool
	// PortSecurity is what ports get that do not say.
	PortSecurity bool
	MTU          int
	DNSDomain    string
	// SubnetIDs are in order of creation; never changed in place.
	SubnetIDs []string
}

const defaultMTU = 1450

func (n *neutron) networkKind() *kind[*network] {
	k := &kind[*network]{
		n: n, singular: "network", plural: "networks", path: "networks", quota: "network", firstRevision: 1,
		notFound: "NetworkNotFound", notFoundMessage: "Network %s could not be found.",
		sees:   func(c caller, v *network) bool { return c.owns(v) || v.Shared || v.External },
		create: n.createNetwork, update: n.updateNetwork, blocked: n.networkInUse, drop: n.dropNetwork,
	}
	const set = inPost | inPut | inFilter
	k.attributes = standard(
		named[*network](), tagged[*network](0),
		attribute[*network]{name: "admin_state_up", use: set, value: func(v *network) any { return v.AdminUp }},
		attribute[*network]{name: "status", use: inFilter, value: func(*network) any { return "ACTIVE" }},
		attribute[*network]{name: "shared", use: set, value: func(v *network) any { return v.Shared }},
		attribute[*network]{
			name: "router:external", use: set, extension: "external-net",
			value: func(v *network) any { return v.External },
		},
		attribute[*network]{
			name: "port_security_enabled", use: inPost | inPut, extension: "port-security",
			value: func(v *network) any { return v.PortSecurity },
		},
		attribute[*network]{name: "mtu", use: set, extension: "net-mtu", value: func(v *network) any { return v.MTU }},
		attribute[*network]{
			name: "dns_domain", use: set, extension: "dns-integration",
			value: func(v *network) any { return v.DNSDomain },
		},
		attribute[*network]{name: "subnets", use: unsorted, value: func(v *network) any { return list(v.SubnetIDs) }},
		attribute[*network]{
			name: "availability_zones", use: unsorted, extension: "availability_zone",
			value: func(*network) any { return n.cloud.options.Zones },
		},
		attribute[*network]{
			name: "availability_zone_hints", use: inPost | unsorted, extension: "availability_zone",
			value: func(*network) any { return []string{} },
		},
		attribute[*network]{
			name: "provider:network_type", use: adminOnly | inPost | inFilter,
			value: func(*network) any { return "geneve" },
		},
	)
	return k
}

type networkBody struct {
	common
	AdminUp      *bool   `json:"admin_state_up"`
	Shared       *bool   `json:"shared"`
	External     *bool   `json:"router:external"`
	PortSecurity *bool   `json:"port_security_enabled"`
	MTU          *int    `json:"mtu"`
	DNSDomain    *string `json:"dns_domain"`
}

// allowed holds what only an admin may do to a network.
func (in networkBody) allowed(c caller, rule string) error {
	switch {
	case c.admin:
		return nil
	case in.Shared != nil && *in.Shared:
		return disallowedAttribute(rule, "shared")
	case in.External != nil && *in.External:
		return disallowedAttribute(rule, "router:external")
	}
	return nil
}

func (in networkBody) apply(v *network) {
	in.describe(&v.attributes)
	assign(&v.AdminUp, in.AdminUp)
	assign(&v.Shared, in.Shared)
	assign(&v.External, in.External)
	assign(&v.PortSecurity, in.PortSecurity)
	assign(&v.MTU, in.MTU)
	assign(&v.DNSDomain, in.DNSDomain)
}

func (n *neutron) createNetwork(c caller, b body) (*network, error) {
	var in networkBody
	if err := b.decode(&in); err != nil {
		return nil, err
	}
	if err := in.allowed(c, "create_network"); err != nil {
		return nil, err
	}
	a, err := in.start(c)
	if err != nil {
		return nil, err
	}
	v := &network{attributes: a, AdminUp: true, PortSecurity: true, MTU: defaultMTU}
	in.apply(v)
	return n.networks.add(v), nil
}

func (n *neutron) updateNetwork(c caller, v *network, b body, match func() error) error {
	var in networkBody
	if err := b.decode(&in); err != nil {
		return err
	}
	if err := in.allowed(c, "update_network"); err != nil {
		return err
	}
	if err := match(); err != nil {
		return err
	}
	in.apply(v)
	return nil
}

// networkInUse: ports keep a network, but for those that Neutron made for itself.
func (n *neutron) networkInUse(_ caller, v *network) error {
	for p := range n.ports.all {
		if p.NetworkID == v.ID && p.DeviceOwner != ownerDHCP {
			return conflict("NetworkInUse", "Unable to complete operation on network %s. "+
				"There are one or more ports still in use on the network.", v.ID)
		}
	}
	return nil
}

func (n *neutron) dropNetwork(v *network) {
	for p := range n.ports.all {
		if p.NetworkID == v.ID {
			n.dropPort(p)
		}
	}
	for _, id := range v.SubnetIDs {
		if s, found := n.subnets.rows[id]; found {
			n.subnets.take(s)
		}
	}
	n.networks.take(v)
}

// networkName is a network's name, or "" when there is none.
func (n *neutron) networkName(id string) string {
	if v, found := n.networks.rows[id]; found {
		return v.Name
	}
	return ""
}
