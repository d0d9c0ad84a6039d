package contract_test

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"testing"
)

// tcpMonitor is the simplest monitor.
var tcpMonitor = obj{"type": "TCP", "delay": 5, "timeout": 3, "max_retries": 1}

// tcpListener is a TCP listener of a tree with a pool of its own: named by the
// port, with the fields of spec besides.
func tcpListener(port int, spec obj) obj {
	return obj{"protocol": "TCP", "protocol_port": port, "default_pool": tcpPool(port, spec)}
}

// tcpPool is a TCP pool of a tree: named by the port, with the fields of spec besides.
func tcpPool(port int, spec obj) obj {
	pool := obj{"name": fmt.Sprint("p", port), "protocol": "TCP", "lb_algorithm": "ROUND_ROBIN"}
	maps.Copy(pool, spec)
	return pool
}

// missing is how Octavia says that a load balancer is not there.
func (b balancer) missing(t *testing.T, a answer) {
	t.Helper()
	a.refusal(t, http.StatusNotFound, "Load Balancer "+b.id+" not found.")
}

var treeCases = []contractCase{
	{"octavia/a whole tree in one POST", func(t *testing.T, c *cloud) {
		l := c.balancerLAN(t)
		target := member(5, 30080)
		target["subnet_id"], target["name"] = l.subnet, "node"
		first := tcpListener(80, obj{"members": []obj{target}, "healthmonitor": tcpMonitor, "tags": []string{"t"}})
		first["tags"], first["name"] = []string{"t"}, "first"
		b, a := c.pending(t, l, obj{"listeners": []obj{first, {"protocol": "UDP", "protocol_port": 80, "default_pool": obj{"name": "u", "protocol": "UDP", "lb_algorithm": "SOURCE_IP"}}}})
		i, j := slices.Index(a.texts("loadbalancer.listeners", "protocol"), "TCP"), slices.Index(a.texts("loadbalancer.pools", "protocol"), "TCP")
		if i < 0 || j < 0 || len(a.list("loadbalancer.listeners")) != 2 || len(a.list("loadbalancer.pools")) != 2 {
			t.Fatalf("want two listeners and two pools: %.2000s", a.raw)
		}
		listener, pool := answer{request: a.request, json: a.list("loadbalancer.listeners")[i]}, answer{request: a.request, json: a.list("loadbalancer.pools")[j]}
		(answer{json: obj{"x": listener.json}}).keys(t, "x", listenerFields)
		(answer{json: obj{"x": pool.json}}).keys(t, "x", poolFields+" healthmonitor")
		pool.keys(t, "members.0", memberFields)
		pool.keys(t, "healthmonitor", monitorFields)
		listener.field(t, "default_pool_id", pool.text("id"))
		listener.field(t, "provisioning_status", "PENDING_CREATE")
		pool.field(t, "listeners", []obj{{"id": listener.text("id")}})
		pool.field(t, "members.0.name", "node")
		done := b.active(t)
		if got := done.texts("loadbalancer.listeners", "id"); len(got) != 2 || !slices.Contains(got, listener.text("id")) {
			t.Errorf("listeners of a GET: got %v, want the ids of both", got)
		}
	}},
	{"octavia/a listener of a tree may name a pool of the tree", func(t *testing.T, c *cloud) {
		b := c.balancer(t, obj{"listeners": []obj{{"protocol": "TCP", "protocol_port": 1, "default_pool": obj{"name": "p"}}}, "pools": []obj{tcpPool(0, obj{"name": "p"})}})
		pools := c.octavia(t, http.MethodGet, "/pools?loadbalancer_id="+b.id, nil).want(t, http.StatusOK)
		listeners := c.octavia(t, http.MethodGet, "/listeners?loadbalancer_id="+b.id, nil).want(t, http.StatusOK)
		listeners.field(t, "listeners.0.default_pool_id", pools.text("pools.0.id"))
	}},
	{"octavia/what a tree cannot be", func(t *testing.T, c *cloud) {
		l := c.balancerLAN(t)
		listeners := func(specs ...obj) obj { return obj{"listeners": specs} }
		tcp := func(spec obj) obj {
			spec["protocol"], spec["protocol_port"] = "TCP", 1
			return spec
		}
		for _, tc := range []struct {
			spec   obj
			status int
			text   string
		}{
			{listeners(tcpListener(1, obj{"name": "p"}), tcpListener(2, obj{"name": "p"})), http.StatusBadRequest, "Pool names must be unique"},
			{listeners(tcpListener(1, obj{"name": ""})), http.StatusBadRequest, "Pools must be named"},
			{listeners(tcpListener(1, nil), tcpListener(1, obj{"name": "q"})), http.StatusConflict, "already using protocol TCP and protocol_port 1"},
			{listeners(tcpListener(1, obj{"protocol": "UDP"})), http.StatusBadRequest, "The pool protocol 'UDP' is invalid while the listener protocol is 'TCP'"},
			{listeners(tcpListener(1, obj{"members": []obj{member(5, 1), member(5, 1)}})), http.StatusConflict, "already using ip 10.77.0.5 on protocol_port 1"},
			{listeners(tcpListener(1, obj{"healthmonitor": obj{"type": "UDP-CONNECT", "delay": 5, "timeout": 3, "max_retries": 1}})), http.StatusBadRequest, "only supported for pools of type UDP/SCTP"},
			{listeners(tcpListener(1, obj{"healthmonitor": obj{"type": "HTTP", "delay": 5, "max_retries": 1}})), http.StatusBadRequest, "attribute timeout"},
			{listeners(obj{"protocol": "TCP"}), http.StatusBadRequest, "attribute protocol_port"},
			{listeners(tcp(obj{"default_pool_id": nobody})), http.StatusNotFound, "Pool " + nobody + " not found"},
			{listeners(tcp(obj{"allowed_cidrs": []string{"2001:db8::/64"}})), http.StatusBadRequest, "IP version incompatible"},
			{listeners(tcp(obj{"insert_headers": obj{"X-Forwarded-For": "true"}})), http.StatusBadRequest, "insert-headers is not a valid option"},
			{listeners(obj{"protocol": "TERMINATED_HTTPS", "protocol_port": 1}), http.StatusBadRequest, "SNI or default certificate"},
			{listeners(obj{"protocol": "PROMETHEUS", "protocol_port": 1, "default_pool": tcpPool(1, nil)}), http.StatusBadRequest, "cannot have child objects"},
		} {
			c.tree(t, l, tc.spec).refusal(t, tc.status, tc.text)
		}
	}},
	{"octavia/a refused tree leaves its VIP port behind", func(t *testing.T, c *cloud) {
		// What a controller has to know: whoever tries again, makes another one.
		l := c.balancerLAN(t)
		c.tree(t, l, obj{"listeners": []obj{tcpListener(1, obj{"protocol": "UDP"})}}).want(t, http.StatusBadRequest)
		ports := c.vipPorts(t, l)
		if len(ports) != 1 {
			t.Fatalf("VIP ports: got %v, want the one of the load balancer that is none", ports)
		}
		port := c.call(t, http.MethodGet, "network", portsPath+"/"+ports[0], nil).want(t, http.StatusOK)
		id := port.text("port.device_id")[len("lb-"):]
		port.field(t, "port.name", "octavia-lb-"+id)
		port.field(t, "port.project_id", c.project)
		c.octavia(t, http.MethodGet, "/loadbalancers/"+id, nil).want(t, http.StatusNotFound)
	}},
	{"octavia/the status tree has no settings", func(t *testing.T, c *cloud) {
		b := c.balancer(t, obj{"listeners": []obj{tcpListener(80, obj{"members": []obj{member(5, 1)}, "healthmonitor": tcpMonitor})}, "pools": []obj{tcpPool(0, obj{"name": "alone"})}})
		a := c.octavia(t, http.MethodGet, b.path()+"/status", nil).want(t, http.StatusOK)
		a.keys(t, "statuses.loadbalancer", "id name operating_status provisioning_status listeners")
		a.keys(t, "statuses.loadbalancer.listeners.0", "id name operating_status provisioning_status pools")
		a.keys(t, "statuses.loadbalancer.listeners.0.pools.0", "id name operating_status provisioning_status health_monitor members")
		a.keys(t, "statuses.loadbalancer.listeners.0.pools.0.health_monitor", "id name type operating_status provisioning_status")
		a.keys(t, "statuses.loadbalancer.listeners.0.pools.0.members.0", "id name operating_status provisioning_status address protocol_port")
		monitor := c.octavia(t, http.MethodGet, "/pools?loadbalancer_id="+b.id+"&name=p80", nil).want(t, http.StatusOK).text("pools.0.healthmonitor_id")
		b.do(t, http.MethodDelete, "/healthmonitors/"+monitor, nil)
		c.octavia(t, http.MethodGet, b.path()+"/status", nil).want(t, http.StatusOK).
			keys(t, "statuses.loadbalancer.listeners.0.pools.0", "id name operating_status provisioning_status members")
	}},
	{"octavia/deleted with its children only by cascade, and gone for good", func(t *testing.T, c *cloud) {
		b := c.balancer(t, obj{"listeners": []obj{tcpListener(80, obj{"members": []obj{member(5, 1)}})}})
		c.octavia(t, http.MethodDelete, b.path(), nil).refusal(t, http.StatusBadRequest, "it has children")
		pool := c.octavia(t, http.MethodGet, "/pools?fields=id&loadbalancer_id="+b.id, nil).want(t, http.StatusOK).text("pools.0.id")
		c.octavia(t, http.MethodDelete, b.path()+"?cascade=true", nil).want(t, http.StatusNoContent)
		if again := c.octavia(t, http.MethodDelete, b.path()+"?cascade=true", nil); again.Status != http.StatusNotFound {
			again.refusal(t, http.StatusConflict, "Invalid state PENDING_DELETE of loadbalancer resource")
		}
		b.missing(t, b.settled(t))
		b.missing(t, c.octavia(t, http.MethodGet, b.path()+"/status", nil))
		b.missing(t, c.octavia(t, http.MethodPut, b.path(), obj{"loadbalancer": obj{"name": "x"}}))
		b.missing(t, c.octavia(t, http.MethodDelete, b.path(), nil))
		c.octavia(t, http.MethodGet, "/loadbalancers?id="+b.id, nil).want(t, http.StatusOK).field(t, "loadbalancers", []obj{})
		c.octavia(t, http.MethodGet, "/listeners?loadbalancer_id="+b.id, nil).want(t, http.StatusOK).field(t, "listeners", []obj{})
		c.octavia(t, http.MethodGet, "/pools/"+pool, nil).refusal(t, http.StatusNotFound, "Pool "+pool+" not found.")
		c.octavia(t, http.MethodGet, "/pools/"+pool+"/members", nil).want(t, http.StatusNotFound).field(t, "description", "Pool "+pool+" not found.")
		c.octavia(t, http.MethodPut, "/pools/"+pool+"/members", obj{"members": []obj{}}).want(t, http.StatusNotFound)
		c.call(t, http.MethodGet, "network", portsPath+"/"+b.port, nil).want(t, http.StatusNotFound)
		// It stays as a row that is DELETED, so these are busy for ever.
		c.octavia(t, http.MethodPost, "/listeners", obj{"listener": b.on(obj{"protocol": "TCP", "protocol_port": 1})}).refusal(t, http.StatusConflict, "is immutable")
		c.octavia(t, http.MethodPost, "/pools", obj{"pool": b.onPool(obj{"protocol": "TCP"})}).refusal(t, http.StatusConflict, "is immutable")
	}},
	{"octavia/what never was is 404", func(t *testing.T, c *cloud) {
		for _, path := range []string{"/loadbalancers/", "/listeners/", "/pools/", "/healthmonitors/"} {
			c.octavia(t, http.MethodGet, path+nobody, nil).refusal(t, http.StatusNotFound, nobody+" not found.")
			c.octavia(t, http.MethodDelete, path+nobody, nil).refusal(t, http.StatusNotFound, nobody+" not found.")
		}
		c.octavia(t, http.MethodGet, "/loadbalancers/nonsense", nil).refusal(t, http.StatusNotFound, "Load Balancer nonsense not found.")
		c.octavia(t, http.MethodPost, "/listeners", obj{"listener": obj{"loadbalancer_id": nobody, "protocol": "TCP", "protocol_port": 1}}).want(t, http.StatusNotFound)
		c.octavia(t, http.MethodPost, "/pools", obj{"pool": obj{"loadbalancer_id": nobody, "protocol": "TCP", "lb_algorithm": "ROUND_ROBIN"}}).want(t, http.StatusNotFound)
		c.octavia(t, http.MethodPost, "/healthmonitors", obj{"healthmonitor": obj{"pool_id": nobody, "type": "TCP", "delay": 5, "timeout": 3, "max_retries": 1}}).want(t, http.StatusNotFound)
	}},
	{"octavia/a member on a subnet that is not there ends a tree in ERROR, which can only be deleted", func(t *testing.T, c *cloud) {
		target := member(5, 1)
		target["subnet_id"] = nobody
		b, _ := c.pending(t, c.balancerLAN(t), obj{"listeners": []obj{tcpListener(80, obj{"members": []obj{target}})}})
		b.settled(t).want(t, http.StatusOK).field(t, "loadbalancer.provisioning_status", "ERROR")
		c.octavia(t, http.MethodPut, b.path(), obj{"loadbalancer": obj{"name": "x"}}).refusal(t, http.StatusConflict, "Invalid state ERROR of loadbalancer resource")
		c.octavia(t, http.MethodPost, "/listeners", obj{"listener": b.on(obj{"protocol": "TCP", "protocol_port": 81})}).refusal(t, http.StatusConflict, "is immutable")
		c.octavia(t, http.MethodDelete, b.path()+"?cascade=true", nil).want(t, http.StatusNoContent)
		b.missing(t, b.settled(t))
	}},
}
