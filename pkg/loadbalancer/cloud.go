package loadbalancer

import (
	"context"
	"time"

	"underlay/pkg/loadbalancer/tree"
)

// The cloud, as this feature needs it. Every method is one API call unless it
// says otherwise (a list over 1,000 objects pages). Errors are classified as
// internal/cloud says; a write to a load balancer that is not ACTIVE gives
// cloud.ErrBusy. All answers are the caller's own unless said otherwise.

// Balancers reads load balancers and their parts. An empty id means: all of the project.
type Balancers interface {
	// APIVersion is the newest API version; cached by the implementation for an hour.
	APIVersion(ctx context.Context) (tree.Version, error)
	// LoadBalancers lists without listeners and pools.
	LoadBalancers(ctx context.Context, query BalancerQuery) ([]tree.Balancer, error)
	// Listeners lists with Pool set to one that has its ID only.
	Listeners(ctx context.Context, balancerID string) ([]tree.Listener, error)
	// Pools lists with MemberIDs, MonitorID and UpdatedAt, Members and Monitor nil.
	Pools(ctx context.Context, balancerID string) ([]tree.Pool, error)
	Members(ctx context.Context, poolID string) ([]tree.Member, error)
	// Monitors lists those of the project.
	Monitors(ctx context.Context) ([]tree.Monitor, error)
	Monitor(ctx context.Context, id string) (tree.Monitor, error)
	// StatusMembers reads the status tree: the members of every pool by pool id,
	// with target, name and statuses; their other fields are nil.
	StatusMembers(ctx context.Context, balancerID string) (map[string][]tree.Member, error)
}

// BalancerQuery selects load balancers; empty fields select nothing out.
type BalancerQuery struct {
	ID, Name string
	Tag      string
	// StatusOnly asks for id and statuses alone: what a waiter polls.
	StatusOnly bool
}

// BalancerWriter changes load balancers as wholes.
type BalancerWriter interface {
	// CreateLoadBalancer makes the whole tree in one call; the answer has ids as
	// far as Octavia tells them, the VIP's port and address among them.
	CreateLoadBalancer(ctx context.Context, desired tree.Balancer) (tree.Balancer, error)
	// UpdateLoadBalancer writes the fields that are not nil.
	UpdateLoadBalancer(ctx context.Context, id string, change BalancerChange) error
	DeleteLoadBalancer(ctx context.Context, id string, cascade bool) error
	// FailoverLoadBalancer rebuilds what carries it; usually admin only.
	FailoverLoadBalancer(ctx context.Context, id string) error
}

// BalancerChange is an update of a load balancer; nil leaves a field.
type BalancerChange struct {
	Name, Description   *string
	Tags                []string
	VIPSecurityGroupIDs []string
	AdminUp             *bool
}

// ListenerWriter changes listeners.
type ListenerWriter interface {
	// CreateListener makes a listener over an existing pool ("": none).
	CreateListener(ctx context.Context, balancerID, poolID string, desired tree.Listener) (tree.Listener, error)
	// UpdateListener writes settings, tags and default pool where not nil.
	UpdateListener(ctx context.Context, id string, change ListenerChange) error
	DeleteListener(ctx context.Context, id string) error
}

// ListenerChange is an update of a listener; nil leaves a field.
type ListenerChange struct {
	Settings tree.ListenerSettings
	Name     *string
	Tags     []string
	PoolID   *string
}

// PoolWriter changes pools, their members and monitors.
type PoolWriter interface {
	// CreatePool makes an empty pool on the load balancer.
	CreatePool(ctx context.Context, balancerID string, desired tree.Pool) (tree.Pool, error)
	UpdatePool(ctx context.Context, id string, change PoolChange) error
	DeletePool(ctx context.Context, id string) error
	// SetMembers replaces all members (identity: tree.Target).
	SetMembers(ctx context.Context, poolID string, members []tree.Member) error
	CreateMonitor(ctx context.Context, poolID string, desired tree.Monitor) (tree.Monitor, error)
	UpdateMonitor(ctx context.Context, id string, change tree.Monitor) error
	DeleteMonitor(ctx context.Context, id string) error
}

// PoolChange is an update of a pool; nil leaves a field.
type PoolChange struct {
	Settings tree.PoolSettings
	Name     *string
	Tags     []string
}

// Addresses reads and writes floating IPs and what they are chosen from.
type Addresses interface {
	// FloatingIPs lists those attached to a port, or all of the project ("").
	FloatingIPs(ctx context.Context, portID string) ([]tree.FloatingIP, error)
	// FloatingIPAt finds the one with this address; cloud.ErrNotFound if none.
	FloatingIPAt(ctx context.Context, address string) (tree.FloatingIP, error)
	// CreateFloatingIP makes it on the port; subnetID "" and address "" mean any.
	CreateFloatingIP(ctx context.Context, wish FloatingIPRequest) (tree.FloatingIP, error)
	// UpdateFloatingIP attaches (portID not ""), detaches ("") or leaves (nil),
	// and writes the description where not nil.
	UpdateFloatingIP(ctx context.Context, id string, portID, description *string) (tree.FloatingIP, error)
	DeleteFloatingIP(ctx context.Context, id string) error
	// ExternalNetworks lists router:external networks; cached for ten minutes.
	ExternalNetworks(ctx context.Context) ([]tree.Network, error)
	// Subnets lists all subnets that the project sees; cached for ten minutes.
	Subnets(ctx context.Context) ([]tree.Subnet, error)
}

// FloatingIPRequest is a floating IP to be made.
type FloatingIPRequest struct{ NetworkID, SubnetID, Address, PortID, Description string }

// Groups reads and writes security groups and the ports that carry them.
type Groups interface {
	// SecurityGroups lists with rules: those of this name, or all of the project ("").
	SecurityGroups(ctx context.Context, name string) ([]tree.SecurityGroup, error)
	CreateSecurityGroup(ctx context.Context, name, description string) (tree.SecurityGroup, error)
	DeleteSecurityGroup(ctx context.Context, id string) error
	// CreateRules makes all rules in one call, or none.
	CreateRules(ctx context.Context, groupID, description string, rules []tree.RuleMatch) error
	DeleteRule(ctx context.Context, id string) error
	// BalancerPorts lists the project's ports, from a shared list at most maxAge
	// old (0: read now). The caller must not modify it.
	BalancerPorts(ctx context.Context, maxAge time.Duration) ([]tree.Port, error)
	// SetPortGroups replaces the port's groups if it still has this revision
	// (If-Match), else cloud.ErrBusy. The shared list learns the answer.
	SetPortGroups(ctx context.Context, portID string, revision int, groupIDs []string) error
	// DescribePort writes a port's description.
	DescribePort(ctx context.Context, portID, description string) error
}

// Cloud is all of it.
type Cloud interface {
	Balancers
	BalancerWriter
	ListenerWriter
	PoolWriter
	Addresses
	Groups
}
