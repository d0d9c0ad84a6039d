package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack"
	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/servers"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/layer3/routers"

	"sigs.k8s.io/yaml"

	underlay "underlay/pkg/config"
	"underlay/pkg/simulator"
)

// output is what a running command prints; ready is closed at the last line of
// the introduction.
type output struct {
	mu    sync.Mutex
	text  bytes.Buffer
	once  sync.Once
	ready chan struct{}
}

func (o *output) Write(text []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	n, err := o.text.Write(text)
	if strings.Contains(o.text.String(), "Ctrl-C stops it.") {
		o.once.Do(func() { close(o.ready) })
	}
	return n, err
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// simulation is a running `underlay simulate` on a free port.
type simulation struct {
	url  string
	out  *output
	stop func() int // as Ctrl-C does; returns the exit code
}

func startSimulation(t *testing.T, args ...string) simulation {
	t.Helper()
	ctx, interrupt := context.WithCancel(t.Context())
	out, code := &output{ready: make(chan struct{})}, make(chan int, 1)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		code <- Run(ctx, append([]string{"simulate", "--listen", "127.0.0.1:0"}, args...), out, out)
	}()
	stop := sync.OnceValue(func() int { interrupt(); return <-code })
	t.Cleanup(func() { stop() })
	select {
	case <-out.ready:
	case <-ended:
		t.Fatalf("it ended at once: %s", out)
	}
	found := regexp.MustCompile(`Simulated OpenStack on (http://127\.0\.0\.1:\d+)\n`).FindStringSubmatch(out.String())
	if found == nil {
		t.Fatalf("it does not say where it is:\n%s", out)
	}
	return simulation{url: found[1], out: out, stop: stop}
}

// printed cuts one file out of the output.
func (s simulation) printed(t *testing.T, file string) string {
	t.Helper()
	_, rest, found := strings.Cut(s.out.String(), "--- "+file+" ---\n")
	text, _, ended := strings.Cut(rest, "\n---")
	if !found || !ended {
		t.Fatalf("no %s in\n%s", file, s.out)
	}
	return text
}

// The printed cloud.conf holds no problem, and by it a client that we did not
// write finds the seeded servers and the router that it names.
func TestSimulatePrintsCloudConfThatWorks(t *testing.T) {
	s := startSimulation(t, "--servers", "4", "--max-routes", "3")
	conf, report := underlay.Read(strings.NewReader(s.printed(t, "cloud.conf")), "cloud.conf", underlay.Env{})
	if len(report.Problems) != 0 {
		t.Fatalf("problems: %v", report.Problems)
	}
	g := conf.Global
	client, err := openstack.AuthenticatedClient(t.Context(), gophercloud.AuthOptions{
		IdentityEndpoint: g.AuthURL, Username: g.Username, Password: g.Password, DomainName: g.DomainName, TenantName: g.TenantName,
	})
	if err != nil {
		t.Fatalf("log in: %v", err)
	}
	compute, err := openstack.NewComputeV2(client, gophercloud.EndpointOpts{Region: g.Region})
	if err != nil {
		t.Fatal(err)
	}
	pages, err := servers.List(compute, nil).AllPages(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	list, err := servers.ExtractServers(pages)
	if err != nil || len(list) != 4 {
		t.Errorf("got %d servers, want 4: %v", len(list), err)
	}
	network, err := openstack.NewNetworkV2(client, gophercloud.EndpointOpts{Region: g.Region})
	if err != nil {
		t.Fatal(err)
	}
	router, err := routers.Get(t.Context(), network, conf.Route.RouterID).Extract()
	if err != nil {
		t.Fatalf("the router of cloud.conf: %v", err)
	}
	var got []string
	for _, r := range router.Routes {
		got = append(got, r.DestinationCIDR)
	}
	if diff := cmp.Diff([]string{"10.244.0.0/24", "10.244.1.0/24", "10.244.2.0/24"}, got); diff != "" {
		t.Errorf("routes up to the router's limit (-want +got):\n%s", diff)
	}
	if code := s.stop(); code != 0 || !strings.HasSuffix(s.out.String(), "Stopped.\n") {
		t.Errorf("got exit code %d and\n%s", code, s.out)
	}
}

// The written files are their owner's alone, work, and are written anew at the
// next start; a file of somebody else's stays.
func TestSimulateWritesConfig(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "lab")
	for range 2 {
		s := startSimulation(t, "--write-config", dir, "--name", "my lab", "--seed", "empty")
		for _, name := range []string{"cloud.conf", "clouds.yaml"} {
			info, err := os.Stat(filepath.Join(dir, name))
			if err != nil || info.Mode().Perm() != 0o600 {
				t.Fatalf("%s: %v, %v; want it readable by its owner only", name, info, err)
			}
		}
		if strings.Contains(s.out.String(), "simulated\n") || strings.Contains(s.out.String(), "password") {
			t.Error("the password is printed although it is in the files")
		}
		if want := "OS_CLOUD='my lab'"; !strings.Contains(s.out.String(), want) {
			t.Errorf("no %s in\n%s", want, s.out)
		}
		auth := cloudOf(t, filepath.Join(dir, "clouds.yaml"), "my lab")
		client, err := openstack.AuthenticatedClient(t.Context(), auth)
		if err != nil {
			t.Fatalf("log in by clouds.yaml: %v", err)
		}
		if _, err := openstack.NewNetworkV2(client, gophercloud.EndpointOpts{Region: "RegionOne"}); err != nil {
			t.Errorf("the network service: %v", err)
		}
		if report := report(t, filepath.Join(dir, "cloud.conf")); len(report.Problems) != 0 {
			t.Errorf("cloud.conf: %v", report.Problems)
		}
		s.stop()
	}
	mine := filepath.Join(dir, "cloud.conf")
	if err := os.WriteFile(mine, []byte("[Global]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	out := &bytes.Buffer{}
	if code := Run(t.Context(), []string{"simulate", "--listen", "127.0.0.1:0", "--write-config", dir}, out, out); code != 1 ||
		!strings.Contains(out.String(), "is not overwritten") {
		t.Errorf("got exit code %d, %s", code, out)
	}
	if text, err := os.ReadFile(mine); err != nil || string(text) != "[Global]\n" {
		t.Errorf("the file was changed: %q, %v", text, err)
	}
}

// cloudOf reads how to log in to a cloud of a clouds.yaml.
func cloudOf(t *testing.T, file, name string) gophercloud.AuthOptions {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var all struct {
		Clouds map[string]struct {
			Auth struct {
				AuthURL     string `json:"auth_url"`
				Username    string `json:"username"`
				Password    string `json:"password"`
				ProjectName string `json:"project_name"`
				UserDomain  string `json:"user_domain_name"`
			} `json:"auth"`
		} `json:"clouds"`
	}
	if err := yaml.Unmarshal(text, &all); err != nil {
		t.Fatalf("read clouds.yaml: %v", err)
	}
	auth := all.Clouds[name].Auth
	return gophercloud.AuthOptions{
		IdentityEndpoint: auth.AuthURL, Username: auth.Username, Password: auth.Password, DomainName: auth.UserDomain,
		TenantName: auth.ProjectName,
	}
}

func report(t *testing.T, file string) underlay.Report {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	_, report := underlay.Read(bytes.NewReader(text), file, underlay.Env{})
	return report
}

// A page that is open and a call that hangs do not hold up the end.
func TestSimulateStopsWithReadersWaiting(t *testing.T) {
	s := startSimulation(t, "--fault", "GET /v3:hang")
	answer, err := http.Get(s.url + "/simulator/events")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	first := make([]byte, 6)
	if _, err := io.ReadFull(answer.Body, first); err != nil || string(first) != "retry:" {
		t.Fatalf("the stream begins %q, %v", first, err)
	}
	hung := make(chan error, 1)
	go func() {
		answer, err := http.Get(s.url + "/identity/v3")
		if err == nil {
			_ = answer.Body.Close()
		}
		hung <- err
	}()
	waitForCall(t, s.url)
	if code := s.stop(); code != 0 {
		t.Errorf("got exit code %d", code)
	}
	if _, err := io.Copy(io.Discard, answer.Body); err != nil {
		t.Errorf("the stream does not end well: %v", err)
	}
	if err := <-hung; err == nil {
		t.Error("the call that hangs was answered")
	}
}

// waitForCall waits until the cloud has seen a call.
func waitForCall(t *testing.T, url string) {
	t.Helper()
	for t.Context().Err() == nil {
		answer, err := http.Get(url + "/simulator/state")
		if err != nil {
			t.Fatal(err)
		}
		var state struct {
			Numbers []struct{ What, Note string }
		}
		err = json.NewDecoder(answer.Body).Decode(&state)
		_ = answer.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		if state.Numbers[len(state.Numbers)-1].Note != "0 in all" {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatal("the call has not arrived")
}

// The flags make the cloud that they say.
func TestSimulateFlags(t *testing.T) {
	o := &simulateOptions{
		seed: "demo", servers: 2, latency: "none", name: "lab", region: "north", maxRoutes: 30, tokenTTL: time.Minute,
		atomicRoutes: false, addressPairs: true, portGuard: true, faults: []string{"GET /v2.0/extensions/*:503:nth=2:retry-after=7s"},
	}
	cloud, routerID, err := o.cloud()
	if err != nil {
		t.Fatal(err)
	}
	if n := len(cloud.Router(routerID).Routes); n != 2 || len(cloud.Servers()) != 2 {
		t.Errorf("got %d routes and %d servers, want 2 and 2", n, len(cloud.Servers()))
	}
	provider, err := openstack.NewClient(simulator.IdentityURL(simulator.Endpoint))
	if err != nil {
		t.Fatal(err)
	}
	provider.HTTPClient = http.Client{Transport: cloud.Transport()}
	if err := openstack.Authenticate(t.Context(), provider, gophercloud.AuthOptions{
		IdentityEndpoint: simulator.IdentityURL(simulator.Endpoint), Username: "demo", Password: "simulated", DomainName: "Default",
		TenantName: "demo",
	}); err != nil {
		t.Fatal(err)
	}
	for i, want := range []int{404, 503, 404} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, simulator.Endpoint+"/network/v2.0/extensions/extraroute-atomic", nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("X-Auth-Token", provider.Token())
		answer, err := provider.HTTPClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		if answer.StatusCode != want || (want == 503) != (answer.Header.Get("Retry-After") == "7") {
			t.Errorf("call %d: got %d, Retry-After %q", i+1, answer.StatusCode, answer.Header.Get("Retry-After"))
		}
	}
}

func TestParseFault(t *testing.T) {
	for text, want := range map[string]simulator.Fault{
		"PUT /v2.0/ports/*:503:nth=2":      {Match: "PUT /v2.0/ports/*", Status: 503, Nth: 2},
		"*:500":                            {Match: "*", Status: 500},
		"* /servers*:429:retry-after=1m":   {Match: "* /servers*", Status: 429, RetryAfter: time.Minute},
		"GET *:drop":                       {Match: "GET *", Kind: simulator.DropBefore},
		"POST /servers:drop:when=after":    {Match: "POST /servers", Kind: simulator.DropAfter},
		"GET /servers/{id}:hang":           {Match: "GET /servers/{id}", Kind: simulator.Hang},
		"PUT *:hang:when=after:times=3":    {Match: "PUT *", Kind: simulator.HangAfter, Times: 3},
		"PUT *:409:when=after:every=5":     {Match: "PUT *", Kind: simulator.FailAfter, Status: 409, Every: 5},
		"PUT *:400:when=before:type=Quota": {Match: "PUT *", Status: 400, Type: "Quota"},
		"PUT *:400:message=no room=here":   {Match: "PUT *", Status: 400, Message: "no room=here"},
	} {
		got, err := parseFault(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
}

// Bad flags end with code 2 and say, all at once, what is wrong with each.
func TestSimulateBadFlags(t *testing.T) {
	for text, want := range map[string]string{
		"":                        "no METHOD /path",
		"503":                     "no METHOD /path",
		"FETCH /servers:503":      "no METHOD /path",
		"/servers:503":            "no METHOD /path",
		"GET /servers":            "say after a colon what happens",
		"GET /servers:":           "is no status",
		"GET /servers:200":        "is no status from 400 to 599",
		"GET /servers:explode":    "neither drop nor hang",
		"GET *:503:nth":           "is no KEY=VALUE",
		"GET *:503:nth=":          "is no KEY=VALUE",
		"GET *:503:nth=0":         "must be a number from 1",
		"GET *:503:nth=x":         "must be a number from 1",
		"GET *:503:times=-1":      "must be a number from 1",
		"GET *:503:nth=1:nth=2":   "given twice",
		"GET *:503:when=later":    "must be before or after",
		"GET *:503:retry-after=":  "is no KEY=VALUE",
		"GET *:503:retry-after=5": "must be a duration",
		"GET *:503:color=red":     `unknown key "color"`,
	} {
		out := &bytes.Buffer{}
		code := Run(t.Context(), []string{"simulate", "--seed", "full", "--max-routes", "0", "--fault", text}, out, out)
		if code != 2 {
			t.Errorf("%q: got exit code %d, want 2", text, code)
		}
		for _, part := range []string{want, fmt.Sprintf("--fault %q", text), `--seed: "full"`, "--max-routes: must be 1 or more"} {
			if !strings.Contains(out.String(), part) {
				t.Errorf("%q: no %q in %s", text, part, out)
			}
		}
	}
	for flag, value := range map[string]string{
		"--latency": "slow", "--servers": "1001", "--route-quota": "-1", "--rate-limit": "-1", "--token-ttl": "0s", "--name": "",
	} {
		out := &bytes.Buffer{}
		if code := Run(t.Context(), []string{"simulate", flag, value}, out, out); code != 2 || !strings.Contains(out.String(), flag) {
			t.Errorf("%s %q: got exit code %d, %s", flag, value, code, out)
		}
	}
}

func TestSimulateOnTakenPort(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	out := &bytes.Buffer{}
	if code := Run(t.Context(), []string{"simulate", "--listen", taken.Addr().String()}, out, out); code != 1 ||
		!strings.Contains(out.String(), "--listen 127.0.0.1:0 takes any free port") {
		t.Errorf("got exit code %d, %s", code, out)
	}
}

func TestReachableURL(t *testing.T) {
	for at, want := range map[string]string{
		"127.0.0.1:5000": "http://127.0.0.1:5000", "0.0.0.0:80": "http://127.0.0.1:80", "[::]:80": "http://localhost:80",
		"[::1]:80": "http://[::1]:80", "192.0.2.7:5000": "http://192.0.2.7:5000",
	} {
		address, err := net.ResolveTCPAddr("tcp", at)
		if err != nil {
			t.Fatal(err)
		}
		if got := reachableURL(address); got != want {
			t.Errorf("%s: got %s, want %s", at, got, want)
		}
	}
}

// The seed fits in its networks at its largest.
func TestSeedOfMostServers(t *testing.T) {
	o := &simulateOptions{
		seed: "demo", servers: maxSeedServers, latency: "real", name: "lab", region: "north", maxRoutes: 30, routeQuota: 2000,
		tokenTTL: time.Minute, addressPairs: true, portGuard: true,
	}
	cloud, routerID, err := o.cloud()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, r := range cloud.Router(routerID).Routes {
		seen[r.Destination], seen[r.NextHop] = true, true
	}
	if len(seen) != 2*maxSeedServers {
		t.Errorf("got %d different destinations and next hops, want %d", len(seen), 2*maxSeedServers)
	}
}
