package contract_test

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// refuseListeners POSTs listeners that are refused, each as a change of a plain
// one on TCP port 82; the text is a part of the fault.
func (b balancer) refuseListeners(t *testing.T, status int, refusals []refusedListener) {
	t.Helper()
	for _, r := range refusals {
		spec := obj{"protocol": "TCP", "protocol_port": 82}
		maps.Copy(spec, r.spec)
		b.c.octavia(t, http.MethodPost, "/listeners", obj{"listener": trimmed(b.on(spec))}).refusal(t, status, r.text)
	}
}

type refusedListener struct {
	spec obj
	text string
}

var listenerCases = []contractCase{
	{"octavia/a listener with nothing said has these settings", func(t *testing.T, c *cloud) {
		b := c.balancer(t, nil)
		a := b.listener(t, obj{"protocol": "TCP", "protocol_port": 80})
		a.keys(t, "listener", listenerFields+" loadbalancers")
		for field, want := range map[string]any{
			"name": "", "connection_limit": -1, "timeout_client_data": 50000, "timeout_member_connect": 5000, "timeout_member_data": 50000, "timeout_tcp_inspect": 0,
			"insert_headers": obj{}, "allowed_cidrs": nil, "default_pool_id": nil, "admin_state_up": true, "tags": []string{}, "client_authentication": "NONE",
			"tls_versions": nil, "tls_ciphers": nil, "alpn_protocols": nil, "hsts_max_age": nil, "sni_container_refs": []string{}, "default_tls_container_ref": nil,
		} {
			a.field(t, "listener."+field, want)
		}
	}},
	{"octavia/one listener for each transport and port", func(t *testing.T, c *cloud) {
		b := c.balancer(t, nil)
		for _, protocol := range []string{"TCP", "UDP", "SCTP"} {
			b.listener(t, obj{"protocol": protocol, "protocol_port": 53})
		}
		for protocol, transport := range map[string]string{"TCP": "TCP", "HTTP": "TCP", "HTTPS": "TCP", "PROMETHEUS": "TCP", "UDP": "UDP", "SCTP": "SCTP"} {
			c.octavia(t, http.MethodPost, "/listeners", obj{"listener": b.on(obj{"protocol": protocol, "protocol_port": 53})}).
				refusal(t, http.StatusConflict, "Another Listener on this Load Balancer is already using protocol "+transport+" and protocol_port 53")
		}
	}},
	{"octavia/which pools go with which listeners", func(t *testing.T, c *cloud) {
		compatible := map[string]string{
			"TCP": "HTTP HTTPS PROXY PROXYV2 TCP", "HTTP": "HTTP PROXY PROXYV2", "HTTPS": "HTTPS PROXY PROXYV2 TCP", "UDP": "UDP", "SCTP": "SCTP", "PROMETHEUS": "",
		}
		tree, port := obj{}, 1000
		var pools, listeners []obj
		for _, protocol := range []string{"HTTP", "HTTPS", "PROXY", "PROXYV2", "SCTP", "TCP", "UDP"} {
			pools = append(pools, tcpPool(0, obj{"name": protocol, "protocol": protocol}))
		}
		for protocol := range compatible {
			port++
			listeners = append(listeners, obj{"name": protocol, "protocol": protocol, "protocol_port": port})
		}
		tree["pools"], tree["listeners"] = pools, listeners
		b := c.balancer(t, tree)
		made := c.octavia(t, http.MethodGet, "/pools?loadbalancer_id="+b.id, nil).want(t, http.StatusOK)
		for _, item := range c.octavia(t, http.MethodGet, "/listeners?loadbalancer_id="+b.id, nil).want(t, http.StatusOK).list("listeners") {
			listener := answer{json: item}
			var taken []string
			for _, pool := range made.list("pools") {
				p := answer{json: pool}
				a := c.octavia(t, http.MethodPut, "/listeners/"+listener.text("id"), obj{"listener": obj{"default_pool_id": p.text("id")}})
				if a.Status == http.StatusOK {
					taken = append(taken, p.text("protocol"))
					b.active(t)
				} else if a.want(t, http.StatusBadRequest); listener.text("protocol") != "PROMETHEUS" {
					a.refusal(t, http.StatusBadRequest, "The pool protocol '"+p.text("protocol")+"' is invalid while the listener protocol is '"+listener.text("protocol")+"'")
				}
			}
			slices.Sort(taken)
			if got := strings.Join(taken, " "); got != compatible[listener.text("protocol")] {
				t.Errorf("%s listener: got pools %q, want %q", listener.text("protocol"), got, compatible[listener.text("protocol")])
			}
		}
	}},
	{"octavia/what a listener cannot be", func(t *testing.T, c *cloud) {
		b := c.balancer(t, nil)
		b.refuseListeners(t, http.StatusBadRequest, []refusedListener{
			{obj{"protocol": "FTP"}, "attribute protocol."},
			{obj{"protocol": left}, "attribute protocol."},
			{obj{"protocol_port": left}, "attribute protocol_port."},
			{obj{"protocol_port": 0}, "greater or equal to 1"},
			{obj{"protocol_port": 65536}, "lower or equal to 65535"},
			{obj{"nonsense": 1}, "Unknown attribute"},
			{obj{"loadbalancer_id": left}, "attribute loadbalancer_id"},
			{obj{"default_pool_id": "nonsense"}, "UUID format"},
			{obj{"connection_limit": -2}, "greater or equal to -1"},
			{obj{"timeout_client_data": -1}, "greater or equal to 0"},
			{obj{"timeout_client_data": 2073600001}, "lower or equal to 2073600000"},
			{obj{"allowed_cidrs": []string{"2001:db8::/64"}}, "IP version incompatible"},
			{obj{"allowed_cidrs": []string{"pods"}}, "IPv4 or IPv6 CIDR format"},
			{obj{"insert_headers": obj{"X-Forwarded-For": "true"}}, "insert-headers is not a valid option for a TCP protocol listener"},
			{obj{"protocol": "HTTP", "insert_headers": obj{"X-Other": "true"}}, "is not a valid option for insert_headers"},
			{obj{"protocol": "HTTP", "insert_headers": obj{"X-Forwarded-For": true}}, "Value should be string"},
			{obj{"protocol": "HTTP", "insert_headers": obj{"X-SSL-Client-Verify": "true"}}, "is not a valid option for HTTP protocol listener"},
			{obj{"protocol": "PROMETHEUS", "insert_headers": obj{"X-Forwarded-For": "true"}}, "insert-headers is not a valid option"},
			{obj{"protocol": "HTTP", "hsts_max_age": 5}, "HSTS feature can only be used for listeners using the TERMINATED_HTTPS"},
			{obj{"default_tls_container_ref": "x"}, "not allowed on TCP protocol listeners"},
			{obj{"protocol": "TERMINATED_HTTPS"}, "An SNI or default certificate container reference must be provided"},
			{obj{"name": strings.Repeat("x", 256)}, "maximum character requirement of 255"},
		})
		b.refuseListeners(t, http.StatusNotFound, []refusedListener{{obj{"default_pool_id": nobody}, "Pool " + nobody + " not found."}})
		b.active(t).field(t, "loadbalancer.listeners", []obj{})
	}},
	{"octavia/allowed CIDRs become canonical, unique and sorted, and none reads as null", func(t *testing.T, c *cloud) {
		b := c.balancer(t, nil)
		a := b.listener(t, obj{"protocol": "TCP", "protocol_port": 80, "allowed_cidrs": []string{"192.168.0.0/16", "10.1.2.3/8", "10.0.0.0/8", "1.2.3.4"}})
		a.field(t, "listener.allowed_cidrs", []string{"1.2.3.4/32", "10.0.0.0/8", "192.168.0.0/16"})
		path := "/listeners/" + a.text("listener.id")
		for _, none := range []any{[]string{}, nil} {
			b.do(t, http.MethodPut, path, obj{"listener": obj{"allowed_cidrs": []string{"10.0.0.0/8"}}}).field(t, "listener.allowed_cidrs", []string{"10.0.0.0/8"})
			b.do(t, http.MethodPut, path, obj{"listener": obj{"allowed_cidrs": none}}).field(t, "listener.allowed_cidrs", nil)
		}
		c.octavia(t, http.MethodPut, path, obj{"listener": obj{"allowed_cidrs": []string{"2001:db8::/64"}}}).refusal(t, http.StatusBadRequest, "IP version incompatible")
		c.octavia(t, http.MethodPut, path, obj{"listener": obj{"insert_headers": obj{"X-Forwarded-For": "true"}}}).refusal(t, http.StatusBadRequest, "insert-headers is not a valid option")
	}},
	{"octavia/headers of an HTTP listener", func(t *testing.T, c *cloud) {
		b := c.balancer(t, nil)
		headers := obj{"X-Forwarded-For": "true", "X-Forwarded-Port": "true", "X-Forwarded-Proto": "true"}
		a := b.listener(t, obj{"protocol": "HTTP", "protocol_port": 80, "insert_headers": headers})
		a.field(t, "listener.insert_headers", headers)
		path := "/listeners/" + a.text("listener.id")
		b.do(t, http.MethodPut, path, obj{"listener": obj{"insert_headers": obj{"X-Forwarded-For": "false"}}}).field(t, "listener.insert_headers", obj{"X-Forwarded-For": "false"})
		for _, none := range []any{obj{}, nil} {
			b.do(t, http.MethodPut, path, obj{"listener": obj{"insert_headers": none}}).field(t, "listener.insert_headers", obj{})
		}
	}},
	{"octavia/settings of a listener change, and null is the default again", func(t *testing.T, c *cloud) {
		b := c.balancer(t, nil)
		a := b.listener(t, obj{"protocol": "TCP", "protocol_port": 80, "name": "n", "tags": []string{"b", "a"}, "connection_limit": 10, "timeout_client_data": 1, "timeout_member_connect": 2, "timeout_member_data": 3, "timeout_tcp_inspect": 4})
		a.field(t, "listener.tags", []string{"a", "b"})
		path := "/listeners/" + a.text("listener.id")
		changed := b.do(t, http.MethodPut, path, obj{"listener": obj{"timeout_client_data": 0, "connection_limit": nil, "timeout_tcp_inspect": nil, "name": nil, "tags": []string{"c"}}})
		for field, want := range map[string]any{
			"provisioning_status": "PENDING_UPDATE", "connection_limit": -1, "timeout_client_data": 0, "timeout_member_connect": 2, "timeout_member_data": 3, "timeout_tcp_inspect": 0, "name": "", "tags": []string{"c"},
		} {
			changed.field(t, "listener."+field, want)
		}
		b.do(t, http.MethodPut, path, obj{"listener": obj{"timeout_client_data": nil}}).field(t, "listener.timeout_client_data", 50000)
		for _, name := range []string{"id", "protocol", "protocol_port", "loadbalancer_id", "default_pool", "project_id"} {
			c.octavia(t, http.MethodPut, path, obj{"listener": obj{name: nil}}).refusal(t, http.StatusBadRequest, "Unknown attribute")
		}
	}},
	{"octavia/a default pool is changed, taken off, and may be deleted under its listener", func(t *testing.T, c *cloud) {
		b := c.balancer(t, obj{"listeners": []obj{tcpListener(80, obj{"members": []obj{member(5, 1)}, "healthmonitor": tcpMonitor})}, "pools": []obj{tcpPool(0, obj{"name": "other"})}})
		listener := "/listeners/" + c.octavia(t, http.MethodGet, "/listeners?loadbalancer_id="+b.id, nil).want(t, http.StatusOK).text("listeners.0.id")
		first := c.octavia(t, http.MethodGet, "/pools?name=p80&loadbalancer_id="+b.id, nil).want(t, http.StatusOK)
		other := c.octavia(t, http.MethodGet, "/pools?name=other&loadbalancer_id="+b.id, nil).want(t, http.StatusOK).text("pools.0.id")
		b.do(t, http.MethodPut, listener, obj{"listener": obj{"default_pool_id": other}}).field(t, "listener.default_pool_id", other)
		b.do(t, http.MethodPut, listener, obj{"listener": obj{"default_pool_id": nil}}).field(t, "listener.default_pool_id", nil)
		b.do(t, http.MethodPut, listener, obj{"listener": obj{"default_pool_id": first.text("pools.0.id")}})
		b.do(t, http.MethodDelete, "/pools/"+first.text("pools.0.id"), nil)
		c.octavia(t, http.MethodGet, listener, nil).want(t, http.StatusOK).field(t, "listener.default_pool_id", nil)
		c.octavia(t, http.MethodGet, "/healthmonitors/"+first.text("pools.0.healthmonitor_id"), nil).want(t, http.StatusNotFound)
		b.do(t, http.MethodDelete, listener, nil)
		b.active(t).field(t, "loadbalancer.pools", []obj{{"id": other}})
	}},
	{"octavia/a PROMETHEUS listener stands alone", func(t *testing.T, c *cloud) {
		b := c.balancer(t, obj{"listeners": []obj{{"protocol": "PROMETHEUS", "protocol_port": 9100, "allowed_cidrs": []string{"10.0.0.0/8"}}}, "pools": []obj{tcpPool(0, obj{"protocol": "HTTP"})}})
		pool := b.active(t).text("loadbalancer.pools.0.id")
		b.refuseListeners(t, http.StatusBadRequest, []refusedListener{{obj{"protocol": "PROMETHEUS", "default_pool_id": pool}, "cannot have child objects"}})
		listener := "/listeners/" + b.active(t).text("loadbalancer.listeners.0.id")
		c.octavia(t, http.MethodPut, listener, obj{"listener": obj{"default_pool_id": pool}}).refusal(t, http.StatusBadRequest, "cannot have child objects")
	}},
}
