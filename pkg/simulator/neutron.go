package simulator

import (
	"errors"
	"net/http"
)

// neutron is the networking service as of OpenStack 2025.1 with ML2 and the
// reference L3 plugin. Each file names the upstream file that it imitates.
//
// Whatever runs here runs with the cloud's lock held: a request is one
// transaction, and a request that fails has changed nothing.
type neutron struct {
	cloud *Cloud
	// extensions are those that are loaded, by alias.
	extensions map[string]bool

	networks    *kind[*network]
	subnets     *kind[*subnet]
	ports       *kind[*port]
	routers     *kind[*router]
	floatingIPs *kind[*floatingIP]
	groups      *kind[*securityGroup]
	rules       *kind[*securityRule]
	trunks      *kind[*trunk]

	// devices are the ports by device_id, oldest first.
	devices map[string][]*port
	// behind are the floating IPs that lead to a port, by its id.
	behind map[string][]*floatingIP
	// parents are the trunks by the id of their parent port.
	parents map[string]*trunk
	// macs says which port has a MAC address on a network.
	macs map[macKey]string
	// lastMAC is the number in the MAC address that was made last.
	lastMAC uint32
	// quotas are the limits that differ from the defaults, by project and resource.
	quotas map[string]map[string]int
	// defaultGroups are the projects' security groups named "default".
	defaultGroups map[string]*securityGroup
}

// newNeutron makes the service with nothing in it. Keystone must stand.
func newNeutron(c *Cloud) *neutron {
	n := &neutron{
		cloud:         c,
		extensions:    loadedExtensions(c.options),
		devices:       map[string][]*port{},
		behind:        map[string][]*floatingIP{},
		parents:       map[string]*trunk{},
		macs:          map[macKey]string{},
		quotas:        map[string]map[string]int{},
		defaultGroups: map[string]*securityGroup{},
	}
	n.networks = n.networkKind()
	n.subnets = n.subnetKind()
	n.ports = n.portKind()
	n.routers = n.routerKind()
	n.floatingIPs = n.floatingIPKind()
	n.groups = n.securityGroupKind()
	n.rules = n.securityRuleKind()
	n.trunks = n.trunkKind()
	return n
}

// register adds every pattern of the service.
func (n *neutron) register(t routeTable) {
	n.registerDiscovery(t)
	n.registerQuotas(t)
	n.networks.register(t)
	n.subnets.register(t)
	n.ports.register(t)
	n.routers.register(t)
	n.registerRouterActions(t)
	n.floatingIPs.register(t)
	n.groups.register(t)
	n.rules.register(t)
	n.trunks.register(t)
	n.registerSubports(t)
	n.registerZones(t)
}

// operation carries out one request: a body, or why there is none.
type operation func(r *request) (any, error)

// on serves a pattern while the extension is loaded; without it the path does
// not exist. The empty extension is the core API.
func (n *neutron) on(t routeTable, pattern, extension string, status int, run operation) {
	t[pattern] = func(r *request) response {
		if !n.has(extension) {
			return errNoResource.response()
		}
		body, err := run(r)
		if err != nil {
			return neutronResponse(err)
		}
		return response{Status: status, Body: body}
	}
}

// has tells whether an extension is loaded; the core API, "", always is.
func (n *neutron) has(alias string) bool { return alias == "" || n.extensions[alias] }

// neutronError is an error as Neutron answers it: neutron_lib/exceptions name
// the types and word the messages, neutron_lib/api/faults.py gives the status.
type neutronError struct {
	status        int
	kind, message string
}

// Error is the exception's type and message.
func (e *neutronError) Error() string { return e.kind + ": " + e.message }

func (e *neutronError) response() response {
	return response{Status: e.status, Body: neutronFault(e.status, e.kind, e.message)}
}

func neutronResponse(err error) response {
	var known *neutronError
	if errors.As(err, &known) {
		return known.response()
	}
	return response{
		Status: http.StatusInternalServerError,
		Body:   neutronFault(http.StatusInternalServerError, "", err.Error()),
	}
}

// errNoResource is what a path gives that the loaded extensions do not serve.
var errNoResource = &neutronError{http.StatusNotFound, "HTTPNotFound", "The resource could not be found."}
