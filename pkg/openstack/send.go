package openstack

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/gophercloud/gophercloud/v2"
)

// request is one call that is not a list. gophercloud carries it, but its option
// types do not describe it: they cannot tell "leave" from "none" in every field,
// and lack the newest ones.
type request struct {
	op operation
	of service
	// path is below the service's version, one segment an element; ids among them are checked.
	path  []string
	query url.Values
	// parent is the id of the object that a new one belongs to: that it is not
	// there is cloud.ErrNotFound too.
	parent string
	// revision makes the service refuse the call with 412 when the object has another by now.
	revision *int
	// body and into are JSON; nil is none.
	body, into any
}

// send makes the call. Its errors are classified.
func (c *Client) send(ctx context.Context, r request) error {
	ctx, made := c.begin(ctx, r.op)
	made.service, made.path = r.of.kind, append(slices.Clone(r.path), r.parent)
	for _, segment := range r.path {
		if err := unfit(segment); err != nil {
			return made.classify(err)
		}
	}
	client, err := c.use(ctx, r.of)
	if err != nil {
		return made.classify(err)
	}
	target := client.ServiceURL(r.path...)
	if len(r.query) > 0 {
		target += "?" + r.query.Encode()
	}
	options := gophercloud.RequestOpts{JSONBody: r.body, JSONResponse: r.into, OkCodes: []int{
		http.StatusOK, http.StatusCreated, http.StatusAccepted, http.StatusNoContent,
	}}
	if r.revision != nil {
		options.MoreHeaders = map[string]string{"If-Match": fmt.Sprintf("revision_number=%d", *r.revision)}
	}
	response, err := client.Request(ctx, r.op.method, target, &options)
	if err != nil {
		return made.classify(err)
	}
	_ = response.Body.Close() // gophercloud has read it, and closed it unless it was empty
	return nil
}

// listing is one list, of all its pages.
type listing struct {
	op operation
	of service
	// path is below the service's version; its last segment, with underscores, is the key of the answer.
	path  []string
	query url.Values
	// own asks for what belongs to the token's project: an admin would be shown everyone's.
	own bool
}

// collect reads a list. Its errors are classified.
func collect[T any](ctx context.Context, c *Client, l listing) ([]T, error) {
	ctx, made := c.begin(ctx, l.op)
	made.service, made.path = l.of.kind, l.path
	for _, segment := range l.path {
		if err := unfit(segment); err != nil {
			return nil, made.classify(err)
		}
	}
	session, err := c.keys.current(ctx)
	if err != nil {
		return nil, made.classify(err)
	}
	client, err := session.client(l.of)
	if err != nil {
		return nil, made.classify(err)
	}
	if l.own && session.project != "" {
		l.query = after(l.query, url.Values{"project_id": {session.project}})
	}
	key := strings.ReplaceAll(l.path[len(l.path)-1], "-", "_")
	all, err := list[T](ctx, client, strings.Join(l.path, "/"), l.query, key)
	return all, made.pageError(err)
}
