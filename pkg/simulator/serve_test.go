package simulator_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/servers"

	"underlay/pkg/simulator"
)

// createServer asks for a server without any network.
func createServer(t *testing.T, client *gophercloud.ServiceClient, name string) error {
	t.Helper()
	_, err := servers.Create(t.Context(), client, servers.CreateOpts{Name: name, FlavorRef: "1", Networks: "none"}, nil).Extract()
	return err
}

func TestFaultKinds(t *testing.T) {
	for _, tc := range []struct {
		fault      simulator.Fault
		wantStatus int  // 0: the connection breaks
		wantDone   bool // the server was made all the same
	}{
		{simulator.Fault{Kind: simulator.FailBefore, Status: 503}, 503, false},
		{simulator.Fault{Kind: simulator.FailAfter, Status: 504}, 504, true},
		{simulator.Fault{Kind: simulator.FailBefore}, 500, false},
		{simulator.Fault{Kind: simulator.DropBefore}, 0, false},
		{simulator.Fault{Kind: simulator.DropAfter}, 0, true},
	} {
		t.Run(tc.fault.Kind.String(), func(t *testing.T) {
			c := simulator.New(simulator.Options{})
			client := compute(t, provider(t, c), "2.60")
			tc.fault.Match, tc.fault.Nth = "POST /servers", 1
			c.AddFault(tc.fault)
			err := createServer(t, client, "one")
			switch {
			case tc.wantStatus != 0 && !gophercloud.ResponseCodeIs(err, tc.wantStatus):
				t.Errorf("got %v, want status %d", err, tc.wantStatus)
			case tc.wantStatus == 0 && !errors.Is(err, io.ErrUnexpectedEOF):
				t.Errorf("got %v, want a broken connection", err)
			}
			if got := len(c.Servers()) == 1; got != tc.wantDone {
				t.Errorf("server made: got %v, want %v", got, tc.wantDone)
			}
			calls := c.Calls()
			last := calls[len(calls)-1]
			if last.Fault != tc.fault.Kind.String() || last.Status != tc.wantStatus {
				t.Errorf("call log: got fault %q status %d, want %q %d", last.Fault, last.Status, tc.fault.Kind, tc.wantStatus)
			}
			if err := createServer(t, client, "two"); err != nil {
				t.Errorf("the next call: %v", err)
			}
		})
	}
}

func TestFaultTurns(t *testing.T) {
	for name, tc := range map[string]struct {
		fault simulator.Fault
		want  string // one letter a call: . passes, x fails
	}{
		"every":              {simulator.Fault{}, "xxxxx"},
		"first two":          {simulator.Fault{Times: 2}, "xx..."},
		"third":              {simulator.Fault{Nth: 3}, "..x.."},
		"second and third":   {simulator.Fault{Nth: 2, Times: 2}, ".xx.."},
		"another call":       {simulator.Fault{Match: "PUT *"}, "....."},
		"by concrete path":   {simulator.Fault{Match: "GET /servers/none-*"}, "xxxxx"},
		"every second":       {simulator.Fault{Nth: 2, Every: 2}, ".x.x."},
		"every second, once": {simulator.Fault{Every: 2, Times: 1}, "x...."},
	} {
		t.Run(name, func(t *testing.T) {
			c := simulator.New(simulator.Options{})
			token := bearer(t, c)
			if tc.fault.Match == "" {
				tc.fault.Match = "GET /servers/{id}"
			}
			c.AddFault(tc.fault)
			var got strings.Builder
			for range len(tc.want) {
				if raw(t, c, "GET", "/compute/v2.1/servers/none-such", "", "X-Auth-Token", token).status == 500 {
					got.WriteByte('x')
				} else {
					got.WriteByte('.')
				}
			}
			if got.String() != tc.want {
				t.Errorf("got %s, want %s", got.String(), tc.want)
			}
			c.ClearFaults()
			if code := raw(t, c, "GET", "/compute/v2.1/servers/none-such", "", "X-Auth-Token", token).status; code != 404 {
				t.Errorf("after ClearFaults: got %d, want 404", code)
			}
		})
	}
}

func TestFaultBody(t *testing.T) {
	c := simulator.New(simulator.Options{})
	token := bearer(t, c)
	c.AddFault(simulator.Fault{Match: "*", Status: 409, Type: "OverQuota", Message: "full", RetryAfter: 1500 * time.Millisecond})
	for path, want := range map[string][]any{
		"/network/v2.0/ports":    {"NeutronError", "message"},
		"/compute/v2.1/servers":  {"OverQuota", "message"},
		"/identity/v3/auth/none": {"error", "message"},
		"/image/v2/images":       {"message"},
	} {
		got := raw(t, c, "GET", path, "", "X-Auth-Token", token)
		if got.status != 409 || at(got.body, want...) != "full" {
			t.Errorf("%s: got %d %s", path, got.status, got.text)
		}
		if header := got.Header.Get("Retry-After"); header != "2" {
			t.Errorf("%s: Retry-After: got %q, want 2", path, header)
		}
	}
	if got := raw(t, c, "GET", "/network/v2.0/ports", "", "X-Auth-Token", token); at(got.body, "NeutronError", "type") != "OverQuota" {
		t.Errorf("type: got %s", got.text)
	}
}

// A caller who gives up in time has asked for nothing, unless the fault says so.
func TestHangBeforeAndAfter(t *testing.T) {
	for kind, want := range map[simulator.FaultKind]int{simulator.Hang: 0, simulator.HangAfter: 1} {
		t.Run(kind.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := simulator.New(simulator.Options{})
				client := compute(t, provider(t, c), "2.60")
				c.AddFault(simulator.Fault{Match: "POST /servers", Kind: kind})
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				_, err := servers.Create(ctx, client, servers.CreateOpts{Name: "a", FlavorRef: "1", Networks: "none"}, nil).Extract()
				if !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("got %v, want the deadline", err)
				}
				if got := len(c.Servers()); got != want {
					t.Errorf("got %d servers, want %d", got, want)
				}
			})
		})
	}
}

// Over HTTP the server learns that the caller is gone; it could not close otherwise.
func TestHangOverHTTP(t *testing.T) {
	c := simulator.New(simulator.Options{})
	web := httptest.NewServer(c)
	c.AddFault(simulator.Fault{Match: "*", Kind: simulator.Hang})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		for c.Count("GET /v3") == 0 {
			runtime.Gosched()
		}
		cancel()
	}()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, web.URL+"/identity/v3", nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := http.DefaultClient.Do(request); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, %v, want the caller's own end", got, err)
	}
	web.Close()
}

func TestHangEndsWithTheCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := simulator.New(simulator.Options{})
		client := compute(t, provider(t, c), "2.60")
		c.AddFault(simulator.Fault{Match: "GET /servers/detail", Kind: simulator.Hang})
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		defer cancel()
		start := time.Now()
		_, err := servers.List(client, nil).AllPages(ctx)
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want the deadline", err)
		}
		if got := time.Since(start); got != 10*time.Minute {
			t.Errorf("hung for %v, want 10m", got)
		}
		if got := c.Calls()[c.Count("*")-1]; got.Fault != "Hang" || got.Status != 0 {
			t.Errorf("call log: got %+v", got)
		}
	})
}

func TestLatency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := simulator.New(simulator.Options{})
		token := bearer(t, c)
		c.SetLatency(simulator.LatencyProfile{
			Read: time.Second, Write: 2 * time.Second,
			Calls: map[string]time.Duration{"GET /flavors*": 5 * time.Second, "GET /flavors/{id}": 7 * time.Second},
		})
		for _, tc := range []struct {
			method, path string
			want         time.Duration
		}{
			{"GET", "/servers", time.Second},
			{"POST", "/servers", 2 * time.Second},
			{"GET", "/flavors", 5 * time.Second},
			{"GET", "/flavors/1", 7 * time.Second},
		} {
			start := time.Now()
			raw(t, c, tc.method, "/compute/v2.1"+tc.path, "{}", "X-Auth-Token", token)
			if got := time.Since(start); got != tc.want {
				t.Errorf("%s %s took %v, want %v", tc.method, tc.path, got, tc.want)
			}
		}
	})
}

func TestWorkersMakeALine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := simulator.New(simulator.Options{})
		token := bearer(t, c)
		c.SetLatency(simulator.LatencyProfile{Read: time.Second, Workers: 2})
		var group sync.WaitGroup
		start := time.Now()
		for range 10 {
			group.Go(func() { raw(t, c, "GET", "/compute/v2.1/flavors", "", "X-Auth-Token", token) })
		}
		group.Wait()
		if got := time.Since(start); got != 5*time.Second {
			t.Errorf("10 calls of 1s with 2 workers took %v, want 5s", got)
		}
	})
}

func TestRateLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := simulator.New(simulator.Options{})
		token := bearer(t, c)
		c.SetRateLimit(3)
		get := func() answer { return raw(t, c, "GET", "/compute/v2.1/flavors", "", "X-Auth-Token", token) }
		for i := range 3 {
			if got := get(); got.status != 200 {
				t.Errorf("call %d: got %d", i, got.status)
			}
		}
		got := get()
		if got.status != 429 || got.Header.Get("Retry-After") != "1" {
			t.Errorf("beyond the limit: got %d, Retry-After %q", got.status, got.Header.Get("Retry-After"))
		}
		time.Sleep(time.Second)
		if got := get(); got.status != 200 {
			t.Errorf("after Retry-After: got %d", got.status)
		}
	})
}

func TestCount(t *testing.T) {
	c := simulator.New(simulator.Options{})
	s := c.AddServer(simulator.ServerSpec{Name: "one"})
	if got := c.Count("*"); got != 0 {
		t.Errorf("seeding counted as %d calls", got)
	}
	token := bearer(t, c)
	c.ResetCalls()
	for _, path := range []string{"/servers/" + s.ID, "/servers/" + s.ID, "/servers/none", "/servers/detail?limit=5", "/nonsense"} {
		raw(t, c, "GET", "/compute/v2.1"+path, "", "X-Auth-Token", token)
	}
	for pattern, want := range map[string]int{
		"*": 5, "GET *": 5, "PUT *": 0, "GET /servers/{id}": 3, "GET /servers/" + s.ID: 2,
		"GET /servers/*": 4, "GET /servers/detail": 1, "GET /nonsense": 1, "*servers*": 4,
	} {
		if got := c.Count(pattern); got != want {
			t.Errorf("Count(%q) = %d, want %d", pattern, got, want)
		}
	}
	call := c.Calls()[3]
	if call.Query.Get("limit") != "5" || call.Service != "compute" || call.Status != 200 || !strings.HasPrefix(call.RequestID, "req-") {
		t.Errorf("call: got %+v", call)
	}
}

func TestOverHTTP(t *testing.T) {
	c := simulator.New(simulator.Options{})
	web := httptest.NewServer(c)
	defer web.Close()
	token := bearer(t, c)
	do := func(path string) (*http.Response, error) {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, web.URL+path,
			strings.NewReader(`{"server":{"name":"a","flavorRef":"1","networks":"none"}}`))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("X-Auth-Token", token)
		request.Header.Set("OpenStack-API-Version", "compute 2.60")
		return http.DefaultClient.Do(request)
	}
	c.AddFault(simulator.Fault{Match: "POST /servers", Kind: simulator.DropAfter, Nth: 1})
	if _, err := do("/compute/v2.1/servers"); err == nil {
		t.Error("DropAfter: got an answer")
	}
	if got := len(c.Servers()); got != 1 {
		t.Errorf("after DropAfter: got %d servers, want 1", got)
	}
	got, err := do("/compute/v2.1/servers")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = got.Body.Close() }()
	location := got.Header.Get("Location")
	if got.StatusCode != http.StatusAccepted || !strings.HasPrefix(location, web.URL+"/compute/v2.1/servers/") {
		t.Errorf("got %d, Location %q", got.StatusCode, location)
	}
}

func TestHangUpWithoutHijack(t *testing.T) {
	c := simulator.New(simulator.Options{})
	c.AddFault(simulator.Fault{Match: "*", Kind: simulator.DropBefore})
	defer func() {
		if got, _ := recover().(error); !errors.Is(got, http.ErrAbortHandler) {
			t.Errorf("got panic %v, want http.ErrAbortHandler", got)
		}
	}()
	c.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/identity/v3", nil))
	t.Error("a recorder cannot be hung up on: want http.ErrAbortHandler")
}

func TestIndexAndUnknownService(t *testing.T) {
	c := simulator.New(simulator.Options{Name: "lab", Region: "north"})
	got := raw(t, c, "GET", "/", "", "Accept", "application/json")
	if at(got.body, "endpoints", "compute") != simulator.Endpoint+"/compute/v2.1" || at(got.body, "region") != "north" {
		t.Errorf("index: got %s", got.text)
	}
	if got := raw(t, c, "GET", "/orchestration/v1", ""); got.status != 404 {
		t.Errorf("unknown service: got %d", got.status)
	}
	if got := c.Count("*"); got != 0 {
		t.Errorf("calls to no service counted: %d", got)
	}
}

func TestRequestIDAndMethods(t *testing.T) {
	c := simulator.New(simulator.Options{})
	token := bearer(t, c)
	for _, path := range []string{"/compute/v2.1/nonsense", "/network/v2.0/nonsense", "/image/v2/nonsense", "/identity/v3/nonsense"} {
		got := raw(t, c, "GET", path, "", "X-Auth-Token", token)
		if got.status != 404 || !strings.HasPrefix(got.Header.Get("X-Openstack-Request-Id"), "req-") {
			t.Errorf("%s: got %d %v", path, got.status, got.Header)
		}
	}
	if got := raw(t, c, "DELETE", "/compute/v2.1/flavors", "", "X-Auth-Token", token); got.status != 405 {
		t.Errorf("wrong method: got %d, want 405", got.status)
	}
	if got := raw(t, c, "HEAD", "/compute/v2.1/flavors", "", "X-Auth-Token", token); got.status != 200 || got.text != "" {
		t.Errorf("HEAD: got %d %q", got.status, got.text)
	}
}

// FuzzRequest sends what nobody would: the cloud answers, with JSON where there
// is a body, and goes on.
func FuzzRequest(f *testing.F) {
	for _, seed := range [][3]string{
		{"POST", "/identity/v3/auth/tokens", `{"auth":{"identity":{"methods":["password","token","application_credential"]},"scope":{"project":{}}}}`},
		{"POST", "/identity/v3/users/SELF/application_credentials", `{"application_credential":{"name":"a","access_rules":[{"path":"**{"}]}}`},
		{"GET", "/compute/v2.1/servers/detail?name=a&limit=1&marker=x&sort_key=uuid&tags=a&status=ACTIVE", ""},
		{"POST", "/compute/v2.1/servers", `{"server":{"name":"a","flavorRef":"1","networks":[{"uuid":"x","fixed_ip":"y","port":"z"}]}}`},
		{"POST", "/compute/v2.1/servers/SERVER/action", `{"lock":{"locked_reason":3}}`},
		{"PUT", "/compute/v2.1/servers/SERVER/metadata/a", `{"meta":null}`},
		{"PUT", "/compute/v2.1/servers/SERVER/tags", `{"tags":["a",""]}`},
		{"POST", "/compute/v2.1/servers/SERVER/os-interface", `{"interfaceAttachment":{"net_id":"x"}}`},
		{"POST", "/network/v2.0/ports", `{"ports":[{"network_id":"NETWORK","fixed_ips":[{"ip_address":"x"}],"allowed_address_pairs":[{}]}]}`},
		{"PUT", "/network/v2.0/routers/ROUTER", `{"router":{"routes":[{"destination":"::/0","nexthop":"1.1.1.1"}]}}`},
		{"PUT", "/network/v2.0/routers/ROUTER/add_extraroutes", `{"router":{"routes":[{}]}}`},
		{"GET", "/network/v2.0/ports?fixed_ips=ip_address=x&fields=id&limit=1&sort_key=id&sort_dir=asc&page_reverse=True", ""},
		{"POST", "/network/v2.0/subnets", `{"subnet":{"cidr":"10.0.0.0/31","ip_version":6,"network_id":"NETWORK"}}`},
		{"POST", "/network/v2.0/security-group-rules", `{"security_group_rule":{"port_range_min":-1,"protocol":256}}`},
		{"POST", "/network/v2.0/floatingips", `{"floatingip":{"floating_network_id":"NETWORK","port_id":"x"}}`},
	} {
		f.Add(seed[0], seed[1], seed[2], "2.100", true)
		f.Add(seed[0], seed[1], seed[2], "latest", false)
	}
	f.Fuzz(func(t *testing.T, method, path, body, version string, admin bool) {
		c := simulator.New(simulator.Options{})
		net := c.AddNetwork(simulator.NetworkSpec{Name: "net", Subnets: []string{"10.0.0.0/24"}})
		router := c.AddRouter(simulator.RouterSpec{Name: "router", SubnetIDs: net.SubnetIDs})
		made := c.AddServer(simulator.ServerSpec{Name: "a", Networks: []simulator.NIC{{NetworkID: net.ID}}})
		token := bearer(t, c)
		if admin {
			token = adminProvider(t, c).Token()
		}
		fill := strings.NewReplacer("SERVER", made.ID, "NETWORK", net.ID, "ROUTER", router)
		request := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(fill.Replace(body)))
		request.Method = method
		parsed, err := url.Parse(fill.Replace(path))
		if err != nil {
			return
		}
		request.URL = parsed
		request.Header.Set("X-Auth-Token", token)
		request.Header.Set("OpenStack-API-Version", "compute "+version)
		recorder := httptest.NewRecorder()
		c.ServeHTTP(recorder, request)
		got := recorder.Result()
		failed := got.StatusCode == http.StatusInternalServerError && !stumbles(path, recorder.Body.String())
		if failed || got.StatusCode < 200 || got.StatusCode > 599 {
			t.Errorf("%s %s: got %d %s", method, path, got.StatusCode, recorder.Body)
		}
		if kind := got.Header.Get("Content-Type"); kind == "application/json" && method != http.MethodHead && !json.Valid(recorder.Body.Bytes()) {
			t.Errorf("%s %s: got no JSON: %s", method, path, recorder.Body)
		}
		if len(c.Servers()) > 1000 {
			t.Errorf("one call made %d servers", len(c.Servers()))
		}
	})
}
