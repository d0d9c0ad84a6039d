package openstack

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"underlay/internal/cloud"
	"underlay/pkg/openstack/session"
)

// Octavia gives its errors no names: its sentences have to tell them apart
// (octavia/common/exceptions.py).

// conflicts begin or contain what Octavia says with 409 when the same call can
// never succeed. Every other 409 is a load balancer at work.
var conflicts = []string{
	"Another Listener on this Load Balancer", "Another member on this pool", "This pool already has a health monitor",
	"This listener already has a default pool", "Already an entity with that specified id", "A record of",
	"is in use by L7 policy", "is in use and cannot be modified",
}

// octaviaClass is the class of an answer where Octavia means something else by
// its status than the other services; nil where it does not.
func octaviaClass(said session.Answer) error {
	switch said.Status {
	case http.StatusNotFound:
		return octaviaMissing(said)
	case http.StatusConflict:
		return octaviaConflict(said)
	case http.StatusInternalServerError:
		// What Neutron refuses to the driver comes as this alone; nothing was made.
		if said.Name == opBalancerCreate.Name && (strings.Contains(said.Message, neutronRefused) || strings.Contains(said.Message, neutronDoubts)) {
			return cloud.ErrInvalid
		}
	case http.StatusServiceUnavailable:
		// "Project busy": another call of the project had the lock (a check of the
		// quota). Nothing was done.
		if strings.HasPrefix(said.Message, "Project busy") {
			return cloud.ErrBusy
		}
	}
	return nil
}

// neutronRefused is what Octavia says (with 500) when Neutron had a conflict (409)
// over the port of a new load balancer's VIP.
const neutronRefused = "ConflictException: 409"

// neutronDoubts is the same for what Neutron cannot take (400), as an address
// that is not in the subnet.
const neutronDoubts = "BadRequestException: 400"

// explainRefusal says what that may be: Octavia keeps Neutron's own words to itself.
func explainRefusal(err error) error {
	var told *cloud.Error
	if !errors.As(err, &told) {
		return err
	}
	if strings.Contains(told.Message, neutronDoubts) {
		told.Message += " (Neutron takes no such port for the VIP: its address is not in the subnet, or the subnet not in the network)"
	}
	if strings.Contains(told.Message, neutronRefused) {
		told.Message += " (Neutron gives no port for the VIP: its address is in use, the subnet has none left, or a quota is reached)"
	}
	return err
}

// octaviaMissing tells the object that a call is about from another that its
// body names, and from a path that this Octavia does not have. Octavia names what
// is missing by its id: a sentence without it is that of a gateway in front, which
// knows nothing of the object.
func octaviaMissing(said session.Answer) error {
	about := slices.ContainsFunc(said.Path, func(segment string) bool {
		return len(segment) >= shortestID && strings.Contains(said.Message, segment)
	})
	switch {
	case !said.Known || about:
		return nil // the usual
	case said.Write() && strings.HasSuffix(said.Message, "not found."):
		return cloud.ErrInvalid
	case said.Kind != "":
		return cloud.ErrUnsupported
	}
	return cloud.ErrUnavailable
}

// shortestID is the length of a UUID: no other segment of a path is so long.
const shortestID = 32

// octaviaConflict reads a 409. A new load balancer is no other's: what is in the
// way then is its address, its port or a quota of Neutron's.
func octaviaConflict(said session.Answer) error {
	contains := func(part string) bool { return strings.Contains(said.Message, part) }
	switch {
	case said.AboutQuota() || contains("No more IP addresses"):
		return cloud.ErrQuota
	case said.Name == opBalancerCreate.Name, slices.ContainsFunc(conflicts, contains):
		return cloud.ErrInvalid
	}
	return nil
}
