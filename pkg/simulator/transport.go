package simulator

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
)

// ServeHTTP serves all services on one host: Keystone at /identity, Nova at
// /compute, Neutron at /network, Glance at /image, Octavia at /load-balancer,
// Barbican at /key-manager and Cinder at /volume.
func (c *Cloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet && r.URL.Path == pageRoot+"events" {
		c.servePageEvents(w, r)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the caller is gone
	}
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	answer, err := c.serve(r.Context(), newExchange(r, scheme, r.Host, body))
	if err != nil || answer.dropped {
		hangUp(w)
		return
	}
	for key, values := range answer.header {
		w.Header()[key] = values
	}
	if answer.status != http.StatusNoContent {
		w.Header().Set("Content-Length", strconv.Itoa(len(answer.body)))
	}
	w.WriteHeader(answer.status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(answer.body) // a caller that is gone needs no answer
	}
}

// hangUp breaks the connection without an answer.
func hangUp(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		// HTTP/2 and recorders cannot be hijacked: the server closes the stream.
		panic(http.ErrAbortHandler) //nolint:forbidigo // net/http's documented way to break off an answer
	}
	_ = conn.Close()
}

// Transport carries calls to the cloud without any socket or goroutine. Every
// host is the cloud; Endpoint is the usual one.
func (c *Cloud) Transport() http.RoundTripper { return transport{c} }

type transport struct{ cloud *Cloud }

// errDropped is what a client sees when the connection breaks before the answer.
var errDropped = fmt.Errorf("connection dropped: %w", io.ErrUnexpectedEOF)

// RoundTrip keeps the contract of http.RoundTripper.
func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := readBody(r)
	if err != nil {
		return nil, fmt.Errorf("read request body: %w", err)
	}
	host := r.Host
	if host == "" {
		host = r.URL.Host
	}
	answer, err := t.cloud.serve(r.Context(), newExchange(r, r.URL.Scheme, host, body))
	if err != nil {
		return nil, contextCause(r.Context(), err)
	}
	if answer.dropped {
		return nil, errDropped
	}
	return answer.response(r), nil
}

func contextCause(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil && !errors.Is(err, cause) {
		return fmt.Errorf("%w: %w", err, cause)
	}
	return err
}

func readBody(r *http.Request) ([]byte, error) {
	if r.Body == nil {
		return nil, nil
	}
	body, err := io.ReadAll(r.Body)
	return body, errors.Join(err, r.Body.Close())
}

func (o outcome) response(r *http.Request) *http.Response {
	body := o.body
	if r.Method == http.MethodHead {
		body = nil
	}
	return &http.Response{
		Status:     strconv.Itoa(o.status) + " " + http.StatusText(o.status),
		StatusCode: o.status,
		Proto:      "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header:        o.header,
		Body:          io.NopCloser(bytes.NewReader(body)),
		ContentLength: int64(len(body)),
		Request:       r,
	}
}

func newExchange(r *http.Request, scheme, host string, body []byte) *exchange {
	x := &exchange{
		method: r.Method, url: r.URL, header: r.Header, body: body,
		root: scheme + "://" + host,
	}
	if _, port, err := net.SplitHostPort(host); err == nil {
		x.port = port
	}
	x.root = strings.TrimSuffix(x.root, "/")
	return x
}
