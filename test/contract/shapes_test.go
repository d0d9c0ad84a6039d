package contract_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

var shapeCases = []contractCase{
	{"neutron/a body that is none of what is asked for is 400", func(t *testing.T, c *cloud) {
		path := portsPath + "/" + c.make(t, "port", obj{"network_id": c.lan(t).network})
		for _, body := range []any{"{", "[]", obj{"prot": obj{}}, obj{"port": []obj{}}, obj{"port": obj{"nonsense": 1}}} {
			c.call(t, http.MethodPut, "network", path, body).want(t, http.StatusBadRequest, "HTTPBadRequest")
		}
		c.call(t, http.MethodPut, "network", path, nil).want(t, http.StatusBadRequest, "HTTPBadRequest")
		c.call(t, http.MethodPost, "network", portsPath, obj{"ports": []obj{}}).want(t, http.StatusBadRequest, "HTTPBadRequest")
		c.call(t, http.MethodPost, "network", portsPath, obj{"port": obj{}}).want(t, http.StatusBadRequest, "HTTPBadRequest")
	}},
	{"neutron/what only Neutron sets is read-only", func(t *testing.T, c *cloud) {
		p := c.created(t, "port", obj{"network_id": c.lan(t).network})
		for _, name := range []string{"id", "network_id", "status", "project_id", "tenant_id", "revision_number", "created_at", "tags"} {
			c.updatePort(t, p.text("port.id"), obj{name: p.at("port." + name)}).want(t, http.StatusBadRequest, "HTTPBadRequest")
		}
	}},
	{"neutron/booleans are read from text and numbers too", func(t *testing.T, c *cloud) {
		id := c.make(t, "port", obj{"network_id": c.lan(t).network})
		for _, no := range []any{"false", "False", "0", 0} {
			c.updatePort(t, id, obj{"admin_state_up": true}).want(t, http.StatusOK)
			c.updatePort(t, id, obj{"admin_state_up": no}).want(t, http.StatusOK).field(t, "port.admin_state_up", false)
		}
		c.updatePort(t, id, obj{"admin_state_up": "maybe"}).want(t, http.StatusBadRequest, "InvalidInput")
		c.updatePort(t, id, obj{"admin_state_up": 5}).want(t, http.StatusBadRequest, "InvalidInput")
	}},
	{"neutron/texts are texts of 255 characters at most", func(t *testing.T, c *cloud) {
		id := c.make(t, "port", obj{"network_id": c.lan(t).network})
		for _, name := range []string{"name", "description", "device_id"} {
			for _, value := range []any{nil, 5, strings.Repeat("x", 256)} {
				c.updatePort(t, id, obj{name: value}).want(t, http.StatusBadRequest, "HTTPBadRequest")
			}
		}
		c.updatePort(t, id, obj{"name": strings.Repeat("ü", 255)}).want(t, http.StatusOK)
	}},
	{"neutron/the project of others is not for a member to name", func(t *testing.T, c *cloud) {
		l := c.lan(t)
		c.call(t, http.MethodPost, "network", portsPath, obj{"port": obj{"network_id": l.network, "project_id": "x"}}).want(t, http.StatusBadRequest, "HTTPBadRequest")
		c.make(t, "port", obj{"network_id": l.network, "project_id": c.project})
	}},
	{"neutron/methods that a path has not are 405, paths that are none 404", func(t *testing.T, c *cloud) {
		const item = portsPath + "/00000000-0000-4000-8000-000000000000"
		c.call(t, http.MethodPatch, "network", item, obj{}).want(t, http.StatusMethodNotAllowed, "HTTPMethodNotAllowed")
		c.call(t, http.MethodPost, "network", item, obj{}).want(t, http.StatusMethodNotAllowed, "HTTPMethodNotAllowed")
		c.call(t, http.MethodGet, "network", routersPath+"/x/add_extraroutes", nil).want(t, http.StatusMethodNotAllowed, "HTTPMethodNotAllowed")
		c.call(t, http.MethodPut, "network", routersPath+"/x/nonsense", obj{}).want(t, http.StatusNotFound, "HTTPNotFound")
		c.call(t, http.MethodGet, "network", "/v2.0/nonsense", nil).want(t, http.StatusNotFound, "HTTPNotFound")
	}},
	{"neutron/an extension that is not loaded has no path", func(t *testing.T, c *cloud) {
		aliases := c.call(t, http.MethodGet, "network", "/v2.0/extensions", nil).want(t, http.StatusOK).texts("extensions", "alias")
		loaded := map[string]bool{}
		for _, alias := range aliases {
			loaded[alias] = true
		}
		for alias, path := range map[string]string{"trunk": "/v2.0/trunks", "extraroute-atomic": routersPath + "/x/add_extraroutes", "router": routersPath} {
			a := c.call(t, http.MethodGet, "network", path, nil)
			if a.Status == http.StatusNotFound && a.errorType() == "HTTPNotFound" == loaded[alias] {
				t.Errorf("%s: got %d, but the extension is loaded: %v", path, a.Status, loaded[alias])
			}
		}
	}},
	{"neutron/the root names v2.0, without a token too", func(t *testing.T, c *cloud) {
		a := c.send(t, http.MethodGet, c.catalog["network"]+"/", nil).want(t, http.StatusOK)
		a.field(t, "versions.0.id", "v2.0")
		a.field(t, "versions.0.status", "CURRENT")
		c.send(t, http.MethodGet, c.catalog["network"]+"/v2.0/", nil).want(t, http.StatusUnauthorized, "Unauthorized")
		c.call(t, http.MethodGet, "network", "/v2.0/", nil).want(t, http.StatusOK)
	}},
	{"neutron/others' networks are seen and not changed", func(t *testing.T, c *cloud) {
		external := c.external(t)
		c.call(t, http.MethodPut, "network", "/v2.0/networks/"+external, obj{"network": obj{"name": "x"}}).want(t, http.StatusForbidden, "PolicyNotAuthorized")
		c.call(t, http.MethodDelete, "network", "/v2.0/networks/"+external, nil).want(t, http.StatusForbidden, "PolicyNotAuthorized")
		c.call(t, http.MethodPost, "network", portsPath, obj{"port": obj{"network_id": external}}).want(t, http.StatusForbidden, "HTTPForbidden")
		subnet := obj{"network_id": external, "ip_version": 4, "cidr": "10.9.0.0/24"}
		c.call(t, http.MethodPost, "network", "/v2.0/subnets", obj{"subnet": subnet}).want(t, http.StatusForbidden, "HTTPForbidden")
	}},
	{"neutron/what is for admins is 403 PolicyNotAuthorized", func(t *testing.T, c *cloud) {
		for _, spec := range []obj{{"shared": true}, {"router:external": true}, {"provider:network_type": "vxlan"}} {
			c.call(t, http.MethodPost, "network", "/v2.0/networks", obj{"network": spec}).want(t, http.StatusForbidden, "PolicyNotAuthorized")
		}
		router := c.make(t, "router", obj{"name": "contract-" + unique()})
		for _, name := range []string{"ha", "distributed"} {
			c.call(t, http.MethodPut, "network", routersPath+"/"+router, obj{"router": obj{name: true}}).want(t, http.StatusForbidden, "PolicyNotAuthorized")
		}
	}},
	{"nova/a path that is none is no fault of Nova's: a page, or a flat object", func(t *testing.T, c *cloud) {
		for _, path := range []string{"/nonsense", "/servers/" + nobody + "/nonsense"} {
			page := c.call(t, http.MethodGet, "compute", path, nil, "Accept: text/html").want(t, http.StatusNotFound)
			if page.json != nil || !strings.Contains(page.Header.Get("Content-Type"), "html") {
				t.Errorf("%s: got %q %.100s, want a page", path, page.Header.Get("Content-Type"), page.raw)
			}
			flat := c.call(t, http.MethodGet, "compute", path, nil, "Accept: application/json").want(t, http.StatusNotFound)
			flat.field(t, "title", "Not Found")
			flat.field(t, "code", "404 Not Found")
		}
		c.send(t, http.MethodGet, c.catalog["compute"]+"/nonsense", nil).want(t, http.StatusUnauthorized, "Unauthorized")
	}},
	{"nova/microversions: two headers, latest, and what is not supported", func(t *testing.T, c *cloud) {
		echo := func(status int, headers ...string) string {
			return c.call(t, http.MethodGet, "compute", "/flavors", nil, headers...).want(t, status).Header.Get("Openstack-Api-Version")
		}
		newest := c.call(t, http.MethodGet, "compute", "/", nil).want(t, http.StatusOK).text("version.version")
		for want, headers := range map[string][]string{
			"compute 2.20":      {novaVersion + "2.10", "OpenStack-API-Version: compute 2.20"},
			"compute 2.1":       {"OpenStack-API-Version: volume 3.20"},
			"compute 2.30":      {"OpenStack-API-Version: volume 3.20, compute 2.30"},
			"compute " + newest: {novaVersion + "latest"},
		} {
			if got := echo(http.StatusOK, headers...); got != want {
				t.Errorf("%v: got %q, want %q", headers, got, want)
			}
		}
		for _, version := range []string{"2.0", "3.1", "2.999"} {
			if got := echo(http.StatusNotAcceptable, novaVersion+version); got != "compute "+version {
				t.Errorf("%s: got %q, want it echoed", version, got)
			}
		}
		for _, version := range []string{"2", "2.01", "x"} {
			echo(http.StatusBadRequest, novaVersion+version)
		}
		challenged(t, c.send(t, http.MethodGet, c.catalog["compute"]+"/servers", nil, novaVersion+"2.999"))
	}},
	{"nova/the document of a version needs no token and no project", func(t *testing.T, c *cloud) {
		root, err := url.Parse(c.catalog["compute"])
		if err != nil {
			t.Fatal(err)
		}
		before, _, _ := strings.Cut(root.Path, "/v2.1")
		root.Path = before + "/v2.1/"
		a := c.send(t, http.MethodGet, root.String(), nil).want(t, http.StatusOK)
		a.field(t, "version.id", "v2.1")
		a.field(t, "version.min_version", "2.1")
		root.Path = before + "/"
		c.send(t, http.MethodGet, root.String(), nil).want(t, http.StatusOK).field(t, "versions.1.id", "v2.1")
	}},
	{"nova/a project in the URL must be the token's", func(t *testing.T, c *cloud) {
		c.call(t, http.MethodGet, "compute", "/"+c.project+"/flavors", nil).want(t, http.StatusOK)
		c.call(t, http.MethodGet, "compute", "/00000000000000000000000000000000/flavors", nil).want(t, http.StatusBadRequest, "badRequest")
	}},
	{"nova/what is for admins is 403 forbidden", func(t *testing.T, c *cloud) {
		for _, path := range []string{"/servers/detail?all_tenants=1", "/servers?status=DELETED", "/os-services", "/os-availability-zone/detail", "/os-quota-sets/nonsense"} {
			c.call(t, http.MethodGet, "compute", path, nil, novaVersion+"2.90").want(t, http.StatusForbidden, "forbidden")
		}
	}},
}
