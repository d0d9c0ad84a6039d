package simulator

import (
	"errors"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// cinder is the Block Storage service, v3 with microversions. It imitates
// https://docs.openstack.org/api-ref/block-storage/v3/, cinder/api/v3/*.py,
// cinder/api/contrib/*.py and cinder/volume/api.py, and what the managers behind
// them do in the end; each file names its own model.
//
// Nothing runs in the background: what takes time has an hour at which it will
// be done, and whoever looks first after that hour finds it done (see settle).
type cinder struct {
	cloud *Cloud
	// newest is the newest microversion, e.g. 71 for 3.71.
	newest int
	pace   VolumePace
	// work is under way; clock is the hour of the one that is being done.
	work  []*cinderWork
	clock time.Time
	// failing are the reasons why the next works of each kind fail.
	failing map[VolumeWork][]string
	// count numbers the rows.
	count int

	volumes        cinderTable[*cinderVolume]
	attachments    cinderTable[*cinderAttachment]
	snapshots      cinderTable[*cinderSnapshot]
	backups        cinderTable[*cinderBackup]
	groups         cinderTable[*cinderGroup]
	groupSnapshots cinderTable[*cinderGroupSnapshot]
	messages       cinderTable[*cinderMessage]
	types          []*cinderType
	groupTypes     []*cinderGroupType
	backends       []cinderBackend
	// quotas are the limits that differ from the defaults, by project and resource.
	quotas map[string]map[string]int
	// devices are the real ones; nil without.
	devices *volumeDevices
}

func newCinder(c *Cloud) *cinder {
	s := &cinder{
		cloud: c, pace: defaultVolumePace, failing: map[VolumeWork][]string{}, quotas: map[string]map[string]int{},
		types:      []*cinderType{{ID: newID(), Name: defaultVolumeType, Description: "Default Volume Type", Public: true}},
		groupTypes: []*cinderGroupType{{ID: newID(), Name: "default_cgsnapshot_type", Description: "Default group type for migrating cgsnapshot"}},
	}
	version, _ := parseMicroversion(c.options.MaxVolumeMicroversion)
	s.newest = version[1]
	for _, zone := range c.options.VolumeZones {
		for i := range 2 {
			s.backends = append(s.backends, cinderBackend{host: "storage-" + zone + "-" + strconv.Itoa(i+1) + "@lvm#pool", zone: zone})
		}
	}
	return s
}

// services are the two names that catalogs have for it: the official one, and
// the one of old, whose URL has the project in it.
func (s *cinder) services() []*service {
	table := routeTable{}
	s.registerDiscovery(table)
	s.registerVolumes(table)
	s.registerActions(table)
	s.registerAttachments(table)
	s.registerTypes(table)
	s.registerQuotas(table)
	s.registerZones(table)
	s.registerMessages(table)
	s.registerSnapshots(table)
	s.registerBackups(table)
	s.registerGroups(table)
	s.registerGroupSnapshots(table)
	routes := compile(table)
	made := func(kind, name string, project bool) *service {
		return &service{
			kind: kind, name: name, prefix: "/volume", catalogPath: "/v3", catalogProject: project, routes: routes,
			public: map[string]bool{"GET /": true}, resolve: resolveCinder, admit: s.admit, finish: s.finish, fault: cinderFault,
		}
	}
	return []*service{made("block-storage", "cinder", false), made("volumev3", "cinderv3", true)}
}

// cinderProject is the project that URLs may carry; it need not since 3.67.
var cinderProject = regexp.MustCompile(`^/([0-9a-f-]{32,36})(/|$)`)

// resolveCinder takes the version and the project off a path.
func resolveCinder(path string) string {
	rest, ok := cutPrefix(path, "/v3")
	if !ok || rest == "/" {
		return strings.TrimSuffix(path, "/")
	}
	if m := cinderProject.FindStringSubmatch(rest); m != nil {
		return "/" + strings.TrimPrefix(rest[1+len(m[1]):], "/")
	}
	return rest
}

// cinderFault is an error as cinder/api/openstack/wsgi.py (Fault) renders it.
func cinderFault(status int, kind, message string) any { return novaFault(status, kind, message) }

// cinderError is a refusal.
type cinderError struct {
	status  int
	message string
}

// Error is the message that the caller sees.
func (e *cinderError) Error() string { return e.message }

func cinderErrorf(status int, parts ...string) error {
	return &cinderError{status, strings.Join(parts, "")}
}

// The exceptions of cinder/exception.py that are raised most.

func invalidVolume(parts ...string) error {
	return cinderErrorf(http.StatusBadRequest, "Invalid volume: "+strings.Join(parts, ""))
}

func badCinderInput(parts ...string) error {
	return cinderErrorf(http.StatusBadRequest, "Invalid input received: "+strings.Join(parts, ""))
}

func badCinderField(field, reason string) error {
	return cinderErrorf(http.StatusBadRequest, "Invalid input for field/attribute "+field+". "+reason)
}

func noCinder(what, id string) error {
	return cinderErrorf(http.StatusNotFound, what+" "+id+" could not be found.")
}

func cinderPolicy(rule string) error {
	return cinderErrorf(http.StatusForbidden, "Policy doesn't allow "+rule+" to be performed.")
}

// cinderResponse is what a caller sees of an error. Beyond a quota it is 413, with
// a Retry-After that says nothing (cinder/exception.py QuotaError).
func cinderResponse(err error) response {
	var known *cinderError
	if !errors.As(err, &known) {
		known = &cinderError{http.StatusInternalServerError, "The server has either erred or is incapable of performing the requested operation."}
	}
	answer := response{Status: known.status, Body: cinderFault(known.status, "", known.message)}
	if known.status == http.StatusRequestEntityTooLarge {
		answer.Body = map[string]any{"overLimit": map[string]any{"code": known.status, "message": known.message, "retryAfter": "0"}}
		answer = answer.set("Retry-After", "0")
	}
	return answer
}

// cinderOperation serves one pattern: it gives the body, nil for none.
type cinderOperation func(r *request) (any, error)

// on serves a pattern from a microversion 3.since on.
func (s *cinder) on(t routeTable, pattern string, since, status int, run cinderOperation) {
	t[pattern] = func(r *request) response {
		if !r.since(since) {
			// Which version it is, Cinder keeps to itself (cinder/api/openstack/wsgi.py, dispatch).
			return cinderResponse(cinderErrorf(http.StatusNotFound, "The resource could not be found."))
		}
		body, err := run(r)
		if err != nil {
			return cinderResponse(err)
		}
		return response{Status: status, Body: body}
	}
}

// admit negotiates the microversion and checks the project in the URL.
func (s *cinder) admit(r *request) *response {
	if r.Pattern == "GET /" {
		return nil
	}
	if refused := s.negotiate(r); refused != nil {
		return refused
	}
	m := cinderProject.FindStringSubmatch(strings.TrimPrefix(r.ServicePath, "/v3"))
	if m != nil && m[1] != r.Token.ProjectID && !r.Token.Admin || r.Token.ProjectID == "" {
		refused := cinderResponse(cinderErrorf(http.StatusBadRequest, "Malformed request url"))
		return &refused
	}
	return nil
}

// negotiate reads OpenStack-API-Version: "volume 3.59"; none means 3.0, and one
// of other services only is malformed
// (cinder/api/openstack/wsgi.py, set_api_version_request).
func (s *cinder) negotiate(r *request) *response {
	r.Microversion = [2]int{3, 0}
	header := strings.Join(r.Header.Values("OpenStack-API-Version"), ",")
	wanted := ""
	for _, part := range strings.Split(header, ",") {
		if fields := strings.Fields(part); len(fields) == 2 && strings.EqualFold(fields[0], "volume") {
			wanted = fields[1]
		}
	}
	switch {
	case wanted == "" && header == "":
		return nil
	case wanted == "latest":
		r.Microversion[1] = s.newest
		return nil
	}
	version, ok := parseMicroversion(wanted)
	switch {
	case !ok:
		refused := cinderResponse(cinderErrorf(http.StatusBadRequest, "API Version String (", wanted,
			") is of invalid format. Must be of format MajorNum.MinorNum."))
		return &refused
	case version[0] != 3 || version[1] > s.newest:
		refused := cinderResponse(cinderErrorf(http.StatusNotAcceptable, "Version ", wanted,
			" is not supported by the API. Minimum is 3.0 and maximum is 3.", strconv.Itoa(s.newest), "."))
		return &refused
	}
	r.Microversion = version
	return nil
}

// finish tells the version that was used.
func (s *cinder) finish(r *request, answer *response) {
	if r.Microversion[0] == 0 {
		return
	}
	*answer = answer.set("OpenStack-API-Version", "volume 3."+strconv.Itoa(r.Microversion[1])).
		set("Vary", "OpenStack-API-Version").set("X-Compute-Request-Id", r.RequestID)
}

// registerDiscovery is cinder/api/versions.py.
func (s *cinder) registerDiscovery(t routeTable) {
	versions := func(status int) handler {
		return func(r *request) response {
			return response{Status: status, Body: map[string]any{"versions": []any{map[string]any{
				"id": "v3.0", "status": "CURRENT", "version": "3." + strconv.Itoa(s.newest), "min_version": "3.0",
				"updated": "2023-08-31T00:00:00Z",
				"links":   []map[string]string{{"rel": "self", "href": r.BaseURL + "/v3/"}},
				"media-types": []map[string]string{
					{"base": "application/json", "type": "application/vnd.openstack.volume+json;version=3"},
				},
			}}}}
		}
	}
	t["GET /"] = versions(http.StatusMultipleChoices)
	t["GET /v3"] = versions(http.StatusOK)
}

// cinderTime is a time as Cinder writes it, null if there is none. The database
// keeps whole seconds.
func cinderTime(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Truncate(time.Second).Format("2006-01-02T15:04:05.000000")
}
