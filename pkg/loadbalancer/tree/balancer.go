package tree

import "slices"

// Balancer is an Octavia load balancer with all that hangs on it.
// API: https://docs.openstack.org/api-ref/load-balancer/v2/#load-balancers
type Balancer struct {
	ID, Name, Description string
	// Tags are sorted; nil where the API is older than 2.5.
	Tags []string
	// Provider, FlavorID and AvailabilityZone are set once, at creation. In a
	// desired value "" means the cloud's default.
	Provider, FlavorID, AvailabilityZone string
	VIP                                  VIP
	// AdditionalVIPs: one a subnet, all in the network of VIP (API 2.26).
	AdditionalVIPs []VIP
	// VIPSecurityGroupIDs are the tenant's own groups on the VIP port (API 2.29).
	VIPSecurityGroupIDs []string
	AdminUp             *bool

	Provisioning Provisioning
	Operating    Operating

	// Listeners are sorted by Key. Pools are those that are no listener's
	// default pool, sorted by ID: ours where an unfinished change left them.
	Listeners []Listener
	Pools     []Pool
}

// VIP is one address of a load balancer. All of it is immutable.
type VIP struct {
	NetworkID, SubnetID string
	// PortID, in a desired value, is a port that the user made.
	PortID string
	// Address is canonical; "" in a desired value: any.
	Address string
	// Kept, in a desired value: nobody asked for Address, it is the one that the
	// Service had. Where somebody else has it by now, any other will do.
	Kept bool
}

// WithoutKept drops the addresses that are only kept; false when there are none.
func (b Balancer) WithoutKept() (Balancer, bool) {
	kept := b.VIP.Kept
	if kept {
		b.VIP.Address, b.VIP.Kept = "", false
	}
	b.AdditionalVIPs = slices.Clone(b.AdditionalVIPs)
	for i := range b.AdditionalVIPs {
		if vip := &b.AdditionalVIPs[i]; vip.Kept {
			kept, vip.Address, vip.Kept = true, "", false
		}
	}
	return b, kept
}

// Provisioning is Octavia's provisioning_status.
type Provisioning string

// The provisioning statuses. Only an ACTIVE load balancer can be changed; one in
// ERROR can be deleted or failed over.
// Source: octavia/common/constants.py, SUPPORTED_PROVISIONING_STATUSES.
const (
	Active        Provisioning = "ACTIVE"
	PendingCreate Provisioning = "PENDING_CREATE"
	PendingUpdate Provisioning = "PENDING_UPDATE"
	PendingDelete Provisioning = "PENDING_DELETE"
	Failed        Provisioning = "ERROR"
	Deleted       Provisioning = "DELETED"
)

// Pending says that Octavia is still at work and refuses every change.
func (p Provisioning) Pending() bool {
	return p == PendingCreate || p == PendingUpdate || p == PendingDelete
}

// Operating is Octavia's operating_status, a matter of health, not of work.
type Operating string

// The operating statuses. Source: octavia/common/constants.py.
const (
	Online    Operating = "ONLINE"
	Offline   Operating = "OFFLINE"
	Degraded  Operating = "DEGRADED"
	Unhealthy Operating = "ERROR"
	Draining  Operating = "DRAINING"
	NoMonitor Operating = "NO_MONITOR"
)

// Listener finds the listener at a key, or nil.
func (b *Balancer) Listener(key Key) *Listener {
	for i := range b.Listeners {
		if b.Listeners[i].Key() == key {
			return &b.Listeners[i]
		}
	}
	return nil
}
