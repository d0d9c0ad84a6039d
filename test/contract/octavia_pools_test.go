package contract_test

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// persistence is the session persistence of an answer: all four fields are always there.
func persistence(kind string, cookie, timeout any) obj {
	return obj{"type": kind, "cookie_name": cookie, "persistence_timeout": timeout, "persistence_granularity": nil}
}

var poolCases = []contractCase{
	{"octavia/a pool with nothing said has these settings", func(t *testing.T, c *cloud) {
		b := c.balancer(t, nil)
		a := b.pool(t, obj{"protocol": "TCP"})
		a.keys(t, "pool", poolFields+" loadbalancers")
		for field, want := range map[string]any{
			"name": "", "session_persistence": nil, "members": []obj{}, "listeners": []obj{}, "tags": []string{}, "tls_enabled": false, "operating_status": "OFFLINE",
			"loadbalancers": []obj{{"id": b.id}}, "provisioning_status": "PENDING_CREATE", "updated_at": nil,
		} {
			a.field(t, "pool."+field, want)
		}
		listener := b.listener(t, obj{"protocol": "TCP", "protocol_port": 80}).text("listener.id")
		of := b.do(t, http.MethodPost, "/pools", obj{"pool": obj{"listener_id": listener, "protocol": "TCP", "lb_algorithm": "SOURCE_IP"}})
		of.field(t, "pool.listeners", []obj{{"id": listener}})
		of.field(t, "pool.loadbalancers", []obj{{"id": b.id}})
	}},
	{"octavia/what a pool cannot be", func(t *testing.T, c *cloud) {
		b := c.balancer(t, nil)
		for _, tc := range []struct {
			spec obj
			text string
		}{
			{obj{"protocol": "TERMINATED_HTTPS"}, "attribute protocol."},
			{obj{"protocol": "PROMETHEUS"}, "attribute protocol."},
			{obj{}, "attribute protocol."},
			{obj{"protocol": "TCP", "lb_algorithm": "ANY"}, "attribute lb_algorithm."},
			{obj{"protocol": "TCP", "lb_algorithm": left}, "attribute lb_algorithm."},
			{obj{"protocol": "TCP", "loadbalancer_id": left}, "Must provide at least one of: loadbalancer_id, listener_id"},
			{obj{"protocol": "TCP", "session_persistence": obj{"type": "COOKIE"}}, "attribute type."},
			{obj{"protocol": "UDP", "session_persistence": obj{"type": "HTTP_COOKIE"}}, "is not supported for UDP/SCTP protocol pools"},
			{obj{"protocol": "HTTP", "session_persistence": obj{"type": "APP_COOKIE"}}, `"cookie_name" must be specified`},
			{obj{"protocol": "HTTP", "session_persistence": obj{"type": "HTTP_COOKIE", "cookie_name": "a"}}, `"cookie_name" can only be specified`},
			{obj{"protocol": "TCP", "session_persistence": obj{"type": "SOURCE_IP", "persistence_timeout": 5}}, "persistence_timeout and persistence_granularity is only for UDP"},
			{obj{"protocol": "TCP", "name": strings.Repeat("x", 256)}, "maximum character requirement of 255"},
		} {
			c.octavia(t, http.MethodPost, "/pools", obj{"pool": trimmed(b.onPool(tc.spec))}).refusal(t, http.StatusBadRequest, tc.text)
		}
		other := obj{"pool": b.onPool(obj{"protocol": "TCP", "lb_algorithm": "SOURCE_IP_PORT"})}
		c.octavia(t, http.MethodPost, "/pools", other).refusal(t, http.StatusNotImplemented, "Provider 'amphora' does not support a requested option")
	}},
	{"octavia/settings of a pool change; its protocol does not", func(t *testing.T, c *cloud) {
		b := c.balancer(t, nil)
		path := "/pools/" + b.pool(t, obj{"protocol": "TCP", "name": "n", "session_persistence": obj{"type": "SOURCE_IP"}}).text("pool.id")
		change := func(field string, value, want any) {
			t.Helper()
			b.do(t, http.MethodPut, path, obj{"pool": obj{field: value}}).field(t, "pool."+field, want)
		}
		change("lb_algorithm", "LEAST_CONNECTIONS", "LEAST_CONNECTIONS")
		change("session_persistence", nil, nil)
		c.octavia(t, http.MethodPut, path, obj{"pool": obj{"session_persistence": obj{}}}).refusal(t, http.StatusBadRequest, "Invalid session_persistence provided.")
		change("session_persistence", obj{"type": "APP_COOKIE", "cookie_name": "a"}, persistence("APP_COOKIE", "a", nil)) // on TCP too
		change("session_persistence", obj{"type": "SOURCE_IP"}, persistence("SOURCE_IP", nil, nil))
		change("tags", []string{"b", "a"}, []string{"a", "b"})
		change("name", nil, "")
		c.octavia(t, http.MethodPut, path, obj{"pool": obj{"lb_algorithm": "SOURCE_IP_PORT"}}).want(t, http.StatusNotImplemented)
		for _, name := range []string{"id", "protocol", "loadbalancer_id", "listener_id", "members", "healthmonitor"} {
			c.octavia(t, http.MethodPut, path, obj{"pool": obj{name: nil}}).refusal(t, http.StatusBadRequest, "Unknown attribute")
		}
		udp := b.pool(t, obj{"protocol": "UDP", "session_persistence": obj{"type": "SOURCE_IP", "persistence_timeout": 100}})
		udp.field(t, "pool.session_persistence", persistence("SOURCE_IP", nil, 100))
	}},
	{"octavia/every write to members or monitor moves the pool's updated_at, and nothing else does", func(t *testing.T, c *cloud) {
		b := c.balancer(t, obj{"listeners": []obj{tcpListener(80, obj{"members": []obj{member(5, 1)}}), tcpListener(81, nil)}})
		read := func(name string) answer {
			t.Helper()
			return c.octavia(t, http.MethodGet, "/pools?loadbalancer_id="+b.id+"&name="+name, nil).want(t, http.StatusOK)
		}
		first := read("p80")
		pool, other, last := "/pools/"+first.text("pools.0.id"), read("p81").text("pools.0.updated_at"), first.text("pools.0.updated_at")
		memberID := first.text("pools.0.members.0.id")
		weight := func(w int) obj {
			target := member(5, 1)
			target["weight"] = w
			return target
		}
		var monitor string
		for _, w := range []struct {
			what  string
			write func() answer
			moves bool
		}{
			{"a list", func() answer { return c.octavia(t, http.MethodGet, pool+"/members", nil).want(t, http.StatusOK) }, false},
			{"a member twice", func() answer {
				return c.octavia(t, http.MethodPost, pool+"/members", obj{"member": member(5, 1)}).want(t, http.StatusConflict)
			}, false},
			{"a list with one more", func() answer { return b.batch(t, pool, weight(1), member(6, 1)) }, true},
			{"the same list", func() answer { return b.batch(t, pool, weight(1), member(6, 1)) }, true},
			{"a weight", func() answer {
				return b.do(t, http.MethodPut, pool+"/members/"+memberID, obj{"member": obj{"weight": 5}})
			}, true},
			{"the same weight", func() answer {
				return b.do(t, http.MethodPut, pool+"/members/"+memberID, obj{"member": obj{"weight": 5}})
			}, true},
			{"a member deleted", func() answer { return b.do(t, http.MethodDelete, pool+"/members/"+memberID, nil) }, true},
			{"a member added", func() answer { return b.do(t, http.MethodPost, pool+"/members", obj{"member": member(7, 1)}) }, true},
			{"a monitor", func() answer {
				a := b.do(t, http.MethodPost, "/healthmonitors", obj{"healthmonitor": obj{"pool_id": first.text("pools.0.id"), "type": "TCP", "delay": 5, "timeout": 3, "max_retries": 1}})
				monitor = "/healthmonitors/" + a.text("healthmonitor.id")
				return a
			}, true},
			{"its delay", func() answer { return b.do(t, http.MethodPut, monitor, obj{"healthmonitor": obj{"delay": 9}}) }, true},
			{"no monitor", func() answer { return b.do(t, http.MethodDelete, monitor, nil) }, true},
			{"the load balancer", func() answer { return b.do(t, http.MethodPut, b.path(), obj{"loadbalancer": obj{"description": "x"}}) }, false},
			{"a tag", func() answer { return b.do(t, http.MethodPut, pool, obj{"pool": obj{"tags": []string{"a"}}}) }, true},
		} {
			time.Sleep(1100 * time.Millisecond) // it counts whole seconds
			w.write()
			now := read("p80").text("pools.0.updated_at")
			if (now != last) != w.moves {
				t.Errorf("%s: updated_at was %s and is %s; want it to move: %v", w.what, last, now, w.moves)
			}
			last = now
		}
		if got := read("p81").text("pools.0.updated_at"); got != other {
			t.Errorf("the other pool: updated_at was %s and is %s, want the same", other, got)
		}
	}},
}
