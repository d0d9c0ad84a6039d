package tree

// FloatingIP is a Neutron floating IP.
// API: https://docs.openstack.org/api-ref/network/v2/#floating-ips-floatingips
type FloatingIP struct {
	ID, Address, NetworkID string
	// PortID and FixedIP are "" while it is attached to nothing.
	PortID, FixedIP string
	Description     string
	Tags            []string
	Revision        int
}

// SecurityGroup is a Neutron security group with its rules.
type SecurityGroup struct {
	ID, Name, Description string
	Tags                  []string
	Rules                 []Rule
	Revision              int
}

// Rule is one security group rule. Two rules with equal Match are the same to
// Neutron: it refuses the second (409 SecurityGroupRuleExists).
type Rule struct {
	ID, GroupID string
	RuleMatch
	Description string
}

// RuleMatch is what a rule lets through.
type RuleMatch struct {
	Direction        string // ingress, egress
	EtherType        string // IPv4, IPv6
	Protocol         string // tcp, udp, sctp, … or "" for any
	PortMin, PortMax int    // 0: any
	RemotePrefix     string // canonical CIDR, or ""
	RemoteGroupID    string
}

// Port is a Neutron port, as far as addresses and security groups go.
type Port struct {
	ID, Name, NetworkID, DeviceID, DeviceOwner string
	FixedIPs                                   []FixedIP
	SecurityGroupIDs                           []string
	// PortSecurity false: Neutron refuses security groups on it.
	PortSecurity bool
	Description  string
	Revision     int
}

// FixedIP is one address of a port.
type FixedIP struct{ SubnetID, Address string }

// Network is a Neutron network.
type Network struct {
	ID, Name  string
	External  bool
	SubnetIDs []string
}

// Subnet is a Neutron subnet.
type Subnet struct {
	ID, Name, NetworkID string
	// CIDR is canonical. IPv6 says its family.
	CIDR string
	IPv6 bool
	Tags []string
}
