package session

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"sync"
	"time"

	"k8s.io/klog/v2"
)

// observe counts, measures and logs every attempt.
type observe struct {
	next  http.RoundTripper
	reach *reach
}

// RoundTrip keeps the contract of http.RoundTripper.
func (t *observe) RoundTrip(r *http.Request) (*http.Response, error) {
	made, begun := callOf(r), time.Now()
	response, err := t.next.RoundTrip(r)
	took := time.Since(begun)

	code, status, id := "none", 0, ""
	if err == nil {
		status, id = response.StatusCode, requestID(response.Header)
		code = strconv.Itoa(status)
	}
	requestDuration.WithLabelValues(made.Name).Observe(took.Seconds())
	requestsTotal.WithLabelValues(made.Name, code).Inc()
	if status == 0 || status >= http.StatusBadRequest {
		requestErrorsTotal.WithLabelValues(made.Name, code).Inc()
	}
	t.reach.note(status, err)

	level := 5
	if made.Write() {
		level = 4
	}
	klog.FromContext(r.Context()).V(level).Info("Request", "request", made.Name, "method", r.Method,
		"path", r.URL.Path, "code", code, "seconds", took.Seconds(), "requestID", id, "err", err)
	return response, err
}

// requestID finds the name under which the cloud's logs know the call.
// Nova wrote X-Compute-Request-Id before it took the common name.
func requestID(header http.Header) string {
	if id := header.Get("X-Openstack-Request-Id"); id != "" {
		return id
	}
	return header.Get("X-Compute-Request-Id")
}

// reach remembers when the cloud last answered.
type reach struct {
	mu   sync.Mutex
	last time.Time
}

// note learns from an attempt. A proxy that speaks for a dead service is no
// answer; a caller that gave up says nothing about the cloud.
func (r *reach) note(status int, err error) {
	switch {
	case errors.Is(err, context.Canceled):
	case status == 0, status == http.StatusBadGateway,
		status == http.StatusServiceUnavailable, status == http.StatusGatewayTimeout:
		cloudReachable.Set(0)
	default:
		now := time.Now()
		r.mu.Lock()
		r.last = now
		r.mu.Unlock()
		cloudReachable.Set(1)
		cloudLastAnswer.Set(float64(now.UnixMilli()) / 1000)
	}
}

// begin counts the silence of a cloud that nobody has asked yet from now.
func (r *reach) begin() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.last.IsZero() {
		r.last = time.Now()
	}
}

// silence is how long the cloud has not answered, or has not been asked.
func (r *reach) silence() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	return time.Since(r.last)
}
