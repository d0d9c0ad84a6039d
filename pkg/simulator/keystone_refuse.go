package simulator

import (
	"encoding/json"
	"net/http"
)

// What Keystone refuses before, or instead of, comparing any secret
// (keystone/auth/core.py, keystone/api/_shared/authentication.py): the caller gets
// other statuses than 401 for it.

// expecting is keystone.exception.ValidationError.
func expecting(what, where string) *response {
	refused := keystoneError(http.StatusBadRequest, "Expecting to find "+what+" in "+where+". The server could not comply with "+
		"the request since it is either malformed or otherwise incorrect. The client is assumed to be in error.")
	return &refused
}

// incomplete refuses a request that leaves out what its own words call for.
func (a *authRequest) incomplete() *response {
	given := map[string]bool{
		"password": a.Identity.Password != nil, "token": a.Identity.Token != nil,
		"application_credential": a.Identity.Credential != nil,
	}
	for _, method := range a.Identity.Methods {
		if !given[method] {
			return expecting(method, "identity")
		}
	}
	if p := a.Identity.Password; p != nil && p.User.ID == "" && p.User.Domain == nil {
		return expecting("domain", "user")
	}
	if c := a.Identity.Credential; c != nil && c.ID == "" && c.User == nil {
		return expecting("user", "application credential")
	}
	return a.incompleteScope()
}

func (a *authRequest) incompleteScope() *response {
	var wanted authScope
	if len(a.Scope) == 0 || a.Scope[0] != '{' || json.Unmarshal(a.Scope, &wanted) != nil {
		return nil
	}
	if wanted == (authScope{}) {
		return expecting("system, project, domain, OS-TRUST:trust or unscoped", "scope")
	}
	if p := wanted.Project; p != nil && p.Name != "" && p.Domain == nil {
		return expecting("domain", "project")
	}
	return nil
}

// delegated refuses what stands for somebody else: an application credential or a
// token that is not there is 404, and a token that comes from a credential is not
// traded for another.
func (k *keystone) delegated(a *authRequest) *response {
	for _, method := range a.Identity.Methods {
		switch method {
		case "application_credential":
			if !k.knows(a.Identity.Credential) {
				refused := keystoneError(http.StatusNotFound, "Could not find Application Credential: "+a.Identity.Credential.ID+".")
				return &refused
			}
		case "token":
			old := k.live(a.Identity.Token.ID)
			if old == nil {
				refused := keystoneError(http.StatusNotFound, "Could not recognize Fernet token")
				return &refused
			}
			if old.credential != nil {
				refused := keystoneError(http.StatusForbidden, "You are not authorized to perform the requested action: "+
					"Using a delegated token to create another token is not allowed..")
				return &refused
			}
		}
	}
	return nil
}

// knows tells whether a credential exists, whatever its secret; whose user is
// unknown is refused later, with 401.
func (k *keystone) knows(a *authCredential) bool {
	owner := k.findUser(a.User)
	if a.ID == "" && owner == nil {
		return true
	}
	for _, c := range k.credentials {
		if c.ID == a.ID || a.ID == "" && c.Name == a.Name && c.user == owner {
			return true
		}
	}
	return false
}
