package openstack

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"underlay/pkg/config"
)

// Secrets that the tests look for wherever text comes out.
const (
	testPassword = "pass word/ünd 100%"
	testToken    = "gAAAAAB-token-"
)

func testConfig() config.Global {
	return config.Global{
		AuthURL: "http://cloud/identity/v3", Username: "demo", Password: testPassword, TenantName: "demo",
		Region: "RegionOne", EndpointType: "public",
	}
}

// script is a cloud that answers as a test says: the raw material of transports,
// where the simulator is too well-behaved. Requests for tokens are answered by
// keystone, all others by service.
type script struct {
	service  func(n int, r *http.Request) (*http.Response, error)
	keystone func(n int, r *http.Request) (*http.Response, error)

	mu     sync.Mutex
	calls  []*http.Request
	bodies []string
	logins int
	times  []time.Time
}

func (s *script) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		body, _ = io.ReadAll(r.Body)
	}
	s.mu.Lock()
	if strings.HasSuffix(r.URL.Path, "/v3/auth/tokens") {
		s.logins++
		n := s.logins
		s.mu.Unlock()
		if s.keystone != nil {
			return s.keystone(n, r)
		}
		return login(fmt.Sprint(testToken, n), time.Hour), nil
	}
	s.calls, s.bodies, s.times = append(s.calls, r), append(s.bodies, string(body)), append(s.times, time.Now())
	n := len(s.calls)
	s.mu.Unlock()
	return s.service(n, r)
}

func (s *script) counts() (logins, calls int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.logins, len(s.calls)
}

// gaps are the pauses between the calls.
func (s *script) gaps() []time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []time.Duration
	for i := 1; i < len(s.times); i++ {
		out = append(out, s.times[i].Sub(s.times[i-1]))
	}
	return out
}

// answer is a response; headers come as "Name: value".
func answer(status int, body string, headers ...string) *http.Response {
	h := http.Header{"Content-Type": {"application/json"}, "X-Openstack-Request-Id": {"req-42"}}
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		h.Set(name, value)
	}
	return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(body))}
}

// neutronError is an error in Neutron's form.
func neutronError(status int, kind string, headers ...string) *http.Response {
	return answer(status, fmt.Sprintf(`{"NeutronError": {"type": %q, "message": "It is so.", "detail": ""}}`, kind), headers...)
}

func login(token string, life time.Duration) *http.Response {
	now := time.Now().UTC()
	endpoint := func(kind, url string) map[string]any {
		return map[string]any{"type": kind, "name": kind, "endpoints": []map[string]any{
			{"interface": "public", "region": "RegionOne", "region_id": "RegionOne", "url": url},
		}}
	}
	body, err := json.Marshal(map[string]any{"token": map[string]any{
		"expires_at": now.Add(life).Format(time.RFC3339Nano), "issued_at": now.Format(time.RFC3339Nano),
		"project": map[string]any{"id": "p1", "name": "demo"},
		"catalog": []any{endpoint("network", "http://cloud/network"), endpoint("compute", "http://cloud/compute/v2.1")},
	}})
	if err != nil {
		panic(err)
	}
	return answer(http.StatusCreated, string(body), "X-Subject-Token: "+token)
}

const routerBody = `{"router": {"id": "r1", "name": "pods", "revision_number": 7,
	"routes": [{"destination": "10.0.0.0/24", "nexthop": "192.0.2.1"}]}}`

func routerAnswer() *http.Response { return answer(http.StatusOK, routerBody) }

// Ways for an attempt to end without a whole answer.
var (
	errRefused = &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connect: connection refused")}
	errBroken  = &net.OpError{Op: "read", Net: "tcp", Err: errors.New("connection reset by peer")}
)

// cutOff is a body that breaks before its end.
type cutOff struct{ io.Reader }

func (cutOff) Close() error { return nil }

func (c cutOff) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

func truncated() *http.Response {
	out := routerAnswer()
	out.Body = cutOff{bytes.NewReader([]byte(routerBody[:20]))}
	return out
}

func hang(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// newTestClient has no chance in its pauses: every pause is the longest possible.
func newTestClient(t *testing.T, cloud http.RoundTripper, change ...func(*Options)) *Client {
	t.Helper()
	options := Options{
		Transport: cloud, MaxAttempts: 3, RequestTimeout: 10 * time.Second,
		jitter: func(ceiling time.Duration) time.Duration { return ceiling },
	}
	for _, f := range change {
		f(&options)
	}
	client, err := New(testConfig(), options)
	if err != nil {
		t.Fatal(err)
	}
	return client
}
