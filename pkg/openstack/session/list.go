package session

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"strings"

	"github.com/gophercloud/gophercloud/v2"

	"underlay/internal/cloud"
)

// maxPages ends a list that goes round in circles.
const maxPages = 1000

// List reads all pages of a collection. Pages are asked for at our own endpoint:
// of the service's link to the next page only the query is used, because a
// service behind a proxy often does not know its own URL; and what that query
// does not say stays as it was asked, because Octavia's links forget the filters
// (octavia/api/common/pagination.py, _make_links).
func List[T any](ctx context.Context, client *gophercloud.ServiceClient, collection string, query url.Values, key string) ([]T, error) {
	var all []T
	seen := map[string]bool{}
	for at := query.Encode(); !seen[at] && len(seen) < maxPages; {
		path := collection
		if at != "" {
			path += "?" + at
		}
		items, next, err := Page[T](ctx, client, path, key)
		if err != nil {
			if len(seen) > 0 {
				err = &laterPageError{err}
			}
			return nil, err
		}
		seen[at] = true
		all = append(all, items...)
		if next == nil {
			return all, nil
		}
		at = after(query, next).Encode()
	}
	return nil, &cloud.Error{
		Class: cloud.ErrUnavailable, Request: "GET /" + collection, Message: "the pages of the list never end",
	}
}

// after is a query with what the link to the next page says in its place.
func after(query, next url.Values) url.Values {
	out := maps.Clone(query)
	if out == nil {
		out = url.Values{}
	}
	maps.Copy(out, next)
	return out
}

// laterPageError is the error of a page that is not the first.
type laterPageError struct{ err error }

// Error is the page's own error.
func (e *laterPageError) Error() string { return e.err.Error() }

// Unwrap gives the page's own error.
func (e *laterPageError) Unwrap() error { return e.err }

// Get reads one URL.
func Get(ctx context.Context, client *gophercloud.ServiceClient, url string, into any) error {
	response, err := client.Get(ctx, url, into, nil)
	if err != nil {
		return err
	}
	return response.Body.Close() // gophercloud has read it and closed it; it does not say so
}

// Page reads one page, and the query of the next one or nil.
func Page[T any](ctx context.Context, client *gophercloud.ServiceClient, path, key string) ([]T, url.Values, error) {
	var body map[string]json.RawMessage
	if err := Get(ctx, client, client.ServiceURL(path), &body); err != nil {
		return nil, nil, err
	}
	var items []T
	raw, found := body[key]
	if !found {
		return nil, nil, fmt.Errorf("read list of %s: the answer has no %q", key, key)
	}
	if err := json.Unmarshal(raw, &items); err != nil {
		return nil, nil, fmt.Errorf("read list of %s: %w", key, err)
	}
	var links []struct{ Rel, Href string }
	raw, found = body[key+"_links"]
	if !found { // Cinder's groups and group snapshots have "group_links" (cinder/api/v3/views/groups.py)
		raw, found = body[strings.TrimSuffix(key, "s")+"_links"]
	}
	if found {
		if err := json.Unmarshal(raw, &links); err != nil {
			return nil, nil, fmt.Errorf("read links of %s: %w", key, err)
		}
	}
	for _, link := range links {
		if link.Rel != "next" {
			continue
		}
		next, err := url.Parse(link.Href)
		if err != nil {
			return nil, nil, fmt.Errorf("read link to the next %s: %w", key, err)
		}
		return items, next.Query(), nil
	}
	return items, nil, nil
}

// ListError classifies the error of a list. When the object that marks the place
// between two pages is deleted meanwhile, the services say 400 or 404; the list
// is to be read again.
func (k *Call) ListError(err error) error {
	classified := k.Classify(err)
	var told *cloud.Error
	if errors.As(classified, &told) && (errors.Is(told.Class, cloud.ErrNotFound) || errors.Is(told.Class, cloud.ErrInvalid)) {
		told.Class = cloud.ErrUnavailable
	}
	return classified
}

// pageError classifies the error of a list that may be read on its own: what the
// first page says is meant so, what a later one says is as listError has it.
func (k *Call) pageError(err error) error {
	var later *laterPageError
	if errors.As(err, &later) {
		return k.ListError(err)
	}
	return k.Classify(err)
}

// Unfit refuses ids that would change the meaning of a URL: ids come from
// annotations and configuration files too.
func Unfit(id string) error {
	for _, r := range id {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
		if !letter && r != '-' && r != '_' {
			return &cloud.Error{Class: cloud.ErrInvalid, Request: "find", Message: fmt.Sprintf("%q is not an id", id)}
		}
	}
	if id == "" {
		return &cloud.Error{Class: cloud.ErrInvalid, Request: "find", Message: "an id is empty"}
	}
	return nil
}
