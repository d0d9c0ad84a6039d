// Package scripted is a cloud that answers as a test says: the raw material of
// transports and of the classes of error, where the simulator is too well-behaved.
package scripted

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Token begins every token; the number of the login follows.
const Token = "gAAAAAB-token-"

// Cloud is an http.RoundTripper. Requests for tokens are answered by Keystone,
// or by a login where that is nil; all others by Service. n counts from 1.
type Cloud struct {
	Service  func(n int, r *http.Request) (*http.Response, error)
	Keystone func(n int, r *http.Request) (*http.Response, error)

	mu sync.Mutex
	// Calls, Bodies and Times are of what went to Service, to be read when
	// nothing is on its way.
	Calls  []*http.Request
	Bodies []string
	Times  []time.Time
	logins int
}

// RoundTrip keeps the contract of http.RoundTripper.
func (s *Cloud) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		body, _ = io.ReadAll(r.Body)
	}
	s.mu.Lock()
	if strings.HasSuffix(r.URL.Path, "/v3/auth/tokens") {
		s.logins++
		n := s.logins
		s.mu.Unlock()
		if s.Keystone != nil {
			return s.Keystone(n, r)
		}
		return Login(fmt.Sprint(Token, n), time.Hour), nil
	}
	s.Calls, s.Bodies, s.Times = append(s.Calls, r), append(s.Bodies, string(body)), append(s.Times, time.Now())
	n := len(s.Calls)
	s.mu.Unlock()
	return s.Service(n, r)
}

// Counts are how often somebody logged in, and asked for anything else.
func (s *Cloud) Counts() (logins, calls int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.logins, len(s.Calls)
}

// Gaps are the pauses between the calls.
func (s *Cloud) Gaps() []time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []time.Duration
	for i := 1; i < len(s.Times); i++ {
		out = append(out, s.Times[i].Sub(s.Times[i-1]))
	}
	return out
}

// Answer is a response; headers come as "Name: value".
func Answer(status int, body string, headers ...string) *http.Response {
	h := http.Header{"Content-Type": {"application/json"}, "X-Openstack-Request-Id": {"req-42"}}
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		h.Set(name, value)
	}
	return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(body))}
}

// catalog says where the services are.
const catalog = `[
	{"type": "network", "endpoints": [{"interface": "public", "region": "RegionOne", "region_id": "RegionOne", "url": "http://cloud/network"}]},
	{"type": "compute", "endpoints": [{"interface": "public", "region": "RegionOne", "region_id": "RegionOne", "url": "http://cloud/compute/v2.1"}]},
	{"type": "block-storage", "endpoints": [{"interface": "public", "region": "RegionOne", "region_id": "RegionOne", "url": "http://cloud/volume/v3/p1"}]}
]`

// Login is the answer to a login of the project p1.
func Login(token string, life time.Duration) *http.Response {
	now := time.Now().UTC()
	body := fmt.Sprintf(`{"token": {"expires_at": %q, "issued_at": %q, "project": {"id": "p1", "name": "demo"}, "catalog": %s}}`,
		now.Add(life).Format(time.RFC3339Nano), now.Format(time.RFC3339Nano), catalog)
	return Answer(http.StatusCreated, body, "X-Subject-Token: "+token)
}
