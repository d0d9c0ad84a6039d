package session

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"underlay/internal/cloud"
	"underlay/pkg/config"
)

// Everything at once for three days: calls, background work, tokens taken away,
// passwords changed, throttling, broken connections. No call is ever refused for
// its credentials, the locks hold (with -race), and nothing is left when Run ends.
func TestStorm(t *testing.T) {
	v := newVault(t)
	var mu sync.Mutex
	valid := map[string]bool{}
	chance := rand.New(rand.NewPCG(1, 2))
	odds := func(n int) bool { mu.Lock(); defer mu.Unlock(); return chance.IntN(n) == 0 }

	v.Keystone = func(n int, r *http.Request) (*http.Response, error) {
		time.Sleep(300 * time.Millisecond)
		if odds(10) {
			return answer(503, ""), nil
		}
		if !v.accepts(r) {
			return answer(401, `{"error": {"title": "Unauthorized", "message": "No."}}`), nil
		}
		mu.Lock()
		defer mu.Unlock()
		token := fmt.Sprint(testToken, n)
		valid[token] = true
		return login(token, time.Hour), nil
	}
	v.Service = func(_ int, r *http.Request) (*http.Response, error) {
		time.Sleep(100 * time.Millisecond)
		switch {
		case odds(20):
			return neutronError(429, "", "Retry-After: 3"), nil
		case odds(20):
			return nil, errBroken
		}
		mu.Lock()
		defer mu.Unlock()
		if !valid[r.Header.Get("X-Auth-Token")] {
			return answer(401, ""), nil
		}
		return routerAnswer(), nil
	}
	synctest.Test(t, func(t *testing.T) {
		client, err := connect(mustRead(t, v), Options{
			Transport: v, Reload: v.read, MaxAttempts: 20,
			watch: func([]string) (<-chan struct{}, func(), error) { return nil, nil, errors.New("not here") },
		})
		if err != nil {
			t.Fatal(err)
		}
		stop := running(t, client)
		var all sync.WaitGroup
		for range 10 {
			all.Go(func() {
				for range 3 * 24 * 4 {
					for _, kind := range kindsOfCall {
						if err := kind.do(t.Context(), client); err != nil && !errors.Is(err, cloud.ErrAmbiguous) {
							t.Errorf("%s: %v", kind.name, err)
						}
					}
					time.Sleep(15 * time.Minute)
				}
			})
		}
		all.Go(func() {
			for day := range 9 {
				time.Sleep(8 * time.Hour)
				password := fmt.Sprintf("password-%d", day)
				v.write(t, password) // the file first, then Keystone, then the tokens
				v.password.Store(password)
				mu.Lock()
				clear(valid)
				mu.Unlock()
			}
		})
		all.Wait()
		stop()
	})
}

func mustRead(t *testing.T, v *vault) config.Global {
	t.Helper()
	g, err := v.read()
	if err != nil {
		t.Fatal(err)
	}
	return g
}
