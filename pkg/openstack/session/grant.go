package session

import (
	"net/url"
	"sync/atomic"
	"time"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack/identity/v3/tokens"
)

// grant is one token and what Keystone said with it.
type grant struct {
	wire    *wire
	token   string
	project string // id; "" when the token is not for a project
	catalog []tokens.CatalogEntry

	// renewAt is when a call renews the token before it goes out, expires when
	// the token ends; both by our own clock.
	renewAt, expires time.Time
	// rejected: a service said 401 to it.
	rejected atomic.Bool
	// granted is when it came, heir that it took the place of a rejected one.
	granted time.Time
	heir    bool
	// superseded: another grant was asked for; the keyring's lock guards it.
	superseded bool
}

// renewAhead is how long before its end a token is renewed, if it lives long
// enough: a request that takes long, or passes from one service to the next,
// must not see it end.
const renewAhead = 5 * time.Minute

// setLife trusts the length of life that Keystone gave, not that its clock and
// ours agree.
func (s *grant) setLife(issued, expires, now time.Time) {
	if expires.IsZero() {
		expires = now.Add(time.Hour)
	}
	if !issued.IsZero() && !s.wire.credentials.bearer {
		expires = now.Add(expires.Sub(issued))
	}
	s.expires = expires
	s.renewAt = expires.Add(-min(renewAhead, expires.Sub(now)/4))
}

// alive says that the token can still be used.
func (s *grant) alive(now time.Time) bool {
	return !s.rejected.Load() && now.Before(s.expires)
}

// fresh says that the token need not be renewed yet.
func (s *grant) fresh(now time.Time) bool {
	return s.alive(now) && (now.Before(s.renewAt) || !s.wire.credentials.renewable)
}

// rejectionRest is the least time between two tokens of which one is rejected.
const rejectionRest = 10 * time.Second

// hasty says that a rejection is no reason for another token: this one has just
// taken the place of a rejected one, so the fault is not the token's.
func (s *grant) hasty(now time.Time) bool {
	return s.heir && now.Sub(s.granted) < rejectionRest
}

// serve makes a serve of one service. It costs no request.
func (s *grant) serve(of Service) (*gophercloud.ServiceClient, error) {
	endpoint, err := of.endpoint(s.catalog, s.wire.place)
	if err != nil {
		return nil, err
	}
	return &gophercloud.ServiceClient{
		ProviderClient: s.wire.session.services, Endpoint: endpoint, Type: of.Kind,
	}, nil
}

// lists says whether the URL belongs to an endpoint of the catalog: a token goes nowhere else.
func (s *grant) lists(u *url.URL) bool {
	for _, entry := range s.catalog {
		for _, e := range entry.Endpoints {
			if known, err := url.Parse(e.URL); err == nil && known.Scheme == u.Scheme && known.Host == u.Host {
				return true
			}
		}
	}
	return false
}
