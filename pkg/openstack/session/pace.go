package session

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"underlay/internal/cloud"
)

// maxPause is the longest that a service can silence this process by Retry-After.
// A longer wait is given to the caller as an error instead.
const maxPause = time.Minute

// pace keeps the process below a rate of requests to each service, so that one
// cluster never takes the whole API budget of its project, and sends a service
// nothing while that service has asked for a pause (429 with Retry-After). Many
// requests to one service let none to another wait.
type pace struct {
	next   http.RoundTripper
	rates  *rates
	pauses *pauses
}

// rates are the limits, one a service.
type rates struct {
	perSecond rate.Limit
	burst     int
	mu        sync.Mutex
	limiters  map[string]*rate.Limiter
}

func newRates(perSecond float64, burst int) *rates {
	return &rates{perSecond: rate.Limit(perSecond), burst: burst, limiters: map[string]*rate.Limiter{}}
}

// of is the limit of one service.
func (r *rates) of(service string) *rate.Limiter {
	r.mu.Lock()
	defer r.mu.Unlock()
	limiter := r.limiters[service]
	if limiter == nil {
		limiter = rate.NewLimiter(r.perSecond, r.burst)
		r.limiters[service] = limiter
	}
	return limiter
}

// RoundTrip keeps the contract of http.RoundTripper.
func (t *pace) RoundTrip(r *http.Request) (*http.Response, error) {
	service := serviceOf(r.URL)
	if err := t.pauses.wait(r.Context(), service); err != nil {
		return nil, &sendError{err: err}
	}
	if err := t.rates.of(service).Wait(r.Context()); err != nil {
		return nil, &sendError{err: &cloud.Error{
			Class: cloud.ErrUnavailable, Request: requestName(r.Method, r.URL),
			Message: "the own request rate limit leaves no time", Cause: err,
		}}
	}
	response, err := t.next.RoundTrip(r)
	if err == nil && response.StatusCode == http.StatusTooManyRequests {
		t.pauses.ask(service, retryAfter(response.Header, time.Now()))
	}
	return response, err
}

// pauses are the times until which services want no requests.
type pauses struct {
	mu    sync.Mutex
	until map[string]time.Time
}

func (p *pauses) ask(service string, pause time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.until == nil {
		p.until = map[string]time.Time{}
	}
	if until := time.Now().Add(min(pause, maxPause)); until.After(p.until[service]) {
		p.until[service] = until
	}
}

// wait returns when the service may be asked again.
func (p *pauses) wait(ctx context.Context, service string) error {
	for {
		p.mu.Lock()
		left := time.Until(p.until[service])
		p.mu.Unlock()
		if left <= 0 {
			return ctx.Err()
		}
		if end, bounded := ctx.Deadline(); bounded && time.Until(end) < left {
			return &cloud.Error{
				Class: cloud.ErrUnavailable, Request: service, RetryAfter: left,
				Message: "the cloud asked for a pause that is longer than this call may take",
			}
		}
		if err := sleep(ctx, left); err != nil {
			return err
		}
	}
}

// serviceOf names the service behind a URL: host and path up to the API version.
func serviceOf(u *url.URL) string {
	before, _ := splitVersion(u.Path)
	return u.Host + strings.TrimSuffix(before, "/")
}

// sleep waits, or returns the context's error as soon as it ends.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
