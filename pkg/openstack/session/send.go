package session

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/gophercloud/gophercloud/v2"
)

// Request is one call that is not a list. gophercloud carries it, but its option
// types do not describe it: they cannot tell "leave" from "none" in every field,
// and lack the newest ones.
type Request struct {
	Op Operation
	Of Service
	// Path is below the service's version, one segment an element; ids among them are checked.
	Path  []string
	Query url.Values
	// Parent is the id of the object that a new one belongs to: that it is not
	// there is cloud.ErrNotFound too.
	Parent string
	// Revision makes the service refuse the call with 412 when the object has another by now.
	Revision *int
	// Body and Into are JSON; nil is none.
	Body, Into any
	// BodyAt makes the body for a minor version, where that depends on it. An
	// error of it ends the call before it is made; it should be a *cloud.Error.
	BodyAt func(minor int) (any, error)
}

func (r Request) bodyAt(minor int) (any, error) {
	if r.BodyAt == nil {
		return r.Body, nil
	}
	return r.BodyAt(minor)
}

// Send makes the call. Its errors are classified.
func (s *Session) Send(ctx context.Context, r Request) error {
	ctx, made := s.Begin(ctx, r.Op)
	made.refine, made.path = r.Of.Refine, append(slices.Clone(r.Path), r.Parent)
	for _, segment := range r.Path {
		if err := Unfit(segment); err != nil {
			return made.Classify(err)
		}
	}
	return made.Classify(s.with(ctx, r.Of, func(client *gophercloud.ServiceClient, minor int) error {
		body, err := r.bodyAt(minor)
		if err != nil {
			return err
		}
		target := client.ServiceURL(r.Path...)
		if len(r.Query) > 0 {
			target += "?" + r.Query.Encode()
		}
		options := gophercloud.RequestOpts{JSONBody: body, JSONResponse: r.Into, OkCodes: []int{
			http.StatusOK, http.StatusCreated, http.StatusAccepted, http.StatusNoContent,
		}}
		if r.Revision != nil {
			options.MoreHeaders = map[string]string{"If-Match": fmt.Sprintf("revision_number=%d", *r.Revision)}
		}
		response, err := client.Request(ctx, r.Op.Method, target, &options)
		if err != nil {
			return err
		}
		_ = response.Body.Close() // gophercloud has read it, and closed it unless it was empty
		return nil
	}))
}

// Listing is one list, of all its pages.
type Listing struct {
	Op Operation
	Of Service
	// Path is below the service's version.
	Path  []string
	Query url.Values
	// Key is that of the answer; "" is the last segment of the path, with underscores.
	Key string
	// Own asks for what belongs to the token's project: an admin would be shown everyone's.
	Own bool
}

func (l Listing) key() string {
	return cmp.Or(l.Key, strings.ReplaceAll(l.Path[len(l.Path)-1], "-", "_"))
}

// Collect reads a list. Its errors are classified.
func Collect[T any](ctx context.Context, s *Session, l Listing) ([]T, error) {
	ctx, made := s.Begin(ctx, l.Op)
	made.refine, made.path = l.Of.Refine, l.Path
	for _, segment := range l.Path {
		if err := Unfit(segment); err != nil {
			return nil, made.Classify(err)
		}
	}
	if l.Own {
		project, err := s.Project(ctx)
		if err != nil {
			return nil, made.Classify(err)
		}
		if project != "" {
			l.Query = after(l.Query, url.Values{"project_id": {project}})
		}
	}
	var all []T
	err := s.With(ctx, l.Of, func(client *gophercloud.ServiceClient) (err error) {
		all, err = List[T](ctx, client, strings.Join(l.Path, "/"), l.Query, l.key())
		return err
	})
	return all, made.pageError(err)
}

// Leaf reads one page of a list, which may have more: next is the query that
// continues it, nil at the end. Its errors are classified.
func Leaf[T any](ctx context.Context, s *Session, l Listing) (page []T, next url.Values, err error) {
	ctx, made := s.Begin(ctx, l.Op)
	made.refine, made.path = l.Of.Refine, l.Path
	err = s.With(ctx, l.Of, func(client *gophercloud.ServiceClient) (err error) {
		page, next, err = Page[T](ctx, client, strings.Join(l.Path, "/")+"?"+l.Query.Encode(), l.key())
		return err
	})
	return page, next, made.Classify(err)
}
