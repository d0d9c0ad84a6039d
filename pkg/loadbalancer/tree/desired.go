package tree

import "underlay/internal/owner"

// Desired is all that one Service wants of the cloud.
type Desired struct {
	Cluster owner.Cluster
	Service owner.Service
	// BalancerName is the generated name (owner.Cluster.BalancerName): the name
	// of the load balancer that this Service owns, and its tag on any it uses.
	BalancerName string
	Capabilities Capabilities

	// Balancer is what this Service wants of a load balancer. Its Listeners are
	// those of this Service only; its Tags are those that must be there (others
	// may be there too).
	Balancer Balancer
	// Gone: the Service wants nothing any more. Of Balancer only VIP.PortID is
	// given, where the user made that port: it outlives the load balancer, with
	// the floating IP on it. The wishes below are empty.
	Gone bool
	// Rebuild allows the plan to delete the Service's own load balancer where it
	// is in ERROR and to make it anew with the same VIP and floating IP. Without
	// it the plan fails it over.
	Rebuild bool
	// Shared is the id of a load balancer that the user named to share; "": own.
	Shared string
	// MaxShared is how many Services one load balancer may serve.
	MaxShared int

	// FloatingIP is nil for an internal Service: one that is there is taken off.
	FloatingIP *FloatingIPWish
	// SecurityGroup is nil where security groups are not managed.
	SecurityGroup *SecurityGroupWish

	// KeepFloatingIP: when the Service goes, its floating IP stays.
	KeepFloatingIP bool
	// CascadeDelete: delete the whole tree in one call.
	CascadeDelete bool
	// Serial: the provider wants listeners and pools made one by one, never with
	// the load balancer.
	Serial bool
}

// FloatingIPWish is the public address that a Service wants.
type FloatingIPWish struct {
	NetworkID string
	// SubnetIDs are tried in turn until one gives an address; empty: any.
	SubnetIDs []string
	// Address asks for this very floating IP; "": any.
	Address     string
	Description string
	// PortDescription, when not nil, is written on the VIP port.
	PortDescription *string
}

// SecurityGroupWish is the managed group that lets the load balancer in.
type SecurityGroupWish struct {
	Name, Description string
	Rules             []RuleMatch // sorted
	// PortIDs are the ports of the member nodes that must carry the group,
	// sorted; every other port that carries it loses it.
	PortIDs []string
}

// Actual is what the cloud has for one Service.
type Actual struct {
	// Balancer is nil while there is none.
	Balancer *Balancer
	// Owned: the Service's own, to be changed and deleted as a whole. Else only
	// the listeners that carry the Service's name are.
	Owned bool
	// Former are load balancers beside Balancer on which this Service still has
	// something: its own that a lost answer made twice, or one that it shared
	// before. They are read like Balancer, with all their listeners and pools.
	Former []Balancer
	// FloatingIPs are those attached to the VIP port (without a load balancer, to
	// the port that the user made for it), those of this Service by their
	// description, attached or not, and the one at the wanted address.
	FloatingIPs []FloatingIP
	// SecurityGroups are the groups of this Service, sorted by id: usually one.
	SecurityGroups []SecurityGroup
	// Ports are the ports that carry one of those groups or are wanted to, and
	// the VIP port; sorted by id.
	Ports []Port
}
