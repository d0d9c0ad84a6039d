package session

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"underlay/internal/cloud"
	"underlay/pkg/config"
)

// lively is a cloud that knows which tokens are good.
func lively(good func(token string) bool) *script {
	return &script{Service: func(_ int, r *http.Request) (*http.Response, error) {
		if !good(r.Header.Get("X-Auth-Token")) {
			return answer(401, `{"error": {"code": 401, "title": "Unauthorized", "message": "No."}}`), nil
		}
		return routerAnswer(), nil
	}}
}

func everyToken(string) bool { return true }

func TestNewTouchesNothing(t *testing.T) {
	cloudy := lively(everyToken)
	newTestClient(t, cloudy)
	if logins, calls := cloudy.Counts(); logins+calls != 0 {
		t.Errorf("got %d logins and %d calls, want none", logins, calls)
	}
}

func TestOneLoginForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cloudy := lively(everyToken)
		cloudy.Keystone = func(n int, _ *http.Request) (*http.Response, error) {
			time.Sleep(time.Second)
			return login(fmt.Sprint(testToken, n), time.Hour), nil
		}
		client := newTestClient(t, cloudy, fast)
		callAll(t, client, 200)
		if logins, calls := cloudy.Counts(); logins != 1 || calls != 200 {
			t.Errorf("got %d logins and %d calls, want 1 and 200", logins, calls)
		}
	})
}

func fast(o *Options) { o.RequestsPerSecond, o.Burst = 1e6, 1e6 }

func callAll(t *testing.T, client client, n int) {
	t.Helper()
	var all sync.WaitGroup
	for range n {
		all.Go(func() {
			if _, err := client.Router(t.Context(), "r1"); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

// A token that the cloud forgot is replaced once, however many calls find out.
func TestRejectedTokenIsRenewedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		current := testToken + "1"
		cloudy := lively(func(token string) bool {
			time.Sleep(time.Second) // so that all are on their way before the first comes back
			return token == current
		})
		cloudy.Keystone = func(n int, _ *http.Request) (*http.Response, error) {
			time.Sleep(time.Second)
			return login(fmt.Sprint(testToken, n), time.Hour), nil
		}
		client := newTestClient(t, cloudy, fast)
		callAll(t, client, 1)
		current = testToken + "2"
		callAll(t, client, 100)
		if logins, calls := cloudy.Counts(); logins != 2 || calls != 201 {
			t.Errorf("got %d logins and %d calls, want 2 and 201: 100 are sent twice", logins, calls)
		}
	})
}

// A cloud that rejects every token gets each call twice and no more.
func TestRejectedForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cloudy := lively(func(string) bool { return false })
		err := newTestClient(t, cloudy).SetRoutes(t.Context(), "r1")
		if !errors.Is(err, cloud.ErrDenied) {
			t.Errorf("got %v, want cloud.ErrDenied", err)
		}
		if logins, calls := cloudy.Counts(); logins != 2 || calls != 2 {
			t.Errorf("got %d logins and %d calls, want 2 and 2", logins, calls)
		}
	})
}

// One service that rejects every token does not have Keystone asked for a new one
// at each call, which would end in Keystone's own limit, and so in no token for anybody.
func TestOneServiceThatRejectsEveryToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cloudy := &script{Service: func(_ int, r *http.Request) (*http.Response, error) {
			if strings.HasPrefix(r.URL.Path, "/compute") {
				return answer(401, ""), nil
			}
			return routerAnswer(), nil
		}}
		client := newTestClient(t, cloudy)
		for range 5 * 60 {
			if err := client.Server(t.Context(), "s1"); !errors.Is(err, cloud.ErrDenied) {
				t.Fatalf("the service that rejects: got %v, want cloud.ErrDenied", err)
			}
			if _, err := client.Router(t.Context(), "r1"); err != nil {
				t.Fatalf("another service: %v", err)
			}
			time.Sleep(time.Second)
		}
		if logins, _ := cloudy.Counts(); logins > 5*60/10+2 {
			t.Errorf("got %d logins in five minutes, want one in 10 s at most", logins)
		}
	})
}

func TestRenewedAheadByACall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cloudy := lively(everyToken)
		client := newTestClient(t, cloudy)
		callAll(t, client, 1)
		time.Sleep(55*time.Minute - time.Nanosecond)
		callAll(t, client, 1)
		if logins, _ := cloudy.Counts(); logins != 1 {
			t.Errorf("got %d logins with more than 5 min left, want 1", logins)
		}
		time.Sleep(time.Nanosecond)
		callAll(t, client, 10)
		if logins, _ := cloudy.Counts(); logins != 2 {
			t.Errorf("got %d logins with 5 min left, want 2", logins)
		}
	})
}

// While Keystone is down an old token is used to its end, and Keystone is asked
// once in a while only.
func TestOldTokenWhileKeystoneIsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down := false
		cloudy := lively(everyToken)
		cloudy.Keystone = func(n int, _ *http.Request) (*http.Response, error) {
			if down {
				return answer(503, ""), nil
			}
			return login(fmt.Sprint(testToken, n), time.Hour), nil
		}
		client := newTestClient(t, cloudy, func(o *Options) { o.MaxAttempts = 1 })
		callAll(t, client, 1)
		down = true
		time.Sleep(56 * time.Minute)
		for range 10 {
			callAll(t, client, 1)
			time.Sleep(time.Second)
		}
		if logins, calls := cloudy.Counts(); logins != 2 || calls != 11 {
			t.Errorf("got %d logins and %d calls, want 2 and 11", logins, calls)
		}
		time.Sleep(4 * time.Minute)
		if _, err := client.Router(t.Context(), "r1"); !errors.Is(err, cloud.ErrUnavailable) {
			t.Errorf("got %v with no token left, want cloud.ErrUnavailable", err)
		}
		down = false
		callAll(t, client, 1)
	})
}

func TestShortLivedTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cloudy := lively(everyToken)
		cloudy.Keystone = func(n int, _ *http.Request) (*http.Response, error) {
			return login(fmt.Sprint(testToken, n), 4*time.Minute), nil
		}
		client := newTestClient(t, cloudy)
		for range 60 {
			callAll(t, client, 1)
			time.Sleep(time.Second)
		}
		if logins, _ := cloudy.Counts(); logins != 1 {
			t.Errorf("got %d logins in the first of 4 minutes, want 1", logins)
		}
	})
}

// A clock that differs from Keystone's changes nothing.
func TestClockSkew(t *testing.T) {
	for _, skew := range []time.Duration{-3 * time.Hour, 3 * time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			client := newTestClient(t, lively(everyToken))
			w, _ := client.keys.state()
			made := &grant{wire: w}
			now := time.Now()
			made.setLife(now.Add(skew), now.Add(skew+time.Hour), now)
			if got := made.expires.Sub(now); got != time.Hour {
				t.Errorf("Keystone's clock off by %v: got a life of %v, want an hour", skew, got)
			}
		})
	}
}

// Refused credentials are not hammered: Keystone would lock the user out.
func TestRefusedCredentials(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		good := false
		cloudy := lively(everyToken)
		cloudy.Keystone = func(n int, _ *http.Request) (*http.Response, error) {
			if !good {
				return answer(401, `{"error": {"code": 401, "title": "Unauthorized", "message": "The request you have made requires authentication."}}`), nil
			}
			return login(fmt.Sprint(testToken, n), time.Hour), nil
		}
		client := newTestClient(t, cloudy)
		begun := time.Now()
		for time.Since(begun) < time.Hour {
			if err := client.Server(t.Context(), "s1"); !errors.Is(err, cloud.ErrDenied) || errors.Is(err, cloud.ErrNotFound) {
				t.Fatalf("got %v, want cloud.ErrDenied", err)
			}
			time.Sleep(time.Second)
		}
		if logins, calls := cloudy.Counts(); logins > 20 || logins < 12 || calls != 0 {
			t.Errorf("got %d logins and %d calls in an hour, want 12 to 20 and none", logins, calls)
		}
		good = true
		time.Sleep(maxRefusal)
		callAll(t, client, 1)
	})
}

// Whatever is wrong with Keystone, it never looks as if the caller's object were
// gone, busy, over its limit or wrong.
func TestKeystoneErrorsAreTheirOwn(t *testing.T) {
	tests := []struct {
		name  string
		fault func(*http.Request) (*http.Response, error)
		want  error
	}{
		{"400", status(400, ""), cloud.ErrDenied},
		{"401", status(401, ""), cloud.ErrDenied},
		{"403", status(403, ""), cloud.ErrDenied},
		{"404", status(404, ""), cloud.ErrUnavailable},
		{"404 of a proxy", page404, cloud.ErrUnavailable},
		{"404 of Keystone itself", func(*http.Request) (*http.Response, error) {
			return answer(404, `{"error": {"code": 404, "title": "Not Found", "message": "Could not find Application Credential: 1."}}`), nil
		}, cloud.ErrDenied},
		{"409", status(409, ""), cloud.ErrUnavailable},
		{"413", status(413, ""), cloud.ErrUnavailable},
		{"429", status(429, ""), cloud.ErrUnavailable},
		{"500", status(500, ""), cloud.ErrUnavailable},
		{"connection broken", fails(errBroken), cloud.ErrUnavailable},
		{"no answer in time", hang, cloud.ErrUnavailable},
		{"no token in it", func(*http.Request) (*http.Response, error) { return login("", time.Hour), nil }, cloud.ErrUnavailable},
		{"not JSON", func(*http.Request) (*http.Response, error) {
			return answer(201, "<html>", "X-Subject-Token: x"), nil
		}, cloud.ErrUnavailable},
	}
	for _, test := range tests {
		for _, kind := range kindsOfCall {
			t.Run(test.name+"/"+kind.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					cloudy := lively(everyToken)
					cloudy.Keystone = func(_ int, r *http.Request) (*http.Response, error) { return test.fault(r) }
					err := kind.do(t.Context(), newTestClient(t, cloudy))
					if !errors.Is(err, test.want) {
						t.Errorf("got %v, want %v", err, test.want)
					}
					for _, wrong := range []error{cloud.ErrNotFound, cloud.ErrBusy, cloud.ErrQuota, cloud.ErrInvalid, cloud.ErrAmbiguous} {
						if errors.Is(err, wrong) {
							t.Errorf("got %v, which says %v", err, wrong)
						}
					}
				})
			})
		}
	}
}

// A caller that leaves while a token is on its way takes nothing from the others.
func TestLeavingTheLogin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cloudy := lively(everyToken)
		cloudy.Keystone = func(n int, _ *http.Request) (*http.Response, error) {
			time.Sleep(5 * time.Second)
			return login(fmt.Sprint(testToken, n), time.Hour), nil
		}
		client := newTestClient(t, cloudy)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		first := make(chan error, 1)
		go func() { _, err := client.Router(ctx, "r1"); first <- err }()
		synctest.Wait()
		callAll(t, client, 3)
		if err := <-first; !errors.Is(err, cloud.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want cloud.ErrUnavailable by context.DeadlineExceeded", err)
		}
		if logins, _ := cloudy.Counts(); logins != 1 {
			t.Errorf("got %d logins, want 1", logins)
		}
	})
}

// A ready-made token is checked, used to its end, and its end is said plainly.
func TestBearerToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		current := "given-token"
		cloudy := lively(func(token string) bool { return token == current })
		cloudy.Keystone = func(_ int, r *http.Request) (*http.Response, error) {
			if r.Method != http.MethodGet || r.Header.Get("X-Subject-Token") != current || r.Header.Get("X-Auth-Token") != current {
				return answer(404, `{"error": {"code": 404, "title": "Not Found", "message": "Could not find token."}}`), nil
			}
			out := login("", time.Hour)
			out.StatusCode = http.StatusOK
			return out, nil
		}
		client, err := connect(config.Global{AuthURL: "http://cloud/identity", Token: "given-token"}, Options{Transport: cloudy})
		if err != nil {
			t.Fatal(err)
		}
		callAll(t, client, 2)
		time.Sleep(58 * time.Minute)
		callAll(t, client, 2)
		if logins, _ := cloudy.Counts(); logins != 1 {
			t.Errorf("got %d looks at the token, want 1: there is nothing to renew", logins)
		}
		current = "another"
		if _, err := client.Router(t.Context(), "r1"); !errors.Is(err, cloud.ErrDenied) {
			t.Errorf("got %v, want cloud.ErrDenied", err)
		}
	})
}

// The token goes to the hosts of the catalog and to nobody else.
func TestTokenStaysInTheCatalog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cloudy := &script{Service: func(n int, r *http.Request) (*http.Response, error) {
			if n == 1 {
				return answer(302, "", "Location: http://cloud/network/v2.0/routers/r1/"), nil
			}
			return routerAnswer(), nil
		}}
		client := newTestClient(t, cloudy)
		callAll(t, client, 1) // within the host a read may be redirected
		if _, calls := cloudy.Counts(); calls != 2 {
			t.Errorf("got %d calls, want the redirect followed", calls)
		}
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://elsewhere/", nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := client.services.HTTPClient.Do(request)
		if err == nil {
			_ = response.Body.Close()
			t.Error("a request to a host that is not in the catalog went out")
		}
		if _, calls := cloudy.Counts(); calls != 2 {
			t.Errorf("got %d calls, want 2", calls)
		}
	})
}

// A redirected write is not followed: net/http would make a read of it.
func TestRedirectedWriteIsAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cloudy := &script{Service: func(int, *http.Request) (*http.Response, error) {
			return answer(301, "", "Location: http://cloud/network/v2.0/routers/r1/"), nil
		}}
		err := newTestClient(t, cloudy).SetRoutes(t.Context(), "r1")
		if !errors.Is(err, cloud.ErrInvalid) {
			t.Errorf("got %v, want cloud.ErrInvalid", err)
		}
		if _, calls := cloudy.Counts(); calls != 1 {
			t.Errorf("got %d calls, want 1", calls)
		}
	})
}

// Other credentials may be for another cloud: who remembers what the cloud said is
// told of them. Another token of the same is nothing to tell.
func TestChangeIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := newTestClient(t, lively(everyToken))
		callAll(t, client, 1)
		told := 0
		client.OnChange(func() { told++ })
		client.minors.settle("http://cloud/compute/v2.1/", 53)
		_, grant := client.keys.state()
		client.keys.adopt(t.Context(), grant) // the same wire
		if got, err := client.Minor(t.Context(), compute); told != 0 || err != nil || got != 53 {
			t.Errorf("another token: told %d times, minor version %d, %v; want none and 53", told, got, err)
		}
		next, err := client.newWire(testConfig())
		if err != nil {
			t.Fatal(err)
		}
		made, err := next.authenticate(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		client.keys.adopt(t.Context(), made)
		if got, err := client.Minor(t.Context(), compute); told != 1 || err != nil || got != 90 {
			t.Errorf("other credentials: told %d times, minor version %d, %v; want once and 90", told, got, err)
		}
	})
}
