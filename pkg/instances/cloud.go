package instances

import (
	"context"
	"time"
)

// Address is one address of a server as Nova lists it.
type Address struct {
	// Network is the name of the network, the key of Nova's "addresses" map.
	Network string
	Address string
	// Floating is OS-EXT-IPS:type == "floating"; else the address is fixed.
	Floating bool
}

// Server is a Nova server as far as a Node is concerned.
type Server struct {
	ID, Name string
	// Status is Nova's: ACTIVE, SHUTOFF, SUSPENDED, PAUSED, SHELVED_OFFLOADED, ERROR, …
	Status string
	// FlavorName is flavor.original_name (microversion 2.47 and later).
	FlavorName string
	Zone       string // OS-EXT-AZ:availability_zone
	// Hostname is OS-EXT-SRV-ATTR:hostname where the cloud shows it, else "".
	Hostname               string
	AccessIPv4, AccessIPv6 string
	Addresses              []Address
	Metadata               map[string]string
}

// Port is a Neutron port as far as a Node's addresses are concerned.
type Port struct {
	ID string
	// DeviceID is the Nova server's UUID for a server's port. TrunkParent is
	// the id of the parent port when this is a trunk's subport, else "".
	DeviceID, TrunkParent string
	NetworkID             string
	Active                bool // status == ACTIVE
	FixedIPs              []string
}

// Cloud is what this package needs of the cloud. Errors are classified as
// internal/cloud says.
type Cloud interface {
	// Servers lists the project's servers from a shared list at most maxAge
	// old (0 = read now). The caller must not modify it. A server's absence
	// from a list proves nothing: an unreachable cell's servers vanish from it.
	Servers(ctx context.Context, maxAge time.Duration) ([]Server, error)
	// Server reads one server; cloud.ErrNotFound when GET says 404. One call.
	Server(ctx context.Context, id string) (Server, error)
	// InstancePorts lists the project's ports from the same shared list that
	// serves routes, at most maxAge old.
	InstancePorts(ctx context.Context, maxAge time.Duration) ([]Port, error)
	// Readable says, by one small read, that the project can still be read:
	// nil means that a 404 for a server is to be believed.
	Readable(ctx context.Context) error
}
