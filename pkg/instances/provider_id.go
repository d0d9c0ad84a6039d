package instances

import (
	"errors"
	"fmt"
	"strings"
)

// scheme begins every provider ID that names a Nova server.
const scheme = "openstack://"

// Why a provider ID does not name one of our servers.
var (
	// errOtherProvider: the ID is another cloud provider's.
	errOtherProvider = errors.New("provider ID of another cloud provider")
	// errMalformed: it claims to be OpenStack's and names no server.
	errMalformed = errors.New("provider ID without a server's UUID")
	// errOtherRegion: the server is in a region that this process does not serve.
	errOtherRegion = errors.New("provider ID of another region")
)

// ProviderID names a Nova server, as Node.spec.providerID holds it.
type ProviderID struct {
	// Region is "" in the form without a region.
	Region string
	// Server is the server's UUID, canonical.
	Server string
}

// String is openstack:///UUID, or openstack://REGION/UUID with a region.
func (p ProviderID) String() string { return scheme + p.Region + "/" + p.Server }

// ParseProviderID reads both forms. The UUID may be in upper case. Anything
// else is an error: a scheme of another provider, a missing or malformed UUID,
// further path elements.
func ParseProviderID(s string) (ProviderID, error) {
	rest, ok := strings.CutPrefix(s, scheme)
	if !ok {
		return ProviderID{}, fmt.Errorf("read %q: %w", s, errOtherProvider)
	}
	region, server, ok := strings.Cut(rest, "/")
	id := canonicalUUID(server)
	if !ok || id == "" {
		return ProviderID{}, fmt.Errorf("read %q: %w", s, errMalformed)
	}
	return ProviderID{Region: region, Server: id}, nil
}
