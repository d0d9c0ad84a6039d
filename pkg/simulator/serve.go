package simulator

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// exchange is one call on its way through the cloud, whatever carries it.
type exchange struct {
	method, port, root string
	url                *url.URL
	header             http.Header
	body               []byte
}

// outcome is what the caller gets: an answer, or a broken connection.
type outcome struct {
	status  int
	header  http.Header
	body    []byte
	dropped bool
}

// serve carries out one call. An error means that the caller gave up; whoever
// does so while the call takes its time has asked for nothing.
func (c *Cloud) serve(ctx context.Context, x *exchange) (outcome, error) {
	if answer, ours := c.page(x); ours {
		return answer, nil
	}
	r, s, match := c.receive(x)
	if s == nil {
		return c.index(x), nil
	}
	c.mu.Lock()
	at := c.record(r, s)
	fault := c.faultFor(r.Pattern, r.Method, r.Path)
	delay := c.latency.delay(time.Now(), s.kind, r.Pattern, r.Method, r.Path)
	retryAfter, admitted := c.limit.admit(time.Now())
	c.mu.Unlock()

	if !admitted {
		return c.finish(at, r, tooMany(retryAfter), "")
	}
	if fault != nil && fault.Kind == Hang {
		c.strike(at, fault)
		return hang(ctx)
	}
	if err := pause(ctx, delay); err != nil {
		return outcome{}, err
	}
	return c.act(ctx, at, r, s, match, fault)
}

// hang waits until the caller gives up.
func hang(ctx context.Context) (outcome, error) {
	<-ctx.Done()
	return outcome{}, ctx.Err()
}

// act runs the handler, before or after which the fault strikes.
func (c *Cloud) act(ctx context.Context, at *Call, r *request, s *service, match *compiled, fault *Fault) (outcome, error) {
	if fault == nil {
		return c.finish(at, r, c.handle(r, s, match), "")
	}
	if fault.Kind.acts() {
		c.handle(r, s, match)
	}
	switch fault.Kind {
	case DropBefore, DropAfter:
		c.strike(at, fault)
		return outcome{dropped: true}, nil
	case HangAfter:
		c.strike(at, fault)
		return hang(ctx)
	default:
		return c.finish(at, r, marshalled(fault.answer(s)), fault.Kind.String())
	}
}

// receive finds the service and the pattern. It takes no lock: the tables never change.
func (c *Cloud) receive(x *exchange) (*request, *service, *compiled) {
	s, rest := c.serviceFor(x.port, x.url.Path)
	r := &request{
		Method: x.method, Path: rest, Query: x.url.Query(), Header: x.header, Body: x.body,
		RootURL: x.root, RequestID: "req-" + newID(),
	}
	if s == nil {
		return r, nil, nil
	}
	r.FullPath, r.ServicePath = x.url.Path, rest
	if s.resolve != nil {
		r.Path = s.resolve(rest)
	}
	r.BaseURL = x.root + s.prefix
	match, vars, _ := s.routes.find(r.Method, r.Path)
	r.Pattern, r.Vars = r.Method+" "+r.Path, vars
	if match != nil {
		r.Pattern = match.pattern
	}
	return r, s, match
}

// handle authenticates and runs the handler with the lock held.
func (c *Cloud) handle(r *request, s *service, match *compiled) outcome {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.octavia.settle()
	c.cinder.settle()
	answer := c.answer(r, s, match)
	if s.finish != nil {
		s.finish(r, &answer)
	}
	return marshalled(answer)
}

func (c *Cloud) answer(r *request, s *service, match *compiled) response {
	_, _, known := s.routes.find(r.Method, r.Path)
	if !known && s.missing != nil {
		return s.missing(r)
	}
	if !s.public[r.Pattern] {
		var refused *response
		if r.Token, refused = c.keystone.admit(r, s); refused != nil {
			return *refused
		}
	}
	if s.admit != nil {
		if refused := s.admit(r); refused != nil {
			return *refused
		}
	}
	switch {
	case match != nil:
		return match.serve(r)
	case known:
		return response{Status: http.StatusMethodNotAllowed, Body: s.fault(http.StatusMethodNotAllowed, "",
			"The method "+r.Method+" is not allowed for this resource.")}
	}
	return response{Status: http.StatusNotFound, Body: s.fault(http.StatusNotFound, "", "The resource could not be found.")}
}

// record adds the call to the log and returns its entry, which changes only under the lock.
func (c *Cloud) record(r *request, s *service) *Call {
	call := &Call{
		At: time.Now(), Method: r.Method, Path: r.Path, Query: r.Query,
		Pattern: r.Pattern, Service: s.kind, RequestID: r.RequestID,
	}
	c.calls = append(c.calls, call)
	return call
}

// strike notes a fault after which the caller gets no answer.
func (c *Cloud) strike(call *Call, fault *Fault) {
	c.mu.Lock()
	defer c.mu.Unlock()
	call.Fault = fault.Kind.String()
}

// finish notes the answer in the log and gives it the headers that every answer has.
func (c *Cloud) finish(call *Call, r *request, answer outcome, fault string) (outcome, error) {
	c.mu.Lock()
	call.Status, call.Fault = answer.status, fault
	c.mu.Unlock()
	answer.header.Set("X-Openstack-Request-Id", r.RequestID)
	return answer, nil
}

// tooMany is the answer beyond the rate limit, as the middlewares and proxies in
// front of public clouds give it (sapcc/openstack-rate-limit-middleware).
func tooMany(retryAfter time.Duration) outcome {
	answer := response{
		Status: http.StatusTooManyRequests,
		Body: map[string]any{"error": map[string]any{
			"status": "429 Too Many Requests", "message": "Too Many Requests",
		}},
	}
	return marshalled(answer.set("Retry-After", wholeSeconds(retryAfter)))
}

// marshalled turns a handler's response into bytes.
func marshalled(r response) outcome {
	out := outcome{status: r.Status, header: r.Header.Clone()}
	if out.header == nil {
		out.header = http.Header{}
	}
	if r.Body == nil {
		return out
	}
	switch body := r.Body.(type) {
	case html:
		out.body = []byte(body)
		out.header.Set("Content-Type", "text/html; charset=utf-8")
		return out
	case rawBody:
		out.body = body
		return out
	}
	body, err := json.Marshal(r.Body)
	if err != nil {
		// Bodies are made of plain maps, slices and structs: this is a bug of the simulator.
		out.status, body = http.StatusInternalServerError, []byte(strconv.Quote("simulator: marshal answer: "+err.Error()))
	}
	out.body = body
	if out.header.Get("Content-Type") == "" {
		out.header.Set("Content-Type", "application/json")
	}
	return out
}
