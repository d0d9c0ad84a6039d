package simulator

import (
	"fmt"
	"strings"
)

// IdentityURL is where Keystone answers, for clients: "http://host/identity/v3".
func IdentityURL(baseURL string) string {
	return strings.TrimSuffix(baseURL, "/") + "/identity/v3"
}

// CloudConf is a cloud.conf by which the plain member reaches the cloud at a base
// URL, e.g. Endpoint or "http://127.0.0.1:8774".
func (c *Cloud) CloudConf(baseURL string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	member := c.keystone.member
	return fmt.Sprintf(`[Global]
auth-url=%s
username=%s
password=%s
tenant-name=%s
domain-name=%s
region=%s
`, IdentityURL(baseURL), quoted(member.user.Name), quoted(member.user.Password), quoted(member.project.Name),
		domainName, quoted(c.options.Region))
}

// quoted is a value as gcfg reads it back.
func quoted(value string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(value) + `"`
}

// CloudsYAML is a clouds.yaml with the plain member as the cloud's name and the
// admin as NAME-admin.
func (c *Cloud) CloudsYAML(baseURL string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out strings.Builder
	out.WriteString("clouds:\n")
	for _, entry := range []struct {
		name string
		account
	}{{c.options.Name, c.keystone.member}, {c.options.Name + "-admin", c.keystone.admin}} {
		fmt.Fprintf(&out, `  %s:
    auth:
      auth_url: %s
      username: %s
      password: %s
      project_name: %s
      user_domain_name: %s
      project_domain_name: %s
    region_name: %s
    identity_api_version: 3
    interface: public
`, quoted(entry.name), IdentityURL(baseURL), quoted(entry.user.Name), quoted(entry.user.Password),
			quoted(entry.project.Name), domainName, domainName, quoted(c.options.Region))
	}
	return out.String()
}
