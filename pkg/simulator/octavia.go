package simulator

import (
	"net/http"
	"strings"
	"time"
)

// octavia is the load balancer service as of OpenStack 2025.1 with the amphora
// and ovn providers. It imitates octavia/api/v2/controllers/*.py and what the
// workers and drivers behind them do; each file names its own model.
//
// Nothing runs in the background: what takes time has an hour at which it will
// be done, and whoever looks first after that hour finds it done (see settle).
type octavia struct {
	cloud *Cloud
	// minor is the newest API version, e.g. 30 for v2.30.
	minor int
	pace  LoadBalancerPace
	// failing is how many of the next load balancers end in ERROR.
	failing int
	// serviceProject owns what the amphora driver makes for itself in Neutron.
	serviceProject string

	// balancers are in order of creation; gone are the projects of those deleted, by id.
	balancers []*loadBalancer
	gone      map[string]string
	// rows are all objects by id.
	rows map[string]lbRow
	// count numbers the rows, for lists of things of the same instant.
	count int
	// quotas are the limits that differ from the defaults, by project and resource.
	quotas   map[string]map[string]int
	flavors  []*lbFlavor
	profiles []*lbFlavorProfile
	zones    []*lbZone
}

func newOctavia(c *Cloud) *octavia {
	o := &octavia{
		cloud: c, minor: octaviaNewest, pace: defaultLoadBalancerPace, serviceProject: newHexID(),
		gone: map[string]string{}, rows: map[string]lbRow{}, quotas: map[string]map[string]int{},
	}
	if c.options.OctaviaVersion != "" {
		o.setVersion(c.options.OctaviaVersion)
	}
	return o
}

func (o *octavia) service() *service {
	table := routeTable{}
	o.registerDiscovery(table)
	o.registerLoadBalancers(table)
	o.registerListeners(table)
	o.registerPools(table)
	o.registerMembers(table)
	o.registerMonitors(table)
	o.registerPolicies(table)
	o.registerFlavors(table)
	o.registerQuotas(table)
	return &service{
		kind: "load-balancer", name: "octavia", prefix: "/load-balancer", routes: compile(table),
		public: map[string]bool{"GET /": true},
		resolve: func(path string) string {
			// v2 and v2.0 are two names of one controller (octavia/api/root_controller.py).
			if rest, ok := cutPrefix(path, "/v2.0"); ok {
				return "/v2" + rest
			}
			return path
		},
		fault: octaviaFault,
	}
}

// on serves a pattern below /v2/lbaas. Whoever has no role beyond reading only
// reads (octavia/policies/base.py).
func (o *octavia) on(t routeTable, pattern string, since, status int, run operation) {
	method, path, _ := strings.Cut(pattern, " ")
	t[method+" /v2/lbaas"+path] = func(r *request) response {
		switch {
		case o.minor < since:
			return octaviaNoPath()
		case method != http.MethodGet && !mayWrite(r.Token):
			return octaviaResponse(errOctaviaPolicy)
		}
		if err := checkArguments(r, method); err != nil {
			return octaviaResponse(err)
		}
		body, err := run(r)
		if err != nil {
			return octaviaResponse(err)
		}
		return response{Status: status, Body: body}
	}
}

// checkArguments: whatever is not a list knows its arguments, and takes no others.
func checkArguments(r *request, method string) error {
	for name := range r.Query {
		if method != http.MethodGet && name != "cascade" && name != "additive_only" {
			return octaviaErrorf(http.StatusBadRequest, "Unknown argument: %q", name)
		}
	}
	return nil
}

func mayWrite(t *token) bool {
	for _, role := range t.roles {
		if role == "member" || role == "admin" {
			return true
		}
	}
	return false
}

// octaviaTime is a time as Octavia writes it, null if there is none.
func octaviaTime(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format("2006-01-02T15:04:05")
}
