package simulator

import (
	"maps"
	"net/http"
	"slices"
	"time"
)

// Projects, users, domains, application credentials and the catalog's parts, as
// https://docs.openstack.org/api-ref/identity/v3/ has them. The policy is the
// default one of keystone/common/policies: a member sees itself, an admin all.

func forbidden(action string) response {
	return keystoneError(http.StatusForbidden, "You are not authorized to perform the requested action: "+action+".")
}

func collection(r *request, name, path string, items []any) response {
	if items == nil {
		items = []any{}
	}
	return response{Status: http.StatusOK, Body: map[string]any{name: items, "links": selfLink(r, path)}}
}

func (k *keystone) projectView(r *request, p *project) any {
	return map[string]any{
		"id": p.ID, "name": p.Name, "description": "", "enabled": true, "is_domain": false,
		"domain_id": domainID, "parent_id": domainID, "tags": []string{}, "options": map[string]any{},
		"links": map[string]string{"self": r.BaseURL + "/v3/projects/" + p.ID},
	}
}

func (k *keystone) userView(r *request, u *user) any {
	return map[string]any{
		"id": u.ID, "name": u.Name, "domain_id": domainID, "enabled": true, "password_expires_at": nil,
		"options": map[string]any{}, "links": map[string]string{"self": r.BaseURL + "/v3/users/" + u.ID},
	}
}

func (k *keystone) listProjects(r *request) response {
	if !r.Token.Admin {
		return forbidden("identity:list_projects")
	}
	return k.projectList(r, "/projects", func(*project) bool { return true })
}

func (k *keystone) listOwnProjects(r *request) response {
	return k.projectList(r, "/auth/projects", func(p *project) bool { return len(r.Token.user.roles[p.ID]) > 0 })
}

func (k *keystone) listUserProjects(r *request) response {
	u := k.userByID(r.Vars["id"])
	if u == nil || u != r.Token.user && !r.Token.Admin {
		return forbidden("identity:list_user_projects")
	}
	return k.projectList(r, "/users/"+u.ID+"/projects", func(p *project) bool { return len(u.roles[p.ID]) > 0 })
}

func (k *keystone) projectList(r *request, path string, visible func(*project) bool) response {
	name := r.Query.Get("name")
	var items []any
	for _, p := range k.projects {
		if visible(p) && (name == "" || name == p.Name) {
			items = append(items, k.projectView(r, p))
		}
	}
	return collection(r, "projects", path, items)
}

func (k *keystone) showProject(r *request) response {
	id := r.Vars["id"]
	if id != r.Token.ProjectID && !r.Token.Admin {
		return forbidden("identity:get_project")
	}
	for _, p := range k.projects {
		if p.ID == id {
			return response{Status: http.StatusOK, Body: map[string]any{"project": k.projectView(r, p)}}
		}
	}
	return keystoneError(http.StatusNotFound, "Could not find project: "+id+".")
}

func (k *keystone) userByID(id string) *user {
	for _, u := range k.users {
		if u.ID == id {
			return u
		}
	}
	return nil
}

func (k *keystone) listUsers(r *request) response {
	if !r.Token.Admin {
		return forbidden("identity:list_users")
	}
	name := r.Query.Get("name")
	var items []any
	for _, u := range k.users {
		if name == "" || name == u.Name {
			items = append(items, k.userView(r, u))
		}
	}
	return collection(r, "users", "/users", items)
}

func (k *keystone) showUser(r *request) response {
	u := k.userByID(r.Vars["id"])
	if u == nil && r.Token.Admin {
		return keystoneError(http.StatusNotFound, "Could not find user: "+r.Vars["id"]+".")
	}
	if u == nil || u != r.Token.user && !r.Token.Admin {
		return forbidden("identity:get_user")
	}
	return response{Status: http.StatusOK, Body: map[string]any{"user": k.userView(r, u)}}
}

func (k *keystone) domainView(r *request) any {
	return map[string]any{
		"id": domainID, "name": domainName, "description": "The default domain", "enabled": true,
		"links": map[string]string{"self": r.BaseURL + "/v3/domains/" + domainID},
	}
}

// listOwnDomains are those on which the caller has a role: only the admin has any.
func (k *keystone) listOwnDomains(r *request) response {
	var items []any
	if len(k.adminRoles(r.Token.user)) > 0 {
		items = append(items, k.domainView(r))
	}
	return collection(r, "domains", "/auth/domains", items)
}

func (k *keystone) listDomains(r *request) response {
	if !r.Token.Admin {
		return forbidden("identity:list_domains")
	}
	return collection(r, "domains", "/domains", []any{k.domainView(r)})
}

func (k *keystone) showDomain(r *request) response {
	if r.Vars["id"] != domainID {
		return keystoneError(http.StatusNotFound, "Could not find domain: "+r.Vars["id"]+".")
	}
	return response{Status: http.StatusOK, Body: map[string]any{"domain": k.domainView(r)}}
}

func (k *keystone) listRegions(r *request) response {
	region := map[string]any{
		"id": k.cloud.options.Region, "description": "", "parent_region_id": nil,
		"links": map[string]string{"self": r.BaseURL + "/v3/regions/" + k.cloud.options.Region},
	}
	return collection(r, "regions", "/regions", []any{region})
}

func (k *keystone) listServices(r *request) response {
	if !r.Token.Admin {
		return forbidden("identity:list_services")
	}
	var items []any
	for _, s := range k.cloud.services {
		items = append(items, map[string]any{"id": k.stableID(s.kind), "type": s.kind, "name": s.name, "enabled": true})
	}
	return collection(r, "services", "/services", items)
}

func (k *keystone) listEndpoints(r *request) response {
	if !r.Token.Admin {
		return forbidden("identity:list_endpoints")
	}
	var items []any
	for _, s := range k.cloud.services {
		for _, e := range k.endpoints(r, s, "$(project_id)s") {
			items = append(items, e)
		}
	}
	return collection(r, "endpoints", "/endpoints", items)
}

func (k *keystone) listRoles(r *request) response {
	if !r.Token.Admin {
		return forbidden("identity:list_roles")
	}
	var items []any
	for _, name := range slices.Sorted(maps.Keys(k.roles)) {
		items = append(items, map[string]any{"id": k.roles[name], "name": name, "domain_id": nil})
	}
	return collection(r, "roles", "/roles", items)
}

func (k *keystone) credentialView(c *appCredential) map[string]any {
	view := map[string]any{
		"id": c.ID, "name": c.Name, "description": nil, "project_id": c.project.ID, "user_id": c.user.ID,
		"unrestricted": c.Unrestricted, "system": nil, "roles": k.roleReferences(c.roles), "expires_at": nil,
	}
	if !c.Expires.IsZero() {
		view["expires_at"] = c.Expires.UTC().Format("2006-01-02T15:04:05.000000")
	}
	if c.Rules != nil {
		view["access_rules"] = c.Rules
	}
	return view
}

// ownCredentials are those of the user in the path; not ok when the caller may not see them.
func (k *keystone) ownCredentials(r *request) (found []*appCredential, ok bool) {
	if r.Vars["id"] != r.Token.UserID && !r.Token.Admin {
		return nil, false
	}
	for _, c := range k.credentials {
		if c.user.ID == r.Vars["id"] {
			found = append(found, c)
		}
	}
	return found, true
}

func (k *keystone) listCredentials(r *request) response {
	found, ok := k.ownCredentials(r)
	if !ok {
		return forbidden("identity:list_application_credentials")
	}
	var items []any
	for _, c := range found {
		if name := r.Query.Get("name"); name == "" || name == c.Name {
			items = append(items, k.credentialView(c))
		}
	}
	return collection(r, "application_credentials", "/users/"+r.Vars["id"]+"/application_credentials", items)
}

func (k *keystone) showCredential(r *request) response {
	found, ok := k.ownCredentials(r)
	if !ok {
		return forbidden("identity:get_application_credential")
	}
	for _, c := range found {
		if c.ID == r.Vars["cred"] {
			return response{Status: http.StatusOK, Body: map[string]any{"application_credential": k.credentialView(c)}}
		}
	}
	return k.noCredential(r)
}

func (k *keystone) noCredential(r *request) response {
	return keystoneError(http.StatusNotFound, "Could not find Application Credential: "+r.Vars["cred"]+".")
}

// createCredential takes the caller's own project and roles. Only a token that
// is not itself made by a restricted credential may do it.
func (k *keystone) createCredential(r *request) response {
	t := r.Token
	restricted := t.credential != nil && !t.credential.Unrestricted
	if r.Vars["id"] != t.UserID || t.project == nil || restricted {
		return forbidden("identity:create_application_credential")
	}
	var wanted struct {
		Name         string       `json:"name"`
		Secret       string       `json:"secret"`
		Unrestricted bool         `json:"unrestricted"`
		Rules        []AccessRule `json:"access_rules"`
		ExpiresAt    string       `json:"expires_at"`
	}
	if err := r.decode("application_credential", &wanted); err != nil || wanted.Name == "" {
		return keystoneError(http.StatusBadRequest, "'name' is a required property")
	}
	if refused := checkRules(wanted.Rules); refused != nil {
		return *refused
	}
	c := &appCredential{
		Name: wanted.Name, Secret: wanted.Secret, Unrestricted: wanted.Unrestricted, Rules: wanted.Rules,
		user: t.user, project: t.project, roles: t.roles,
	}
	if wanted.ExpiresAt != "" {
		expires, err := parseKeystoneTime(wanted.ExpiresAt)
		if err != nil || !expires.After(time.Now()) {
			return keystoneError(http.StatusBadRequest, "Invalid input for field 'expires_at'.")
		}
		c.Expires = expires
	}
	if !k.addCredential(c) {
		return keystoneError(http.StatusConflict, "Conflict occurred attempting to store application_credential - "+
			"Duplicate entry found with name "+c.Name+".")
	}
	view := k.credentialView(c)
	view["secret"] = c.Secret
	return response{Status: http.StatusCreated, Body: map[string]any{"application_credential": view}}
}

// parseKeystoneTime reads ISO 8601 with or without fractions and the Z.
func parseKeystoneTime(text string) (time.Time, error) {
	if t, err := time.Parse("2006-01-02T15:04:05Z07:00", text); err == nil {
		return t, nil
	}
	return time.Parse("2006-01-02T15:04:05", text)
}

func (k *keystone) deleteCredential(r *request) response {
	found, ok := k.ownCredentials(r)
	restricted := r.Token.credential != nil && !r.Token.credential.Unrestricted
	if !ok || restricted {
		return forbidden("identity:delete_application_credential")
	}
	for _, c := range found {
		if c.ID == r.Vars["cred"] {
			k.removeCredential(c)
			return response{Status: http.StatusNoContent}
		}
	}
	return k.noCredential(r)
}

// addCredential gives the credential its ids and a secret; false if the user has one of that name.
func (k *keystone) addCredential(c *appCredential) bool {
	for _, other := range k.credentials {
		if other.user == c.user && other.Name == c.Name {
			return false
		}
	}
	c.ID = newHexID()
	if c.Secret == "" {
		c.Secret = newHexID() + newHexID()
	}
	for i := range c.Rules {
		if c.Rules[i].ID == "" {
			c.Rules[i].ID = newHexID()
		}
	}
	k.credentials = append(k.credentials, c)
	return true
}

// removeCredential takes the credential away and every token that it made.
func (k *keystone) removeCredential(gone *appCredential) {
	k.credentials = slices.DeleteFunc(k.credentials, func(c *appCredential) bool { return c == gone })
	maps.DeleteFunc(k.tokens, func(_ string, t *token) bool { return t.credential == gone })
}
