package simulator

import (
	"net/http"
	"time"
)

// Tokens and the catalog, as keystone/api/auth.py and
// keystone/common/render_token.py have them.

// keystoneTime is how Keystone writes a moment: UTC with microseconds.
func keystoneTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000Z") }

func domainReference() map[string]string {
	return map[string]string{"id": domainID, "name": domainName}
}

func (k *keystone) tokenBody(t *token, r *request) any {
	body := map[string]any{
		"methods":    t.methods,
		"audit_ids":  t.auditIDs,
		"issued_at":  keystoneTime(t.issued),
		"expires_at": keystoneTime(t.expires),
		"user": map[string]any{
			"id": t.user.ID, "name": t.user.Name, "domain": domainReference(), "password_expires_at": nil,
		},
	}
	switch {
	case t.project != nil:
		body["project"] = map[string]any{"id": t.project.ID, "name": t.project.Name, "domain": domainReference()}
		body["is_domain"] = false
	case t.domain:
		body["domain"] = domainReference()
	case t.system:
		body["system"] = map[string]bool{"all": true}
	}
	if len(t.roles) > 0 {
		body["roles"] = k.roleReferences(t.roles)
		if !r.Query.Has("nocatalog") {
			body["catalog"] = k.catalog(r, t.ProjectID)
		}
	}
	if c := t.credential; c != nil {
		reference := map[string]any{"id": c.ID, "name": c.Name, "restricted": !c.Unrestricted}
		if c.Rules != nil {
			reference["access_rules"] = c.Rules
		}
		body["application_credential"] = reference
	}
	if t.trust != nil {
		body["OS-TRUST:trust"] = map[string]any{
			"id": t.trust.ID, "impersonation": t.trust.impersonation,
			"trustor_user": map[string]string{"id": t.trust.trustor.ID},
			"trustee_user": map[string]string{"id": t.trust.trustee.ID},
		}
	}
	return map[string]any{"token": body}
}

func (k *keystone) roleReferences(names []string) []map[string]string {
	roles := make([]map[string]string, 0, len(names))
	for _, name := range names {
		roles = append(roles, map[string]string{"id": k.roles[name], "name": name})
	}
	return roles
}

// subject is the token that X-Subject-Token names; nil if the caller may not see
// it or it is no more. allow_expired is for services only: nothing here needs it.
func (k *keystone) subject(r *request) *token {
	t := k.live(r.Header.Get("X-Subject-Token"))
	if t == nil || t.UserID != r.Token.UserID && !r.Token.Admin {
		return nil
	}
	return t
}

func (k *keystone) validateToken(r *request) response {
	if r.Header.Get("X-Subject-Token") == "" {
		return forbidden("identity:validate_token")
	}
	t := k.subject(r)
	if t == nil {
		return keystoneError(http.StatusNotFound, "Could not find token: "+r.Header.Get("X-Subject-Token")+".")
	}
	answer := response{Status: http.StatusOK, Body: k.tokenBody(t, r)}
	return answer.set("X-Subject-Token", t.ID)
}

func (k *keystone) revokeToken(r *request) response {
	t := k.subject(r)
	if t == nil {
		return keystoneError(http.StatusNotFound, "Could not find token: "+r.Header.Get("X-Subject-Token")+".")
	}
	delete(k.tokens, t.ID)
	return response{Status: http.StatusNoContent}
}

func (k *keystone) showCatalog(r *request) response {
	if len(r.Token.roles) == 0 {
		return keystoneError(http.StatusForbidden,
			"You are not authorized to perform the requested action: identity:get_auth_catalog.")
	}
	return response{Status: http.StatusOK, Body: map[string]any{
		"catalog": k.catalog(r, r.Token.ProjectID), "links": selfLink(r, "/auth/catalog"),
	}}
}

// catalog lists every service with its three interfaces under the host that the caller used.
func (k *keystone) catalog(r *request, projectID string) []any {
	catalog := []any{}
	for _, s := range k.cloud.services {
		var endpoints []any
		for _, e := range k.endpoints(r, s, projectID) {
			delete(e, "service_id")
			delete(e, "enabled")
			endpoints = append(endpoints, e)
		}
		catalog = append(catalog, map[string]any{
			"id": k.stableID(s.kind), "type": s.kind, "name": s.name, "endpoints": endpoints,
		})
	}
	return catalog
}

// catalogURL is a service's URL in the catalog, without the root.
func (s *service) catalogURL(projectID string) string {
	if s.catalogProject {
		return s.prefix + s.catalogPath + "/" + projectID
	}
	return s.prefix + s.catalogPath
}

func (k *keystone) endpoints(r *request, s *service, projectID string) []map[string]any {
	var endpoints []map[string]any
	for _, face := range []string{"public", "internal", "admin"} {
		endpoints = append(endpoints, map[string]any{
			"id": k.stableID(s.kind + "/" + face), "interface": face, "service_id": k.stableID(s.kind), "enabled": true,
			"region": k.cloud.options.Region, "region_id": k.cloud.options.Region,
			"url": r.RootURL + s.catalogURL(projectID),
		})
	}
	return endpoints
}

func (k *keystone) stableID(key string) string {
	if k.endpointIDs[key] == "" {
		k.endpointIDs[key] = newHexID()
	}
	return k.endpointIDs[key]
}

// selfLink is the "links" of a Keystone collection.
func selfLink(r *request, path string) map[string]any {
	return map[string]any{"self": r.BaseURL + "/v3" + path, "next": nil, "previous": nil}
}
