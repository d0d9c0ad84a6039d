package simulator_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"testing"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack"

	"underlay/pkg/simulator"
)

// options are those of the plain member, with re-authentication.
func options(c *simulator.Cloud) gophercloud.AuthOptions {
	return gophercloud.AuthOptions{
		IdentityEndpoint: simulator.IdentityURL(simulator.Endpoint),
		Username:         "demo", Password: "simulated", DomainName: "Default",
		Scope:       &gophercloud.AuthScope{ProjectID: c.ProjectID()},
		AllowReauth: true,
	}
}

// providerWith logs in through the cloud's transport; the error is the log-in's.
func providerWith(t *testing.T, c *simulator.Cloud, opts gophercloud.AuthOptions) (*gophercloud.ProviderClient, error) {
	t.Helper()
	provider, err := openstack.NewClient(opts.IdentityEndpoint)
	if err != nil {
		t.Fatalf("new client: %v", err)
	}
	provider.HTTPClient = http.Client{Transport: c.Transport()}
	return provider, openstack.Authenticate(t.Context(), provider, opts)
}

// provider logs the plain member in.
func provider(t *testing.T, c *simulator.Cloud) *gophercloud.ProviderClient {
	t.Helper()
	p, err := providerWith(t, c, options(c))
	if err != nil {
		t.Fatalf("log in: %v", err)
	}
	return p
}

// adminProvider logs the admin in.
func adminProvider(t *testing.T, c *simulator.Cloud) *gophercloud.ProviderClient {
	t.Helper()
	opts := options(c)
	opts.Username = "admin"
	opts.Scope = &gophercloud.AuthScope{ProjectName: "admin", DomainName: "Default"}
	p, err := providerWith(t, c, opts)
	if err != nil {
		t.Fatalf("log in as admin: %v", err)
	}
	return p
}

func compute(t *testing.T, p *gophercloud.ProviderClient, version string) *gophercloud.ServiceClient {
	t.Helper()
	client, err := openstack.NewComputeV2(p, gophercloud.EndpointOpts{})
	if err != nil {
		t.Fatalf("compute client: %v", err)
	}
	client.Microversion = version
	return client
}

// answer is a raw answer, its body decoded if it is JSON.
type answer struct {
	*http.Response
	status int
	text   string
	body   map[string]any
}

// raw makes one call past every client library. Headers come in pairs.
func raw(t *testing.T, c *simulator.Cloud, method, path, body string, headers ...string) answer {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, simulator.Endpoint+path, bytes.NewBufferString(body))
	if err != nil {
		t.Fatalf("new request: %v", err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := c.Transport().RoundTrip(request)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatalf("read answer: %v", err)
	}
	got := answer{Response: response, status: response.StatusCode, text: string(text)}
	if json.Valid(text) {
		if err := json.Unmarshal(text, &got.body); err != nil {
			t.Fatalf("decode answer: %v", err)
		}
	}
	return got
}

// at walks into decoded JSON by keys and indices.
func at(value any, path ...any) any {
	for _, step := range path {
		switch step := step.(type) {
		case string:
			object, _ := value.(map[string]any)
			value = object[step]
		case int:
			list, _ := value.([]any)
			if step >= len(list) {
				return nil
			}
			value = list[step]
		}
	}
	return value
}

// bearer is a token of the plain member.
func bearer(t *testing.T, c *simulator.Cloud) string {
	t.Helper()
	return provider(t, c).Token()
}
