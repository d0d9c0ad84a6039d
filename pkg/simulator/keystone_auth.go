package simulator

import (
	"encoding/json"
	"net/http"
	"slices"
	"time"
)

// Authentication: POST /v3/auth/tokens, as keystone/api/_shared/authentication.py
// and keystone/auth/plugins/*.py have it.

type authRequest struct {
	Identity struct {
		Methods    []string        `json:"methods"`
		Password   *authPassword   `json:"password"`
		Token      *authToken      `json:"token"`
		Credential *authCredential `json:"application_credential"`
	} `json:"identity"`
	Scope json.RawMessage `json:"scope"`
}

type authPassword struct {
	User authUser `json:"user"`
}

type authToken struct {
	ID string `json:"id"`
}

type authCredential struct {
	ID     string    `json:"id"`
	Name   string    `json:"name"`
	Secret string    `json:"secret"`
	User   *authUser `json:"user"`
}

type authUser struct {
	ID       string     `json:"id"`
	Name     string     `json:"name"`
	Password string     `json:"password"`
	Domain   *reference `json:"domain"`
}

// reference names a thing by id, or by name and domain.
type reference struct {
	ID     string     `json:"id"`
	Name   string     `json:"name"`
	Domain *reference `json:"domain"`
}

type authScope struct {
	Project *reference `json:"project"`
	Domain  *reference `json:"domain"`
	System  *struct {
		All bool `json:"all"`
	} `json:"system"`
	Trust *reference `json:"OS-TRUST:trust"`
}

func (k *keystone) issueToken(r *request) response {
	var body struct {
		Auth *authRequest `json:"auth"`
	}
	if err := json.Unmarshal(r.Body, &body); err != nil || body.Auth == nil {
		return keystoneError(http.StatusBadRequest, "Expecting to find auth in request body.")
	}
	t := &token{ID: newTokenID(), issued: time.Now().UTC()}
	t.expires = t.issued.Add(k.cloud.options.TokenTTL)
	t.auditIDs = []string{newHexID()[:22]}
	if refused := body.Auth.incomplete(); refused != nil {
		return *refused
	}
	if refused := k.delegated(body.Auth); refused != nil {
		return *refused
	}
	if !k.identify(body.Auth, t) || !k.scope(body.Auth.Scope, t) {
		return unauthorized(r)
	}
	t.UserID, t.Admin = t.user.ID, slices.Contains(t.roles, "admin")
	if t.project != nil {
		t.ProjectID = t.project.ID
	}
	k.tokens[t.ID] = t
	answer := response{Status: http.StatusCreated, Body: k.tokenBody(t, r)}
	return answer.set("X-Subject-Token", t.ID)
}

// newTokenID looks like a Fernet token, and is as long as they usually are.
func newTokenID() string {
	return "gAAAAA" + newHexID() + newHexID() + newHexID() + newHexID() + newHexID()
}

// identify checks every method, one at least; all of them must name the same user.
func (k *keystone) identify(auth *authRequest, t *token) bool {
	for _, method := range auth.Identity.Methods {
		var u *user
		switch method {
		case "password":
			u = k.byPassword(auth.Identity.Password)
		case "token":
			u = k.byToken(auth.Identity.Token, t)
		case "application_credential":
			u = k.byCredential(auth.Identity.Credential, t)
		}
		if u == nil || t.user != nil && t.user != u {
			return false
		}
		t.user = u
		if !slices.Contains(t.methods, method) {
			t.methods = append(t.methods, method)
		}
	}
	return t.user != nil
}

func (k *keystone) byPassword(p *authPassword) *user {
	if p == nil {
		return nil
	}
	u := k.findUser(&p.User)
	if u == nil || u.Password != p.User.Password {
		return nil
	}
	return u
}

// byToken trades a token for one of another scope, which lives no longer than it.
func (k *keystone) byToken(a *authToken, t *token) *user {
	if a == nil {
		return nil
	}
	old := k.live(a.ID)
	if old == nil || old.credential != nil {
		return nil
	}
	t.expires = old.expires
	t.auditIDs = append(t.auditIDs, old.auditIDs[len(old.auditIDs)-1])
	t.methods = append(t.methods, old.methods...)
	return old.user
}

func (k *keystone) byCredential(a *authCredential, t *token) *user {
	if a == nil {
		return nil
	}
	for _, c := range k.credentials {
		named := a.ID == "" && c.Name == a.Name && k.findUser(a.User) == c.user
		if c.ID != a.ID && !named {
			continue
		}
		if c.Secret != a.Secret || c.expired() {
			return nil
		}
		t.credential = c
		return c.user
	}
	return nil
}

func (k *keystone) findUser(a *authUser) *user {
	if a == nil {
		return nil
	}
	for _, u := range k.users {
		if a.ID != "" && a.ID == u.ID || a.ID == "" && a.Name == u.Name && isDefaultDomain(a.Domain) {
			return u
		}
	}
	return nil
}

func isDefaultDomain(d *reference) bool {
	return d != nil && (d.ID == domainID || d.ID == "" && d.Name == domainName)
}

// scope decides what the token is for. An application credential carries its
// scope with it and refuses another; no scope at all gives an unscoped token.
func (k *keystone) scope(raw json.RawMessage, t *token) bool {
	var wanted authScope
	if len(raw) > 0 && raw[0] == '{' {
		if err := json.Unmarshal(raw, &wanted); err != nil {
			return false
		}
	}
	if t.credential != nil {
		t.project, t.roles = t.credential.project, t.credential.roles
		return len(raw) == 0
	}
	switch {
	case wanted.Trust != nil:
		return k.scopeToTrust(wanted.Trust.ID, t)
	case wanted.Project != nil:
		return k.scopeToProject(wanted.Project, t)
	case wanted.Domain != nil:
		t.domain, t.roles = true, k.adminRoles(t.user)
		return isDefaultDomain(wanted.Domain) && len(t.roles) > 0
	case wanted.System != nil:
		t.system, t.roles = true, k.adminRoles(t.user)
		return wanted.System.All && len(t.roles) > 0
	}
	return true
}

func (k *keystone) scopeToProject(p *reference, t *token) bool {
	for _, candidate := range k.projects {
		named := p.ID == "" && p.Name == candidate.Name && isDefaultDomain(p.Domain)
		if p.ID == candidate.ID || named {
			t.project, t.roles = candidate, t.user.roles[candidate.ID]
			return len(t.roles) > 0
		}
	}
	return false
}

func (k *keystone) scopeToTrust(id string, t *token) bool {
	for _, candidate := range k.trusts {
		if candidate.ID != id || candidate.trustee != t.user {
			continue
		}
		t.trust, t.project, t.roles = candidate, candidate.project, candidate.roles
		if candidate.impersonation {
			t.user = candidate.trustor
		}
		return true
	}
	return false
}

// adminRoles are a user's roles on the domain and the system: only the admin has any.
func (k *keystone) adminRoles(u *user) []string {
	if u == k.admin.user {
		return []string{"admin", "member", "reader"}
	}
	return nil
}
