package simulator

import (
	"net/http"
	"time"
)

// keystone is the Identity service, v3. It imitates
// https://docs.openstack.org/api-ref/identity/v3/ and keystone/api/*.py.
type keystone struct {
	cloud    *Cloud
	projects []*project
	users    []*user
	// tokens by id; revoked and expired ones are removed when they are met.
	tokens      map[string]*token
	credentials []*appCredential
	trusts      []*trust
	roles       map[string]string // role ids by name
	endpointIDs map[string]string // by "kind/interface"; a kind alone is the service's id
	member      account
	admin       account
}

// account is a user with its home project.
type account struct {
	user    *user
	project *project
}

type project struct{ ID, Name string }

// user is a person or a program in the one domain, "Default".
type user struct {
	ID, Name, Password string
	// roles are the role names by project id.
	roles map[string][]string
}

// trust lets a trustee act for a trustor in a project.
type trust struct {
	ID               string
	trustor, trustee *user
	project          *project
	roles            []string
	impersonation    bool
}

// token is what a token stands for. ProjectID, UserID and Admin are what the other services ask.
type token struct {
	ID        string
	UserID    string
	ProjectID string // empty when the token is not scoped to a project
	Admin     bool   // has the role admin on its scope

	user       *user
	project    *project
	domain     bool // scoped to the Default domain
	system     bool // scoped to the whole system
	roles      []string
	methods    []string
	auditIDs   []string
	credential *appCredential
	trust      *trust
	issued     time.Time
	expires    time.Time
}

const (
	domainID   = "default"
	domainName = "Default"
)

func newKeystone(c *Cloud) *keystone {
	k := &keystone{
		cloud:       c,
		tokens:      map[string]*token{},
		roles:       map[string]string{},
		endpointIDs: map[string]string{},
	}
	for _, name := range []string{"admin", "member", "reader"} {
		k.roles[name] = newHexID()
	}
	o := c.options
	k.member.project = k.addProject(o.ProjectName)
	k.member.user = k.addUser(o.Username, o.Password)
	k.member.user.roles[k.member.project.ID] = []string{"member", "reader"}
	k.admin.project = k.addProject("admin")
	k.admin.user = k.addUser("admin", o.Password)
	k.admin.user.roles[k.admin.project.ID] = []string{"admin", "member", "reader"}
	return k
}

// addProject returns the project of that name, a new one if there is none.
func (k *keystone) addProject(name string) *project {
	for _, p := range k.projects {
		if p.Name == name {
			return p
		}
	}
	p := &project{ID: newHexID(), Name: name}
	k.projects = append(k.projects, p)
	return p
}

// addUser returns the user of that name with the password set, a new one if there is none.
func (k *keystone) addUser(name, password string) *user {
	for _, u := range k.users {
		if u.Name == name {
			u.Password = password
			return u
		}
	}
	u := &user{ID: newHexID(), Name: name, Password: password, roles: map[string][]string{}}
	k.users = append(k.users, u)
	return u
}

func (k *keystone) service() *service {
	table := routeTable{
		"GET /":                                                k.listVersions,
		"GET /v3":                                              k.showVersion,
		"POST /v3/auth/tokens":                                 k.issueToken,
		"GET /v3/auth/tokens":                                  k.validateToken,
		"DELETE /v3/auth/tokens":                               k.revokeToken,
		"GET /v3/auth/catalog":                                 k.showCatalog,
		"GET /v3/auth/projects":                                k.listOwnProjects,
		"GET /v3/auth/domains":                                 k.listOwnDomains,
		"GET /v3/projects":                                     k.listProjects,
		"GET /v3/projects/{id}":                                k.showProject,
		"GET /v3/users":                                        k.listUsers,
		"GET /v3/users/{id}":                                   k.showUser,
		"GET /v3/users/{id}/projects":                          k.listUserProjects,
		"GET /v3/users/{id}/application_credentials":           k.listCredentials,
		"POST /v3/users/{id}/application_credentials":          k.createCredential,
		"GET /v3/users/{id}/application_credentials/{cred}":    k.showCredential,
		"DELETE /v3/users/{id}/application_credentials/{cred}": k.deleteCredential,
		"GET /v3/domains":                                      k.listDomains,
		"GET /v3/domains/{id}":                                 k.showDomain,
		"GET /v3/regions":                                      k.listRegions,
		"GET /v3/services":                                     k.listServices,
		"GET /v3/endpoints":                                    k.listEndpoints,
		"GET /v3/roles":                                        k.listRoles,
	}
	return &service{
		kind: "identity", name: "keystone", prefix: "/identity",
		routes:  compile(table),
		public:  map[string]bool{"GET /": true, "HEAD /": true, "GET /v3": true, "POST /v3/auth/tokens": true},
		fault:   keystoneFault,
		missing: func(*request) response { return response{Status: http.StatusNotFound, Body: flaskNotFound} },
		finish:  func(_ *request, answer *response) { *answer = answer.set("Vary", "X-Auth-Token") },
	}
}

// keystoneFault is an error as keystone/exception.py renders it.
func keystoneFault(status int, title, message string) any {
	if title == "" {
		title = http.StatusText(status)
	}
	return map[string]any{"error": map[string]any{"code": status, "message": message, "title": title}}
}

func keystoneError(status int, message string) response {
	return response{Status: status, Body: keystoneFault(status, "", message)}
}

// unauthorized is the one answer to every failed authentication: Keystone tells nobody why.
func unauthorized(r *request) response {
	answer := keystoneError(http.StatusUnauthorized, "The request you have made requires authentication.")
	return answer.set("WWW-Authenticate", `Keystone uri="`+r.RootURL+`/identity/v3"`)
}

// admit finds the caller's token, as keystonemiddleware's auth_token does in
// front of every service. Access rules are part of it: a call that they do not
// allow is refused with 401 too (validate_allowed_request).
func (k *keystone) admit(r *request, s *service) (*token, *response) {
	t := k.live(r.Header.Get("X-Auth-Token"))
	if t == nil || !t.allows(r, s) {
		refused := unauthorized(r)
		return nil, &refused
	}
	return t, nil
}

// live returns the token with an id, nil if there is none that still counts.
func (k *keystone) live(id string) *token {
	t := k.tokens[id]
	if t == nil {
		return nil
	}
	if !time.Now().Before(t.expires) {
		delete(k.tokens, id)
		return nil
	}
	return t
}
