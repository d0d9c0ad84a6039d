// Package simulator is OpenStack, simulated: Keystone, Nova, Neutron, Octavia,
// Cinder, and enough of Glance and Barbican for their clients. It is stateful and follows the real
// services' rules, so that code which works against it works against them;
// every handler file names the upstream file or API page that it imitates.
//
// It runs in a process without any socket (Transport), as an http.Handler, and
// as `underlay simulate`. It counts every call and fails on demand.
//
// It has no goroutines of its own but for CarryTraffic, and takes time only from
// the time package: within testing/synctest a token's hour passes in no time.
package simulator

import (
	"net/http"
	"sync"
	"time"

	"github.com/google/uuid"
)

// Endpoint is the base URL to use with Transport. Any other host works too; what
// the catalog and the links say follows the host that the caller used.
const Endpoint = "http://openstack.simulator"

// Options say what the cloud is like. The zero value is a cloud as of OpenStack
// 2025.1 with the reference L3 plugin.
type Options struct {
	// Name is the cloud's name in clouds.yaml; default "simulator".
	Name string
	// Region is the one region; default "RegionOne".
	Region string
	// AtomicRoutes says whether Neutron has extraroute-atomic; default true.
	// ML2/OVN lacks it before 2026.1.
	AtomicRoutes *bool
	// AddressPairs says whether Neutron has allowed-address-pairs; default true.
	AddressPairs *bool
	// PortSecurity says whether Neutron has port-security; default true.
	PortSecurity *bool
	// MaxRoutes is Neutron's max_routes, a router's limit; default 30.
	MaxRoutes int
	// RouterRouteQuota is the project's quota router_route, which replaces
	// max_routes from 2026.2 on; 0 means the cloud has max_routes instead.
	RouterRouteQuota int
	// TokenTTL is how long a token lives; default one hour, as Keystone's.
	TokenTTL time.Duration
	// ProjectName, Username and Password are those of the plain member;
	// defaults "demo", "demo" and "simulated".
	ProjectName, Username, Password string
	// MaxMicroversion is the newest that Nova speaks; default "2.100".
	MaxMicroversion string
	// MaxPage is Nova's [api] max_limit: how many servers a page has at most; default 1000.
	MaxPage int
	// BuildTime is how long a server created over the API stays in BUILD; default 0.
	BuildTime time.Duration
	// Zones are the availability zones of Nova and Neutron; default "nova".
	Zones []string
	// OctaviaVersion is the newest API version that Octavia speaks, e.g. "2.5";
	// default "2.30".
	OctaviaVersion string
	// MaxVolumeMicroversion is the newest that Cinder speaks; default "3.71".
	MaxVolumeMicroversion string
	// VolumeZones are the availability zones of Cinder; default those of Nova.
	VolumeZones []string
}

func (o Options) withDefaults() Options {
	set := func(s *string, value string) {
		if *s == "" {
			*s = value
		}
	}
	yes := func(b **bool) {
		if *b == nil {
			on := true
			*b = &on
		}
	}
	set(&o.Name, "simulator")
	set(&o.Region, "RegionOne")
	set(&o.ProjectName, "demo")
	set(&o.Username, "demo")
	set(&o.Password, "simulated")
	set(&o.MaxMicroversion, "2.100")
	set(&o.MaxVolumeMicroversion, "3.71")
	yes(&o.AtomicRoutes)
	yes(&o.AddressPairs)
	yes(&o.PortSecurity)
	if o.MaxRoutes == 0 {
		o.MaxRoutes = 30
	}
	if o.MaxPage == 0 {
		o.MaxPage = defaultMaxPage
	}
	if o.TokenTTL == 0 {
		o.TokenTTL = time.Hour
	}
	if len(o.Zones) == 0 {
		o.Zones = []string{"nova"}
	}
	if len(o.VolumeZones) == 0 {
		o.VolumeZones = o.Zones
	}
	return o
}

// Cloud is one simulated OpenStack. It is safe for concurrent use.
type Cloud struct {
	options Options

	// mu guards everything below: handlers and exported methods run with it held.
	mu       sync.Mutex
	services []*service
	keystone *keystone
	nova     *nova
	neutron  *neutron
	glance   *glance
	barbican *barbican
	octavia  *octavia
	cinder   *cinder

	calls   []*Call
	faults  []*armed
	latency latency
	limit   rateLimit
}

// New makes a cloud with one project, one member, one admin, and nothing in it.
func New(opts Options) *Cloud {
	c := &Cloud{options: opts.withDefaults()}
	c.keystone = newKeystone(c)
	c.neutron = newNeutron(c)
	c.nova = newNova(c)
	c.glance = newGlance(c)
	c.barbican = newBarbican(c)
	c.octavia = newOctavia(c)
	c.cinder = newCinder(c)

	network := &service{kind: "network", name: "neutron", prefix: "/network", fault: neutronFault}
	network.public = map[string]bool{"GET /": true}
	table := routeTable{}
	c.neutron.register(table)
	network.routes = compile(table)

	c.services = append([]*service{
		c.keystone.service(), c.nova.service(), network, c.glance.service(), c.octavia.service(), c.barbican.service(),
	}, c.cinder.services()...)
	return c
}

// ProjectID is the plain member's project, to which what is seeded belongs.
func (c *Cloud) ProjectID() string { return c.projectID() }

// projectID needs no lock: it never changes.
func (c *Cloud) projectID() string { return c.keystone.member.project.ID }

// serviceFor finds the service that a path on the host belongs to, and the rest
// of the path. A host on port 5000 serves Keystone at its root as well, as it
// did before services shared a port: old configuration says so.
func (c *Cloud) serviceFor(port, path string) (found *service, rest string) {
	for _, s := range c.services {
		if rest, ok := cutPrefix(path, s.prefix); ok {
			return s, rest
		}
	}
	if port == "5000" {
		return c.services[0], path
	}
	return nil, path
}

func cutPrefix(path, prefix string) (rest string, ok bool) {
	if len(path) < len(prefix) || path[:len(prefix)] != prefix {
		return path, false
	}
	rest = path[len(prefix):]
	if rest == "" {
		return "/", true
	}
	return rest, rest[0] == '/'
}

// newID is an id as Nova and Neutron make them.
func newID() string { return uuid.NewString() }

// newHexID is an id as Keystone makes them: a UUID without dashes.
func newHexID() string {
	id := uuid.New()
	const digits = "0123456789abcdef"
	out := make([]byte, 0, 32)
	for _, b := range id {
		out = append(out, digits[b>>4], digits[b&15])
	}
	return string(out)
}

var _ http.Handler = (*Cloud)(nil)
