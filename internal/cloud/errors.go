// Package cloud holds the words in which every part of Underlay speaks of a
// cloud's answers: the classes of error that a caller can act upon.
//
// Errors are classified once, where the API is called (pkg/openstack/session). Everyone
// else wraps them with fmt.Errorf("verb object: %w", err) and asks errors.Is.
package cloud

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// The classes of error. Each says what the caller may do next.
var (
	// ErrNotFound: the object does not exist (404). For a delete, success.
	ErrNotFound = errors.New("not found")
	// ErrBusy: the object changed under us or is being changed (409 on state,
	// 412 on revision). Observe again, then plan again.
	ErrBusy = errors.New("busy")
	// ErrQuota: a limit of the project or of the object is reached. Trying
	// again does not help until somebody raises it or frees something.
	ErrQuota = errors.New("limit reached")
	// ErrDenied: the credentials do not allow the call (401, 403).
	ErrDenied = errors.New("denied")
	// ErrAmbiguous: a write may or may not have happened (the connection
	// broke, timed out, or a proxy answered for the service after the request
	// was sent). Observe before doing anything else.
	ErrAmbiguous = errors.New("outcome unknown")
	// ErrInvalid: the cloud refuses the request as it stands (400, 409 on
	// meaning). Sending it again unchanged cannot succeed.
	ErrInvalid = errors.New("refused as invalid")
	// ErrUnavailable: the cloud did not do it and may do it later (429, 500,
	// 502, 503, 504 on reads, no connection).
	ErrUnavailable = errors.New("unavailable")
	// ErrUnsupported: this cloud does not have the API or extension.
	ErrUnsupported = errors.New("not supported by this cloud")
)

// Error is an answer of the cloud, classified. It unwraps to its class and to
// its cause, so errors.Is works with both.
type Error struct {
	Class error // one of the Err… values above
	// Request names the call without its query, e.g. "PUT /v2.0/routers/<id>/add_extraroutes".
	Request string
	// Status is the HTTP status code, 0 when no answer came.
	Status int
	// Type is the service's own name of the error, e.g. "RoutesExhausted"
	// (NeutronError.type), or "".
	Type string
	// Message is the service's own sentence, shortened, without secrets.
	Message string
	// RequestID is the X-Openstack-Request-Id of the answer, or "". Operators
	// of the cloud find the call in their logs by it.
	RequestID string
	// RetryAfter is how long the cloud asked us to wait, 0 when it did not say.
	RetryAfter time.Duration
	// Cause is the error as the client library gave it; may be nil.
	Cause error
}

// Error says what was refused, how, and by which request id.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %v", e.Request, e.Class)
	if e.Status != 0 {
		fmt.Fprintf(&b, " (%d", e.Status)
		if e.Type != "" {
			fmt.Fprintf(&b, " %s", e.Type)
		}
		b.WriteString(")")
	}
	if e.Message != "" {
		fmt.Fprintf(&b, ": %s", e.Message)
	}
	if e.RequestID != "" {
		fmt.Fprintf(&b, " [%s]", e.RequestID)
	}
	return b.String()
}

// Unwrap gives the class and the cause to errors.Is and errors.As.
func (e *Error) Unwrap() []error {
	if e.Cause == nil {
		return []error{e.Class}
	}
	return []error{e.Class, e.Cause}
}
