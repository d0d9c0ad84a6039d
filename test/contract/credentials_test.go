package contract_test

import (
	"net/http"
	"strings"
	"testing"
)

// authenticate is POST /v3/auth/tokens without any token; a nil scope is left out.
func (c *cloud) authenticate(t *testing.T, identity obj, scope any) answer {
	t.Helper()
	auth := obj{"identity": identity}
	if scope != nil {
		auth["scope"] = scope
	}
	return c.send(t, http.MethodPost, c.authURL+"/auth/tokens", obj{"auth": auth})
}

// passwordOf is the identity part for the account's password.
func (c *cloud) passwordOf(user obj) obj {
	user["password"] = c.Password
	return obj{"methods": []string{"password"}, "password": obj{"user": user}}
}

// challenged checks what every 401 of Keystone and of the middleware in front of
// the services carries.
func challenged(t *testing.T, a answer) {
	t.Helper()
	a.want(t, http.StatusUnauthorized, "Unauthorized").field(t, "error.code", http.StatusUnauthorized)
	if got := a.Header.Get("Www-Authenticate"); !strings.HasPrefix(got, `Keystone uri="http`) {
		t.Errorf("%s: WWW-Authenticate: got %q", a.request, got)
	}
}

var credentialCases = []contractCase{
	{"auth/user, project and domain by id or by name", func(t *testing.T, c *cloud) {
		byID := c.passwordOf(obj{"id": c.userID})
		byName := c.passwordOf(obj{"name": c.Username, "domain": obj{"name": "Default"}})
		for _, identity := range []obj{byID, byName} {
			for _, project := range []obj{{"id": c.project}, {"name": c.Project, "domain": obj{"name": "Default"}}} {
				c.authenticate(t, identity, obj{"project": project}).want(t, http.StatusCreated).field(t, "token.project.id", c.project)
			}
		}
	}},
	{"auth/a name without its domain is 400", func(t *testing.T, c *cloud) {
		c.authenticate(t, c.passwordOf(obj{"name": c.Username}), nil).want(t, http.StatusBadRequest, "Bad Request")
		c.authenticate(t, c.passwordOf(obj{"id": c.userID}), obj{"project": obj{"name": c.Project}}).want(t, http.StatusBadRequest, "Bad Request")
		c.authenticate(t, c.passwordOf(obj{"id": c.userID}), obj{}).want(t, http.StatusBadRequest, "Bad Request")
	}},
	{"auth/who is unknown gets the same 401 as who is wrong", func(t *testing.T, c *cloud) {
		domain, project := obj{"id": "default"}, obj{"project": obj{"id": c.project}}
		challenged(t, c.authenticate(t, c.passwordOf(obj{"name": "nobody", "domain": domain}), project))
		challenged(t, c.authenticate(t, c.passwordOf(obj{"name": c.Username, "domain": obj{"id": "nowhere"}}), project))
		challenged(t, c.authenticate(t, c.passwordOf(obj{"id": c.userID}), obj{"project": obj{"id": "nonsense"}}))
		challenged(t, c.authenticate(t, c.passwordOf(obj{"id": c.userID}), obj{"domain": domain}))
		challenged(t, c.authenticate(t, c.passwordOf(obj{"id": c.userID}), obj{"system": obj{"all": true}}))
	}},
	{"auth/a method without its part is 400, no method 401", func(t *testing.T, c *cloud) {
		c.authenticate(t, obj{"methods": []string{"nonsense"}}, nil).want(t, http.StatusBadRequest, "Bad Request")
		c.authenticate(t, obj{"methods": []string{"password"}}, nil).want(t, http.StatusBadRequest, "Bad Request")
		challenged(t, c.authenticate(t, obj{"methods": []string{}}, nil))
	}},
	{"auth/a token is traded for another that ends no later", func(t *testing.T, c *cloud) {
		old := c.send(t, http.MethodPost, c.authURL+"/auth/tokens", c.passwordAuth(c.Password, true)).want(t, http.StatusCreated)
		identity := obj{"methods": []string{"token"}, "token": obj{"id": old.Header.Get("X-Subject-Token")}}
		a := c.authenticate(t, identity, obj{"project": obj{"id": c.project}}).want(t, http.StatusCreated)
		a.field(t, "token.expires_at", old.text("token.expires_at"))
		if len(a.list("token.audit_ids")) != 2 {
			t.Errorf("audit_ids: got %v, want the old token's behind the new one", a.at("token.audit_ids"))
		}
	}},
	{"auth/a token that never was is not traded: 404", func(t *testing.T, c *cloud) {
		c.authenticate(t, obj{"methods": []string{"token"}, "token": obj{"id": "nonsense"}}, nil).want(t, http.StatusNotFound, "Not Found")
	}},
	{"auth/?nocatalog leaves the catalog out", func(t *testing.T, c *cloud) {
		a := c.send(t, http.MethodPost, c.authURL+"/auth/tokens?nocatalog", c.passwordAuth(c.Password, true)).want(t, http.StatusCreated)
		a.field(t, "token.catalog", nil)
		a.field(t, "token.project.id", c.project)
	}},
	{"auth/GET and HEAD of a token, of none and of nonsense", func(t *testing.T, c *cloud) {
		head := c.call(t, http.MethodHead, "identity", "/auth/tokens", nil, "X-Subject-Token: "+c.token).want(t, http.StatusOK)
		if got := head.Header.Get("X-Subject-Token"); got != c.token || len(head.raw) != 0 {
			t.Errorf("X-Subject-Token: got %q, want the token, and no body", got)
		}
		c.call(t, http.MethodGet, "identity", "/auth/tokens", nil).want(t, http.StatusForbidden, "Forbidden")
		c.call(t, http.MethodGet, "identity", "/auth/tokens", nil, "X-Subject-Token: nonsense").want(t, http.StatusNotFound, "Not Found")
		c.call(t, http.MethodDelete, "identity", "/auth/tokens", nil, "X-Subject-Token: nonsense").want(t, http.StatusNotFound, "Not Found")
		challenged(t, c.send(t, http.MethodGet, c.authURL+"/auth/tokens", nil, "X-Subject-Token: "+c.token))
	}},
	{"auth/the catalog and the projects of a token", func(t *testing.T, c *cloud) {
		if got := c.call(t, http.MethodGet, "identity", "/auth/catalog", nil).want(t, http.StatusOK).texts("catalog", "type"); len(got) < 3 {
			t.Errorf("catalog: got %v", got)
		}
		if got := c.call(t, http.MethodGet, "identity", "/auth/projects", nil).want(t, http.StatusOK).texts("projects", "id"); len(got) == 0 || got[0] != c.project {
			t.Errorf("projects: got %v, want %s", got, c.project)
		}
		c.call(t, http.MethodGet, "identity", "/auth/domains", nil).want(t, http.StatusOK).field(t, "domains", []obj{})
	}},
	{"auth/a member reads itself and its project, not the others", func(t *testing.T, c *cloud) {
		c.call(t, http.MethodGet, "identity", "/projects/"+c.project, nil).want(t, http.StatusOK).field(t, "project.name", c.Project)
		c.call(t, http.MethodGet, "identity", "/users/"+c.userID, nil).want(t, http.StatusOK).field(t, "user.name", c.Username)
		for _, path := range []string{"/projects", "/projects/nonsense", "/users", "/users/nonsense", "/domains", "/services", "/endpoints", "/roles"} {
			c.call(t, http.MethodGet, "identity", path, nil).want(t, http.StatusForbidden, "Forbidden")
		}
	}},
	{"auth/every service challenges with Keystone's URL", func(t *testing.T, c *cloud) {
		for service, path := range map[string]string{"identity": "/auth/projects", "network": "/v2.0/ports", "compute": "/servers"} {
			base := c.catalog[service]
			if service == "identity" {
				base = c.authURL
			}
			challenged(t, c.send(t, http.MethodGet, base+path, nil, "X-Auth-Token: nonsense"))
			challenged(t, c.send(t, http.MethodGet, base+path, nil))
		}
	}},
	{"auth/an unscoped token sees what is everybody's", func(t *testing.T, c *cloud) {
		token := "X-Auth-Token: " + c.send(t, http.MethodPost, c.authURL+"/auth/tokens", c.passwordAuth(c.Password, false)).want(t, http.StatusCreated).Header.Get("X-Subject-Token")
		c.send(t, http.MethodGet, c.catalog["network"]+portsPath, nil, token).want(t, http.StatusOK).field(t, "ports", []obj{})
		c.send(t, http.MethodPost, c.catalog["network"]+"/v2.0/networks", obj{"network": obj{}}, token).want(t, http.StatusBadRequest, "HTTPBadRequest")
		c.send(t, http.MethodGet, c.catalog["compute"]+"/servers", nil, token).want(t, http.StatusForbidden, "forbidden")
		c.send(t, http.MethodGet, c.catalog["compute"]+"/flavors", nil, token).want(t, http.StatusOK)
	}},
	{"application credential/by name with its user, who must be named", func(t *testing.T, c *cloud) {
		id, secret := c.applicationCredential(t, nil)
		path := "/users/" + c.userID + "/application_credentials/" + id
		name := c.call(t, http.MethodGet, "identity", path, nil).want(t, http.StatusOK).text("application_credential.name")
		by := func(user any) answer {
			credential := obj{"name": name, "secret": secret}
			if user != nil {
				credential["user"] = user
			}
			return c.authenticate(t, obj{"methods": []string{"application_credential"}, "application_credential": credential}, nil)
		}
		by(obj{"id": c.userID}).want(t, http.StatusCreated).field(t, "token.application_credential.id", id)
		by(obj{"name": c.Username, "domain": obj{"id": "default"}}).want(t, http.StatusCreated)
		by(nil).want(t, http.StatusBadRequest, "Bad Request")
	}},
	{"application credential/one that is not there is 404, not 401", func(t *testing.T, c *cloud) {
		body := applicationCredentialAuth("00000000000040008000000000000000", "secret")
		c.send(t, http.MethodPost, c.authURL+"/auth/tokens", body).want(t, http.StatusNotFound, "Not Found")
	}},
	{"application credential/no scope may be asked for, not even none", func(t *testing.T, c *cloud) {
		id, secret := c.applicationCredential(t, nil)
		body := applicationCredentialAuth(id, secret)
		body["auth"].(obj)["scope"] = "unscoped"
		challenged(t, c.send(t, http.MethodPost, c.authURL+"/auth/tokens", body))
	}},
	{"application credential/its token makes neither credentials nor tokens", func(t *testing.T, c *cloud) {
		id, secret := c.applicationCredential(t, nil)
		token := c.send(t, http.MethodPost, c.authURL+"/auth/tokens", applicationCredentialAuth(id, secret)).want(t, http.StatusCreated).Header.Get("X-Subject-Token")
		path := c.authURL + "/users/" + c.userID + "/application_credentials"
		c.send(t, http.MethodPost, path, obj{"application_credential": obj{"name": "contract-" + unique()}}, "X-Auth-Token: "+token).want(t, http.StatusForbidden, "Forbidden")
		c.send(t, http.MethodDelete, path+"/"+id, nil, "X-Auth-Token: "+token).want(t, http.StatusForbidden, "Forbidden")
		c.authenticate(t, obj{"methods": []string{"token"}, "token": obj{"id": token}}, nil).want(t, http.StatusForbidden, "Forbidden")
	}},
	{"application credential/names are unique and expiries lie ahead", func(t *testing.T, c *cloud) {
		path := "/users/" + c.userID + "/application_credentials"
		id, _ := c.applicationCredential(t, nil)
		name := c.call(t, http.MethodGet, "identity", path+"/"+id, nil).want(t, http.StatusOK).text("application_credential.name")
		for _, tc := range []struct {
			spec   obj
			status int
			kind   string
		}{
			{obj{"name": name}, http.StatusConflict, "Conflict"},
			{obj{}, http.StatusBadRequest, "Bad Request"},
			{obj{"name": "contract-" + unique(), "expires_at": "2020-01-01T00:00:00"}, http.StatusBadRequest, "Bad Request"},
			{obj{"name": "contract-" + unique(), "expires_at": "soon"}, http.StatusBadRequest, "Bad Request"},
		} {
			c.call(t, http.MethodPost, "identity", path, obj{"application_credential": tc.spec}).want(t, tc.status, tc.kind)
		}
	}},
	{"application credential/after DELETE its tokens are refused by the services", func(t *testing.T, c *cloud) {
		path := "/users/" + c.userID + "/application_credentials"
		a := c.call(t, http.MethodPost, "identity", path, obj{"application_credential": obj{"name": "contract-" + unique()}}).want(t, http.StatusCreated)
		id := a.text("application_credential.id")
		token := c.send(t, http.MethodPost, c.authURL+"/auth/tokens", applicationCredentialAuth(id, a.text("application_credential.secret"))).want(t, http.StatusCreated).Header.Get("X-Subject-Token")
		c.call(t, http.MethodDelete, "identity", path+"/"+id, nil).want(t, http.StatusNoContent)
		challenged(t, c.send(t, http.MethodGet, c.catalog["network"]+"/v2.0/networks", nil, "X-Auth-Token: "+token))
		c.call(t, http.MethodDelete, "identity", path+"/"+id, nil).want(t, http.StatusNotFound, "Not Found")
	}},
	{"access rules/a * is one segment, a {name} too", func(t *testing.T, c *cloud) {
		id, secret := c.applicationCredential(t, []obj{
			{"service": "network", "method": "GET", "path": "/v2.0/ports/*"}, {"service": "compute", "method": "GET", "path": "/v2.1/servers/{id}"},
		})
		token := "X-Auth-Token: " + c.send(t, http.MethodPost, c.authURL+"/auth/tokens", applicationCredentialAuth(id, secret)).want(t, http.StatusCreated).Header.Get("X-Subject-Token")
		const none = "/00000000-0000-4000-8000-000000000000"
		c.send(t, http.MethodGet, c.catalog["network"]+portsPath+none, nil, token).want(t, http.StatusNotFound, "PortNotFound")
		challenged(t, c.send(t, http.MethodGet, c.catalog["network"]+portsPath, nil, token))
		challenged(t, c.send(t, http.MethodGet, c.catalog["network"]+portsPath+none+"/tags", nil, token))
		c.send(t, http.MethodGet, c.catalog["compute"]+"/servers"+none, nil, token).want(t, http.StatusNotFound, "itemNotFound")
		c.send(t, http.MethodGet, c.catalog["compute"]+"/servers/detail", nil, token).want(t, http.StatusOK)
		challenged(t, c.send(t, http.MethodGet, c.catalog["compute"]+"/servers", nil, token))
		challenged(t, c.send(t, http.MethodGet, c.authURL+"/auth/projects", nil, token))
	}},
	{"access rules/a path begins with a slash", func(t *testing.T, c *cloud) {
		spec := obj{"name": "contract-" + unique(), "access_rules": []obj{{"service": "network", "method": "GET", "path": "v2.0"}}}
		c.call(t, http.MethodPost, "identity", "/users/"+c.userID+"/application_credentials", obj{"application_credential": spec}).want(t, http.StatusBadRequest, "Bad Request")
	}},
}
