package ccm

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// cloudFunc answers Check as a function of the call's number.
type cloudFunc func(ctx context.Context, call int) error

type counted struct {
	answer cloudFunc
	calls  atomic.Int64
}

func (c *counted) Check(ctx context.Context) error { return c.answer(ctx, int(c.calls.Add(1))) }

func ask(c *cloudCheck) (int, string) {
	w := httptest.NewRecorder()
	c.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/cloud", nil))
	return w.Code, w.Body.String()
}

func TestCloudCheckTurnsWithTheCloud(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cloud := &counted{answer: func(_ context.Context, call int) error {
			if call == 2 {
				return errors.New("GET /v3: unavailable (503)")
			}
			return nil
		}}
		check := newCloudCheck(cloud)
		for i, want := range []int{http.StatusOK, http.StatusServiceUnavailable, http.StatusOK} {
			code, body := ask(check)
			if code != want {
				t.Errorf("look %d: got %d (%s), want %d", i+1, code, body, want)
			}
			if code != http.StatusOK && !strings.Contains(body, "503") {
				t.Errorf("look %d: the reason is not told: %q", i+1, body)
			}
			time.Sleep(checkMemory)
		}
	})
}

func TestCloudCheckSharesOneCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cloud := &counted{answer: func(context.Context, int) error { time.Sleep(time.Second); return nil }}
		check := newCloudCheck(cloud)
		var probes sync.WaitGroup
		for range 50 {
			probes.Go(func() {
				if code, _ := ask(check); code != http.StatusOK {
					t.Errorf("got %d, want 200", code)
				}
			})
		}
		probes.Wait()
		if got := cloud.calls.Load(); got != 1 {
			t.Errorf("got %d calls for 50 probes, want 1", got)
		}
	})
}

func TestCloudCheckEndsWhenTheCloudHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cloud := &counted{answer: func(ctx context.Context, _ int) error { <-ctx.Done(); return ctx.Err() }}
		started := time.Now()
		if code, _ := ask(newCloudCheck(cloud)); code != http.StatusServiceUnavailable {
			t.Errorf("got %d, want 503", code)
		}
		if got := time.Since(started); got != checkTimeout {
			t.Errorf("answered after %v, want %v", got, checkTimeout)
		}
	})
}
