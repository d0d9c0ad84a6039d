package contract_test

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// monitor is the spec of a monitor of the pool with what is told besides.
func monitor(pool string, spec obj) obj {
	body := obj{"pool_id": strings.TrimPrefix(pool, "/pools/"), "type": "TCP", "delay": 5, "timeout": 3, "max_retries": 1}
	maps.Copy(body, spec)
	return obj{"healthmonitor": trimmed(body)}
}

var monitorCases = []contractCase{
	{"octavia/which monitors go with which pools", func(t *testing.T, c *cloud) {
		for protocol, want := range map[string]string{"TCP": "HTTP HTTPS PING TCP TLS-HELLO", "UDP": "HTTP SCTP TCP UDP-CONNECT"} {
			b := c.balancer(t, obj{"pools": []obj{tcpPool(0, obj{"protocol": protocol})}})
			pool := b.active(t).text("loadbalancer.pools.0.id")
			var got []string
			for _, kind := range []string{"HTTP", "HTTPS", "PING", "SCTP", "TCP", "TLS-HELLO", "UDP-CONNECT"} {
				a := c.octavia(t, http.MethodPost, "/healthmonitors", monitor(pool, obj{"type": kind}))
				if a.Status != http.StatusCreated {
					a.refusal(t, http.StatusBadRequest, "supported")
					continue
				}
				got = append(got, kind)
				b.active(t)
				b.do(t, http.MethodDelete, "/healthmonitors/"+a.text("healthmonitor.id"), nil)
			}
			if slices.Sort(got); strings.Join(got, " ") != want {
				t.Errorf("%s pool: got %v, want %s", protocol, got, want)
			}
		}
	}},
	{"octavia/what a monitor is when little is said", func(t *testing.T, c *cloud) {
		b, pool := c.emptyPool(t)
		b.batch(t, pool, member(5, 1))
		a := b.do(t, http.MethodPost, "/healthmonitors", monitor(pool, obj{"type": "HTTP"}))
		a.keys(t, "healthmonitor", monitorFields+" pools")
		for field, want := range map[string]any{
			"name": "", "http_method": "GET", "url_path": "/", "expected_codes": "200", "max_retries_down": 3, "http_version": nil, "domain_name": nil,
			"provisioning_status": "PENDING_CREATE", "pools": []obj{{"id": strings.TrimPrefix(pool, "/pools/")}}, "tags": []string{},
		} {
			a.field(t, "healthmonitor."+field, want)
		}
		c.octavia(t, http.MethodPost, "/healthmonitors", monitor(pool, nil)).refusal(t, http.StatusConflict, "This pool already has a health monitor")
		path := "/healthmonitors/" + a.text("healthmonitor.id")
		changed := b.do(t, http.MethodPut, path, obj{"healthmonitor": obj{"url_path": "/healthz", "expected_codes": "200-204", "delay": 9, "max_retries_down": nil, "name": nil}})
		for field, want := range map[string]any{"url_path": "/healthz", "expected_codes": "200-204", "delay": 9, "timeout": 3, "max_retries_down": 3, "provisioning_status": "PENDING_UPDATE"} {
			changed.field(t, "healthmonitor."+field, want)
		}
		for _, name := range []string{"id", "type", "pool_id"} {
			c.octavia(t, http.MethodPut, path, obj{"healthmonitor": obj{name: nil}}).refusal(t, http.StatusBadRequest, "Unknown attribute")
		}
	}},
	{"octavia/a monitor may wait longer than its interval, and not at all", func(t *testing.T, c *cloud) {
		b, pool := c.emptyPool(t)
		for _, spec := range []obj{{"delay": 3, "timeout": 5}, {"delay": 0, "timeout": 0}} {
			a := b.do(t, http.MethodPost, "/healthmonitors", monitor(pool, spec))
			a.field(t, "healthmonitor.delay", spec["delay"])
			a.field(t, "healthmonitor.timeout", spec["timeout"])
			b.do(t, http.MethodDelete, "/healthmonitors/"+a.text("healthmonitor.id"), nil)
		}
	}},
	{"octavia/what a monitor cannot be", func(t *testing.T, c *cloud) {
		_, pool := c.emptyPool(t)
		for _, tc := range []struct {
			spec obj
			text string
		}{
			{obj{"type": "FTP"}, "attribute type."},
			{obj{"timeout": left}, "attribute timeout."},
			{obj{"timeout": nil}, "None is not a valid option for timeout"},
			{obj{"delay": left}, "attribute delay."},
			{obj{"delay": -1}, "greater or equal to 0"},
			{obj{"max_retries": 0}, "greater or equal to 1"},
			{obj{"max_retries": 11}, "lower or equal to 10"},
			{obj{"max_retries_down": 11}, "lower or equal to 10"},
			{obj{"url_path": "/x"}, "url_path is not a valid option for health monitors of type TCP"},
			{obj{"http_method": "GET"}, "is not a valid option for health monitors of type TCP"},
			{obj{"type": "HTTP", "url_path": "healthz"}, "valid URL Path"},
			{obj{"type": "HTTP", "expected_codes": "ok"}, "attribute expected_codes."},
			{obj{"type": "HTTP", "http_method": "FETCH"}, "attribute http_method."},
			{obj{"type": "HTTP", "domain_name": "a.example"}, "'http_version' must be specified"},
			{obj{"type": "UDP-CONNECT"}, "only supported for pools of type UDP/SCTP"},
		} {
			c.octavia(t, http.MethodPost, "/healthmonitors", monitor(pool, tc.spec)).refusal(t, http.StatusBadRequest, tc.text)
		}
	}},
}
