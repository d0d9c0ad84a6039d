package session

import (
	"errors"
	"fmt"

	"github.com/gophercloud/gophercloud/v2"

	"underlay/pkg/config"
)

// credentials are what Keystone is asked with (Identity API v3, "Authentication
// and token management", https://docs.openstack.org/api-ref/identity/v3/).
type credentials struct {
	options gophercloud.AuthOptions
	// bearer: a ready-made token without a scope of its own is used as it is.
	bearer bool
	// renewable: a new token can be had when this one ends.
	renewable bool
}

// newCredentials chooses the method as the keys in the file do: a token first,
// then an application credential, a trust, a password.
func newCredentials(g config.Global) (credentials, error) {
	out := credentials{renewable: true}
	switch {
	case g.Token != "":
		out.options = gophercloud.AuthOptions{TokenID: g.Token, Scope: scopeOf(g)}
		out.bearer = *out.options.Scope == gophercloud.AuthScope{}
		out.renewable = false
	case g.ApplicationCredentialID != "":
		out.options = gophercloud.AuthOptions{
			ApplicationCredentialID:     g.ApplicationCredentialID,
			ApplicationCredentialSecret: g.ApplicationCredentialSecret,
		}
	case g.ApplicationCredentialName != "":
		out.options = userOf(g, g.UserID, g.Username)
		out.options.ApplicationCredentialName = g.ApplicationCredentialName
		out.options.ApplicationCredentialSecret = g.ApplicationCredentialSecret
	case g.TrusteeID != "":
		out.options = userOf(g, g.TrusteeID, "")
		out.options.Password, out.options.Scope = g.TrusteePassword, scopeOf(g)
	default:
		out.options = userOf(g, g.UserID, g.Username)
		out.options.Password, out.options.Scope = g.Password, scopeOf(g)
	}
	if err := out.check(); err != nil {
		return credentials{}, fmt.Errorf("read credentials: %w", err)
	}
	return out, nil
}

// check builds the request once, so that a missing part is found before anybody waits for it.
func (c credentials) check() error {
	if c.bearer {
		return nil
	}
	options := c.options
	scope, err := options.ToTokenV3ScopeMap()
	if err != nil {
		return err
	}
	if c.options.Password == "" && c.options.TokenID == "" && c.options.ApplicationCredentialSecret == "" {
		return errors.New("no password, token or application credential secret is given")
	}
	_, err = options.ToTokenV3CreateMap(scope)
	return err
}

// userOf names the user by id, which is unique, or by name within a domain.
func userOf(g config.Global, id, name string) gophercloud.AuthOptions {
	if id != "" {
		return gophercloud.AuthOptions{UserID: id}
	}
	domainID, domainName := domainOf(g.UserDomainID, g.UserDomainName, g)
	return gophercloud.AuthOptions{Username: name, DomainID: domainID, DomainName: domainName}
}

// scopeOf says what the token is for: a trust, a project, a domain, or nothing in particular.
func scopeOf(g config.Global) *gophercloud.AuthScope {
	switch {
	case g.TrustID != "":
		return &gophercloud.AuthScope{TrustID: g.TrustID}
	case g.TenantID != "":
		return &gophercloud.AuthScope{ProjectID: g.TenantID}
	case g.TenantName != "":
		domainID, domainName := domainOf(g.TenantDomainID, g.TenantDomainName, g)
		return &gophercloud.AuthScope{ProjectName: g.TenantName, DomainID: domainID, DomainName: domainName}
	case g.DomainID != "":
		return &gophercloud.AuthScope{DomainID: g.DomainID}
	default:
		return &gophercloud.AuthScope{DomainName: g.DomainName}
	}
}

// domainOf prefers the special domain to the general one, an id to a name, and
// ends with the domain that Keystone makes at its set-up.
func domainOf(id, name string, g config.Global) (domainID, domainName string) {
	for _, choice := range []struct{ id, name string }{{id, name}, {g.DomainID, g.DomainName}} {
		switch {
		case choice.id != "":
			return choice.id, ""
		case choice.name != "":
			return "", choice.name
		}
	}
	return "", "Default"
}

// secretsOf are the parts of the configuration that nobody may see.
func secretsOf(g config.Global) []string {
	return []string{g.Password, g.TrusteePassword, g.Token, g.ApplicationCredentialSecret}
}
