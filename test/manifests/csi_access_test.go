package manifests_test

import (
	"context"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"

	"underlay/pkg/config"
	"underlay/pkg/openstack/session"
	"underlay/pkg/openstack/storage"
	"underlay/pkg/simulator"
	"underlay/pkg/volumes/controller"
)

// TestTheDriversAccessRulesAreEnough makes every call that the CSI driver can make
// with an application credential that may do nothing but what
// examples/access-rules-csi.json lists, on catalogs whose URLs have the project in
// them and on others; and no rule is there in vain.
func TestTheDriversAccessRulesAreEnough(t *testing.T) {
	rules := readRules(t, "examples/access-rules-csi.json")
	for _, scoped := range []bool{false, true} {
		for name, err := range driverFailures(t, rules, scoped) {
			t.Errorf("project in the URL %t: %s: %v", scoped, name, err)
		}
	}
	for i, rule := range rules {
		without := slices.Delete(slices.Clone(rules), i, i+1)
		scoped := strings.HasPrefix(rule.Path, "/v3/*/")
		if len(driverFailures(t, without, scoped)) == 0 {
			t.Errorf("%s %s is allowed and not needed", rule.Method, rule.Path)
		}
	}
}

// driverFailures makes every call and returns those that are forbidden, by the
// method's name.
func driverFailures(t *testing.T, rules []simulator.AccessRule, scoped bool) map[string]error {
	t.Helper()
	simulated := simulator.New(simulator.Options{MaxMicroversion: "2.79", MaxVolumeMicroversion: "3.60"}) // so that both are negotiated
	credential := simulated.AddApplicationCredential(simulator.ApplicationCredentialSpec{Name: "csi", AccessRules: rules})
	transport := simulated.Transport()
	if scoped {
		transport = projectInURL{transport, simulated.ProjectID()}
	}
	connection, err := session.New(config.Global{
		AuthURL:                 simulator.IdentityURL(simulator.Endpoint),
		ApplicationCredentialID: credential.ID, ApplicationCredentialSecret: credential.Secret,
		EndpointType: "public",
	}, session.Options{Transport: transport, RequestsPerSecond: 1e6, Burst: 1e6})
	if err != nil {
		t.Fatal(err)
	}
	client := storage.New(connection, storage.Options{})
	calls := methodCalls(client, reflect.TypeFor[controller.Cloud]())
	calls["Check"] = func(ctx context.Context) error { return forbidden(client.Check(ctx)) }
	if len(calls) < 35 {
		t.Fatalf("found only %d calls", len(calls))
	}
	failed := map[string]error{}
	for name, call := range calls {
		if err := call(t.Context()); err != nil {
			failed[name] = err
		}
	}
	return failed
}

// projectInURL makes the calls to Cinder as they are made where the catalog says
// /v3/PROJECT.
type projectInURL struct {
	next    http.RoundTripper
	project string
}

// RoundTrip keeps the contract of http.RoundTripper.
func (p projectInURL) RoundTrip(r *http.Request) (*http.Response, error) {
	if before, after, found := strings.Cut(r.URL.Path, "/volume/v3/"); found && after != "" {
		r = r.Clone(r.Context())
		r.URL.Path = before + "/volume/v3/" + p.project + "/" + after
	}
	return p.next.RoundTrip(r)
}
