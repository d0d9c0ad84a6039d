package cloudprovider

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"k8s.io/cloud-provider/names"

	"underlay/pkg/config"
)

// RouteFlags are the command-line flags that decide about pod routes.
type RouteFlags struct {
	// ConfigureCloudRoutes is --configure-cloud-routes; Explicit is true when
	// the flag was given on the command line rather than left at its default.
	ConfigureCloudRoutes, Explicit bool
	// ControllerOff is true when --controllers leaves the framework's route
	// controller out: then nobody asks for routes, or opens a node that waits for one.
	ControllerOff bool
	// ClusterCIDR is --cluster-cidr: one CIDR, or one of each family with a comma.
	ClusterCIDR string
}

// routeDecision says whether this process writes routes, for which CIDRs, and why (not).
type routeDecision struct {
	CIDRs []netip.Prefix // empty: routes are off
	// Reason says why routes are off, and what to do to turn them on.
	Reason string
	// Surprising is true when the user seems to want routes and does not get them.
	Surprising bool
}

// decideRoutes is the truth table of pod routes:
//
//	--configure-cloud-routes=false           off
//	--controllers without the route one      off
//	no [Route] section, flag not given       off: other clusters' files work unchanged
//	wanted, --cluster-cidr missing           off, with a warning: the framework would
//	                                         end the process otherwise
//	wanted, --cluster-cidr unusable          error
//	wanted, --cluster-cidr good              on
//
// An empty router-id in a [Route] section that is present means "find it".
func decideRoutes(flags RouteFlags, route config.Route) (routeDecision, error) {
	switch {
	case !flags.ConfigureCloudRoutes:
		return routeDecision{Reason: "--configure-cloud-routes=false"}, nil
	case flags.ControllerOff:
		return routeDecision{Reason: "--controllers leaves " + names.NodeRouteController + " out"}, nil
	case !route.Present && !flags.Explicit:
		return routeDecision{Reason: "cloud.conf has no [Route] section; add one, with router-id or without, to turn pod routes on"}, nil
	case strings.TrimSpace(flags.ClusterCIDR) == "":
		return routeDecision{
			Reason:     "--cluster-cidr is missing; give it the value that kube-controller-manager has",
			Surprising: true,
		}, nil
	}
	cidrs, err := parseClusterCIDRs(flags.ClusterCIDR)
	return routeDecision{CIDRs: cidrs}, err
}

// parseClusterCIDRs reads one CIDR or one of each family, canonical. The
// framework accepts no more (app/core.go, startRouteController).
func parseClusterCIDRs(list string) ([]netip.Prefix, error) {
	var cidrs []netip.Prefix
	var problems []error
	families := map[bool]netip.Prefix{}
	for item := range strings.SplitSeq(list, ",") {
		cidr, err := netip.ParsePrefix(strings.TrimSpace(item))
		if err != nil {
			problems = append(problems, fmt.Errorf("--cluster-cidr: %q is not a CIDR such as 10.244.0.0/16", item))
			continue
		}
		cidr = cidr.Masked()
		if first, taken := families[cidr.Addr().Is4()]; taken {
			problems = append(problems, fmt.Errorf("--cluster-cidr: %s and %s are of the same address family; one of each at most", first, cidr))
			continue
		}
		families[cidr.Addr().Is4()] = cidr
		cidrs = append(cidrs, cidr)
	}
	return cidrs, errors.Join(problems...)
}
