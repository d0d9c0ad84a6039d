package simulator

import (
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// nova is the Compute service, v2.1 with microversions. It imitates
// https://docs.openstack.org/api-ref/compute/ and nova/api/openstack/compute/*.py.
type nova struct {
	cloud *Cloud
	// servers are in order of creation; byID finds them. deleted keeps those
	// that are gone, for changes-since.
	servers []*server
	byID    map[string]*server
	deleted []*server
	flavors []*flavor
	cell    cell
	newest  [2]int
	serial  int
	// hostStatusForAll: a policy shows members whether hosts are up.
	hostStatusForAll bool
	volumeRules      volumeRules
}

// server is an instance. Its addresses are those of its Neutron ports.
type server struct {
	ID, Name, Hostname string
	ProjectID, UserID  string
	Description        *string
	KeyName            string
	AccessIPv4         string
	AccessIPv6         string
	Metadata           map[string]string
	Tags               []string
	Zone, PinnedZone   string
	Flavor             flavor // as it was at creation
	ImageID            string
	Status             string
	Locked             bool
	LockedReason       string
	Host               string
	Created, Updated   time.Time
	buildUntil         time.Time
	serial             int
	securityGroupNames []string
	schedulerHints     map[string]any
	volumes            []*serverVolume
	hostStatus         string // "" is UP
}

func newNova(c *Cloud) *nova {
	n := &nova{cloud: c, byID: map[string]*server{}, flavors: stockFlavors()}
	n.newest, _ = parseMicroversion(c.options.MaxMicroversion)
	return n
}

func (n *nova) service() *service {
	table := routeTable{}
	n.registerVersions(table)
	n.registerServers(table)
	n.registerMetadata(table)
	n.registerTags(table)
	n.registerInterfaces(table)
	n.registerVolumes(table)
	n.registerFlavors(table)
	n.registerZones(table)
	n.registerLimits(table)
	public := map[string]bool{"GET /": true, "GET /v2": true, "GET /v2.1": true}
	s := &service{
		kind: "compute", name: "nova", prefix: "/compute", catalogPath: "/v2.1",
		routes: compile(table), public: public, resolve: resolveNova,
		admit: n.admit, finish: n.finish, fault: novaFault,
	}
	// A path that no route has gets webob's answer, which is no fault of Nova's own.
	s.missing = func(r *request) response {
		if _, refused := n.cloud.keystone.admit(r, s); refused != nil {
			return *refused
		}
		if strings.Contains(r.Header.Get("Accept"), "application/json") {
			return response{Status: http.StatusNotFound, Body: map[string]string{
				"message": "The resource could not be found.<br /><br />\n\n\n", "code": "404 Not Found", "title": "Not Found",
			}}
		}
		return response{Status: http.StatusNotFound, Body: routesNotFound}
	}
	return s
}

const routesNotFound html = `<html>
 <head>
  <title>404 Not Found</title>
 </head>
 <body>
  <h1>404 Not Found</h1>
  The resource could not be found.<br /><br />
 </body>
</html>
`

// projectSegment is the project that URLs before 2.18 carry, and many catalogs still.
var projectSegment = regexp.MustCompile(`^/([0-9a-f]{32})(/|$)`)

// resolveNova takes the version and the project off a path. Versions' own pages keep theirs.
func resolveNova(path string) string {
	for _, version := range []string{"/v2.1", "/v2"} {
		rest, ok := cutPrefix(path, version)
		if !ok {
			continue
		}
		if rest == "/" {
			return version
		}
		if m := projectSegment.FindStringSubmatch(rest); m != nil {
			return "/" + strings.TrimPrefix(rest[1+len(m[1]):], "/")
		}
		return rest
	}
	return path
}

// novaFault is an error as nova/api/openstack/wsgi.py renders it.
func novaFault(status int, kind, message string) any {
	names := map[int]string{
		400: "badRequest", 401: "unauthorized", 403: "forbidden", 404: "itemNotFound", 405: "badMethod",
		409: "conflictingRequest", 413: "overLimit", 415: "badMediaType", 429: "overLimit",
		501: "notImplemented", 503: "serviceUnavailable",
	}
	if kind == "" {
		kind = names[status]
	}
	if kind == "" {
		kind = "computeFault"
	}
	return map[string]any{kind: map[string]any{"code": status, "message": message}}
}

func novaError(status int, message string) response {
	return response{Status: status, Body: novaFault(status, "", message)}
}

func novaOK(key string, value any) response {
	return response{Status: http.StatusOK, Body: map[string]any{key: value}}
}

// admit negotiates the microversion and checks the project in the URL.
func (n *nova) admit(r *request) *response {
	if r.Pattern == "GET /" {
		return nil
	}
	if refused := n.negotiate(r); refused != nil {
		return refused
	}
	_, rest, _ := strings.Cut(strings.TrimPrefix(r.ServicePath, "/"), "/")
	m := projectSegment.FindStringSubmatch("/" + rest)
	if m != nil && r.Token != nil && m[1] != r.Token.ProjectID && !r.Token.Admin {
		refused := novaError(http.StatusBadRequest, "Malformed request URL: URL's project_id '"+m[1]+
			"' doesn't match Context's project_id '"+r.Token.ProjectID+"'")
		return &refused
	}
	return nil
}

// negotiate reads the version wanted: OpenStack-API-Version: "compute 2.47"
// wins over the older X-OpenStack-Nova-API-Version: "2.47"; none means 2.1.
// See doc/source/contributor/microversions.rst in Nova.
func (n *nova) negotiate(r *request) *response {
	r.Microversion = [2]int{2, 1}
	if legacy := strings.HasPrefix(r.ServicePath, "/v2/") || r.ServicePath == "/v2"; legacy {
		return nil
	}
	wanted := r.Header.Get("X-OpenStack-Nova-API-Version")
	for _, part := range strings.Split(strings.Join(r.Header.Values("OpenStack-API-Version"), ","), ",") {
		if fields := strings.Fields(part); len(fields) == 2 && strings.EqualFold(fields[0], "compute") {
			wanted = fields[1]
		}
	}
	switch wanted {
	case "":
		return nil
	case "latest":
		r.Microversion = n.newest
		return nil
	}
	version, ok := parseMicroversion(wanted)
	if !ok {
		refused := novaError(http.StatusBadRequest, "API Version String "+wanted+
			" is of invalid format. Must be of format MajorNum.MinorNum.")
		return &refused
	}
	r.Microversion = version // the answer names it, supported or not
	if version[0] != 2 || version[1] < 1 || version[1] > n.newest[1] {
		refused := novaError(http.StatusNotAcceptable, "Version "+wanted+" is not supported by the API. Minimum is 2.1 and maximum is "+
			n.cloud.options.MaxMicroversion+".")
		return &refused
	}
	return nil
}

// finish tells the version that was used.
func (n *nova) finish(r *request, answer *response) {
	if r.Microversion[0] == 0 {
		return
	}
	version := strconv.Itoa(r.Microversion[0]) + "." + strconv.Itoa(r.Microversion[1])
	*answer = answer.set("X-OpenStack-Nova-API-Version", version).
		set("OpenStack-API-Version", "compute "+version).
		set("Vary", "OpenStack-API-Version, X-OpenStack-Nova-API-Version").
		set("X-Compute-Request-Id", r.RequestID)
}

var microversion = regexp.MustCompile(`^([1-9]\d*)\.([1-9]\d*|0)$`)

func parseMicroversion(text string) (version [2]int, ok bool) {
	m := microversion.FindStringSubmatch(text)
	if m == nil {
		return version, false
	}
	var err error
	for i := range version {
		if version[i], err = strconv.Atoi(m[i+1]); err != nil {
			return version, false
		}
	}
	return version, true
}

// since tells whether the call's microversion is 2.minor or later.
func (r *request) since(minor int) bool { return r.Microversion[1] >= minor }

// novaTime is how Nova writes a moment: UTC, whole seconds.
func novaTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }
