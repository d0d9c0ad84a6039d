package openstack

import (
	"errors"
	"net/http"
	"strings"

	"underlay/internal/cloud"
	"underlay/pkg/openstack/session"
)

// neutronClass is the class of an answer where its status means something else;
// nil where it does not. A 404 that Neutron gives has the name of an error
// (neutron_lib/exceptions: PortNotFound, …), which a gateway in front knows nothing of.
func neutronClass(said session.Answer) error {
	if said.Status == http.StatusNotFound && !named(said.Kind) {
		return cloud.ErrUnavailable
	}
	return nil
}

// routerError is neutronClass for calls that gophercloud makes.
func routerError(err error) error {
	var told *cloud.Error
	if errors.As(err, &told) && told.Status == http.StatusNotFound && errors.Is(told.Class, cloud.ErrNotFound) && !named(told.Type) {
		told.Class = cloud.ErrUnavailable
	}
	return err
}

// named tells the name of an error from none, and from the title of a status.
func named(kind string) bool { return kind != "" && !strings.Contains(kind, " ") }
