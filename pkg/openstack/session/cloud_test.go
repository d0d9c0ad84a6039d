package session

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"testing"
	"time"

	"underlay/pkg/config"
	"underlay/test/scripted"
)

// Secrets that the tests look for wherever text comes out.
const (
	testPassword = "pass word/ünd 100%"
	testToken    = scripted.Token
)

func testConfig() config.Global {
	return config.Global{
		AuthURL: "http://cloud/identity/v3", Username: "demo", Password: testPassword, TenantName: "demo",
		Region: "RegionOne", EndpointType: "public",
	}
}

// script is a cloud that answers as a test says.
type script = scripted.Cloud

var (
	answer = scripted.Answer
	login  = scripted.Login
)

// neutronError is an error in Neutron's form.
func neutronError(status int, kind string, headers ...string) *http.Response {
	return answer(status, fmt.Sprintf(`{"NeutronError": {"type": %q, "message": "It is so.", "detail": ""}}`, kind), headers...)
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

// client is a session with a few calls to make on it.
type client struct{ *Session }

var (
	network = Service{Kind: "network", Aliases: []string{"networking"}, Version: "v2.0"}
	compute = Service{Kind: "compute", Version: "v2.1", Scoped: true, Minor: 90, Oldest: 1}

	opRouterGet = Operation{Name: "router_get", Method: http.MethodGet}
)

// newTestClient has no chance in its pauses: every pause is the longest possible.
func newTestClient(t *testing.T, cloud http.RoundTripper, change ...func(*Options)) client {
	t.Helper()
	options := Options{
		Transport: cloud, MaxAttempts: 3, RequestTimeout: 10 * time.Second,
		jitter: func(ceiling time.Duration) time.Duration { return ceiling },
	}
	for _, f := range change {
		f(&options)
	}
	made, err := connect(testConfig(), options)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func connect(g config.Global, options Options) (client, error) {
	made, err := New(g, options)
	return client{made}, err
}

type object struct{ ID, Name string }

func (c client) Router(ctx context.Context, id string) (object, error) {
	var said struct{ Router object }
	err := c.Send(ctx, Request{Op: opRouterGet, Of: network, Path: []string{"routers", id}, Into: &said})
	return said.Router, err
}

// AddRoutes may be sent twice.
func (c client) AddRoutes(ctx context.Context, id string) error {
	op := Operation{Name: "router_add_routes", Method: http.MethodPut, Idempotent: true}
	return c.Send(ctx, Request{Op: op, Of: network, Path: []string{"routers", id, "add_extraroutes"}, Body: map[string]any{"router": id}, Into: &object{}})
}

// SetRoutes may not.
func (c client) SetRoutes(ctx context.Context, id string) error {
	op := Operation{Name: "router_update", Method: http.MethodPut}
	return c.Send(ctx, Request{Op: op, Of: network, Path: []string{"routers", id}, Body: map[string]any{"router": id}, Into: &object{}})
}

func (c client) Ports(ctx context.Context) ([]object, error) {
	op := Operation{Name: "port_list", Method: http.MethodGet}
	return Collect[object](ctx, c.Session, Listing{Op: op, Of: network, Path: []string{"ports"}, Query: url.Values{"fields": {"id"}}, Own: true})
}

func (c client) Servers(ctx context.Context) ([]object, error) {
	op := Operation{Name: "server_list", Method: http.MethodGet}
	return Collect[object](ctx, c.Session, Listing{Op: op, Of: compute, Path: []string{"servers", "detail"}, Key: "servers"})
}

func (c client) Server(ctx context.Context, id string) error {
	op := Operation{Name: "server_get", Method: http.MethodGet}
	return c.Send(ctx, Request{Op: op, Of: compute, Path: []string{"servers", id}, Into: &object{}})
}

func (c client) Check(ctx context.Context) error {
	op := Operation{Name: "network_list", Method: http.MethodGet}
	return c.Send(ctx, Request{Op: op, Of: network, Path: []string{"networks"}, Query: url.Values{"limit": {"1"}}, Into: &struct{}{}})
}

func (c client) Run(ctx context.Context) { c.Session.Run(ctx, c.Check) }
