package proxy_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"underlay/pkg/simulator"
	"underlay/test/openstack/api"
	"underlay/test/openstack/proxy"
)

// world is the simulated cloud with a proxy before it.
type world struct {
	cloud  *simulator.Cloud
	proxy  *proxy.Proxy
	url    string
	client *api.Client // through the proxy
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{cloud: simulator.New(simulator.Options{})}
	services := httptest.NewServer(w.cloud)
	t.Cleanup(services.Close)
	account := api.Account{AuthURL: simulator.IdentityURL(services.URL), Username: "demo", Password: "simulated", Project: "demo", Region: "RegionOne"}
	direct, err := api.Login(t.Context(), http.DefaultClient, account)
	if err != nil {
		t.Fatal(err)
	}
	endpoints := map[string]string{}
	for _, kind := range []string{"identity", "network", "compute"} {
		endpoints[kind] = direct.Endpoint(kind)
	}
	if w.proxy, err = proxy.New(endpoints); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(w.proxy)
	t.Cleanup(server.Close)
	w.url = server.URL
	account.AuthURL = server.URL + "/identity/v3"
	if w.client, err = api.Login(t.Context(), http.DefaultClient, account); err != nil {
		t.Fatal(err)
	}
	return w
}

func TestTheCatalogLeadsThroughTheProxy(t *testing.T) {
	w := newWorld(t)
	for _, kind := range []string{"network", "compute"} {
		if got := w.client.Endpoint(kind); !strings.HasPrefix(got, w.url+"/"+kind) {
			t.Errorf("%s: got %s, want it below %s", kind, got, w.url)
		}
	}
}

func TestEveryCallIsCountedWithoutItsIDs(t *testing.T) {
	w := newWorld(t)
	w.proxy.Reset()
	network := w.cloud.AddNetwork(simulator.NetworkSpec{Name: "n", Subnets: []string{"192.168.11.0/24"}})
	router := w.cloud.AddRouter(simulator.RouterSpec{Name: "r", SubnetIDs: network.SubnetIDs})
	for _, call := range []struct {
		method, service, path string
		body                  any
		fails                 bool
	}{
		{http.MethodGet, "network", "/v2.0/ports?device_id=x", nil, false},
		{http.MethodGet, "network", "/v2.0/routers/" + router + "?fields=routes", nil, false},
		{http.MethodPut, "network", "/v2.0/routers/" + router + "/add_extraroutes", map[string]any{"router": map[string]any{"routes": []any{}}}, false},
		{http.MethodGet, "compute", "/servers/detail", nil, false},
		{http.MethodGet, "compute", "/servers/00000000-0000-4000-8000-000000000000", nil, true},
	} {
		if err := w.client.Do(t.Context(), call.method, call.service, call.path, call.body, nil); (err != nil) != call.fails {
			t.Errorf("%s %s: %v", call.method, call.path, err)
		}
	}
	want := []proxy.Call{
		{Method: "GET", Pattern: "GET /v2.0/ports", Query: url.Values{"device_id": {"x"}}, Status: 200},
		{Method: "GET", Pattern: "GET /v2.0/routers/{id}", Query: url.Values{"fields": {"routes"}}, Status: 200},
		{Method: "PUT", Pattern: "PUT /v2.0/routers/{id}/add_extraroutes", Status: 200},
		{Method: "GET", Pattern: "GET /servers/detail", Status: 200},
		{Method: "GET", Pattern: "GET /servers/{id}", Status: 404},
	}
	if diff := cmp.Diff(want, w.proxy.Calls()); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
	if got := w.proxy.Count("GET /v2.0/*"); got != 1 {
		t.Errorf("count of GET /v2.0/*: got %d, want 1", got)
	}
	w.proxy.Reset()
	if got := len(w.proxy.Calls()); got != 0 {
		t.Errorf("after the reset: got %d calls", got)
	}
	kinds := []proxy.Kind{
		{Service: "compute", Method: "GET", Path: "/v2.1/servers/detail"},
		{Service: "compute", Method: "GET", Path: "/v2.1/servers/{id}"},
		{Service: "identity", Method: "POST", Path: "/v3/auth/tokens"},
		{Service: "network", Method: "GET", Path: "/v2.0/ports"},
		{Service: "network", Method: "GET", Path: "/v2.0/routers/{id}"},
		{Service: "network", Method: "PUT", Path: "/v2.0/routers/{id}/add_extraroutes"},
	}
	if diff := cmp.Diff(kinds, w.proxy.Kinds()); diff != "" {
		t.Errorf("kinds of all calls, whatever is reset (-want +got):\n%s", diff)
	}
}

func TestAHiddenExtensionIsNowhere(t *testing.T) {
	w := newWorld(t)
	router := w.cloud.AddRouter(simulator.RouterSpec{Name: "r"})
	add := func() error {
		return w.client.Do(t.Context(), http.MethodPut, "network", "/v2.0/routers/"+router+"/add_extraroutes", map[string]any{"router": map[string]any{"routes": []any{}}}, nil)
	}
	aliases := func() map[string]bool {
		var list struct{ Extensions []struct{ Alias string } }
		if err := w.client.Do(t.Context(), http.MethodGet, "network", "/v2.0/extensions", nil, &list); err != nil {
			t.Fatal(err)
		}
		found := map[string]bool{}
		for _, extension := range list.Extensions {
			found[extension.Alias] = true
		}
		return found
	}
	if err := add(); err != nil || !aliases()["extraroute-atomic"] {
		t.Fatalf("before it is hidden: %v, %v", err, aliases())
	}
	w.proxy.HideExtension("extraroute-atomic", "add_extraroutes", "remove_extraroutes")
	before := w.cloud.Count("*")
	if err := add(); err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("add_extraroutes: got %v, want 404", err)
	}
	if err := w.client.Do(t.Context(), http.MethodGet, "network", "/v2.0/extensions/extraroute-atomic", nil, nil); err == nil {
		t.Error("the extension has a page of its own")
	}
	if got := w.cloud.Count("*"); got != before {
		t.Errorf("the service saw %d calls of what is hidden", got-before)
	}
	if got := aliases(); got["extraroute-atomic"] || !got["extraroute"] {
		t.Errorf("extensions: got %v, want extraroute and not extraroute-atomic", got)
	}
}

func TestOnlyWholeAddressesAreRewritten(t *testing.T) {
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		self := "http://" + r.Host
		_ = json.NewEncoder(w).Encode([]string{self, self + "/v2.0/x", self + "0/v2.0/x"})
	}))
	defer service.Close()
	p, err := proxy.New(map[string]string{"network": service.URL + "/v2.0/"})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(p)
	defer server.Close()
	response, err := http.Get(server.URL + "/network/v2.0/things")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	if err := json.Unmarshal(body, &got); err != nil {
		t.Fatal(err)
	}
	want := []string{server.URL + "/network", server.URL + "/network/v2.0/x", service.URL + "0/v2.0/x"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("addresses (-want +got):\n%s", diff)
	}
}

// TestACallIsCountedBeforeItsEffect holds the service in the middle of a call.
func TestACallIsCountedBeforeItsEffect(t *testing.T) {
	var p *proxy.Proxy
	var during []proxy.Call
	service := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { during = p.Calls() }))
	defer service.Close()
	var err error
	if p, err = proxy.New(map[string]string{"network": service.URL}); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(p)
	defer server.Close()
	get := func() int {
		response, err := http.Get(server.URL + "/network/v2.0/ports")
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		return response.StatusCode
	}
	get()
	if diff := cmp.Diff([]proxy.Call{{Method: "GET", Pattern: "GET /v2.0/ports"}}, during); diff != "" {
		t.Errorf("during the call (-want +got):\n%s", diff)
	}
	if got := p.Calls(); len(got) != 1 || got[0].Status != http.StatusOK {
		t.Errorf("after it: got %+v, want its status", got)
	}
	service.Close()
	if got := get(); got != http.StatusBadGateway {
		t.Errorf("a service that is gone: got %d, want 502", got)
	}
}

func TestAnUnknownServiceIsNotFound(t *testing.T) {
	w := newWorld(t)
	response, err := http.Get(w.url + "/volume/v3")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusNotFound {
		t.Errorf("got %s, want 404", response.Status)
	}
	if _, err := proxy.New(map[string]string{"network": "nonsense"}); err == nil {
		t.Error("an address that is none: no error")
	}
}
