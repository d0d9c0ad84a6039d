package session

import (
	"fmt"
	"net/http"
	"time"

	"underlay/internal/cloud"
)

// token adds the token to requests of services. A 401 gets a new token and one
// more try: 401 means that nothing was done. A service to which even the new one is
// not good enough does not get another at once.
type token struct{ keys *keyring }

// RoundTrip keeps the contract of http.RoundTripper.
func (t *token) RoundTrip(r *http.Request) (*http.Response, error) {
	grant, err := t.keys.current(r.Context())
	if err != nil {
		return nil, err
	}
	response, err := send(grant, r)
	if err != nil || response.StatusCode != http.StatusUnauthorized || grant.hasty(time.Now()) {
		return response, err
	}
	grant.rejected.Store(true)
	newer, err := t.keys.after(r.Context(), grant)
	if err != nil {
		return nil, err
	}
	return send(newer, r)
}

// send sends a copy of the request with the grant's token, where the catalog allows.
func send(s *grant, r *http.Request) (*http.Response, error) {
	if !s.lists(r.URL) {
		return nil, &cloud.Error{
			Class: cloud.ErrUnavailable, Request: requestName(r.Method, r.URL),
			Message: fmt.Sprintf("%s is not in the catalog any more", r.URL.Host),
		}
	}
	request, err := again(r)
	if err != nil {
		return nil, &sendError{err: err}
	}
	request.Header.Set("X-Auth-Token", s.token)
	return s.wire.transport.RoundTrip(request)
}

// sameHost follows a few redirects of reads within one host. Elsewhere a redirect
// would carry the token to a stranger, or turn a write into a read (net/http does,
// for 301 and 302), which would look like success.
func sameHost(r *http.Request, via []*http.Request) error {
	first := via[0]
	switch {
	case r.URL.Scheme != first.URL.Scheme || r.URL.Host != first.URL.Host:
		return &cloud.Error{
			Class: cloud.ErrInvalid, Request: requestName(first.Method, first.URL),
			Message: fmt.Sprintf("redirected to another host (%s); correct the endpoint in the catalog, or auth-url", r.URL.Host),
		}
	case first.Method != http.MethodGet && first.Method != http.MethodHead, len(via) > 3:
		return http.ErrUseLastResponse
	}
	return nil
}
