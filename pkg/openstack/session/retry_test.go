package session

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"underlay/internal/cloud"
)

// The three kinds of call that differ in what may be sent twice.
var kindsOfCall = []struct {
	name string
	do   func(context.Context, client) error
}{
	{"read", func(ctx context.Context, c client) error { _, err := c.Router(ctx, "r1"); return err }},
	{"idempotent", func(ctx context.Context, c client) error { return c.AddRoutes(ctx, "r1") }},
	{"write", func(ctx context.Context, c client) error { return c.SetRoutes(ctx, "r1") }},
}

// result is how often a call is sent in all, and the class of its error.
type result struct {
	attempts int
	class    error
}

// faults are all the ways in which every attempt of a call can fail, and what
// comes of it for a read, an idempotent write and any other write.
var faults = []struct {
	name  string
	fault func(r *http.Request) (*http.Response, error)
	want  [3]result
}{
	{"400", status(400, "HTTPBadRequest"), same(1, cloud.ErrInvalid)},
	{"400 RoutesExhausted", status(400, "RoutesExhausted"), same(1, cloud.ErrQuota)},
	{"400 InvalidRoutes", status(400, "InvalidRoutes"), same(1, cloud.ErrInvalid)},
	{"400 AllowedAddressPairExhausted", status(400, "AllowedAddressPairExhausted"), same(1, cloud.ErrQuota)},
	{"401", status(401, ""), same(2, cloud.ErrDenied)},
	{"403", status(403, "PolicyNotAuthorized"), same(1, cloud.ErrDenied)},
	{"404 of the service", status(404, "RouterNotFound"), same(1, cloud.ErrNotFound)},
	{"404 of a proxy", page404, same(1, cloud.ErrUnavailable)},
	{"405", status(405, ""), same(1, cloud.ErrUnsupported)},
	{"409", status(409, "Conflict"), same(1, cloud.ErrBusy)},
	{"409 OverQuota", status(409, "OverQuota"), same(1, cloud.ErrQuota)},
	{"409 RouterInterfaceInUseByRoute", status(409, "RouterInterfaceInUseByRoute"), same(1, cloud.ErrInvalid)},
	{"412", status(412, "RevisionNumberConstraintFailed"), same(1, cloud.ErrBusy)},
	{"413", status(413, "overLimit"), same(1, cloud.ErrQuota)},
	{"429", status(429, ""), same(3, cloud.ErrUnavailable)},
	{"429 with Retry-After", status(429, "", "Retry-After: 2"), same(3, cloud.ErrUnavailable)},
	{"500", status(500, ""), unsure},
	{"502", status(502, ""), unsure},
	{"503", status(503, ""), unsure},
	{"503 with Retry-After", status(503, "", "Retry-After: 2"), same(3, cloud.ErrUnavailable)},
	{"504", status(504, ""), unsure},
	{"501", status(501, ""), same(1, cloud.ErrUnsupported)},
	{"307 elsewhere", status(307, "", "Location: http://elsewhere/"), same(1, cloud.ErrInvalid)},
	{"connection refused", fails(errRefused), same(3, cloud.ErrUnavailable)},
	{"connection broken", fails(errBroken), unsure},
	{"no answer in time", hang, unsure},
	{"body cut off", func(*http.Request) (*http.Response, error) { return truncated(), nil }, unsure},
	{"body is not JSON", func(*http.Request) (*http.Response, error) { return answer(200, "<html>"), nil },
		[3]result{{1, cloud.ErrUnavailable}, {1, cloud.ErrAmbiguous}, {1, cloud.ErrAmbiguous}}},
}

// unsure: a write may have happened. Only what may be sent twice is.
var unsure = [3]result{{3, cloud.ErrUnavailable}, {3, cloud.ErrAmbiguous}, {1, cloud.ErrAmbiguous}}

func same(attempts int, class error) [3]result {
	return [3]result{{attempts, class}, {attempts, class}, {attempts, class}}
}

func status(code int, kind string, headers ...string) func(*http.Request) (*http.Response, error) {
	return func(*http.Request) (*http.Response, error) { return neutronError(code, kind, headers...), nil }
}

func page404(*http.Request) (*http.Response, error) {
	return answer(404, "<html><body>no backend</body></html>", "Content-Type: text/html"), nil
}

func fails(err error) func(*http.Request) (*http.Response, error) {
	return func(*http.Request) (*http.Response, error) { return nil, err }
}

func TestEveryFaultOfEveryKindOfCall(t *testing.T) {
	for _, f := range faults {
		for i, kind := range kindsOfCall {
			t.Run(f.name+"/"+kind.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					cloudy := &script{Service: func(_ int, r *http.Request) (*http.Response, error) { return f.fault(r) }}
					err := kind.do(t.Context(), newTestClient(t, cloudy))
					if want := f.want[i].class; !errors.Is(err, want) {
						t.Errorf("got error %v, want %v", err, want)
					}
					if _, got := cloudy.Counts(); got != f.want[i].attempts {
						t.Errorf("got %d attempts, want %d", got, f.want[i].attempts)
					}
					var told *cloud.Error
					if !errors.As(err, &told) || told.Request == "" {
						t.Errorf("got %#v, want a *cloud.Error with its request", err)
					}
				})
			})
		}
	}
}

// What goes wrong once and may be sent twice is not seen by the caller at all;
// the body is the same each time.
func TestOneFaultIsOvercome(t *testing.T) {
	for _, f := range faults {
		for i, kind := range kindsOfCall {
			if f.want[i].attempts < 2 {
				continue
			}
			t.Run(f.name+"/"+kind.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					cloudy := &script{Service: func(n int, r *http.Request) (*http.Response, error) {
						if n == 1 {
							return f.fault(r)
						}
						return routerAnswer(), nil
					}}
					if err := kind.do(t.Context(), newTestClient(t, cloudy)); err != nil {
						t.Fatal(err)
					}
					if _, got := cloudy.Counts(); got != 2 {
						t.Errorf("got %d attempts, want 2", got)
					}
					if cloudy.Bodies[0] != cloudy.Bodies[1] {
						t.Errorf("sent %q and then %q", cloudy.Bodies[0], cloudy.Bodies[1])
					}
				})
			})
		}
	}
}

// An attempt that may have happened makes the whole call unsure, even when the
// last one certainly did not happen.
func TestAmbiguousStaysAmbiguous(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cloudy := &script{Service: func(n int, r *http.Request) (*http.Response, error) {
			if n == 1 {
				return nil, errBroken
			}
			return neutronError(429, ""), nil
		}}
		err := newTestClient(t, cloudy).AddRoutes(t.Context(), "r1")
		if !errors.Is(err, cloud.ErrAmbiguous) {
			t.Errorf("got %v, want cloud.ErrAmbiguous", err)
		}
	})
}

// So it is when the last one did not even go out.
func TestAmbiguousStaysAmbiguousWhenTheRestIsNotSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cloudy := &script{Service: func(_ int, r *http.Request) (*http.Response, error) {
			if r.Method == http.MethodPut {
				return nil, errBroken
			}
			return neutronError(429, "", "Retry-After: 50"), nil
		}}
		client := newTestClient(t, cloudy)
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		done := make(chan error, 1)
		go func() { done <- client.AddRoutes(ctx, "r1") }()
		synctest.Wait() // it waits to be sent again
		_, read := client.Router(ctx, "r1")
		if err := <-done; !errors.Is(err, cloud.ErrAmbiguous) {
			t.Errorf("got %v, want cloud.ErrAmbiguous", err)
		}
		if !errors.Is(read, cloud.ErrUnavailable) {
			t.Errorf("the read: got %v, want cloud.ErrUnavailable", read)
		}
	})
}

func TestPauses(t *testing.T) {
	date := func(in time.Duration) string { return time.Now().Add(in).UTC().Format(http.TimeFormat) }
	tests := []struct {
		name  string
		fault func(*http.Request) (*http.Response, error)
		want  []time.Duration
	}{
		{"doubling ceilings", status(500, ""), []time.Duration{250 * time.Millisecond, 500 * time.Millisecond, time.Second, 2 * time.Second}},
		{"seconds", status(503, "", "Retry-After: 7"), slices.Repeat([]time.Duration{7250 * time.Millisecond}, 4)},
		{"date", func(*http.Request) (*http.Response, error) {
			return neutronError(503, "", "Retry-After: "+date(5*time.Second)), nil
		}, nil},
		{"too long to wait for", status(503, "", "Retry-After: 61"), []time.Duration{}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cloudy := &script{Service: func(_ int, r *http.Request) (*http.Response, error) { return test.fault(r) }}
				client := newTestClient(t, cloudy, func(o *Options) { o.MaxAttempts = 5 })
				_, err := client.Router(t.Context(), "r1")
				if !errors.Is(err, cloud.ErrUnavailable) {
					t.Errorf("got %v, want cloud.ErrUnavailable", err)
				}
				got := cloudy.Gaps()
				if test.want == nil { // HTTP dates have whole seconds
					for _, gap := range got {
						if gap < 4*time.Second || gap > 6*time.Second || len(got) != 4 {
							t.Errorf("got pauses %v, want 4 of about 5 s", got)
						}
					}
					return
				}
				if !slices.Equal(got, test.want) {
					t.Errorf("got pauses %v, want %v", got, test.want)
				}
			})
		})
	}
}

func TestFullJitterStaysBelowItsCeiling(t *testing.T) {
	seen := map[time.Duration]bool{}
	for range 1000 {
		pause := fullJitter(time.Second)
		if pause < 0 || pause >= time.Second {
			t.Fatalf("got %v, want less than a second", pause)
		}
		seen[pause] = true
	}
	if len(seen) < 500 {
		t.Errorf("got %d different pauses of 1000, want chance", len(seen))
	}
}

// The caller's context ends everything at once, at whatever point it is.
func TestContextIsRespected(t *testing.T) {
	points := []struct {
		name string
		set  func(*script)
		want [3]error // for a read, an idempotent write, another write
	}{
		{"while Keystone hangs", func(s *script) {
			s.Keystone = func(_ int, r *http.Request) (*http.Response, error) { return hang(r) }
		}, [3]error{cloud.ErrUnavailable, cloud.ErrUnavailable, cloud.ErrUnavailable}},
		{"while the service hangs", func(s *script) {
			s.Service = func(_ int, r *http.Request) (*http.Response, error) { return hang(r) }
		}, [3]error{cloud.ErrUnavailable, cloud.ErrAmbiguous, cloud.ErrAmbiguous}},
		{"between two attempts", func(s *script) {
			s.Service = func(int, *http.Request) (*http.Response, error) { return neutronError(429, "", "Retry-After: 30"), nil }
		}, [3]error{cloud.ErrUnavailable, cloud.ErrUnavailable, cloud.ErrUnavailable}},
	}
	for _, point := range points {
		for i, kind := range kindsOfCall {
			t.Run(point.name+"/"+kind.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					cloudy := &script{}
					point.set(cloudy)
					client := newTestClient(t, cloudy)
					ctx, cancel := context.WithCancel(t.Context())
					time.AfterFunc(3*time.Second, cancel)
					begun := time.Now()
					err := kind.do(ctx, client)
					if got := time.Since(begun); got != 3*time.Second {
						t.Errorf("returned %v after the begin, want at the cancellation", got)
					}
					if !errors.Is(err, point.want[i]) || !errors.Is(err, context.Canceled) {
						t.Errorf("got %v, want %v and context.Canceled", err, point.want[i])
					}
				})
			})
		}
	}
}

// A deadline that a pause would miss is not slept up to.
func TestNoPauseBeyondTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cloudy := &script{Service: func(int, *http.Request) (*http.Response, error) {
			return neutronError(429, "", "Retry-After: 30"), nil
		}}
		client := newTestClient(t, cloudy)
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		begun := time.Now()
		_, err := client.Router(ctx, "r1")
		var told *cloud.Error
		if !errors.As(err, &told) || told.Status != 429 || told.RetryAfter != 30*time.Second {
			t.Errorf("got %v, want the 429 with its Retry-After", err)
		}

		// The service asked everyone for a pause: the next call does not even go out.
		_, err = client.Router(ctx, "r1")
		if !errors.As(err, &told) || told.RetryAfter != 30*time.Second || !errors.Is(err, cloud.ErrUnavailable) {
			t.Errorf("got %v, want to be told to wait", err)
		}
		if got := time.Since(begun); got != 0 {
			t.Errorf("took %v, want no time", got)
		}
		if _, calls := cloudy.Counts(); calls != 1 {
			t.Errorf("got %d calls, want 1", calls)
		}
	})
}

// A 429 silences the service for everyone, and only that service.
func TestPauseIsShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cloudy := &script{Service: func(n int, r *http.Request) (*http.Response, error) {
			switch {
			case n == 1:
				return neutronError(429, "", "Retry-After: 20"), nil
			case strings.HasPrefix(r.URL.Path, "/compute"):
				return answer(200, `{"servers": []}`), nil
			default:
				return routerAnswer(), nil
			}
		}}
		client := newTestClient(t, cloudy)
		begun := time.Now()
		done := make(chan error, 3)
		router := func() { _, err := client.Router(t.Context(), "r1"); done <- err }
		go router()
		synctest.Wait()
		go router()
		if err := client.Server(t.Context(), "s1"); err != nil || time.Since(begun) != 0 {
			t.Errorf("another service: got %v after %v, want an answer at once", err, time.Since(begun))
		}
		for range 2 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		for i, at := range cloudy.Times[2:] {
			if at.Sub(begun) < 20*time.Second {
				t.Errorf("call %d went out %v after the begin, within the pause", i+3, at.Sub(begun))
			}
		}
	})
}

func TestRateLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cloudy := &script{Service: func(int, *http.Request) (*http.Response, error) { return routerAnswer(), nil }}
		client := newTestClient(t, cloudy, func(o *Options) { o.RequestsPerSecond, o.Burst = 10, 5 })
		done := make(chan error)
		for range 104 {
			go func() { _, err := client.Router(t.Context(), "r1"); done <- err }()
		}
		begun := time.Now()
		for range 104 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		// 5 at once; the request for the token was one to another service.
		if got := time.Since(begun); got != 9900*time.Millisecond {
			t.Errorf("took %v, want 9.9 s", got)
		}

		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		for range 5 {
			_, _ = client.Router(t.Context(), "r1") // uses up what has gathered
		}
		err := client.SetRoutes(ctx, "r1")
		if !errors.Is(err, cloud.ErrUnavailable) {
			t.Errorf("got %v, want cloud.ErrUnavailable: the write was never sent", err)
		}
	})
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	tests := map[string]time.Duration{
		"":                              0,
		"0":                             0,
		"3":                             3 * time.Second,
		"-3":                            0,
		"soon":                          0,
		"1.5":                           0,
		"Fri, 20 Nov 2026 12:00:09 GMT": 9 * time.Second,
		"Fri, 20 Nov 2026 11:00:00 GMT": 0,
	}
	for value, want := range tests {
		if got := retryAfter(http.Header{"Retry-After": {value}}, now); got != want {
			t.Errorf("Retry-After %q: got %v, want %v", value, got, want)
		}
	}
	if got := retryAfter(http.Header{"Retry-After": {fmt.Sprint(int64(1) << 40)}}, now); got < time.Hour {
		t.Errorf("a huge Retry-After: got %v, want a long time", got)
	}
}
