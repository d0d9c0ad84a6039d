package simulator_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack"
	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/flavors"
	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/servers"
	"github.com/gophercloud/gophercloud/v2/openstack/identity/v3/applicationcredentials"
	"github.com/gophercloud/gophercloud/v2/openstack/identity/v3/tokens"

	"underlay/pkg/simulator"
)

func identity(t *testing.T, p *gophercloud.ProviderClient) *gophercloud.ServiceClient {
	t.Helper()
	client, err := openstack.NewIdentityV3(p, gophercloud.EndpointOpts{})
	if err != nil {
		t.Fatalf("identity client: %v", err)
	}
	return client
}

func TestLogIn(t *testing.T) {
	c := simulator.New(simulator.Options{})
	user := c.AddUser(simulator.UserSpec{Name: "other", Password: "secret", ProjectName: "others"})
	credential := c.AddApplicationCredential(simulator.ApplicationCredentialSpec{Name: "ccm", Secret: "s3cret"})
	ended := c.AddApplicationCredential(simulator.ApplicationCredentialSpec{Expires: time.Now().Add(-time.Minute)})
	scope := &gophercloud.AuthScope{ProjectName: "demo", DomainName: "Default"}
	for name, tc := range map[string]struct {
		opts        gophercloud.AuthOptions
		wantRefused bool
		wantProject string
	}{
		"password":             {gophercloud.AuthOptions{Username: "demo", Password: "simulated", DomainName: "Default", Scope: scope}, false, "demo"},
		"domain by id":         {gophercloud.AuthOptions{Username: "demo", Password: "simulated", DomainID: "default", Scope: scope}, false, "demo"},
		"user id, tenant name": {gophercloud.AuthOptions{UserID: user.ID, Password: "secret", Scope: &gophercloud.AuthScope{ProjectID: user.ProjectID}}, false, "others"},
		"unscoped":             {gophercloud.AuthOptions{Username: "demo", Password: "simulated", DomainName: "Default"}, false, ""},
		"wrong password":       {gophercloud.AuthOptions{Username: "demo", Password: "nonsense", DomainName: "Default", Scope: scope}, true, ""},
		"unknown user":         {gophercloud.AuthOptions{Username: "nobody", Password: "simulated", DomainName: "Default", Scope: scope}, true, ""},
		"unknown domain":       {gophercloud.AuthOptions{Username: "demo", Password: "simulated", DomainName: "Elsewhere", Scope: scope}, true, ""},
		"no role there":        {gophercloud.AuthOptions{Username: "demo", Password: "simulated", DomainName: "Default", Scope: &gophercloud.AuthScope{ProjectID: user.ProjectID}}, true, ""},
		"no such project":      {gophercloud.AuthOptions{Username: "demo", Password: "simulated", DomainName: "Default", Scope: &gophercloud.AuthScope{ProjectName: "none", DomainName: "Default"}}, true, ""},
		"credential by id":     {gophercloud.AuthOptions{ApplicationCredentialID: credential.ID, ApplicationCredentialSecret: "s3cret"}, false, "demo"},
		"credential by name":   {gophercloud.AuthOptions{ApplicationCredentialName: "ccm", Username: "demo", DomainName: "Default", ApplicationCredentialSecret: "s3cret"}, false, "demo"},
		"wrong secret":         {gophercloud.AuthOptions{ApplicationCredentialID: credential.ID, ApplicationCredentialSecret: "guess"}, true, ""},
		"expired credential":   {gophercloud.AuthOptions{ApplicationCredentialID: ended.ID, ApplicationCredentialSecret: ended.Secret}, true, ""},
		"member on the system": {gophercloud.AuthOptions{Username: "demo", Password: "simulated", DomainName: "Default", Scope: &gophercloud.AuthScope{System: true}}, true, ""},
		"admin on the system":  {gophercloud.AuthOptions{Username: "admin", Password: "simulated", DomainName: "Default", Scope: &gophercloud.AuthScope{System: true}}, false, ""},
		"admin on the domain":  {gophercloud.AuthOptions{Username: "admin", Password: "simulated", DomainName: "Default", Scope: &gophercloud.AuthScope{DomainName: "Default"}}, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			tc.opts.IdentityEndpoint = simulator.IdentityURL(simulator.Endpoint)
			p, err := providerWith(t, c, tc.opts)
			if tc.wantRefused {
				if !gophercloud.ResponseCodeIs(err, http.StatusUnauthorized) {
					t.Errorf("got %v, want 401", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			got := tokens.Get(t.Context(), identity(t, &gophercloud.ProviderClient{
				IdentityBase: p.IdentityBase, IdentityEndpoint: p.IdentityEndpoint, HTTPClient: p.HTTPClient,
				TokenID: p.Token(), EndpointLocator: p.EndpointLocator,
			}), p.Token())
			project, err := got.ExtractProject()
			if err != nil {
				t.Fatal(err)
			}
			gotName := ""
			if project != nil {
				gotName = project.Name
			}
			if gotName != tc.wantProject {
				t.Errorf("project: got %q, want %q", gotName, tc.wantProject)
			}
		})
	}
}

func TestWrongPasswordBody(t *testing.T) {
	c := simulator.New(simulator.Options{})
	got := raw(t, c, "POST", "/identity/v3/auth/tokens", `{"auth":{"identity":{"methods":["password"],"password":{"user":
		{"name":"demo","password":"no","domain":{"name":"Default"}}}}}}`)
	want := map[string]any{"error": map[string]any{
		"code": 401.0, "message": "The request you have made requires authentication.", "title": "Unauthorized",
	}}
	if diff := cmp.Diff(want, got.body); diff != "" || got.status != 401 {
		t.Errorf("status %d, body (-want +got):\n%s", got.status, diff)
	}
	if header := got.Header.Get("WWW-Authenticate"); header != `Keystone uri="http://openstack.simulator/identity/v3"` {
		t.Errorf("WWW-Authenticate: got %q", header)
	}
	for body, want := range map[string]int{`{}`: 400, `nonsense`: 400, `{"auth":{"identity":{"methods":[]}}}`: 401, `{"auth":{"identity":{"methods":["totp"]}}}`: 400} {
		if got := raw(t, c, "POST", "/identity/v3/auth/tokens", body); got.status != want {
			t.Errorf("%s: got %d, want %d", body, got.status, want)
		}
	}
}

func TestVersionDiscovery(t *testing.T) {
	c := simulator.New(simulator.Options{MaxMicroversion: "2.79"})
	for path, want := range map[string]struct {
		status int
		id     any
		where  []any
	}{
		"/identity":      {300, "v3.14", []any{"versions", "values", 0, "id"}},
		"/identity/":     {300, "v3.14", []any{"versions", "values", 0, "id"}},
		"/identity/v3":   {200, "v3.14", []any{"version", "id"}},
		"/identity/v3/":  {200, "http://openstack.simulator/identity/v3/", []any{"version", "links", 0, "href"}},
		"/compute":       {200, "2.79", []any{"versions", 1, "version"}},
		"/compute/":      {200, "CURRENT", []any{"versions", 1, "status"}},
		"/compute/v2.1/": {200, "2.79", []any{"version", "version"}},
		"/compute/v2/":   {200, "", []any{"version", "version"}},
		"/image":         {300, "CURRENT", []any{"versions", 0, "status"}},
		"/image/":        {300, "http://openstack.simulator/image/v2/", []any{"versions", 0, "links", 0, "href"}},
	} {
		got := raw(t, c, "GET", path, "")
		if got.status != want.status || at(got.body, want.where...) != want.id {
			t.Errorf("%s: got %d %s", path, got.status, got.text)
		}
	}
}

// A modern Keystone has no v2.0: whoever still asks for it gets a page, not JSON.
func TestNoV2(t *testing.T) {
	c := simulator.New(simulator.Options{})
	for _, path := range []string{"/identity/v2.0", "/identity/v2.0/", "/identity/v2.0/tokens"} {
		got := raw(t, c, "POST", path, `{"auth":{}}`)
		if got.status != 404 || !strings.HasPrefix(got.Header.Get("Content-Type"), "text/html") {
			t.Errorf("%s: got %d %s", path, got.status, got.Header.Get("Content-Type"))
		}
	}
}

// A file of 2016 names Keystone by its own port.
func TestKeystoneOnItsOldPort(t *testing.T) {
	c := simulator.New(simulator.Options{})
	opts := options(c)
	opts.IdentityEndpoint = "http://192.168.11.197:5000/v3"
	p, err := providerWith(t, c, opts)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := flavors.ListDetail(compute(t, p, ""), nil).AllPages(t.Context()); err != nil {
		t.Errorf("through the catalog: %v", err)
	}
}

func TestTokenExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := simulator.New(simulator.Options{TokenTTL: 10 * time.Minute})
		p := provider(t, c)
		client := compute(t, p, "")
		first := p.Token()
		list := func() {
			t.Helper()
			if _, err := servers.List(client, nil).AllPages(t.Context()); err != nil {
				t.Fatalf("list servers: %v", err)
			}
		}
		list()
		time.Sleep(10*time.Minute - time.Nanosecond)
		list()
		if p.Token() != first {
			t.Error("the token was renewed too early")
		}
		time.Sleep(time.Nanosecond)
		if got := raw(t, c, "GET", "/compute/v2.1/servers", "", "X-Auth-Token", first); got.status != 401 || at(got.body, "error", "code") != 401.0 {
			t.Errorf("expired: got %d %s", got.status, got.text)
		}
		list()
		if p.Token() == first {
			t.Error("the token was not renewed")
		}
		if got := c.Count("POST /v3/auth/tokens"); got != 2 {
			t.Errorf("log-ins: got %d, want 2", got)
		}
	})
}

func TestExpireTokensAndSetPassword(t *testing.T) {
	c := simulator.New(simulator.Options{})
	client := compute(t, provider(t, c), "")
	list := func() error {
		_, err := servers.List(client, nil).AllPages(t.Context())
		return err
	}
	c.ExpireTokens()
	if err := list(); err != nil {
		t.Errorf("after ExpireTokens: %v", err)
	}
	c.SetPassword("changed")
	if err := list(); err == nil {
		t.Error("the old password still works")
	}
	opts := options(c)
	opts.Password = "changed"
	if _, err := providerWith(t, c, opts); err != nil {
		t.Errorf("the new password: %v", err)
	}
}

func TestTokens(t *testing.T) {
	c := simulator.New(simulator.Options{Region: "north"})
	p := provider(t, c)
	client := identity(t, p)
	if ok, err := tokens.Validate(t.Context(), client, p.Token()); err != nil || !ok {
		t.Errorf("validate own token: got %v, %v", ok, err)
	}
	other := bearer(t, c)
	revoked := tokens.Revoke(t.Context(), client, other)
	if revoked.Err != nil {
		t.Errorf("revoke: %v", revoked.Err)
	}
	if ok, err := tokens.Validate(t.Context(), client, other); ok {
		t.Errorf("a revoked token is valid: %v", err)
	}
	if got := raw(t, c, "GET", "/identity/v3/auth/tokens", "", "X-Auth-Token", p.Token(), "X-Subject-Token", other); got.status != 404 {
		t.Errorf("revoked token: got %d, want 404", got.status)
	}
	admin := adminProvider(t, c)
	if ok, err := tokens.Validate(t.Context(), identity(t, admin), p.Token()); err != nil || !ok {
		t.Errorf("the admin validates a member's token: got %v, %v", ok, err)
	}
	if ok, _ := tokens.Validate(t.Context(), client, admin.Token()); ok {
		t.Error("a member validates the admin's token")
	}
	opts := gophercloud.AuthOptions{IdentityEndpoint: simulator.IdentityURL(simulator.Endpoint), TokenID: p.Token(), Scope: &gophercloud.AuthScope{ProjectID: c.ProjectID()}}
	if _, err := providerWith(t, c, opts); err != nil {
		t.Errorf("log in by token: %v", err)
	}
	catalog, err := tokens.Get(t.Context(), client, p.Token()).ExtractServiceCatalog()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, entry := range catalog.Entries {
		for _, endpoint := range entry.Endpoints {
			got[entry.Type+"/"+endpoint.Interface+"/"+endpoint.Region] = endpoint.URL
		}
	}
	want := map[string]string{}
	for kind, path := range map[string]string{"identity": "/identity", "compute": "/compute/v2.1", "network": "/network", "image": "/image", "load-balancer": "/load-balancer", "key-manager": "/key-manager", "block-storage": "/volume/v3", "volumev3": "/volume/v3/" + c.ProjectID()} {
		for _, face := range []string{"public", "internal", "admin"} {
			want[kind+"/"+face+"/north"] = simulator.Endpoint + path
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("catalog (-want +got):\n%s", diff)
	}
	if again := raw(t, c, "GET", "/identity/v3/auth/catalog", "", "X-Auth-Token", p.Token()); len(at(again.body, "catalog").([]any)) != 8 {
		t.Errorf("/v3/auth/catalog: got %s", again.text)
	}
}

func TestTrust(t *testing.T) {
	c := simulator.New(simulator.Options{})
	trust := c.AddTrust("heat", "warm")
	body := `{"auth":{"identity":{"methods":["password"],"password":{"user":{"id":"` + trust.TrusteeID +
		`","password":"warm"}}},"scope":{"OS-TRUST:trust":{"id":"` + trust.ID + `"}}}}`
	got := raw(t, c, "POST", "/identity/v3/auth/tokens", body)
	if got.status != 201 || at(got.body, "token", "user", "name") != "demo" || at(got.body, "token", "project", "name") != "demo" ||
		at(got.body, "token", "OS-TRUST:trust", "trustee_user", "id") != trust.TrusteeID {
		t.Errorf("trust: got %d %s", got.status, got.text)
	}
	wrong := strings.Replace(body, trust.ID, "none", 1)
	if got := raw(t, c, "POST", "/identity/v3/auth/tokens", wrong); got.status != 401 {
		t.Errorf("unknown trust: got %d, want 401", got.status)
	}
}

func TestAccessRules(t *testing.T) {
	c := simulator.New(simulator.Options{})
	s := c.AddServer(simulator.ServerSpec{Name: "one"})
	credential := c.AddApplicationCredential(simulator.ApplicationCredentialSpec{AccessRules: []simulator.AccessRule{
		{Service: "compute", Method: "GET", Path: "/v2.1/servers/{server_id}"},
		{Service: "compute", Method: "GET", Path: "/compute/v2.1/flavors/*"},
		{Service: "network", Method: "GET", Path: "/v2.0/**"},
	}})
	p, err := providerWith(t, c, gophercloud.AuthOptions{
		IdentityEndpoint: simulator.IdentityURL(simulator.Endpoint), ApplicationCredentialID: credential.ID, ApplicationCredentialSecret: credential.Secret,
	})
	if err != nil {
		t.Fatal(err)
	}
	for call, want := range map[string]int{
		"GET /compute/v2.1/servers/" + s.ID:               200,
		"GET /compute/v2.1/servers/detail":                200, // a segment is a segment
		"GET /compute/v2.1/servers":                       401,
		"DELETE /compute/v2.1/servers/" + s.ID:            401,
		"GET /compute/v2.1/servers/" + s.ID + "/metadata": 401,
		"GET /compute/v2.1/flavors/1":                     200,
		"GET /compute/v2.1/flavors":                       401,
		"GET /image/v2/images":                            401,
	} {
		method, path, _ := strings.Cut(call, " ")
		if got := raw(t, c, method, path, "", "X-Auth-Token", p.Token()); got.status != want {
			t.Errorf("%s: got %d, want %d", call, got.status, want)
		}
	}
	if got := raw(t, c, "GET", "/identity/v3/auth/tokens", "", "X-Auth-Token", p.Token(), "X-Subject-Token", p.Token()); got.status != 200 ||
		at(got.body, "token", "application_credential", "access_rules", 0, "path") != "/v2.1/servers/{server_id}" {
		t.Errorf("a token may always be validated: got %d %s", got.status, got.text)
	}
	c.DeleteApplicationCredential(credential.ID)
	if got := raw(t, c, "GET", "/compute/v2.1/servers/"+s.ID, "", "X-Auth-Token", p.Token()); got.status != 401 {
		t.Errorf("after the credential is gone: got %d, want 401", got.status)
	}
}

func TestApplicationCredentials(t *testing.T) {
	c := simulator.New(simulator.Options{})
	p := provider(t, c)
	client := identity(t, p)
	user, err := tokens.Get(t.Context(), client, p.Token()).ExtractUser()
	if err != nil {
		t.Fatal(err)
	}
	expires := time.Now().Add(time.Hour).UTC().Truncate(time.Second)
	opts := applicationcredentials.CreateOpts{
		Name: "ccm", ExpiresAt: &expires,
		AccessRules: []applicationcredentials.AccessRule{{Service: "compute", Method: "GET", Path: "/v2.1/servers"}},
	}
	made, err := applicationcredentials.Create(t.Context(), client, user.ID, opts).Extract()
	if err != nil {
		t.Fatal(err)
	}
	if made.Secret == "" || made.ProjectID != c.ProjectID() || len(made.AccessRules) != 1 || !made.ExpiresAt.Equal(expires) {
		t.Errorf("made: got %+v", made)
	}
	if _, err := applicationcredentials.Create(t.Context(), client, user.ID, opts).Extract(); !gophercloud.ResponseCodeIs(err, 409) {
		t.Errorf("same name again: got %v, want 409", err)
	}
	got, err := applicationcredentials.Get(t.Context(), client, user.ID, made.ID).Extract()
	if err != nil || got.Name != "ccm" || got.Secret != "" {
		t.Errorf("show: got %+v, %v", got, err)
	}
	pages, err := applicationcredentials.List(client, user.ID, nil).AllPages(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if all, err := applicationcredentials.ExtractApplicationCredentials(pages); err != nil || len(all) != 1 {
		t.Errorf("list: got %v, %v", all, err)
	}
	byCredential, err := providerWith(t, c, gophercloud.AuthOptions{
		IdentityEndpoint: simulator.IdentityURL(simulator.Endpoint), ApplicationCredentialID: made.ID, ApplicationCredentialSecret: made.Secret,
	})
	if err != nil {
		t.Fatal(err)
	}
	opts.Name = "child"
	if _, err := applicationcredentials.Create(t.Context(), identity(t, byCredential), user.ID, opts).Extract(); err == nil {
		t.Error("a restricted credential made another")
	}
	if err := applicationcredentials.Delete(t.Context(), client, user.ID, made.ID).ExtractErr(); err != nil {
		t.Errorf("delete: %v", err)
	}
	if err := applicationcredentials.Get(t.Context(), client, user.ID, made.ID).Err; !gophercloud.ResponseCodeIs(err, 404) {
		t.Errorf("after delete: got %v, want 404", err)
	}
}

func TestIdentityPolicy(t *testing.T) {
	c := simulator.New(simulator.Options{})
	other := c.AddUser(simulator.UserSpec{Name: "other", Password: "x", ProjectName: "others"})
	member, admin := bearer(t, c), adminProvider(t, c).Token()
	for path, want := range map[string][2]int{ // member, admin
		"/v3/projects":                                            {403, 200},
		"/v3/projects/" + c.ProjectID():                           {200, 200},
		"/v3/projects/" + other.ProjectID:                         {403, 200},
		"/v3/projects/none":                                       {403, 404},
		"/v3/auth/projects":                                       {200, 200},
		"/v3/users":                                               {403, 200},
		"/v3/users/" + other.ID:                                   {403, 200},
		"/v3/users/none":                                          {403, 404},
		"/v3/users/none/projects":                                 {403, 403},
		"/v3/users/" + other.ID + "/projects":                     {403, 200},
		"/v3/users/" + other.ID + "/application_credentials":      {403, 200},
		"/v3/users/" + other.ID + "/application_credentials/none": {403, 404},
		"/v3/domains":                                             {403, 200},
		"/v3/domains/default":                                     {200, 200},
		"/v3/domains/none":                                        {404, 404},
		"/v3/regions":                                             {200, 200},
		"/v3/services":                                            {403, 200},
		"/v3/endpoints":                                           {403, 200},
		"/v3/roles":                                               {403, 200},
	} {
		for i, token := range []string{member, admin} {
			if got := raw(t, c, "GET", "/identity"+path, "", "X-Auth-Token", token); got.status != want[i] {
				t.Errorf("%s as %s: got %d, want %d", path, []string{"member", "admin"}[i], got.status, want[i])
			}
		}
		if got := raw(t, c, "GET", "/identity"+path, ""); got.status != 401 {
			t.Errorf("%s without a token: got %d, want 401", path, got.status)
		}
	}
}
