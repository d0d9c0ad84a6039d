package config

import (
	"fmt"
	"strings"
)

// Method returns the way to authenticate that the fields stand for; "" where
// there are no credentials. After reading without errors the fields of the
// other ways are empty.
func (g Global) Method() Method {
	switch {
	case g.ApplicationCredentialID != "" || g.ApplicationCredentialName != "" || g.ApplicationCredentialSecret != "":
		return ByApplicationCredential
	case g.TrustID != "":
		return ByTrust
	case g.Password != "":
		return ByPassword
	case g.Token != "":
		return ByToken
	default:
		return ""
	}
}

// account checks one [Global] section.
type account struct {
	*reader
	b *block
	g *Global
}

func (r *reader) checkGlobal(b *block, g *Global) {
	if b.name == "" && g.AuthURL == "" && !b.written() && len(r.config.Clouds) > 0 {
		r.say(b, "", Warning, "the section has no settings: only programs that choose a cloud by name can use the file",
			"write a [Global] section for the controller manager")
		return
	}
	a := account{r, b, g}
	a.endpoint()
	a.alternatives()
	a.trustee()
	switch g.Method() {
	case ByApplicationCredential:
		a.applicationCredential()
	case ByTrust:
		a.trust()
	case ByToken:
		a.token()
	default:
		a.password()
	}
	a.domains()
	r.checkTLS(b, g)
}

// written says whether somebody wrote anything for the section: what the
// environment happens to have beside it does not count.
func (b *block) written() bool {
	for _, v := range b.values {
		if v.origin.Kind != FromEnvironment {
			return true
		}
	}
	return len(b.bad) > 0
}

func (a account) endpoint() {
	switch trimmed := strings.TrimRight(a.g.AuthURL, "/"); {
	case trimmed == "":
		a.missing("auth-url", "the URL of Keystone is missing", "write auth-url=https://keystone.example.com:5000/v3")
	case strings.HasSuffix(trimmed, "/v2.0") || strings.HasSuffix(trimmed, "/v2"):
		a.g.AuthURL = trimmed[:strings.LastIndex(trimmed, "/")] + "/v3"
		a.say(a.b, "auth-url", Warning, "Keystone has no v2.0 API any more, so its v3 API is used", "write auth-url="+a.g.AuthURL)
	}
	if a.g.Region == "" {
		a.say(a.b, "region", Note, "no region is chosen, which is fine where the service catalog has one region", "")
	}
}

// alternatives settles what is said twice, by id and by name. Keystone refuses
// two users; of two projects the peer takes the id.
func (a account) alternatives() {
	for _, pair := range [][2]string{{"user-id", "username"}, {"user-domain-id", "user-domain-name"}, {"domain-id", "domain-name"}} {
		if a.b.has(pair[0]) && a.b.has(pair[1]) {
			a.say(a.b, pair[1], Error, "there is a "+pair[0]+" as well, and Keystone takes one of the two", "remove one of them")
		}
	}
	for _, pair := range [][2]string{
		{"tenant-id", "tenant-name"}, {"tenant-domain-id", "tenant-domain-name"},
		{"application-credential-id", "application-credential-name"},
	} {
		if a.b.has(pair[0]) && a.b.has(pair[1]) {
			a.ignore(Note, pair[0]+" is there as well, and wins", pair[1])
		}
	}
}

// ignore says that the keys have no effect, and empties them.
func (a account) ignore(severity Severity, why string, keys ...string) {
	for _, name := range keys {
		if !a.b.has(name) {
			continue
		}
		a.say(a.b, name, severity, "the key has no effect: "+why, "remove the line")
		a.b.clear(name)
	}
}

// refuse says that the keys contradict the method that the others stand for.
func (a account) refuse(method Method, keys ...string) {
	for _, name := range keys {
		if a.b.has(name) {
			a.say(a.b, name, Error, fmt.Sprintf("the key contradicts the %s beside it: there can be one way to authenticate", method),
				"remove the one that is not to be used")
		}
	}
}

func (a account) missing(key, why, advice string) {
	if !a.b.bad[key] {
		a.say(a.b, key, Error, why, advice)
	}
}

// trustee puts the trustee in the place of the user, if there is a trust.
func (a account) trustee() {
	if a.g.TrustID == "" {
		a.ignore(Warning, "there is no trust-id", "trustee-id", "trustee-password")
		return
	}
	if a.g.TrusteeID != "" {
		a.b.clear("username")
		a.b.derive("user-id", a.g.TrusteeID, "trustee-id")
	}
	switch {
	case a.g.TrusteePassword != "":
		a.b.derive("password", a.g.TrusteePassword, "trustee-password")
	case a.g.TrusteeID != "" && a.g.Password != "":
		a.b.derive("trustee-password", a.g.Password, "password")
	}
}

func (a account) applicationCredential() {
	a.refuse(ByApplicationCredential, "password", "trust-id", "token")
	a.ignore(Warning, "an application credential has a project of its own", "tenant-id", "tenant-name", "tenant-domain-id", "tenant-domain-name")
	if a.g.ApplicationCredentialSecret == "" {
		a.missing("application-credential-secret", "the secret of the application credential is missing", "write application-credential-secret=…")
	}
	if a.g.ApplicationCredentialID != "" {
		return
	}
	if a.g.ApplicationCredentialName == "" {
		a.missing("application-credential-id", "the application credential has neither id nor name", "write application-credential-id=…")
		return
	}
	if a.g.UserID == "" && a.g.Username == "" {
		a.missing("username", "an application credential is found by its name only together with its user",
			"write application-credential-id=… instead of the name, or username=… as well")
	}
}

func (a account) trust() {
	a.refuse(ByTrust, "token")
	a.ignore(Warning, "a trust has a project of its own", "tenant-id", "tenant-name", "tenant-domain-id", "tenant-domain-name")
	a.user()
	if a.g.Password == "" {
		a.missing("password", "the trustee's password is missing", "write trustee-password=…, or password=…")
	}
}

func (a account) token() {
	a.ignore(Warning, "the token stands for the user", "username", "user-id")
	a.say(a.b, "token", Warning, "a token cannot be renewed: everything stops when it expires",
		"use an application credential instead")
	a.project()
}

func (a account) password() {
	a.ignore(Warning, "there is a password, which is used", "token")
	switch {
	case a.g.Password == "" && a.g.Username == "" && a.g.UserID == "":
		a.missing("password", "there are no credentials",
			"write application-credential-id and application-credential-secret, or username and password")
		return
	case a.g.Password == "":
		a.missing("password", "the password is missing", "write password=…")
	default:
		a.user()
	}
	a.project()
}

func (a account) user() {
	if a.g.Username == "" && a.g.UserID == "" {
		a.missing("username", "the user is missing", "write username=…, or user-id=…")
	}
}

func (a account) project() {
	if a.g.TenantID == "" && a.g.TenantName == "" {
		a.say(a.b, "tenant-name", Warning, "there is no project, so the user's default project is used, if the user has one",
			"write tenant-name=…, or tenant-id=…")
	}
}

// domains gives each name the domain that it is in: its own, else that of
// domain-id or domain-name, else that of the other name, else Keystone's
// Default domain, whose ID is "default".
func (a account) domains() {
	needsUser, needsTenant := a.g.Username != "", a.g.TenantName != ""
	user, tenant := [2]string{"user-domain-id", "user-domain-name"}, [2]string{"tenant-domain-id", "tenant-domain-name"}
	hasUser, hasTenant := a.inherit(user), a.inherit(tenant)
	switch {
	case needsUser && !hasUser && hasTenant:
		a.borrow(user, tenant, "username")
	case needsTenant && !hasTenant && hasUser:
		a.borrow(tenant, user, "tenant-name")
	case needsUser && !hasUser, needsTenant && !hasTenant:
		if needsUser {
			a.b.derive("user-domain-id", "default", "the Default domain")
		}
		if needsTenant {
			a.b.derive("tenant-domain-id", "default", "the Default domain")
		}
		a.say(a.b, "", Note, "no domain is given, so names are looked up in the Default domain", "")
	}
}

// inherit fills a pair of domain keys from domain-id or domain-name, and
// reports whether it has a value.
func (a account) inherit(pair [2]string) bool {
	if a.b.has(pair[0]) || a.b.has(pair[1]) {
		return true
	}
	switch {
	case a.g.DomainID != "":
		a.b.derive(pair[0], a.g.DomainID, "domain-id")
	case a.g.DomainName != "":
		a.b.derive(pair[1], a.g.DomainName, "domain-name")
	default:
		return false
	}
	return true
}

func (a account) borrow(to, from [2]string, name string) {
	for i := range to {
		if v := a.b.values[from[i]]; v != nil {
			a.b.derive(to[i], v.text(), from[i])
			break
		}
	}
	a.say(a.b, name, Warning, fmt.Sprintf("it has no domain of its own, so the domain of %s is used", strings.TrimSuffix(from[1], "-name")),
		fmt.Sprintf("write %s=…, or domain-name=… for both", to[1]))
}

// derive sets a text field that another setting implies.
func (b *block) derive(key, text, from string) {
	source := b.values[from]
	b.values[key] = &value{texts: []string{text}, origin: Origin{Kind: FromSettings, Name: from}, hidden: source != nil && source.hidden}
	*b.section.key(key).field(b.target).(*string) = text
}

// clear empties a text field.
func (b *block) clear(key string) {
	delete(b.values, key)
	*b.section.key(key).field(b.target).(*string) = ""
}
