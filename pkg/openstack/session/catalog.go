package session

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack/identity/v3/tokens"

	"underlay/internal/cloud"
)

// place says which of a service's endpoints to use.
type place struct {
	region string // "" = the first
	access string // public, internal or admin; "" = public
}

// Service is one API of the cloud and how its versions stand in URLs
// (https://service-types.openstack.org). An endpoint may be listed with or without
// its version; both are understood without asking it.
type Service struct {
	Kind    string   // in the catalog, and in OpenStack-API-Version
	Aliases []string // older kinds
	Version string   // the path segment, e.g. "v2.0"
	// Scoped: what follows the version in the catalog's URL (a project id) belongs to it.
	Scoped bool
	// Advice is what to do where the catalog has no such service.
	Advice string
	// Minor is the newest minor version that we speak; 0 where the service has
	// none, or none is to be named. Oldest is what the service speaks then.
	Minor, Oldest int
	// Refine gives the class of a refusal by which the service means something
	// else than others do by the same status; nil where it does not.
	Refine func(Answer) error
}

// endpoint finds the URL under which the service's resources are, with a slash at its end.
func (s Service) endpoint(catalog []tokens.CatalogEntry, at place) (string, error) {
	access := at.access
	if access == "" {
		access = string(gophercloud.AvailabilityPublic)
	}
	var regions []string
	for _, entry := range catalog {
		if entry.Type != s.Kind && !slices.Contains(s.Aliases, entry.Type) {
			continue
		}
		for _, e := range entry.Endpoints {
			if strings.TrimSuffix(e.Interface, "URL") != strings.TrimSuffix(access, "URL") {
				continue
			}
			if at.region != "" && e.Region != at.region && e.RegionID != at.region {
				regions = append(regions, e.Region)
				continue
			}
			return s.versioned(e.URL)
		}
	}
	return "", s.missing(at.region, access, regions)
}

func (s Service) missing(region, access string, regions []string) error {
	message := fmt.Sprintf("the catalog has no %s endpoint of the service %q", access, s.Kind)
	if len(regions) > 0 {
		slices.Sort(regions)
		message += fmt.Sprintf(" in region %q; it has %q", region, slices.Compact(regions))
	}
	if s.Advice != "" {
		message += ": " + s.Advice
	}
	return &cloud.Error{Class: cloud.ErrUnsupported, Request: "find " + s.Kind, Message: message}
}

// versioned puts the API version where it belongs.
func (s Service) versioned(endpoint string) (string, error) {
	root, err := WithoutVersion(endpoint)
	if err != nil {
		return "", s.broken(err)
	}
	root.Path += s.Version + "/"
	if !s.Scoped {
		return root.String(), nil
	}
	u, err := url.Parse(endpoint)
	if err != nil {
		return "", s.broken(err)
	}
	_, from := splitVersion(u.Path)
	if _, project, found := strings.Cut(strings.TrimSuffix(from, "/"), "/"); found {
		root.Path += project + "/"
	}
	return root.String(), nil
}

func (s Service) broken(err error) error {
	return &cloud.Error{
		Class: cloud.ErrUnsupported, Request: "find " + s.Kind, Cause: err,
		Message: "endpoint in the catalog: " + err.Error(),
	}
}
