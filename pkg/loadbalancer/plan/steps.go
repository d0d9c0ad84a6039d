package plan

import "underlay/pkg/loadbalancer/tree"

// The steps, each one API call. They refer to what does not exist yet by key or
// name, never by an id that has still to come: PoolRef and GroupRef.

// PoolRef names a pool: by ID when it exists, else as the one that serves Key
// in this plan.
type PoolRef struct {
	ID  string
	Key tree.Key
}

// GroupRef names a security group: by ID when it exists, else as the managed
// one of this plan.
type GroupRef struct{ ID string }

// Steps on load balancers.
type (
	// CreateLoadBalancer makes the load balancer with what is in Desired. Parts
	// that follow in the same plan have Balancer "".
	CreateLoadBalancer struct{ Desired tree.Balancer }
	// UpdateLoadBalancer writes what is not nil.
	UpdateLoadBalancer struct {
		ID, Label           string
		Name, Description   *string
		Tags                []string
		VIPSecurityGroupIDs []string
		AdminUp             *bool
		Why                 string
	}
	// DeleteLoadBalancer deletes it, with everything on it when Cascade.
	DeleteLoadBalancer struct {
		ID, Label string
		Cascade   bool
		Why       string
	}
	// FailoverLoadBalancer rebuilds what carries it, in place.
	FailoverLoadBalancer struct{ ID, Label, Why string }
)

// Steps on listeners.
type (
	// CreateListener makes a listener over Pool (nil: none).
	CreateListener struct {
		// Balancer is the load balancer's id, Label its name.
		Balancer, Label string
		Desired         tree.Listener
		Pool            *PoolRef
	}
	// UpdateListener writes what is not nil.
	UpdateListener struct {
		ID       string
		Key      tree.Key
		Name     *string
		Tags     []string
		Settings tree.ListenerSettings
		Pool     *PoolRef
		Why      string
	}
	// DeleteListener deletes a listener.
	DeleteListener struct {
		ID  string
		Key tree.Key
		Why string
	}
)

// Steps on pools, members and monitors.
type (
	// CreatePool makes an empty pool for the listener at Key.
	CreatePool struct {
		// Balancer is the load balancer's id, Label its name.
		Balancer, Label string
		Key             tree.Key
		Desired         tree.Pool
	}
	// UpdatePool writes what is not nil.
	UpdatePool struct {
		Pool     PoolRef
		Name     *string
		Tags     []string
		Settings tree.PoolSettings
		Why      string
	}
	// DeletePool deletes a pool with its members and monitor.
	DeletePool struct {
		ID, Name string
		Why      string
	}
	// SetMembers replaces all members of a pool. Added, Removed and Changed are
	// for people.
	SetMembers struct {
		Pool                    PoolRef
		Members                 []tree.Member
		Added, Removed, Changed []tree.Target
	}
	// CreateMonitor makes a pool's health monitor.
	CreateMonitor struct {
		Pool    PoolRef
		Desired tree.Monitor
	}
	// UpdateMonitor writes what is not nil in Change.
	UpdateMonitor struct {
		ID     string
		Pool   PoolRef
		Change tree.Monitor
		Why    string
	}
	// DeleteMonitor deletes a health monitor.
	DeleteMonitor struct {
		ID   string
		Pool PoolRef
		Why  string
	}
)

// Steps on floating IPs. The VIP port is the load balancer's own, made with it.
type (
	// CreateFloatingIP makes one on the VIP port or, where Unattached, on none:
	// another is still there and goes only when the new one is sure.
	CreateFloatingIP struct {
		Wish       tree.FloatingIPWish
		Unattached bool
	}
	// AttachFloatingIP puts an existing one on the VIP port; Description is
	// written with it where not nil. ID is "" for the one that this plan makes.
	AttachFloatingIP struct {
		ID, Address string
		Description *string
	}
	// DetachFloatingIP takes it off its port.
	DetachFloatingIP struct{ ID, Address, Why string }
	// DescribeFloatingIP writes its description.
	DescribeFloatingIP struct{ ID, Address, Description string }
	// DeleteFloatingIP gives the address back.
	DeleteFloatingIP struct{ ID, Address, Why string }
)

// Steps on security groups and ports.
type (
	// CreateSecurityGroup makes the managed group.
	CreateSecurityGroup struct{ Name, Description string }
	// CreateRules adds rules to a group.
	CreateRules struct {
		Group       GroupRef
		Description string
		Rules       []tree.RuleMatch
	}
	// DeleteRule removes one rule.
	DeleteRule struct {
		ID   string
		Rule tree.RuleMatch
	}
	// SetPortGroups puts the managed group on a port or takes it off: the list
	// is the port's groups as observed at Revision, with GroupRef added (Add) or
	// the ids in Remove taken out.
	SetPortGroups struct {
		PortID   string
		Revision int
		GroupIDs []string // observed
		Add      *GroupRef
		Remove   []string
	}
	// DeleteSecurityGroup deletes a group that no port carries any more.
	DeleteSecurityGroup struct{ ID, Name string }
	// DescribePort writes the description of the VIP port; PortID is "" for that
	// of the load balancer that this plan makes.
	DescribePort struct{ PortID, Description string }
)
