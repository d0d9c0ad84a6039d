package simulator

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// Health monitors as octavia/api/v2/controllers/health_monitor.py has them.

func (o *octavia) registerMonitors(t routeTable) {
	o.on(t, "GET /healthmonitors", 0, http.StatusOK, lbLister(o, "healthmonitors", func(*request) ([]*lbMonitor, error) {
		return lbCollect(o, func(b *loadBalancer) []*lbMonitor {
			var monitors []*lbMonitor
			for _, p := range b.pools {
				if p.monitor != nil {
					monitors = append(monitors, p.monitor)
				}
			}
			return monitors
		}), nil
	}))
	o.on(t, "POST /healthmonitors", 0, http.StatusCreated, o.postMonitor)
	o.on(t, "GET /healthmonitors/{id}", 0, http.StatusOK, lbShower[*lbMonitor](o, "healthmonitor", "Health Monitor"))
	o.on(t, "PUT /healthmonitors/{id}", 0, http.StatusOK, o.putMonitor)
	o.on(t, "DELETE /healthmonitors/{id}", 0, http.StatusNoContent, o.deleteMonitor)
}

// monitorMinDelay is udp_connect_min_interval_health_monitor, in seconds.
const monitorMinDelay = 3

// checkMonitorFor: a pool's protocol takes some types only.
func (o *octavia) checkMonitorFor(protocol, kind string, in lbBody) error {
	datagrams := protocol == "UDP" || protocol == "SCTP"
	if !datagrams {
		if kind == "UDP-CONNECT" || kind == "SCTP" {
			return lbInvalid("The %s type is only supported for pools of type UDP/SCTP.", kind)
		}
		return nil
	}
	types := []string{"UDP-CONNECT", "SCTP", "TCP", "HTTP"}
	if o.minor < 16 {
		types = []string{"UDP-CONNECT"}
	}
	if !slices.Contains(types, kind) {
		return lbInvalid("The associated pool protocol is %s, so only a %s health monitor is supported.",
			protocol, strings.Join(types, "/"))
	}
	if delay, given := in["delay"].(int); given && kind == "UDP-CONNECT" && delay < monitorMinDelay {
		return lbInvalid("The request delay value %d should be larger than %d for UDP-CONNECT health monitor type.",
			delay, monitorMinDelay)
	}
	return nil
}

func (o *octavia) postMonitor(r *request) (any, error) {
	in, err := o.readObject(r, "health_monitor_", "healthmonitor", monitorSchema(), lbPost)
	if err != nil {
		return nil, err
	}
	p, found := lbFind[*lbPool](o, in.text("pool_id"))
	switch {
	case !found:
		return nil, lbMissing("Pool", in.text("pool_id"))
	case !owns(r, p):
		return nil, errOctaviaPolicy
	}
	if err := o.checkMonitorFor(p.values.text("protocol"), in.text("type"), in); err != nil {
		return nil, err
	}
	if err := o.checkQuota("health_monitor", p.ProjectID, 1); err != nil {
		return nil, err
	}
	if err := p.mutable(); err != nil {
		return nil, err
	}
	m, err := o.newMonitor(p, in)
	if err != nil {
		return nil, err
	}
	if err := o.changeMembers(p, m); err != nil {
		return nil, err
	}
	p.monitor = m
	o.rows[m.ID] = m
	return map[string]any{"healthmonitor": o.view(m)}, nil
}

// newMonitor checks a monitor and makes it, without adding it.
func (o *octavia) newMonitor(p *lbPool, in lbBody) (*lbMonitor, error) {
	kind := in.text("type")
	for _, name := range []string{"type", "delay", "timeout", "max_retries"} {
		if in[name] == nil {
			return nil, lbInvalidOption("None", name)
		}
	}
	if err := in.fillHTTP(kind, func(name string) bool { return in[name] != nil }, true); err != nil {
		return nil, err
	}
	if err := checkDomain(in, lbBody{}); err != nil {
		return nil, err
	}
	if p.monitor != nil {
		return nil, octaviaErrorf(http.StatusConflict, "This pool already has a health monitor")
	}
	if err := p.lb.checkMonitor(kind); err != nil {
		return nil, err
	}
	delete(in, "pool_id")
	return &lbMonitor{lbObjectBase: o.begin(p.ProjectID, in), pool: p}, nil
}

// fillHTTP: what only HTTP has is refused for other types, where it is given, and
// for HTTP the default takes the place of null and, if all, of what is not given.
func (b lbBody) fillHTTP(kind string, given func(name string) bool, all bool) error {
	for _, option := range [...]struct{ name, value string }{{"http_method", "GET"}, {"url_path", "/"}, {"expected_codes", "200"}} {
		switch {
		case kind != "HTTP" && kind != "HTTPS":
			if given(option.name) {
				return lbInvalidOption(option.name, "health monitors of type "+kind)
			}
		case b[option.name] == nil && (all || given(option.name)):
			b[option.name] = option.value
		}
	}
	return nil
}

// checkDomain: only HTTP 1.1 sends the name of a host.
func checkDomain(in, old lbBody) error {
	version, given := in["http_version"].(float64)
	if !given {
		version, given = old["http_version"].(float64)
	}
	domain := in.text("domain_name") != "" || old.text("domain_name") != ""
	switch {
	case in.text("domain_name") != "" && !given:
		return lbInvalid("'http_version' must be specified when 'domain_name' is provided.")
	case domain && given && version < 1.1:
		return lbInvalidOption("http_version "+strconv.FormatFloat(version, 'f', 1, 64),
			"health monitors HTTP 1.1 domain name health check")
	}
	return nil
}

func (o *octavia) putMonitor(r *request) (any, error) {
	in, err := o.readObject(r, "health_monitor_", "healthmonitor", monitorSchema(), lbPut)
	if err != nil {
		return nil, err
	}
	m, err := lbNamed[*lbMonitor](o, r, "id", "Health Monitor")
	if err != nil {
		return nil, err
	}
	kind := m.values.text("type")
	if err := in.fillHTTP(kind, in.has, false); err != nil {
		return nil, err
	}
	for _, name := range []string{"delay", "max_retries", "timeout"} {
		if in.has(name) && in[name] == nil {
			return nil, lbInvalidOption("None", name)
		}
	}
	if err := checkDomain(in, m.values); err != nil {
		return nil, err
	}
	if err := o.checkMonitorFor(m.pool.values.text("protocol"), kind, in); err != nil {
		return nil, err
	}
	if err := o.changeMembers(m.pool, m); err != nil {
		return nil, err
	}
	m.set(in)
	m.Provisioning = lbPendingUpdate
	return map[string]any{"healthmonitor": o.view(m)}, nil
}

func (o *octavia) deleteMonitor(r *request) (any, error) {
	m, err := lbNamed[*lbMonitor](o, r, "id", "Health Monitor")
	if err != nil {
		return nil, err
	}
	if err := o.changeMembers(m.pool, m); err != nil {
		return nil, err
	}
	m.Provisioning = lbPendingDelete
	return nil, nil
}
