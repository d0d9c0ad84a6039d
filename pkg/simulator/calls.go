package simulator

import (
	"net/url"
	"time"
)

// Call is one API call that a client made.
type Call struct {
	// At is when the call arrived.
	At     time.Time
	Method string
	// Path is the service's own path, e.g. "/v2.0/ports/1b2c…".
	Path  string
	Query url.Values
	// Pattern is the method and the path with placeholders, e.g. "PUT /v2.0/ports/{id}".
	// A call that no service knows has its path instead.
	Pattern string
	// Service is the catalog's type, e.g. "network".
	Service string
	// Status is what the caller was answered; 0 while in flight, and when the
	// connection was dropped.
	Status int
	// Fault names the fault that struck, e.g. "DropAfter"; empty if none.
	Fault string
	// RequestID is the answer's x-openstack-request-id.
	RequestID string
}

// Calls are all calls since the start or the last ResetCalls, in order of arrival.
func (c *Cloud) Calls() []Call {
	c.mu.Lock()
	defer c.mu.Unlock()
	calls := make([]Call, len(c.calls))
	for i, call := range c.calls {
		calls[i] = *call
	}
	return calls
}

// Count tells how many calls match a glob over "METHOD /path", where * is any
// run of characters: "PUT /v2.0/ports/*", "GET *", "*". Both the pattern
// ("GET /servers/{id}") and the concrete path ("GET /servers/1b2c…") count as a match.
func (c *Cloud) Count(pattern string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	count := 0
	for _, call := range c.calls {
		if matchesCall(pattern, call.Pattern, call.Method, call.Path) {
			count++
		}
	}
	return count
}

// ResetCalls forgets the calls so far.
func (c *Cloud) ResetCalls() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls = nil
}

func matchesCall(wanted, pattern, method, path string) bool {
	return glob(wanted, pattern) || glob(wanted, method+" "+path)
}
