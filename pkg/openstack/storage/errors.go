package storage

import (
	"net/http"
	"regexp"
	"slices"
	"strings"

	"underlay/internal/cloud"
	"underlay/pkg/openstack/session"
)

// Cinder and Nova name errors by their status alone ("badRequest"): their
// sentences have to tell them apart.

// states begin what Cinder says with 400 of an object that is in the wrong state
// for the call (cinder/exception.py: InvalidVolume, InvalidSnapshot, InvalidBackup,
// InvalidGroup, InvalidGroupSnapshot). Nova says the first of these of its own
// accord, and wraps what Cinder told it (nova/volume/cinder.py).
var states = []string{
	"Invalid volume: ", "Invalid snapshot: ", "Invalid backup: ", "Invalid Group: ", "Invalid GroupSnapshot: ",
}

// never are parts of such sentences about what no waiting changes.
var never = []string{
	"are not in the same availability_zone",  // nova/volume/cinder.py, check_availability_zone
	"does not match with snapshot.volume_id", // cinder/backup/api.py
}

// wrapped begins what Nova says of what Cinder said to it.
const wrapped = "Invalid input received: "

// otherState says that a 400 is about a state that may pass.
func otherState(message string) bool {
	message = strings.TrimPrefix(message, wrapped)
	is := func(part string) bool { return strings.HasPrefix(message, part) }
	has := func(part string) bool { return strings.Contains(message, part) }
	return slices.ContainsFunc(states, is) && !slices.ContainsFunc(never, has)
}

// refineCinder is the class of an answer of Cinder's where the status says too
// little; nil where it says enough.
func refineCinder(said session.Answer) error {
	switch said.Status {
	case http.StatusBadRequest:
		if otherState(said.Message) {
			return cloud.ErrBusy
		}
	case http.StatusNotFound:
		return missing(said)
	case http.StatusServiceUnavailable:
		// No cinder-backup is up (cinder/exception.py, ServiceNotFound), which is
		// asked before anything is done.
		if strings.HasPrefix(said.Message, "Service ") && strings.Contains(said.Message, "could not be found") {
			return cloud.ErrUnavailable
		}
	}
	return nil
}

// nothing is the sentence of both services for a call that they do not have, or not
// in the microversion that is asked for. It comes as "itemNotFound" too
// (cinder/api/openstack/wsgi.py and nova/api/openstack/wsgi.py, dispatch).
const nothing = "The resource could not be found."

// missing reads a 404 of Cinder's. Volumes are forgotten on the strength of it.
func missing(said session.Answer) error {
	switch {
	case said.Kind == itemNotFound && said.Message == nothing:
		return cloud.ErrUnsupported
	case said.Write() && (strings.HasPrefix(said.Message, "Volume type ") || strings.HasPrefix(said.Message, "Group type ")):
		// What the call is about is there, what its body names is not.
		return cloud.ErrInvalid
	}
	return ownMissing(said)
}

// itemNotFound is the name that both services give to a 404 of their own.
const itemNotFound = "itemNotFound"

// ownMissing takes a 404 for what it says only if the service itself says it, and
// says it of what was asked for.
func ownMissing(said session.Answer) error {
	if said.Known && (said.Kind != itemNotFound || said.Message == nothing || ofOther(said)) {
		return cloud.ErrUnavailable
	}
	return nil
}

// uuid is an id, as both services make them.
var uuid = regexp.MustCompile(`[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}`)

// ofOther says that an answer about an object names another one: its project, its
// type. A write has others in its body, and is answered about them.
func ofOther(said session.Answer) bool {
	if said.Write() && said.Method != http.MethodDelete {
		return false
	}
	about := slices.DeleteFunc(slices.Clone(said.Path), func(segment string) bool { return !uuid.MatchString(segment) })
	names := func(segment string) bool { return strings.Contains(said.Message, segment) }
	return len(about) > 0 && uuid.MatchString(said.Message) && !slices.ContainsFunc(about, names)
}

// refineNova is refineCinder for the attachments of Nova's
// (nova/api/openstack/compute/volumes.py).
func refineNova(said session.Answer) error {
	switch said.Status {
	case http.StatusBadRequest:
		if otherState(said.Message) {
			return cloud.ErrBusy
		}
	case http.StatusForbidden:
		// nova/exception.py, TooManyDiskDevices
		if strings.HasPrefix(said.Message, "The maximum allowed number of disk devices") {
			return cloud.ErrQuota
		}
	case http.StatusNotFound:
		return ownMissing(said)
	}
	return nil
}
