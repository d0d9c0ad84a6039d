package simulator

import (
	"maps"
	"slices"
	"time"
)

// UserSpec is a user to add.
type UserSpec struct {
	Name, Password string
	// ProjectName is the project in which the user has Roles; made if missing.
	ProjectName string
	// Roles default to member and reader; "admin" makes an admin.
	Roles []string
}

// User is a user and its project.
type User struct{ ID, ProjectID string }

// AddUser adds a user, or changes one of that name.
func (c *Cloud) AddUser(spec UserSpec) User {
	c.mu.Lock()
	defer c.mu.Unlock()
	k := c.keystone
	p, u := k.addProject(spec.ProjectName), k.addUser(spec.Name, spec.Password)
	u.roles[p.ID] = spec.Roles
	if len(spec.Roles) == 0 {
		u.roles[p.ID] = []string{"member", "reader"}
	}
	return User{ID: u.ID, ProjectID: p.ID}
}

// ApplicationCredentialSpec is an application credential of the plain member to add.
type ApplicationCredentialSpec struct {
	// Name is the credential's name, unique among the user's; a new one if empty.
	Name string
	// Secret is made up if empty.
	Secret string
	// Unrestricted lets the credential make and delete credentials.
	Unrestricted bool
	// AccessRules are the only calls allowed; nil allows all.
	AccessRules []AccessRule
	// Expires is when it ends; zero is never.
	Expires time.Time
}

// ApplicationCredential is what a program needs to log in with.
type ApplicationCredential struct{ ID, Name, Secret string }

// AddApplicationCredential adds one for the plain member in its project. One of
// the same name is replaced, and the tokens that it made are revoked.
func (c *Cloud) AddApplicationCredential(spec ApplicationCredentialSpec) ApplicationCredential {
	c.mu.Lock()
	defer c.mu.Unlock()
	k := c.keystone
	if spec.Name == "" {
		spec.Name = "credential-" + newHexID()[:8]
	}
	for _, old := range slices.Clone(k.credentials) {
		if old.user == k.member.user && old.Name == spec.Name {
			k.removeCredential(old)
		}
	}
	added := &appCredential{
		Name: spec.Name, Secret: spec.Secret, Unrestricted: spec.Unrestricted,
		Rules: slices.Clone(spec.AccessRules), Expires: spec.Expires,
		user: k.member.user, project: k.member.project, roles: k.member.user.roles[k.member.project.ID],
	}
	k.addCredential(added)
	return ApplicationCredential{ID: added.ID, Name: added.Name, Secret: added.Secret}
}

// DeleteApplicationCredential removes one, with the tokens that it made.
func (c *Cloud) DeleteApplicationCredential(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, credential := range slices.Clone(c.keystone.credentials) {
		if credential.ID == id {
			c.keystone.removeCredential(credential)
		}
	}
}

// Trust is a trust by which its trustee acts for the plain member in its project.
type Trust struct{ ID, TrusteeID string }

// AddTrust lets a trustee of that name and password, made if missing, act for the plain member.
func (c *Cloud) AddTrust(trusteeName, trusteePassword string) Trust {
	c.mu.Lock()
	defer c.mu.Unlock()
	k := c.keystone
	t := &trust{
		ID: newHexID(), trustor: k.member.user, trustee: k.addUser(trusteeName, trusteePassword),
		project: k.member.project, roles: []string{"member"}, impersonation: true,
	}
	k.trusts = append(k.trusts, t)
	return Trust{ID: t.ID, TrusteeID: t.trustee.ID}
}

// ExpireTokens ends every token now: the next call with one is answered 401.
func (c *Cloud) ExpireTokens() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.keystone.tokens)
}

// SetPassword changes the plain member's password. As in Keystone, the tokens
// that the old one gave are revoked; those of application credentials live on.
func (c *Cloud) SetPassword(password string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	member := c.keystone.member.user
	member.Password = password
	maps.DeleteFunc(c.keystone.tokens, func(_ string, t *token) bool {
		return t.user == member && t.credential == nil
	})
}
