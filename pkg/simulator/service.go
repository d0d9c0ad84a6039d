package simulator

import (
	"encoding/json"
	"net/http"
	"net/url"
)

// request is one API call after authentication and matching.
type request struct {
	Method string
	// Pattern is the service's own path with {placeholders}, e.g. "PUT /v2.0/routers/{id}/add_extraroutes".
	Pattern string
	// Path is the service's own path, without the service's prefix and, for
	// Nova, without /v2.1 and the optional project.
	Path string
	// FullPath is the path on the host, ServicePath the same without the service's prefix.
	FullPath, ServicePath string
	Vars                  map[string]string
	Query                 url.Values
	Header                http.Header
	Body                  []byte
	// Token is what Keystone knows of the caller; nil on public resources.
	Token *token
	// Microversion is the negotiated version where the service has them, e.g. 2.47 as {2, 47}.
	Microversion [2]int
	// BaseURL is the service's own URL as the caller sees it, for links, e.g. "http://openstack.simulator/network".
	BaseURL string
	// RootURL is the URL under which every service stands, e.g. "http://openstack.simulator".
	RootURL string
	// RequestID is the request's x-openstack-request-id.
	RequestID string
}

// decode reads the body's one top-level object: {"port": {...}} with key "port".
// A body without the key leaves into alone.
func (r *request) decode(key string, into any) error {
	var outer map[string]json.RawMessage
	if err := json.Unmarshal(r.Body, &outer); err != nil {
		return err
	}
	inner, found := outer[key]
	if !found {
		return nil
	}
	return json.Unmarshal(inner, into)
}

// rawBody is a body that is sent as it is; the handler names its content type.
type rawBody []byte

// response is what a handler answers; Body is marshalled as JSON unless it is
// html or raw; nil means no body.
type response struct {
	Status int
	Header http.Header
	Body   any
}

// set adds a header and returns the response.
func (r response) set(key, value string) response {
	if r.Header == nil {
		r.Header = http.Header{}
	}
	r.Header.Set(key, value)
	return r
}

// handler serves one pattern. It runs with the cloud's lock held: state changes
// are atomic per request, as the services' database transactions are. The body
// is marshalled under the same lock, so it may refer to live state.
type handler func(r *request) response

// routeTable collects a service's handlers by pattern ("GET /v2.0/ports/{id}").
// HEAD is served by GET's handler unless it has its own.
type routeTable map[string]handler

// service is one OpenStack service: where it stands and how it speaks.
type service struct {
	// kind is the catalog's type, name the catalog's name.
	kind, name string
	// prefix is where the service stands on the host, e.g. "/network".
	prefix string
	// catalogPath is what the catalog's URL adds to the prefix, e.g. "/v2.1".
	catalogPath string
	// catalogProject: the catalog's URL ends with the project's id.
	catalogProject bool
	routes         *matcher
	// public lists the patterns that need no token.
	public map[string]bool
	// resolve turns the path after the prefix into the path that patterns match.
	resolve func(path string) string
	// missing answers a path that no pattern knows, before authentication; nil
	// leaves it to authentication and a plain 404.
	missing func(r *request) response
	// admit runs before the handler and may refuse; nil admits all.
	admit func(r *request) *response
	// finish adds headers to every answer that came from a handler or from admit.
	finish func(r *request, answer *response)
	// fault is the body of an error in the service's own form.
	fault func(status int, kind, message string) any
}
