package openstack

import (
	"context"
	"net/http"
	"sync/atomic"
)

// operation is one kind of call to the cloud.
type operation struct {
	// name is "resource_verb", the request label of the metrics.
	name   string
	method string
	// idempotent: to send it twice does the same as to send it once, whatever
	// the first answer was. Reads are; a write says so here, with the reason
	// where the operation is declared.
	idempotent bool
}

// write says whether the call changes something.
func (o operation) write() bool {
	return o.method != http.MethodGet && o.method != http.MethodHead
}

// repeatable says whether a lost answer may be met by sending the call again.
func (o operation) repeatable() bool { return o.idempotent || !o.write() }

// call is one operation on its way, with what the layers found out about it.
type call struct {
	operation
	client *Client
	// service and path say where it goes and whom it is about, where the meaning
	// of an error depends on that.
	service string
	path    []string
	// ambiguous: some attempt of a write may have done its work without an answer.
	ambiguous atomic.Bool
}

type callKey struct{}

// begin starts an operation: requests made with the context belong to it.
func (c *Client) begin(ctx context.Context, op operation) (context.Context, *call) {
	made := &call{operation: op, client: c}
	return context.WithValue(ctx, callKey{}, made), made
}

// callOf gives the operation that a request belongs to; one that nobody began
// counts as neither idempotent nor known.
func callOf(r *http.Request) *call {
	if made, ok := r.Context().Value(callKey{}).(*call); ok {
		return made
	}
	return &call{operation: operation{name: "unknown", method: r.Method}}
}
