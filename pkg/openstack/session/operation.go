package session

import (
	"context"
	"net/http"
	"sync/atomic"
)

// Operation is one kind of call to the cloud.
type Operation struct {
	// Name is "resource_verb", the request label of the metrics.
	Name   string
	Method string
	// Idempotent: to send it twice does the same as to send it once, whatever
	// the first answer was. Reads are; a write says so here, with the reason
	// where the operation is declared.
	Idempotent bool
}

// Write says whether the call changes something.
func (o Operation) Write() bool {
	return o.Method != http.MethodGet && o.Method != http.MethodHead
}

// repeatable says whether a lost answer may be met by sending the call again.
func (o Operation) repeatable() bool { return o.Idempotent || !o.Write() }

// Call is one operation on its way, with what the layers found out about it.
type Call struct {
	Operation
	session *Session
	// refine and path are the service's own meaning of an error, and whom the call
	// is about, where it depends on that.
	refine func(Answer) error
	path   []string
	// ambiguous: some attempt of a write may have done its work without an answer.
	ambiguous atomic.Bool
}

type callKey struct{}

// Begin starts an operation: requests made with the context belong to it.
func (s *Session) Begin(ctx context.Context, op Operation) (context.Context, *Call) {
	made := &Call{Operation: op, session: s}
	return context.WithValue(ctx, callKey{}, made), made
}

// callOf gives the operation that a request belongs to; one that nobody began
// counts as neither idempotent nor known.
func callOf(r *http.Request) *Call {
	if made, ok := r.Context().Value(callKey{}).(*Call); ok {
		return made
	}
	return &Call{Operation: Operation{Name: "unknown", Method: r.Method}}
}
