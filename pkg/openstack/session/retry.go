package session

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"k8s.io/klog/v2"

	"underlay/internal/cloud"
)

// Backoff without a Retry-After: full jitter below a doubling ceiling
// (https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter).
const (
	firstBackoff = 250 * time.Millisecond
	maxBackoff   = 15 * time.Second
)

// retry sends a request again when that is safe and may help.
//
//	answer                          read, idempotent write   other write
//	429                             again                    again: it was not done
//	503 with Retry-After            again                    again: it was not done
//	no connection                   again                    again: it was not sent
//	500, 502, 503, 504              again                    ambiguous, given back
//	broken connection, too slow     again                    ambiguous, given back
//	anything else                   given back               given back
type retry struct {
	next     http.RoundTripper
	attempts int
	// jitter gives a duration in [0, ceiling); tests make it certain.
	jitter func(ceiling time.Duration) time.Duration
}

func fullJitter(ceiling time.Duration) time.Duration { return rand.N(ceiling) }

// RoundTrip keeps the contract of http.RoundTripper.
func (t *retry) RoundTrip(r *http.Request) (*http.Response, error) {
	made := callOf(r)
	for attempt := 1; ; attempt++ {
		request, err := again(r)
		if err != nil {
			return nil, &sendError{err: err}
		}
		response, err := t.next.RoundTrip(request)
		seen := judge(r.Context(), response, err)
		if seen.unsure && made.Write() {
			made.ambiguous.Store(true)
		}
		if !seen.retry(made.Operation) || attempt >= t.attempts {
			return response, err
		}
		pause := t.pause(attempt, seen.after)
		if seen.after > maxPause || !affordable(r.Context(), pause) {
			return response, err
		}
		klog.FromContext(r.Context()).V(2).Info("Retrying request", "request", made.Name,
			"attempt", attempt, "pause", pause, "why", seen.why)
		if err := sleep(r.Context(), pause); err != nil {
			return nil, &sendError{sent: made.ambiguous.Load(), err: err}
		}
	}
}

// again copies a request with its body rewound: a RoundTripper may not change its argument.
func again(r *http.Request) (*http.Request, error) {
	request := r.Clone(r.Context())
	if r.Body == nil || r.GetBody == nil {
		return request, nil
	}
	body, err := r.GetBody()
	if err != nil {
		return nil, fmt.Errorf("rewind request body: %w", err)
	}
	request.Body = body
	return request, nil
}

func (t *retry) pause(attempt int, after time.Duration) time.Duration {
	if after > 0 {
		return after + t.jitter(firstBackoff)
	}
	ceiling := min(firstBackoff<<min(attempt-1, 16), maxBackoff)
	return t.jitter(ceiling)
}

// affordable says whether the context outlives the pause.
func affordable(ctx context.Context, pause time.Duration) bool {
	end, bounded := ctx.Deadline()
	return ctx.Err() == nil && (!bounded || time.Until(end) > pause)
}

// attempt is what one attempt tells about going on.
type attempt struct {
	// transient: the same request may succeed later.
	transient bool
	// unsure: if it was a write, it may have happened.
	unsure bool
	// after is the pause that the cloud asked for, 0 when it did not say.
	after time.Duration
	why   string
}

func (a attempt) retry(op Operation) bool {
	return a.transient && (!a.unsure || op.repeatable())
}

// judge reads an attempt's outcome.
func judge(ctx context.Context, response *http.Response, err error) attempt {
	if err != nil {
		return judgeError(ctx, err)
	}
	seen := attempt{why: strconv.Itoa(response.StatusCode), after: retryAfter(response.Header, time.Now())}
	switch response.StatusCode {
	case http.StatusTooManyRequests:
		seen.transient = true
	case http.StatusServiceUnavailable:
		seen.transient = true
		seen.unsure = seen.after == 0
	case http.StatusInternalServerError, http.StatusBadGateway, http.StatusGatewayTimeout:
		seen.transient, seen.unsure = true, true
	}
	return seen
}

// judgeError reads the outcome of an attempt without an answer. The caller's own
// end, our own refusal to send and a certificate that we do not trust are never
// transient. Errors of the net package say that they are context.DeadlineExceeded
// too, so the context itself is asked.
func judgeError(ctx context.Context, err error) attempt {
	seen := attempt{why: err.Error(), unsure: true}
	var sending *sendError
	if errors.As(err, &sending) {
		seen.unsure = sending.sent
	}
	var told *cloud.Error
	var untrusted *tls.CertificateVerificationError
	seen.transient = ctx.Err() == nil && !errors.As(err, &told) && !errors.As(err, &untrusted)
	return seen
}

// retryAfter reads Retry-After, in seconds or as a date (RFC 9110, section 10.2.3);
// 0 when it is missing, wrong or past.
func retryAfter(header http.Header, now time.Time) time.Duration {
	value := header.Get("Retry-After")
	if seconds, err := strconv.Atoi(value); err == nil {
		return max(0, time.Duration(min(seconds, 1<<30))*time.Second)
	}
	if date, err := http.ParseTime(value); err == nil {
		return max(0, date.Sub(now))
	}
	return 0
}
