package scenario_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"underlay/test/openstack/proxy"
)

// accessRule is one call that an application credential may make.
type accessRule struct {
	Service string `json:"service"`
	Method  string `json:"method"`
	Path    string `json:"path"`
}

// driverRules are those that the manifests have for the CSI driver.
func driverRules(t *testing.T) []accessRule { return rulesOf(t, "access-rules-csi.json") }

// rulesOf reads the rules of one of the manifests' examples.
func rulesOf(t *testing.T, name string) (rules []accessRule) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(top, "manifests/examples", name))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &rules); err != nil {
		t.Fatal(err)
	}
	return rules
}

// credential is an application credential.
type credential struct{ ID, Secret string }

// credential makes one that may do what the rules list, and nothing else. It goes
// with the test.
func (on *tenant) credential(t *testing.T, rules []accessRule) credential {
	t.Helper()
	var made struct {
		Credential credential `json:"application_credential"`
	}
	all := "/users/" + on.client.UserID + "/application_credentials"
	wish := object{"name": fmt.Sprintf("scenario-%d", time.Now().UnixNano()), "access_rules": rules}
	on.must(t, http.MethodPost, "identity", all, object{"application_credential": wish}, &made)
	t.Cleanup(func() {
		if err := on.client.Do(context.Background(), http.MethodDelete, "identity", all+"/"+made.Credential.ID, nil, nil); err != nil {
			t.Errorf("clean up: %v", err)
		}
	})
	return made.Credential
}

// scoped begins the paths of the rules for catalogs whose addresses of Cinder
// have the project in them.
const scoped = "/v3/*/"

// projectInURL sends the calls to Cinder as they are where the catalog has
// /v3/PROJECT.
type projectInURL struct{ endpoint, project string }

// RoundTrip keeps the contract of http.RoundTripper.
func (p projectInURL) RoundTrip(r *http.Request) (*http.Response, error) {
	whole := *r.URL
	whole.RawQuery = ""
	if rest, found := strings.CutPrefix(whole.String(), p.endpoint+"/"); found && rest != "" && !strings.HasPrefix(rest, p.project) {
		r = r.Clone(r.Context())
		r.URL.Path = strings.TrimSuffix(r.URL.Path, rest) + p.project + "/" + rest
	}
	return http.DefaultTransport.RoundTrip(r)
}

// seldom are rules that nothing of the story needs: a Cinder that knows less than
// the driver is asked for its versions, and one that nobody has asked for a while
// whether it still answers. TestTheDriversAccessRulesAreEnough has them.
var seldom = []accessRule{{blocks, http.MethodGet, "/v3/"}, {blocks, http.MethodGet, "/v3/volumes"}, {blocks, http.MethodGet, scoped + "volumes"}}

// covers tells whether the rule allows the calls.
func (r accessRule) covers(calls proxy.Kind) bool {
	allowed, err := path.Match(r.Path, calls.Path)
	return err == nil && allowed && r.Service == calls.Service && r.Method == calls.Method
}

// rules compares the calls of the whole story with the access rules: each call is
// allowed, as the services have found too, and each rule was needed. Of the two
// forms that Cinder's addresses have the catalog has chosen one.
func (s *volumeStory) rules() {
	rules, calls := driverRules(s.T), s.on.proxy.Kinds()
	calls = slices.DeleteFunc(calls, func(k proxy.Kind) bool { return k.Service == "identity" })
	inURL := slices.ContainsFunc(calls, func(k proxy.Kind) bool { return strings.HasPrefix(k.Path, "/v3/{id}/") })
	for _, k := range calls {
		if !slices.ContainsFunc(rules, func(r accessRule) bool { return r.covers(k) }) {
			s.Errorf("no rule for %+v", k)
		}
	}
	for _, r := range rules {
		if slices.Contains(seldom, r) || r.Service == blocks && strings.HasPrefix(r.Path, scoped) != inURL {
			continue
		}
		if !slices.ContainsFunc(calls, r.covers) {
			s.Errorf("%+v is allowed, and nothing of the story needs it", r)
		}
	}
}
