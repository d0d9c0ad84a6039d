package session

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack/identity/v3/tokens"
	"pgregory.net/rapid"

	"underlay/internal/cloud"
	"underlay/pkg/config"
)

func TestReadFault(t *testing.T) {
	tests := map[string]Fault{
		`{"NeutronError": {"type": "RoutesExhausted", "message": "Unable to complete.", "detail": ""}}`: {true, "RoutesExhausted", "Unable to complete."},
		`{"NeutronError": "Something."}`:                                                   {true, "", "Something."},
		`{"itemNotFound": {"code": 404, "message": "Instance x could not be\nfound."}}`:    {true, "itemNotFound", "Instance x could not be found."},
		`{"error": {"code": 401, "title": "Unauthorized", "message": "Log in."}}`:          {true, "Unauthorized", "Log in."},
		`{"faultcode": "Client", "faultstring": "Quota has been met.", "debuginfo": null}`: {true, "", "Quota has been met."},
		`{"code": "404 Not Found", "title": "Not Found", "message": "No resource."}`:       {true, "Not Found", "No resource."},
		`{"code": 404, "title": "Not Found", "description": "Pool p not found."}`:          {true, "Not Found", "Pool p not found."},
		`{"code": 404, "title": "Not Found", "description": ""}`:                           {},
		`{"NeutronError": 7}`:     {},
		`{}`:                      {},
		`[]`:                      {},
		``:                        {},
		`null`:                    {},
		`<html>no backend</html>`: {},
		`{"a": {}, "b": {}}`:      {},
	}
	for body, want := range tests {
		if got := readFault([]byte(body)); got != want {
			t.Errorf("%s: got %+v, want %+v", body, got, want)
		}
	}
}

func TestShorten(t *testing.T) {
	got := shorten("a" + strings.Repeat("ü", maxMessage))
	if len(got) > maxMessage+len("…") || !strings.HasSuffix(got, "ü…") {
		t.Errorf("got %d bytes ending in %q, want a cut between two letters", len(got), got[len(got)-8:])
	}
}

func TestSplitVersion(t *testing.T) {
	tests := []struct{ path, before, from string }{
		{"/v2.0/ports", "/", "v2.0/ports"},
		{"/network/v2.0/ports/v3", "/network/", "v2.0/ports/v3"},
		{"/compute/v2.1", "/compute/", "v2.1"},
		{"/compute", "/compute", ""},
		{"/dev1/identity/v3/auth", "/dev1/identity/", "v3/auth"},
		{"/v2.0x/v", "/v2.0x/v", ""},
		{"", "", ""},
	}
	for _, test := range tests {
		before, from := splitVersion(test.path)
		if before != test.before || from != test.from {
			t.Errorf("%s: got %q and %q, want %q and %q", test.path, before, from, test.before, test.from)
		}
	}
}

func TestEndpoint(t *testing.T) {
	entry := func(kind string, endpoints ...tokens.Endpoint) tokens.CatalogEntry {
		return tokens.CatalogEntry{Type: kind, Endpoints: endpoints}
	}
	at := func(access, region, url string) tokens.Endpoint {
		return tokens.Endpoint{Interface: access, Region: region, RegionID: region, URL: url}
	}
	tests := []struct {
		name    string
		service Service
		catalog []tokens.CatalogEntry
		place   place
		want    string
		message string
	}{
		{name: "unversioned network", service: network,
			catalog: []tokens.CatalogEntry{entry("network", at("public", "R", "http://cloud:9696"))}, want: "http://cloud:9696/v2.0/"},
		{name: "versioned network", service: network,
			catalog: []tokens.CatalogEntry{entry("network", at("public", "R", "http://cloud/network/v2.0/"))}, want: "http://cloud/network/v2.0/"},
		{name: "network by its older name", service: network,
			catalog: []tokens.CatalogEntry{entry("networking", at("public", "R", "http://cloud/networking"))}, want: "http://cloud/networking/v2.0/"},
		{name: "unversioned compute", service: compute,
			catalog: []tokens.CatalogEntry{entry("compute", at("public", "R", "https://cloud/compute/"))}, want: "https://cloud/compute/v2.1/"},
		{name: "compute with project", service: compute,
			catalog: []tokens.CatalogEntry{entry("compute", at("public", "R", "http://cloud:8774/v2.1/abc"))}, want: "http://cloud:8774/v2.1/abc/"},
		{name: "compute of before microversions", service: compute,
			catalog: []tokens.CatalogEntry{entry("compute", at("public", "R", "http://cloud:8774/v2/abc/"))}, want: "http://cloud:8774/v2.1/abc/"},
		{name: "internal, of a region", service: network, place: place{region: "B", access: "internal"},
			catalog: []tokens.CatalogEntry{entry("image", at("internal", "B", "http://x")), entry("network",
				at("internal", "A", "http://a"), at("public", "B", "http://b"), at("internal", "B", "http://c"))}, want: "http://c/v2.0/"},
		{name: "access as OpenStack's older clients spell it", service: network, place: place{access: "adminURL"},
			catalog: []tokens.CatalogEntry{entry("network", at("public", "R", "http://a"), at("admin", "R", "http://b"))}, want: "http://b/v2.0/"},
		{name: "wrong region", service: network, place: place{region: "RegionTwo"},
			catalog: []tokens.CatalogEntry{entry("network", at("public", "RegionOne", "http://a"))},
			message: `in region "RegionTwo"; it has ["RegionOne"]`},
		{name: "no such service", service: compute, message: `no public endpoint of the service "compute"`},
		{name: "not a URL", service: compute,
			catalog: []tokens.CatalogEntry{entry("compute", at("public", "R", "cloud:8774"))}, message: "is not an http or https URL"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := test.service.endpoint(test.catalog, test.place)
			if got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
			if test.message == "" && err != nil {
				t.Error(err)
			}
			if test.message != "" && (!errors.Is(err, cloud.ErrUnsupported) || !strings.Contains(err.Error(), test.message)) {
				t.Errorf("got error %v, want %q", err, test.message)
			}
		})
	}
}

// What is sent to Keystone for each way to configure who we are.
func TestCredentials(t *testing.T) {
	user := func(domain string) config.Global {
		g := config.Global{Username: "u", Password: "pw", TenantName: "t"}
		switch domain {
		case "general":
			g.DomainName = "D"
		case "special":
			g.DomainID, g.UserDomainID, g.TenantDomainName = "general", "ud", "td"
		}
		return g
	}
	password := func(user map[string]any) map[string]any {
		user["password"] = "pw"
		return map[string]any{"methods": []any{"password"}, "password": map[string]any{"user": user}}
	}
	project := func(domain map[string]any) map[string]any {
		return map[string]any{"project": map[string]any{"name": "t", "domain": domain}}
	}
	type m = map[string]any
	tests := []struct {
		name            string
		global          config.Global
		identity, scope m
	}{
		{"no domain", user(""), password(m{"name": "u", "domain": m{"name": "Default"}}), project(m{"name": "Default"})},
		{"one domain", user("general"), password(m{"name": "u", "domain": m{"name": "D"}}), project(m{"name": "D"})},
		{"two domains", user("special"), password(m{"name": "u", "domain": m{"id": "ud"}}), project(m{"name": "td"})},
		{"user id wins", config.Global{UserID: "id", Username: "u", DomainName: "D", Password: "pw", TenantID: "t"},
			password(m{"id": "id"}), m{"project": m{"id": "t"}}},
		{"domain by id", config.Global{UserID: "id", Password: "pw", DomainID: "d"}, password(m{"id": "id"}), m{"domain": m{"id": "d"}}},
		{"domain by name", config.Global{UserID: "id", Password: "pw", DomainName: "D"}, password(m{"id": "id"}), m{"domain": m{"name": "D"}}},
		{"trust of the user", config.Global{UserID: "id", Password: "pw", TrustID: "tr", TenantID: "ignored"},
			password(m{"id": "id"}), m{"OS-TRUST:trust": m{"id": "tr"}}},
		{"trustee", config.Global{Username: "u", Password: "x", TrusteeID: "id", TrusteePassword: "pw", TrustID: "tr"},
			password(m{"id": "id"}), m{"OS-TRUST:trust": m{"id": "tr"}}},
		{"application credential by id", config.Global{ApplicationCredentialID: "ac", ApplicationCredentialSecret: "s", Username: "u", TenantName: "t"},
			m{"methods": []any{"application_credential"}, "application_credential": m{"id": "ac", "secret": "s"}}, nil},
		{"application credential by name", config.Global{ApplicationCredentialName: "ac", ApplicationCredentialSecret: "s", Username: "u", UserDomainName: "D"},
			m{"methods": []any{"application_credential"}, "application_credential": m{
				"name": "ac", "secret": "s", "user": m{"name": "u", "domain": m{"name": "D"}}}}, nil},
		{"token for a project", config.Global{Token: "tk", TenantID: "t", Username: "u", DomainName: "D"},
			m{"methods": []any{"token"}, "token": m{"id": "tk"}}, m{"project": m{"id": "t"}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := newCredentials(test.global)
			if err != nil {
				t.Fatal(err)
			}
			scope, err := got.options.ToTokenV3ScopeMap()
			if err != nil {
				t.Fatal(err)
			}
			body, err := got.options.ToTokenV3CreateMap(scope)
			if err != nil {
				t.Fatal(err)
			}
			auth := body["auth"].(map[string]any)
			if diff := cmp.Diff(fmt.Sprint(test.identity), fmt.Sprint(plain(auth["identity"]))); diff != "" {
				t.Errorf("identity (-want +got):\n%s", diff)
			}
			want := "<nil>"
			if test.scope != nil {
				want = fmt.Sprint(test.scope)
			}
			if diff := cmp.Diff(want, fmt.Sprint(plain(auth["scope"]))); diff != "" {
				t.Errorf("scope (-want +got):\n%s", diff)
			}
		})
	}
}

// plain resolves the pointers that gophercloud puts into request bodies.
func plain(value any) any {
	switch v := value.(type) {
	case map[string]any:
		out := map[string]any{}
		for key, inner := range v {
			out[key] = plain(inner)
		}
		return out
	case map[string]string:
		out := map[string]any{}
		for key, inner := range v {
			out[key] = inner
		}
		return out
	case *string:
		return *v
	}
	return value
}

func TestBadCredentials(t *testing.T) {
	tests := map[string]config.Global{
		"nothing":                       {},
		"no password":                   {UserID: "u", TenantID: "t"},
		"no user":                       {Password: "pw", TenantID: "t"},
		"no secret":                     {ApplicationCredentialID: "ac"},
		"a named credential of nobody":  {ApplicationCredentialName: "ac", ApplicationCredentialSecret: "s"},
		"a trustee without a password":  {TrusteeID: "u", TrustID: "t", Username: "u", Password: "pw"},
		"a named credential, no secret": {ApplicationCredentialName: "ac", UserID: "u"},
	}
	for name, global := range tests {
		global.AuthURL = "http://cloud/v3"
		if _, err := New(global, Options{}); err == nil {
			t.Errorf("%s: got no error", name)
		}
	}
	for _, url := range []string{"", "cloud:5000", "ftp://cloud", "http://", "://x"} {
		if _, err := New(config.Global{AuthURL: url, UserID: "u", Password: "pw"}, Options{}); err == nil || !strings.Contains(err.Error(), "auth-url") {
			t.Errorf("auth-url %q: got error %v", url, err)
		}
	}
	if _, err := New(config.Global{AuthURL: "cloud://user:hunter2@cloud", UserID: "u", Password: "pw"}, Options{}); strings.Contains(err.Error(), "hunter2") {
		t.Errorf("the error shows the password: %v", err)
	}
}

func TestRedact(t *testing.T) {
	var s secrets
	s.keepCredentials(`pa"ss wörd`, "abcd", "", "abc", "abcdef")
	s.keepToken("token-1")
	tests := map[string]string{
		`is pa"ss wörd`:                       "is ***",
		`{"password": "pa\"ss wörd"}`:         `{"password": "***"}`,
		"?p=" + url.QueryEscape(`pa"ss wörd`): "?p=***",
		"abcdef abcd abc":                     "*** *** abc",
		"X-Auth-Token: token-1, nothing else": "X-Auth-Token: ***, nothing else",
		"nothing":                             "nothing",
	}
	for text, want := range tests {
		if got := s.redact(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
	for n := range 100 {
		s.keepToken(fmt.Sprintf("token-of-hour-%d.", n))
	}
	if got := s.redact("token-of-hour-99. abcd"); got != "*** ***" {
		t.Errorf("got %q, want the newest token and the credentials still known", got)
	}
	if got := len(s.tokens); got > keptTokens {
		t.Errorf("got %d tokens kept, want at most %d", got, keptTokens)
	}
}

func TestRedactLeavesNoSecret(t *testing.T) {
	text := rapid.StringMatching(`[a-c"/ %]{0,12}`)
	rapid.Check(t, func(t *rapid.T) {
		var s secrets
		values := rapid.SliceOfN(rapid.StringMatching(`[x-z"/ %]{4,8}`), 1, 4).Draw(t, "secrets")
		s.keepCredentials(values...)
		message := text.Draw(t, "before")
		for _, value := range values {
			message += value + text.Draw(t, "after")
		}
		got := s.redact(message)
		for _, value := range values {
			if strings.ContainsAny(value, "xyz") && strings.Contains(got, value) {
				t.Fatalf("%q of %q still has %q", got, message, value)
			}
		}
	})
}

func TestUnfitIDs(t *testing.T) {
	for _, id := range []string{"", "../ports", "a/b", "a?b", "a b", "ü", "a.b", "%2e"} {
		if err := Unfit(id); !errors.Is(err, cloud.ErrInvalid) {
			t.Errorf("%q: got %v, want cloud.ErrInvalid", id, err)
		}
	}
	for _, id := range []string{"6ce06bce-a359-4ec1-a0d0-1636d0721afb", "r1", "A_b"} {
		if err := Unfit(id); err != nil {
			t.Errorf("%q: got %v", id, err)
		}
	}
}

// Statuses that no call of this package gets today, for those to come.
func TestClassifyOtherServices(t *testing.T) {
	client := newTestClient(t, &script{})
	_, read := client.Begin(t.Context(), opRouterGet)
	tests := []struct {
		status int
		body   string
		want   error
	}{
		{403, `{"forbidden": {"code": 403, "message": "Quota exceeded for instances: Requested 1"}}`, cloud.ErrQuota},
		{403, `{"faultcode": "Client", "faultstring": "Quota has been met for resources: Load Balancer"}`, cloud.ErrQuota},
		{403, `{"forbidden": {"code": 403, "message": "Policy doesn't allow it"}}`, cloud.ErrDenied},
		{413, `{"overLimit": {"code": 413, "message": "Too much", "retryAfter": "0"}}`, cloud.ErrQuota},
		{409, `{"conflictingRequest": {"code": 409, "message": "It is being built"}}`, cloud.ErrBusy},
		{409, `{"faultcode": "Client", "faultstring": "Load Balancer x is immutable and cannot be updated."}`, cloud.ErrBusy},
		{410, `{"computeFault": {"code": 410, "message": "This resource is no longer available."}}`, cloud.ErrUnsupported},
		{410, `<html>gone</html>`, cloud.ErrUnavailable},
		{408, ``, cloud.ErrUnavailable},
		{418, ``, cloud.ErrInvalid},
	}
	for _, test := range tests {
		err := read.Classify(gophercloud.ErrUnexpectedResponseCode{
			Method: "GET", URL: "http://cloud/v2.0/x?secret=1", Actual: test.status, Body: []byte(test.body),
		})
		if !errors.Is(err, test.want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%d %s: got %v, want %v and no query", test.status, test.body, err, test.want)
		}
	}
	if err := read.Classify(nil); err != nil {
		t.Errorf("got %v for no error", err)
	}
}
