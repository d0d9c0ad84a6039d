package openstack

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"underlay/internal/cloud"
	"underlay/pkg/loadbalancer"
	"underlay/pkg/loadbalancer/tree"
	"underlay/test/scripted"
)

const (
	poolID  = "0b6e8b0e-5f0a-4f0b-9f52-3f4a6f6f2f11"
	otherID = "5d8c5c1e-8f1e-4a39-9a56-0f6ad4c7f1b2"
)

// withBalancing is a catalog with a load balancer service at that URL.
func withBalancing(url string) func(int, *http.Request) (*http.Response, error) {
	return func(int, *http.Request) (*http.Response, error) {
		return scripted.Answer(201, `{"token": {"project": {"id": "p1"}, "catalog": [{"type": "load-balancer", "endpoints": [
			{"interface": "public", "region": "RegionOne", "url": "`+url+`"}]}]}}`, "X-Subject-Token: "+scripted.Token), nil
	}
}

func octaviaFault(message string) string {
	return `{"faultcode": "Client", "faultstring": "` + message + `", "debuginfo": null}`
}

func octaviaCall(name string) func(context.Context, *Client) error {
	return map[string]func(context.Context, *Client) error{
		"create": func(ctx context.Context, c *Client) error {
			_, err := c.CreateLoadBalancer(ctx, tree.Balancer{Name: "b"})
			return err
		},
		"listener": func(ctx context.Context, c *Client) error {
			_, err := c.CreateListener(ctx, otherID, "", tree.Listener{Protocol: tree.TCP, Port: 80})
			return err
		},
		"members": func(ctx context.Context, c *Client) error { return c.SetMembers(ctx, poolID, nil) },
		"delete":  func(ctx context.Context, c *Client) error { return c.DeletePool(ctx, poolID) },
		"list": func(ctx context.Context, c *Client) error {
			_, err := c.Members(ctx, poolID)
			return err
		},
		"get": func(ctx context.Context, c *Client) error {
			_, err := c.Monitor(ctx, poolID)
			return err
		},
	}[name]
}

// Octavia's sentences, as octavia/common/exceptions.py and octavia/network/drivers have them.
func TestOctaviaErrors(t *testing.T) {
	immutable := octaviaFault("Load Balancer " + otherID + " is immutable and cannot be updated.")
	tests := []struct {
		call   string
		status int
		body   string
		want   error
	}{
		{"members", 409, immutable, cloud.ErrBusy},
		{"delete", 409, octaviaFault("Invalid state PENDING_UPDATE of loadbalancer resource " + otherID), cloud.ErrBusy},
		{"listener", 409, octaviaFault("Another Listener on this Load Balancer is already using protocol TCP and protocol_port 80"), cloud.ErrInvalid},
		{"members", 409, octaviaFault("Another member on this pool is already using ip 192.0.2.1 on protocol_port 80"), cloud.ErrInvalid},
		{"delete", 409, octaviaFault("Pool " + poolID + " is in use by L7 policy " + otherID), cloud.ErrInvalid},
		{"create", 409, octaviaFault("IP address 192.0.2.5 already allocated in subnet " + otherID), cloud.ErrInvalid},
		{"create", 409, octaviaFault("Quota exceeded for resources: ['port']."), cloud.ErrQuota},
		{"create", 409, octaviaFault("No more IP addresses available on network " + otherID + "."), cloud.ErrQuota},
		{"create", 403, octaviaFault("Quota has been met for resources: Load Balancer"), cloud.ErrQuota},
		{"create", 403, octaviaFault("Policy does not allow this request to be performed."), cloud.ErrDenied},
		{"create", 400, octaviaFault("Subnet " + otherID + " not found."), cloud.ErrInvalid},
		{"create", 501, octaviaFault("Provider 'ovn' does not support a requested option: x"), cloud.ErrUnsupported},
		{"create", 500, octaviaFault("Provider 'amphora' reports error: x"), cloud.ErrAmbiguous},
		{"create", 500, octaviaFault("Provider 'amphora' reports error: ConflictException: 409"), cloud.ErrInvalid},
		{"create", 500, octaviaFault("Provider 'amphora' reports error: BadRequestException: 400"), cloud.ErrInvalid},
		{"listener", 500, octaviaFault("Provider 'amphora' reports error: ConflictException: 409"), cloud.ErrAmbiguous},
		{"create", 503, octaviaFault("Project busy.  Unable to lock the project.  Please try again."), cloud.ErrBusy},
		{"create", 503, `<html>no backend</html>`, cloud.ErrAmbiguous},
		{"get", 503, octaviaFault("Project busy.  Unable to lock the project.  Please try again."), cloud.ErrBusy},
		{"get", 503, `<html>no backend</html>`, cloud.ErrUnavailable},
		{"get", 404, octaviaFault("Health Monitor " + poolID + " not found."), cloud.ErrNotFound},
		{"get", 404, `{"code": 404, "title": "Not Found", "description": ""}`, cloud.ErrUnavailable},
		{"get", 404, `{"code": 404, "title": "Not Found", "description": "The resource could not be found."}`, cloud.ErrUnsupported},
		{"get", 404, `<html>no backend</html>`, cloud.ErrUnavailable},
		{"get", 404, octaviaFault("It is not there."), cloud.ErrUnavailable},
		{"get", 404, `{"message": "no Route matched with those values"}`, cloud.ErrUnavailable},
		{"delete", 404, `{"message": "no Route matched with those values"}`, cloud.ErrUnavailable},
		{"delete", 404, `{"error": "not found"}`, cloud.ErrUnavailable},
		{"list", 404, octaviaFault("Pool " + poolID + " not found."), cloud.ErrNotFound},
		{"list", 404, `{"code": 404, "title": "Not Found", "description": "Pool ` + poolID + ` not found."}`, cloud.ErrNotFound},
		{"delete", 404, octaviaFault("Pool " + poolID + " not found."), cloud.ErrNotFound},
		{"members", 404, octaviaFault("Subnet " + otherID + " not found."), cloud.ErrInvalid},
		{"listener", 404, octaviaFault("Load Balancer " + otherID + " not found."), cloud.ErrNotFound},
		{"listener", 404, octaviaFault("Pool " + poolID + " not found."), cloud.ErrInvalid},
	}
	for _, test := range tests {
		synctest.Test(t, func(t *testing.T) {
			cloudy := &scripted.Cloud{Keystone: withBalancing("http://cloud/load-balancer"), Service: func(int, *http.Request) (*http.Response, error) {
				return scripted.Answer(test.status, test.body), nil
			}}
			err := octaviaCall(test.call)(t.Context(), newTestClient(t, cloudy))
			var told *cloud.Error
			if !errors.As(err, &told) || !errors.Is(told.Class, test.want) {
				t.Errorf("%s: %d %s: got %v, want %v", test.call, test.status, test.body, err, test.want)
			}
		})
	}
}

// A lost answer to a write that may be repeated is asked for again; to one that
// would be done twice it is not.
func TestLostAnswersOfOctavia(t *testing.T) {
	for call, want := range map[string]struct {
		calls int
		err   error
	}{
		"create": {1, cloud.ErrAmbiguous}, "listener": {1, cloud.ErrAmbiguous}, "members": {2, nil}, "delete": {2, nil}, "get": {2, nil},
	} {
		synctest.Test(t, func(t *testing.T) {
			cloudy := &scripted.Cloud{Keystone: withBalancing("http://cloud/load-balancer"), Service: func(n int, r *http.Request) (*http.Response, error) {
				switch {
				case n == 1:
					return nil, errors.New("connection reset by peer")
				case r.Method == http.MethodDelete:
					return scripted.Answer(204, ""), nil
				}
				return scripted.Answer(202, `{"healthmonitor": {}}`), nil
			}}
			err := octaviaCall(call)(t.Context(), newTestClient(t, cloudy))
			if _, calls := cloudy.Counts(); calls != want.calls || !errors.Is(err, want.err) {
				t.Errorf("%s: got %d calls and %v, want %d and %v", call, calls, err, want.calls, want.err)
			}
		})
	}
}

// Wherever the catalog points, the versions are at the root and the rest below v2.0.
func TestOctaviaEndpoints(t *testing.T) {
	const versions = `{"versions": [{"id": "v1"}, {"id": "v2.9"}, {"id": "v2.26"}, {"id": "v2.10"}, {"id": "v3.0"}, {"id": "soon"}]}`
	for url, want := range map[string]string{
		"http://cloud:9876":                "http://cloud:9876/",
		"http://cloud:9876/v2":             "http://cloud:9876/",
		"http://cloud:9876/v2.0/":          "http://cloud:9876/",
		"http://cloud/load-balancer":       "http://cloud/load-balancer/",
		"http://cloud/load-balancer/v2.0":  "http://cloud/load-balancer/",
		"http://cloud/east/load-balancer/": "http://cloud/east/load-balancer/",
	} {
		synctest.Test(t, func(t *testing.T) {
			cloudy := &scripted.Cloud{Keystone: withBalancing(url), Service: func(n int, _ *http.Request) (*http.Response, error) {
				if n == 1 {
					return scripted.Answer(200, versions), nil
				}
				return scripted.Answer(200, `{"loadbalancers": []}`), nil
			}}
			client := newTestClient(t, cloudy)
			if got, err := client.APIVersion(t.Context()); err != nil || got != (tree.Version{Major: 2, Minor: 26}) {
				t.Errorf("%s: got %v, %v; want 2.26", url, got, err)
			}
			if _, err := client.LoadBalancers(t.Context(), loadbalancer.BalancerQuery{}); err != nil {
				t.Error(err)
			}
			if got := cloudy.Calls[0].URL.String(); got != want {
				t.Errorf("%s: got versions at %s, want %s", url, got, want)
			}
			if got := cloudy.Calls[1].URL.String(); got != want+"v2.0/lbaas/loadbalancers?project_id=p1" {
				t.Errorf("%s: got load balancers at %s", url, got)
			}
		})
	}
}

func TestNoOctavia(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := newTestClient(t, &scripted.Cloud{})
		_, one := client.APIVersion(t.Context())
		_, two := client.LoadBalancers(t.Context(), loadbalancer.BalancerQuery{})
		three := client.DeletePool(t.Context(), poolID)
		for i, err := range []error{one, two, three} {
			if !errors.Is(err, cloud.ErrUnsupported) || !strings.Contains(err.Error(), "[LoadBalancer]") {
				t.Errorf("call %d: got %v, want cloud.ErrUnsupported and what to do", i+1, err)
			}
		}
		for body, want := range map[string]error{
			`{"versions": []}`:               cloud.ErrUnsupported,
			`{"versions": [{"id": "v1.0"}]}`: cloud.ErrUnsupported,
			`{}`:                             cloud.ErrUnsupported,
			`<html>`:                         cloud.ErrUnavailable,
		} {
			cloudy := &scripted.Cloud{Keystone: withBalancing("http://cloud/load-balancer"), Service: func(int, *http.Request) (*http.Response, error) {
				return scripted.Answer(200, body), nil
			}}
			if _, err := newTestClient(t, cloudy).APIVersion(t.Context()); !errors.Is(err, want) {
				t.Errorf("%s: got %v, want %v", body, err, want)
			}
		}
	})
}

// Ids come from annotations too.
func TestOctaviaRefusesWhatIsNoID(t *testing.T) {
	client := newTestClient(t, &scripted.Cloud{Keystone: withBalancing("http://cloud/load-balancer")})
	ctx := t.Context()
	for name, call := range map[string]func() error{
		"balancer": func() error {
			_, err := client.LoadBalancers(ctx, loadbalancer.BalancerQuery{ID: "../pools"})
			return err
		},
		"members": func() error { _, err := client.Members(ctx, ""); return err },
		"delete":  func() error { return client.DeleteLoadBalancer(ctx, "a?b", true) },
	} {
		if err := call(); !errors.Is(err, cloud.ErrInvalid) {
			t.Errorf("%s: got %v, want cloud.ErrInvalid", name, err)
		}
	}
}
