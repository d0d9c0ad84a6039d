package contract_test

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

var keystoneCases = []contractCase{
	{"keystone/discovery of the root lists v3", func(t *testing.T, c *cloud) {
		a := c.send(t, http.MethodGet, strings.TrimSuffix(c.authURL, "/v3")+"/", nil).want(t, http.StatusMultipleChoices)
		if got := a.text("versions.values.0.id"); !strings.HasPrefix(got, "v3") {
			t.Errorf("versions.values.0.id: got %q, want v3.x", got)
		}
	}},
	{"keystone/v3 describes itself", func(t *testing.T, c *cloud) {
		c.send(t, http.MethodGet, c.authURL, nil).want(t, http.StatusOK).field(t, "version.status", "stable")
	}},
	{"keystone/v2.0 is gone", func(t *testing.T, c *cloud) {
		c.send(t, http.MethodGet, strings.TrimSuffix(c.authURL, "/v3")+"/v2.0", nil).want(t, http.StatusNotFound)
		c.send(t, http.MethodPost, strings.TrimSuffix(c.authURL, "/v3")+"/v2.0/tokens", obj{"auth": obj{}}).want(t, http.StatusNotFound)
	}},
	{"keystone/a scoped token has catalog, project, roles and a UTC expiry", func(t *testing.T, c *cloud) {
		a := c.send(t, http.MethodPost, c.authURL+"/auth/tokens", c.passwordAuth(c.Password, true)).want(t, http.StatusCreated)
		a.field(t, "token.methods", []string{"password"})
		a.field(t, "token.project.name", c.Project)
		a.field(t, "token.user.name", c.Username)
		a.field(t, "token.is_domain", false)
		if len(a.list("token.roles")) == 0 || len(a.list("token.audit_ids")) != 1 {
			t.Errorf("roles or audit_ids are missing: %.300s", a.raw)
		}
		if _, err := time.Parse("2006-01-02T15:04:05.000000Z", a.text("token.expires_at")); err != nil {
			t.Errorf("expires_at: %v", err)
		}
		if a.Header.Get("X-Subject-Token") == "" || a.Header.Get("X-Openstack-Request-Id") == "" {
			t.Errorf("X-Subject-Token or X-Openstack-Request-Id is missing: %v", a.Header)
		}
		for _, service := range []string{"identity", "network", "compute"} {
			if c.catalog[service] == "" {
				t.Errorf("the catalog has no %s", service)
			}
		}
	}},
	{"keystone/an unscoped token has neither catalog nor project", func(t *testing.T, c *cloud) {
		a := c.send(t, http.MethodPost, c.authURL+"/auth/tokens", c.passwordAuth(c.Password, false)).want(t, http.StatusCreated)
		a.field(t, "token.catalog", nil)
		a.field(t, "token.project", nil)
	}},
	{"keystone/a wrong password is 401", func(t *testing.T, c *cloud) {
		a := c.send(t, http.MethodPost, c.authURL+"/auth/tokens", c.passwordAuth("wrong", true)).want(t, http.StatusUnauthorized, "Unauthorized")
		a.field(t, "error.code", http.StatusUnauthorized)
	}},
	{"keystone/an unknown project is 401", func(t *testing.T, c *cloud) {
		other := cloud{account: c.account}
		other.Project = "no-such-project"
		c.send(t, http.MethodPost, c.authURL+"/auth/tokens", other.passwordAuth(c.Password, true)).want(t, http.StatusUnauthorized, "Unauthorized")
	}},
	{"keystone/a body that is no JSON is 400", func(t *testing.T, c *cloud) {
		c.send(t, http.MethodPost, c.authURL+"/auth/tokens", "{").want(t, http.StatusBadRequest, "Bad Request")
	}},
	{"keystone/a body without auth is 400", func(t *testing.T, c *cloud) {
		c.send(t, http.MethodPost, c.authURL+"/auth/tokens", obj{}).want(t, http.StatusBadRequest, "Bad Request")
	}},
	{"keystone/a token says what it is, and is gone after DELETE", func(t *testing.T, c *cloud) {
		fresh := c.send(t, http.MethodPost, c.authURL+"/auth/tokens", c.passwordAuth(c.Password, true)).want(t, http.StatusCreated).Header.Get("X-Subject-Token")
		subject := "X-Subject-Token: " + fresh
		c.call(t, http.MethodGet, "identity", "/auth/tokens", nil, subject).want(t, http.StatusOK).field(t, "token.project.id", c.project)
		c.call(t, http.MethodHead, "identity", "/auth/tokens", nil, subject).want(t, http.StatusOK)
		c.call(t, http.MethodDelete, "identity", "/auth/tokens", nil, subject).want(t, http.StatusNoContent)
		c.call(t, http.MethodGet, "identity", "/auth/tokens", nil, subject).want(t, http.StatusNotFound, "Not Found")
		for service, path := range map[string]string{"network": "/v2.0/networks", "compute": "/servers"} {
			c.send(t, http.MethodGet, c.catalog[service]+path, nil, "X-Auth-Token: "+fresh).want(t, http.StatusUnauthorized)
		}
	}},
	{"keystone/a token that never was is 401 everywhere", func(t *testing.T, c *cloud) {
		c.send(t, http.MethodGet, c.authURL+"/auth/projects", nil, "X-Auth-Token: nonsense").want(t, http.StatusUnauthorized, "Unauthorized")
		c.send(t, http.MethodGet, c.catalog["network"]+"/v2.0/networks", nil, "X-Auth-Token: nonsense").want(t, http.StatusUnauthorized, "Unauthorized")
		c.send(t, http.MethodGet, c.catalog["compute"]+"/servers", nil, "X-Auth-Token: nonsense").want(t, http.StatusUnauthorized, "Unauthorized")
		c.send(t, http.MethodGet, c.catalog["compute"]+"/servers", nil).want(t, http.StatusUnauthorized, "Unauthorized")
	}},
	{"keystone/an application credential logs in and is bound to its project", func(t *testing.T, c *cloud) {
		id, secret := c.applicationCredential(t, nil)
		a := c.send(t, http.MethodPost, c.authURL+"/auth/tokens", applicationCredentialAuth(id, secret)).want(t, http.StatusCreated)
		a.field(t, "token.methods", []string{"application_credential"})
		a.field(t, "token.project.id", c.project)
		c.send(t, http.MethodPost, c.authURL+"/auth/tokens", applicationCredentialAuth(id, "wrong")).want(t, http.StatusUnauthorized, "Unauthorized")
		scoped := applicationCredentialAuth(id, secret)
		scoped["auth"].(obj)["scope"] = obj{"project": obj{"id": c.project}}
		c.send(t, http.MethodPost, c.authURL+"/auth/tokens", scoped).want(t, http.StatusUnauthorized, "Unauthorized")
	}},
	{"keystone/access rules allow exactly what they name", func(t *testing.T, c *cloud) {
		id, secret := c.applicationCredential(t, []obj{{"service": "network", "method": "GET", "path": "/v2.0/ports"}})
		token := "X-Auth-Token: " + c.send(t, http.MethodPost, c.authURL+"/auth/tokens", applicationCredentialAuth(id, secret)).want(t, http.StatusCreated).Header.Get("X-Subject-Token")
		network := c.catalog["network"]
		c.send(t, http.MethodGet, network+"/v2.0/ports", nil, token).want(t, http.StatusOK)
		c.send(t, http.MethodGet, network+"/v2.0/ports?device_id=x", nil, token).want(t, http.StatusOK)
		c.send(t, http.MethodGet, network+"/v2.0/networks", nil, token).want(t, http.StatusUnauthorized)
		c.send(t, http.MethodPost, network+"/v2.0/ports", obj{"port": obj{}}, token).want(t, http.StatusUnauthorized)
		c.send(t, http.MethodGet, c.catalog["compute"]+"/servers", nil, token).want(t, http.StatusUnauthorized)
	}},
}

func applicationCredentialAuth(id, secret string) obj {
	return obj{"auth": obj{"identity": obj{"methods": []string{"application_credential"}, "application_credential": obj{"id": id, "secret": secret}}}}
}

// applicationCredential makes one of the case's own and removes it at the end.
func (c *cloud) applicationCredential(t *testing.T, rules []obj) (id, secret string) {
	t.Helper()
	spec := obj{"name": "contract-" + unique()}
	if rules != nil {
		spec["access_rules"] = rules
	}
	path := "/users/" + c.userID + "/application_credentials"
	a := c.call(t, http.MethodPost, "identity", path, obj{"application_credential": spec}).want(t, http.StatusCreated)
	id, secret = a.text("application_credential.id"), a.text("application_credential.secret")
	t.Cleanup(func() {
		if got := c.cleanup(http.MethodDelete, c.authURL+path+"/"+id); got != http.StatusNoContent {
			t.Errorf("delete application credential: got %d, want 204", got)
		}
	})
	return id, secret
}
