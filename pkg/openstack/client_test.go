package openstack

import (
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"underlay/internal/cloud"
	"underlay/pkg/config"
	"underlay/test/scripted"
)

func newTestClient(t *testing.T, from http.RoundTripper) *Client {
	t.Helper()
	client, err := New(config.Global{
		AuthURL: "http://cloud/identity/v3", Username: "demo", Password: "secret", TenantName: "demo", Region: "RegionOne",
	}, Options{Transport: from, MaxAttempts: 3, RequestTimeout: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// A 404 that is not about the server must never cost a Node.
func TestOnlyTheServiceSaysThatAServerIsGone(t *testing.T) {
	for name, body := range map[string]string{
		"a path that Nova does not have": `{"code": "404 Not Found", "title": "Not Found", "message": "The resource could not be found."}`,
		"a proxy":                        "<html>no backend</html>",
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cloudy := &scripted.Cloud{Service: func(int, *http.Request) (*http.Response, error) { return scripted.Answer(404, body), nil }}
				_, err := newTestClient(t, cloudy).Server(t.Context(), "11111111-1111-4111-8111-111111111111")
				if err == nil || errors.Is(err, cloud.ErrNotFound) {
					t.Errorf("got %v, want an error that is not cloud.ErrNotFound", err)
				}
			})
		})
	}
}

// Credentials that came later may be for another cloud: nothing is believed that
// was read with those before.
func TestOtherCredentialsReadAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		minor := "5"
		cloudy := &scripted.Cloud{Keystone: withBalancing("http://cloud/load-balancer"), Service: func(int, *http.Request) (*http.Response, error) {
			return scripted.Answer(200, `{"versions": [{"id": "v2.`+minor+`"}]}`), nil
		}}
		client := newTestClient(t, cloudy)
		for _, want := range []int{5, 5, 30} {
			if got, err := client.APIVersion(t.Context()); err != nil || got.Minor != want {
				t.Errorf("got %v, %v; want 2.%d", got, err, want)
			}
			if minor == "30" {
				client.forget() // as the session says when it uses others
			}
			minor = "30"
		}
	})
}
