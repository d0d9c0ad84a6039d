package session

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"time"
)

// maxAnswer bounds the body of an answer: a page of a thousand servers is a few MiB.
const maxAnswer = 128 << 20

// deadline bounds one attempt, from the dial to the last byte of the body, which
// it reads so that a body that breaks off counts as a failed attempt.
type deadline struct {
	next    http.RoundTripper
	timeout time.Duration
	secrets *secrets
}

// errSlow is the cause of an attempt that took too long.
var errSlow = errors.New("no complete answer in time")

// sendError is an attempt without a complete answer.
type sendError struct {
	// sent: the cloud may have got the request, so a write may have happened.
	sent bool
	// text is the error's, when that may need something cut out.
	text string
	err  error
}

func (e *sendError) Error() string {
	if e.text != "" {
		return e.text
	}
	return e.err.Error()
}

func (e *sendError) Unwrap() error { return e.err }

// RoundTrip keeps the contract of http.RoundTripper. Errors are *sendError.
func (t *deadline) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, &sendError{err: err}
	}
	ctx, cancel := context.WithTimeoutCause(r.Context(), t.timeout, errSlow)
	defer cancel()
	var link connection
	response, err := t.next.RoundTrip(r.WithContext(httptrace.WithClientTrace(ctx, link.trace())))
	if err != nil {
		return nil, t.explain(ctx, r, err, !link.never(err))
	}
	body, err := readAnswer(response.Body)
	if err != nil {
		return nil, t.explain(ctx, r, fmt.Errorf("read answer: %w", err), true)
	}
	response.Body = io.NopCloser(bytes.NewReader(body))
	return response, nil
}

// explain tells the attempt's own end from the caller's.
func (t *deadline) explain(ctx context.Context, r *http.Request, err error, sent bool) *sendError {
	if r.Context().Err() == nil && errors.Is(context.Cause(ctx), errSlow) {
		err = fmt.Errorf("%w (%v)", errSlow, t.timeout)
	}
	return &sendError{sent: sent, text: t.secrets.redact(err.Error()), err: err}
}

func readAnswer(from io.ReadCloser) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(from, maxAnswer+1))
	err = errors.Join(err, from.Close())
	if err == nil && len(body) > maxAnswer {
		err = fmt.Errorf("longer than %d MiB", maxAnswer>>20)
	}
	return body, err
}

// connection follows whether a request ever had a connection to go out on.
type connection struct{ asked, got atomic.Bool }

func (c *connection) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		GetConn: func(string) { c.asked.Store(true) },
		GotConn: func(httptrace.GotConnInfo) { c.got.Store(true) },
	}
}

// never says that the request was certainly not sent. A transport that does not
// trace gets no such certainty, but for a failed dial.
func (c *connection) never(err error) bool {
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "dial" {
		return true
	}
	return c.asked.Load() && !c.got.Load()
}
