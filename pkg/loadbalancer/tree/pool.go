package tree

import (
	"cmp"
	"net"
	"strconv"
)

// Pool is an Octavia pool with its members and monitor. Protocol is immutable.
// API: https://docs.openstack.org/api-ref/load-balancer/v2/#pools
type Pool struct {
	ID, BalancerID, Name string
	Tags                 []string
	Protocol             Protocol
	Settings             PoolSettings
	// Members are sorted by Target. In an actual pool, MemberIDs always is
	// complete; Members is nil while it was not read, and its entries have nil
	// fields where only the status tree was read.
	Members   []Member
	MemberIDs []string
	// MonitorID is "" without a monitor. In an actual pool Monitor is nil while
	// it was not read; in a desired one nil means none.
	MonitorID string
	Monitor   *Monitor
	// ListenerIDs are the listeners that use it.
	ListenerIDs []string
	// UpdatedAt is Octavia's updated_at (or created_at), as text. It moves with
	// every change of the pool, of a member or of the monitor.
	UpdatedAt string

	Provisioning Provisioning
	Operating    Operating
}

// PoolSettings is what may change on a pool.
type PoolSettings struct {
	AdminUp *bool
	// Method is lb_algorithm: ROUND_ROBIN, LEAST_CONNECTIONS, SOURCE_IP, SOURCE_IP_PORT (2.13).
	Method *string
	// Persistence: Type "" means none; nil means leave.
	Persistence *Persistence
	// TLS to the members.
	TLSEnabled *bool
}

// Persistence is session persistence.
type Persistence struct {
	Type        string // SOURCE_IP, HTTP_COOKIE, APP_COOKIE
	CookieName  string // APP_COOKIE only
	Timeout     int    // seconds; SOURCE_IP of UDP and SCTP only
	Granularity string // netmask; SOURCE_IP of UDP and SCTP only
}

// Target identifies a member within a pool: immutable, and unique in it.
type Target struct {
	Address string // canonical
	Port    int
}

// String is "10.0.0.7:30080" or "[fd00::7]:30080".
func (t Target) String() string { return net.JoinHostPort(t.Address, strconv.Itoa(t.Port)) }

// Compare orders targets by address, then port.
func (t Target) Compare(other Target) int {
	return cmp.Or(cmp.Compare(t.Address, other.Address), cmp.Compare(t.Port, other.Port))
}

// Member is one backend: a node at a NodePort. SubnetID is immutable.
// API: https://docs.openstack.org/api-ref/load-balancer/v2/#members
type Member struct {
	Target
	ID       string
	Name     string
	SubnetID *string
	// Weight 0 takes no new connections; default 1.
	Weight *int
	// MonitorPort: 0 means the member's own port.
	MonitorPort *int
	Backup      *bool
	AdminUp     *bool

	Provisioning Provisioning
	Operating    Operating
}

// Monitor is a health monitor. Type is immutable.
// API: https://docs.openstack.org/api-ref/load-balancer/v2/#health-monitor
type Monitor struct {
	ID, PoolID, Name string
	Type             string // TCP, HTTP, HTTPS, UDP-CONNECT, SCTP, PING, TLS-HELLO
	// Delay and Timeout are in seconds; Timeout must be below Delay.
	Delay, Timeout, MaxRetries, MaxRetriesDown *int
	// The HTTP fields are nil for other types.
	HTTPMethod, URLPath, ExpectedCodes *string

	Provisioning Provisioning
}
