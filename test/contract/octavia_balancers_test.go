package contract_test

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// The fields of each kind of object, as 2025.1 shows them.
const (
	balancerFields = `id name description provisioning_status operating_status admin_state_up project_id tenant_id created_at updated_at vip_address vip_port_id
		vip_subnet_id vip_network_id vip_sg_ids additional_vips listeners pools provider flavor_id vip_qos_policy_id tags availability_zone vip_vnic_type`
	listenerFields = `id name description provisioning_status operating_status admin_state_up protocol protocol_port connection_limit default_tls_container_ref
		sni_container_refs project_id tenant_id default_pool_id l7policies insert_headers created_at updated_at timeout_client_data timeout_member_connect
		timeout_member_data timeout_tcp_inspect tags client_ca_tls_container_ref client_authentication client_crl_container_ref allowed_cidrs tls_ciphers
		tls_versions alpn_protocols hsts_max_age hsts_include_subdomains hsts_preload`
	poolFields = `id name description provisioning_status operating_status admin_state_up protocol lb_algorithm session_persistence project_id tenant_id
		listeners created_at updated_at members tags tls_container_ref ca_tls_container_ref crl_container_ref tls_enabled tls_ciphers tls_versions alpn_protocols`
	memberFields = `id name operating_status provisioning_status admin_state_up address protocol_port weight backup subnet_id project_id tenant_id created_at
		updated_at monitor_address monitor_port tags vnic_type`
	monitorFields = `id name type delay timeout max_retries max_retries_down http_method url_path expected_codes admin_state_up project_id tenant_id
		provisioning_status operating_status created_at updated_at tags http_version domain_name`
)

// octaviaTime is how Octavia writes an instant: UTC, whole seconds.
const octaviaTime = "2006-01-02T15:04:05"

var balancerCases = []contractCase{
	{"octavia/the root names all versions, the newest last and current, without a token", func(t *testing.T, c *cloud) {
		a := c.send(t, http.MethodGet, c.catalog["load-balancer"]+"/", nil).want(t, http.StatusOK)
		versions := a.texts("versions", "id")
		for i, id := range versions {
			if id != fmt.Sprint("v2.", i) {
				t.Fatalf("versions: got %v, want v2.0 and every one after it", versions)
			}
		}
		last := strconv.Itoa(len(versions) - 1)
		if len(versions) < 30 {
			t.Errorf("newest version: got v2.%s, want v2.29 or later", last)
		}
		a.field(t, "versions."+last+".status", "CURRENT")
		a.field(t, "versions.0.status", "SUPPORTED")
		a.field(t, "versions.0.links.0.rel", "self")
	}},
	{"octavia/v2 and v2.0 are one, and every other path wants a token", func(t *testing.T, c *cloud) {
		for _, prefix := range []string{"/v2", "/v2.0"} {
			path := prefix + "/lbaas/loadbalancers?name=contract-nobody"
			c.call(t, http.MethodGet, "load-balancer", path, nil).want(t, http.StatusOK).field(t, "loadbalancers", []obj{})
			challenged(t, c.send(t, http.MethodGet, c.catalog["load-balancer"]+path, nil))
			challenged(t, c.send(t, http.MethodGet, c.catalog["load-balancer"]+path, nil, "X-Auth-Token: nonsense"))
		}
		c.octavia(t, http.MethodGet, "/nonsense", nil).want(t, http.StatusNotFound)
	}},
	{"octavia/a load balancer with nothing on it, new and when done", func(t *testing.T, c *cloud) {
		l := c.balancerLAN(t)
		b, made := c.pending(t, l, nil)
		made.keys(t, "loadbalancer", balancerFields)
		for field, want := range map[string]any{
			"provisioning_status": "PENDING_CREATE", "operating_status": "OFFLINE", "updated_at": nil, "description": "", "admin_state_up": true, "tags": []string{},
			"project_id": c.project, "tenant_id": c.project, "vip_subnet_id": l.subnet, "vip_network_id": l.network, "vip_sg_ids": []string{}, "additional_vips": []string{},
			"listeners": []obj{}, "pools": []obj{}, "flavor_id": nil, "availability_zone": nil, "vip_qos_policy_id": nil, "vip_vnic_type": "normal",
		} {
			made.field(t, "loadbalancer."+field, want)
		}
		if !strings.HasPrefix(b.address, "10.77.0.") || b.port == "" {
			t.Errorf("VIP: got %q on port %q, want both at once", b.address, b.port)
		}
		done := b.active(t)
		done.keys(t, "loadbalancer", balancerFields)
		for _, field := range []string{"created_at", "updated_at"} {
			if _, err := time.Parse(octaviaTime, done.text("loadbalancer."+field)); err != nil {
				t.Errorf("%s: %v", field, err)
			}
		}
	}},
	{"octavia/the name and the description take 255 characters, tags are unique", func(t *testing.T, c *cloud) {
		l := c.balancerLAN(t)
		long := strings.Repeat("x", 256)
		c.tree(t, l, obj{"name": long}).refusal(t, http.StatusBadRequest, "maximum character requirement of 255")
		c.tree(t, l, obj{"description": long}).refusal(t, http.StatusBadRequest, "maximum character requirement of 255")
		c.tree(t, l, obj{"tags": []string{long}}).refusal(t, http.StatusBadRequest, "maximum character requirement of 255")
		c.tree(t, l, obj{"nonsense": 1}).refusal(t, http.StatusBadRequest, "Unknown attribute")
		c.tree(t, l, obj{"project_id": nobody}).refusal(t, http.StatusForbidden, "Policy does not allow")
		c.tree(t, l, obj{"tags": []string{"a", "a"}}).refusal(t, http.StatusConflict, "Already an entity") // and not because it is busy
		if got := c.vipPorts(t, l); len(got) != 0 {
			t.Errorf("VIP ports after these: got %v, want none", got)
		}
	}},
	{"octavia/while it is busy every write is 409, in two wordings", func(t *testing.T, c *cloud) {
		b := c.balancer(t, obj{"listeners": []obj{tcpListener(80, obj{"members": []obj{member(5, 1)}, "healthmonitor": tcpMonitor})}})
		pool := c.octavia(t, http.MethodGet, "/pools?loadbalancer_id="+b.id, nil).want(t, http.StatusOK)
		poolID, monitorID, listenerID := pool.text("pools.0.id"), pool.text("pools.0.healthmonitor_id"), pool.text("pools.0.listeners.0.id")
		busy := func() {
			b.active(t)
			c.octavia(t, http.MethodPut, b.path(), obj{"loadbalancer": obj{"description": "x"}}).want(t, http.StatusOK).
				field(t, "loadbalancer.provisioning_status", "PENDING_UPDATE")
		}
		immutable := "Load Balancer " + b.id + " is immutable and cannot be updated."
		for _, w := range []struct {
			method, path string
			body         any
		}{
			{http.MethodPut, b.path(), obj{"loadbalancer": obj{"description": "y"}}},
			{http.MethodDelete, b.path() + "?cascade=true", nil},
			{http.MethodPost, "/listeners", obj{"listener": b.on(obj{"protocol": "TCP", "protocol_port": 81})}},
			{http.MethodPut, "/listeners/" + listenerID, obj{"listener": obj{"name": "x"}}},
			{http.MethodPost, "/pools", obj{"pool": b.onPool(obj{"protocol": "TCP"})}},
			{http.MethodPut, "/pools/" + poolID, obj{"pool": obj{"name": "x"}}},
			{http.MethodPut, "/pools/" + poolID + "/members", obj{"members": []obj{member(6, 1)}}},
			{http.MethodPost, "/pools/" + poolID + "/members", obj{"member": member(6, 1)}},
			{http.MethodPut, "/healthmonitors/" + monitorID, obj{"healthmonitor": obj{"delay": 9}}},
			{http.MethodDelete, "/healthmonitors/" + monitorID, nil},
			{http.MethodDelete, "/pools/" + poolID, nil},
			{http.MethodDelete, "/listeners/" + listenerID, nil},
		} {
			busy()
			a := c.octavia(t, w.method, w.path, w.body)
			if strings.HasPrefix(w.path, b.path()) {
				a.refusal(t, http.StatusConflict, "Invalid state PENDING_UPDATE of loadbalancer resource "+b.id)
			} else {
				a.refusal(t, http.StatusConflict, immutable)
			}
			a.field(t, "faultcode", "Client")
			a.field(t, "debuginfo", nil)
		}
	}},
	{"octavia/tags are replaced and sorted; the same again is work again", func(t *testing.T, c *cloud) {
		b := c.balancer(t, obj{"tags": []string{"b", "a"}})
		change := obj{"loadbalancer": obj{"tags": []string{"d", "c"}}}
		for range 2 {
			a := b.do(t, http.MethodPut, b.path(), change)
			a.field(t, "loadbalancer.provisioning_status", "PENDING_UPDATE")
			a.field(t, "loadbalancer.tags", []string{"c", "d"})
		}
		b.do(t, http.MethodPut, b.path(), obj{"loadbalancer": obj{"tags": []string{}, "name": nil, "description": nil, "admin_state_up": false}})
		a := b.active(t)
		a.field(t, "loadbalancer.tags", []string{})
		a.field(t, "loadbalancer.name", "")
		a.field(t, "loadbalancer.admin_state_up", false)
		// The same tag twice in a PUT is left out here: it is 500, the worker has its
		// order all the same, and a deletion meanwhile comes back as an ERROR.
	}},
	{"octavia/what never changes is unknown to a PUT", func(t *testing.T, c *cloud) {
		b := c.balancer(t, nil)
		for _, name := range []string{
			"id", "project_id", "vip_address", "vip_subnet_id", "vip_network_id", "vip_port_id", "provider", "flavor_id", "availability_zone", "additional_vips", "listeners", "pools",
		} {
			c.octavia(t, http.MethodPut, b.path(), obj{"loadbalancer": obj{name: nil}}).refusal(t, http.StatusBadRequest, "Unknown attribute")
		}
		b.active(t)
	}},
	{"octavia/what is for admins is 403", func(t *testing.T, c *cloud) {
		b := c.balancer(t, nil)
		c.octavia(t, http.MethodPut, b.path()+"/failover", nil).refusal(t, http.StatusForbidden, "Policy does not allow")
		c.octavia(t, http.MethodPut, "/quotas/"+c.project, obj{"quota": obj{"load_balancer": 1}}).refusal(t, http.StatusForbidden, "Policy does not allow")
		c.octavia(t, http.MethodGet, "/loadbalancers?project_id="+nobody, nil).refusal(t, http.StatusForbidden, "Policy does not allow")
		quota := c.octavia(t, http.MethodGet, "/quotas/"+c.project, nil).want(t, http.StatusOK)
		quota.keys(t, "quota", "load_balancer listener member pool health_monitor l7policy l7rule")
	}},
	{"octavia/providers, flavors and zones can be listed", func(t *testing.T, c *cloud) {
		providers := c.octavia(t, http.MethodGet, "/providers", nil).want(t, http.StatusOK).texts("providers", "name")
		if !slices.Contains(providers, "amphora") {
			t.Errorf("providers: got %v, want amphora among them", providers)
		}
		c.octavia(t, http.MethodGet, "/flavors", nil).want(t, http.StatusOK).field(t, "flavors_links", []obj{})
		c.octavia(t, http.MethodGet, "/availabilityzones", nil).want(t, http.StatusOK).field(t, "availability_zones_links", []obj{})
	}},
}
