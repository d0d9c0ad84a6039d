package openstack

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

// service is one API of the cloud and how its versions stand in URLs.
type service struct {
	kind    string   // in the catalog, and in OpenStack-API-Version
	aliases []string // older kinds
	version string   // the path segment, e.g. "v2.0"
	// scoped: what follows the version in the catalog's URL (a project id) belongs to it.
	scoped bool
	// advice is what to do where the catalog has no such service.
	advice string
}

// The services in use (https://service-types.openstack.org). An endpoint may be
// listed with or without its version; both are understood without asking it.
var (
	network = service{kind: "network", aliases: []string{"networking"}, version: "v2.0"}
	compute = service{kind: "compute", version: "v2.1", scoped: true}
	// Octavia serves the same under v2; v2.0 is the older name.
	balancing = service{
		kind: "load-balancer", version: "v2.0",
		advice: "ask the cloud's operator for Octavia, or set enabled=false in [LoadBalancer]",
	}
)

// endpoint finds the URL under which the service's resources are, with a slash at its end.
func (s service) endpoint(catalog []tokens.CatalogEntry, at place) (string, error) {
	access := at.access
	if access == "" {
		access = string(gophercloud.AvailabilityPublic)
	}
	var regions []string
	for _, entry := range catalog {
		if entry.Type != s.kind && !slices.Contains(s.aliases, entry.Type) {
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

func (s service) missing(region, access string, regions []string) error {
	message := fmt.Sprintf("the catalog has no %s endpoint of the service %q", access, s.kind)
	if len(regions) > 0 {
		slices.Sort(regions)
		message += fmt.Sprintf(" in region %q; it has %q", region, slices.Compact(regions))
	}
	if s.advice != "" {
		message += ": " + s.advice
	}
	return &cloud.Error{Class: cloud.ErrUnsupported, Request: "find " + s.kind, Message: message}
}

// versioned puts the API version where it belongs.
func (s service) versioned(endpoint string) (string, error) {
	root, err := withoutVersion(endpoint)
	if err != nil {
		return "", s.broken(err)
	}
	root.Path += s.version + "/"
	if !s.scoped {
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

func (s service) broken(err error) error {
	return &cloud.Error{
		Class: cloud.ErrUnsupported, Request: "find " + s.kind, Cause: err,
		Message: "endpoint in the catalog: " + err.Error(),
	}
}
