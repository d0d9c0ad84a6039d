package openstack_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"underlay/internal/cloud"
	"underlay/pkg/config"
	"underlay/pkg/openstack"
	"underlay/pkg/simulator"
)

// gateway knows no route to Neutron, and says so in JSON as some gateways do.
type gateway struct {
	next   http.RoundTripper
	answer string
}

func (g gateway) RoundTrip(r *http.Request) (*http.Response, error) {
	if !strings.Contains(r.URL.Path, "/v2.0/") {
		return g.next.RoundTrip(r)
	}
	refusal := httptest.NewRecorder()
	refusal.Header().Set("Content-Type", "application/json")
	refusal.WriteHeader(http.StatusNotFound)
	_, err := refusal.WriteString(g.answer)
	return refusal.Result(), err
}

// A gateway's 404 says nothing about an object of Neutron, which names its own.
func TestOnlyNeutronSaysThatItsObjectsAreGone(t *testing.T) {
	const id = "11111111-1111-4111-8111-111111111111"
	calls := map[string]func(context.Context, *openstack.Client) error{
		"delete floating IP":    func(ctx context.Context, c *openstack.Client) error { return c.DeleteFloatingIP(ctx, id) },
		"delete security group": func(ctx context.Context, c *openstack.Client) error { return c.DeleteSecurityGroup(ctx, id) },
		"delete rule":           func(ctx context.Context, c *openstack.Client) error { return c.DeleteRule(ctx, id) },
		"delete port":           func(ctx context.Context, c *openstack.Client) error { return c.DeletePort(ctx, id) },
		"read port":             func(ctx context.Context, c *openstack.Client) error { _, err := c.Port(ctx, id); return err },
		"set pairs": func(ctx context.Context, c *openstack.Client) error {
			_, err := c.SetAddressPairs(ctx, id, 1, nil)
			return err
		},
		"read router": func(ctx context.Context, c *openstack.Client) error { _, err := c.Router(ctx, id); return err },
	}
	w := newWorld(t, simulator.Options{}, 0)
	for name, call := range calls {
		if err := call(t.Context(), w.client); !errors.Is(err, cloud.ErrNotFound) {
			t.Errorf("%s that does not exist: got %v, want cloud.ErrNotFound", name, err)
		}
	}
	for _, answer := range []string{
		`{"message":"no Route matched with those values"}`,
		`{"message":"Not Found"}`,
		`{"error":"no such upstream"}`,
		`{"code":404,"title":"Not Found","description":"The resource could not be found."}`,
	} {
		client := w.behind(t, gateway{w.Transport(), answer})
		for name, call := range calls {
			if err := call(t.Context(), client); !errors.Is(err, cloud.ErrUnavailable) {
				t.Errorf("%s behind a gateway that says %s: got %v, want cloud.ErrUnavailable", name, answer, err)
			}
		}
	}
}

// behind is a client whose requests go through a transport.
func (w *world) behind(t *testing.T, transport http.RoundTripper) *openstack.Client {
	t.Helper()
	cfg, report := config.Read(strings.NewReader(w.CloudConf(simulator.Endpoint)), "cloud.conf", config.Env{})
	if err := report.Err(); err != nil {
		t.Fatal(err)
	}
	client, err := openstack.New(cfg.Global, openstack.Options{Transport: transport, MaxAttempts: 1, RequestsPerSecond: 1e6, Burst: 1e6})
	if err != nil {
		t.Fatal(err)
	}
	return client
}
