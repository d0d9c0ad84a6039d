package routes

import (
	"context"
	"time"
)

// Route is one static route of a Neutron router, in Neutron's own spelling:
// a route is removed only by the exact pair of strings that it was added with.
// Routes written by this package are canonical (netip.Prefix.Masked, netip.Addr).
type Route struct {
	Destination string // CIDR
	NextHop     string // IP address
}

// Router is a Neutron router as far as routes are concerned.
type Router struct {
	ID, Name string
	// Revision is Neutron's revision_number; a write with If-Match on it fails
	// with cloud.ErrBusy when the router has changed since.
	Revision int
	Routes   []Route
}

// Interface is one address of the router on one subnet: where next hops may be.
type Interface struct {
	SubnetID, NetworkID string
	// CIDR is the subnet's range, canonical.
	CIDR string
	// Address is the router's own address there; never a legal next hop.
	Address string
}

// AddressPair is one entry of a port's allowed_address_pairs.
type AddressPair struct {
	IPAddress string // an address or a CIDR, in Neutron's spelling
	// MACAddress is "" where it is the port's own.
	MACAddress string
}

// FixedIP is one address of a port.
type FixedIP struct{ SubnetID, Address string }

// Port is a Neutron port as far as routed pods are concerned.
type Port struct {
	ID, NetworkID string
	// DeviceID is the Nova server's UUID for a server's port.
	DeviceID     string
	FixedIPs     []FixedIP
	AddressPairs []AddressPair
	// PortSecurity false means that Neutron filters nothing: no pairs needed or allowed.
	PortSecurity bool
	Revision     int
}

// Features says what this Neutron can do, from its extension list.
type Features struct {
	// Routes: "extraroute"; without it a router has no static routes at all.
	Routes bool
	// AtomicRoutes: "extraroute-atomic"; add_extraroutes and remove_extraroutes exist.
	AtomicRoutes bool
	// AddressPairs: "allowed-address-pairs".
	AddressPairs bool
}

// RouterAPI is what the route table needs of the cloud. Errors are classified
// as internal/cloud says.
type RouterAPI interface {
	// Features reads the extension list; cached by the implementation for an hour.
	Features(ctx context.Context) (Features, error)
	// Router reads one router. One call.
	Router(ctx context.Context, id string) (Router, error)
	// Interfaces lists the router's addresses with the subnets they are on. At most
	// two calls, and one more for each 50 subnets beyond the first.
	Interfaces(ctx context.Context, routerID string) ([]Interface, error)
	// RoutersOn finds the ids of the routers that have an interface on any of
	// the subnets, sorted. One call for each 50 subnets.
	RoutersOn(ctx context.Context, subnetIDs []string) ([]string, error)
	// AddRoutes is PUT …/add_extraroutes: one call; exact duplicates are harmless.
	AddRoutes(ctx context.Context, routerID string, routes []Route) (Router, error)
	// RemoveRoutes is PUT …/remove_extraroutes: one call; missing ones are harmless.
	RemoveRoutes(ctx context.Context, routerID string, routes []Route) (Router, error)
	// SetRoutes replaces the whole list if the router still has this revision
	// (If-Match), else cloud.ErrBusy. One call.
	SetRoutes(ctx context.Context, routerID string, revision int, routes []Route) (Router, error)
}

// PortAPI is what keeping address pairs needs of the cloud.
type PortAPI interface {
	// Ports lists the project's ports, from a shared list at most maxAge old
	// (0 = read now). One call when it reads. The caller must not modify it.
	Ports(ctx context.Context, maxAge time.Duration) ([]Port, error)
	// SetAddressPairs replaces the port's pairs if it still has this revision
	// (If-Match), else cloud.ErrBusy. One call. The shared list learns the answer.
	SetAddressPairs(ctx context.Context, portID string, revision int, pairs []AddressPair) (Port, error)
	// Port reads one port. One call.
	Port(ctx context.Context, id string) (Port, error)
}
