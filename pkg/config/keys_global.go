package config

import (
	"maps"
	"slices"
)

// Method is a way to authenticate with Keystone.
type Method string

// The ways to authenticate, see
// https://docs.openstack.org/api-ref/identity/v3/#authentication-and-token-management.
const (
	ByPassword              Method = "password"
	ByApplicationCredential Method = "application credential"
	ByTrust                 Method = "trust"
	ByToken                 Method = "token"
)

const both = Controller | CSI

var globalSection = Section{
	Name:   "Global",
	Naming: MayName,
	Meaning: "How to reach Keystone, and as whom. `[Global \"name\"]` declares a further cloud for the CSI driver; " +
		"it inherits nothing from `[Global]` and takes nothing from the environment.",
	Synonyms: map[string]string{
		"project-id": "tenant-id", "project-name": "tenant-name", "project": "tenant-name", "tenant": "tenant-name",
		"project-domain-id": "tenant-domain-id", "project-domain-name": "tenant-domain-name",
		"insecure": "tls-insecure", "cacert": "ca-file", "cert": "cert-file", "key": "key-file",
		"region-name": "region", "interface": "os-endpoint-type", "endpoint-type": "os-endpoint-type",
		"user": "username", "user-name": "username", "userid": "user-id", "identity-uri": "auth-url",
	},
	holder: func(c *Config, name string) any {
		if name == "" {
			return &c.Global
		}
		if c.Clouds == nil {
			c.Clouds = map[string]*Global{}
		}
		if c.Clouds[name] == nil {
			c.Clouds[name] = &Global{}
		}
		return c.Clouds[name]
	},
	names: func(c *Config) []string {
		return append([]string{""}, slices.Sorted(maps.Keys(c.Clouds))...)
	},
	Keys: slices.Concat(endpointKeys, userKeys, projectKeys, credentialKeys, tlsKeys, cloudsKeys, retiredGlobalKeys),
}

var endpointKeys = []Key{
	{Name: "auth-url", Kind: URL, UsedBy: both, Env: []string{"OS_AUTH_URL"}, Clouds: []string{"auth.auth_url"},
		Meaning: "URL of Keystone. A URL that ends in `/v2.0` is read as `/v3`: Keystone has no v2.0 API any more.",
		field:   at(func(g *Global) any { return &g.AuthURL })},
	{Name: "region", Kind: Text, UsedBy: both, Env: []string{"OS_REGION_NAME"}, Clouds: []string{"region_name"},
		Meaning: "Region whose endpoints are used. May be left out where the service catalog has one region.",
		field:   at(func(g *Global) any { return &g.Region })},
	{Name: "os-endpoint-type", Kind: Enum, Default: "public", UsedBy: both,
		Values:  []string{"public", "internal", "admin"},
		Aliases: map[string]string{"publicurl": "public", "internalurl": "internal", "adminurl": "admin"},
		Env:     []string{"OS_INTERFACE", "OS_ENDPOINT_TYPE"}, Clouds: []string{"interface", "endpoint_type"},
		Meaning: "Which endpoints of the service catalog are used.",
		field:   at(func(g *Global) any { return &g.EndpointType })},
}

var userKeys = []Key{
	{Name: "user-id", Kind: Text, UsedBy: both, Either: "user", Env: []string{"OS_USER_ID", "OS_USERID"}, Clouds: []string{"auth.user_id"},
		Meaning: "ID of the user. Use this or `username`, not both.",
		field:   at(func(g *Global) any { return &g.UserID })},
	{Name: "username", Kind: Text, UsedBy: both, Either: "user", Env: []string{"OS_USERNAME"}, Clouds: []string{"auth.username"},
		Meaning: "Name of the user, unique within the user's domain.",
		field:   at(func(g *Global) any { return &g.Username })},
	{Name: "password", Kind: Text, Secret: true, UsedBy: both, Method: ByPassword, Env: []string{"OS_PASSWORD"}, Clouds: []string{"auth.password"},
		Meaning: "Password of the user. Put it in double quotes if it contains `#`, `;` or a backslash.",
		field:   at(func(g *Global) any { return &g.Password })},
	{Name: "user-domain-id", Kind: Text, UsedBy: both, Either: "user domain", Env: []string{"OS_USER_DOMAIN_ID"}, Clouds: []string{"auth.user_domain_id"},
		Meaning: "ID of the domain that `username` is in.",
		field:   at(func(g *Global) any { return &g.UserDomainID })},
	{Name: "user-domain-name", Kind: Text, UsedBy: both, Either: "user domain", Env: []string{"OS_USER_DOMAIN_NAME"}, Clouds: []string{"auth.user_domain_name"},
		Meaning: "Name of the domain that `username` is in.",
		field:   at(func(g *Global) any { return &g.UserDomainName })},
	{Name: "domain-id", Kind: Text, UsedBy: both, Either: "domain", Env: []string{"OS_DOMAIN_ID", "OS_DEFAULT_DOMAIN"}, Clouds: []string{"auth.domain_id", "auth.default_domain"},
		Meaning: "ID of the domain of both user and project, where those are not given. " +
			"Without any domain, names are looked up in the domain whose ID is `default`.",
		field: at(func(g *Global) any { return &g.DomainID })},
	{Name: "domain-name", Kind: Text, UsedBy: both, Either: "domain", Env: []string{"OS_DOMAIN_NAME"}, Clouds: []string{"auth.domain_name"},
		Meaning: "Name of the domain of both user and project, where those are not given.",
		field:   at(func(g *Global) any { return &g.DomainName })},
}

var projectKeys = []Key{
	{Name: "tenant-id", Kind: Text, UsedBy: both, Either: "project",
		Env: []string{"OS_PROJECT_ID", "OS_TENANT_ID"}, Clouds: []string{"auth.project_id", "auth.tenant_id"},
		Meaning: "ID of the project. Use this or `tenant-name`; neither with an application credential or a trust, which have a project of their own.",
		field:   at(func(g *Global) any { return &g.TenantID })},
	{Name: "tenant-name", Kind: Text, UsedBy: both, Either: "project",
		Env: []string{"OS_PROJECT_NAME", "OS_TENANT_NAME"}, Clouds: []string{"auth.project_name", "auth.tenant_name"},
		Meaning: "Name of the project, unique within the project's domain.",
		field:   at(func(g *Global) any { return &g.TenantName })},
	{Name: "tenant-domain-id", Kind: Text, UsedBy: both, Either: "project domain",
		Env: []string{"OS_PROJECT_DOMAIN_ID"}, Clouds: []string{"auth.project_domain_id"},
		Meaning: "ID of the domain that `tenant-name` is in.",
		field:   at(func(g *Global) any { return &g.TenantDomainID })},
	{Name: "tenant-domain-name", Kind: Text, UsedBy: both, Either: "project domain",
		Env: []string{"OS_PROJECT_DOMAIN_NAME"}, Clouds: []string{"auth.project_domain_name"},
		Meaning: "Name of the domain that `tenant-name` is in.",
		field:   at(func(g *Global) any { return &g.TenantDomainName })},
}

var credentialKeys = []Key{
	{Name: "application-credential-id", Kind: Text, UsedBy: both, Method: ByApplicationCredential, Either: "application credential",
		Env: []string{"OS_APPLICATION_CREDENTIAL_ID"}, Clouds: []string{"auth.application_credential_id"},
		Meaning: "ID of an application credential. This is the recommended way to authenticate: it is limited to one project and can be revoked.",
		field:   at(func(g *Global) any { return &g.ApplicationCredentialID })},
	{Name: "application-credential-name", Kind: Text, UsedBy: both, Method: ByApplicationCredential, Either: "application credential",
		Env: []string{"OS_APPLICATION_CREDENTIAL_NAME"}, Clouds: []string{"auth.application_credential_name"},
		Meaning: "Name of an application credential. Needs the user too, since the name is unique for a user only.",
		field:   at(func(g *Global) any { return &g.ApplicationCredentialName })},
	{Name: "application-credential-secret", Kind: Text, Secret: true, UsedBy: both, Method: ByApplicationCredential,
		Env: []string{"OS_APPLICATION_CREDENTIAL_SECRET"}, Clouds: []string{"auth.application_credential_secret"},
		Meaning: "Secret of the application credential.",
		field:   at(func(g *Global) any { return &g.ApplicationCredentialSecret })},
	{Name: "trust-id", Kind: Text, UsedBy: both, Method: ByTrust, Env: []string{"OS_TRUST_ID"}, Clouds: []string{"auth.trust_id"},
		Meaning: "ID of a Keystone trust: the user acts in the project that the trustor delegated.",
		field:   at(func(g *Global) any { return &g.TrustID })},
	{Name: "trustee-id", Kind: Text, UsedBy: both, Method: ByTrust,
		Meaning: "ID of the trustee: takes the place of `user-id` together with `trust-id`.",
		field:   at(func(g *Global) any { return &g.TrusteeID })},
	{Name: "trustee-password", Kind: Text, Secret: true, UsedBy: both, Method: ByTrust,
		Meaning: "Password of the trustee: takes the place of `password` together with `trust-id`.",
		field:   at(func(g *Global) any { return &g.TrusteePassword })},
	{Name: "token", Kind: Text, Secret: true, UsedBy: both, Method: ByToken, Env: []string{"OS_TOKEN", "OS_AUTH_TOKEN"}, Clouds: []string{"auth.token"},
		Meaning: "A Keystone token. It cannot be renewed: everything stops when it expires, usually within an hour.",
		field:   at(func(g *Global) any { return &g.Token })},
}

var tlsKeys = []Key{
	{Name: "ca-file", Kind: File, UsedBy: both, Env: []string{"OS_CACERT"}, Clouds: []string{"cacert"},
		Meaning: "PEM file with the CA certificates to trust instead of the system's. Read again when it changes.",
		field:   at(func(g *Global) any { return &g.CAFile })},
	{Name: "cert-file", Kind: File, UsedBy: both, Env: []string{"OS_CERT"}, Clouds: []string{"cert"},
		Meaning: "PEM file with a client certificate. Goes with `key-file`.",
		field:   at(func(g *Global) any { return &g.CertFile })},
	{Name: "key-file", Kind: File, UsedBy: both, Env: []string{"OS_KEY"}, Clouds: []string{"key"},
		Meaning: "PEM file with the private key of `cert-file`.",
		field:   at(func(g *Global) any { return &g.KeyFile })},
	{Name: "tls-insecure", Kind: Bool, Default: "false", UsedBy: both, Env: []string{"OS_INSECURE"}, Clouds: []string{"!verify"},
		Meaning: "Do not verify the certificates of the cloud. Whoever is on the path can then read the credentials; use `ca-file` instead.",
		field:   at(func(g *Global) any { return &g.TLSInsecure })},
}

var cloudsKeys = []Key{
	{Name: "use-clouds", Kind: Bool, Default: "false", UsedBy: both,
		Meaning: "Take what this section leaves out from a `clouds.yaml` and the `secure.yaml` beside it. " +
			"Also on when `OS_CLOUD` is set and the section has neither `use-clouds` nor `auth-url`.",
		field: at(func(g *Global) any { return &g.UseClouds })},
	{Name: "clouds-file", Kind: Text, UsedBy: both,
		Meaning: "The `clouds.yaml`. Left out: the file that `OS_CLIENT_CONFIG_FILE` names, else the first `clouds.yaml` of the working directory, " +
			"`~/.config/openstack` and `/etc/openstack`.",
		field: at(func(g *Global) any { return &g.CloudsFile })},
	{Name: "cloud", Kind: Text, UsedBy: both, Env: []string{"OS_CLOUD"},
		Meaning: "Name of the entry in `clouds.yaml`. May be left out where the file has one entry.",
		field:   at(func(g *Global) any { return &g.Cloud })},
}

var retiredGlobalKeys = []Key{
	{Name: "secret-name", UsedBy: Controller, Retired: "credentials are not read from a Secret by name; mount the Secret as a file: it is read again when it changes"},
	{Name: "secret-namespace", UsedBy: Controller, Retired: "credentials are not read from a Secret by name; mount the Secret as a file: it is read again when it changes"},
	{Name: "kubeconfig-path", UsedBy: Controller, Retired: "the kubeconfig is a flag now: --kubeconfig"},
}
