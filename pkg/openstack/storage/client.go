package storage

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"underlay/internal/cloud"
	"underlay/internal/snapshot"
	"underlay/pkg/openstack/session"
)

// The newest minor versions that we speak. Of Cinder's
// (https://docs.openstack.org/cinder/latest/contributor/api_microversion_history.html):
//
//	3.3   why something asynchronous failed (messages)
//	3.13  groups; 3.14 their snapshots; 3.25 a group lists its volumes
//	3.27  attachments
//	3.42  a volume in use can grow
//	3.43  metadata of backups; 3.51 their zone
//	3.47  a volume can be made from a backup
//	3.66  snapshots of volumes in use need no force
//
// and of Nova's: 2.16 the state of the host, 2.20 attachments of shelved servers,
// 2.60 multiattach, 2.89 Cinder's attachment id. A cloud that ends earlier is
// spoken to in its latest version.
const (
	newestCinder = 71
	newestNova   = 90
)

const (
	extendInUse    = 42
	backupMetadata = 43
	fromBackup     = 47
	backupZone     = 51
)

// Options tune a Client.
type Options struct {
	// IgnoreMicroversion names no minor version to Cinder, which is then spoken
	// to as 3.0 ([BlockStorage] ignore-volume-microversion).
	IgnoreMicroversion bool
}

// Client is the storage of one project of one cloud. It is safe for concurrent use.
type Client struct {
	session *session.Session
	cinder  session.Service
	nova    session.Service
	zones   *snapshot.Shared[[]string]
}

// New makes a client on a session. It touches no network.
func New(on *session.Session, options Options) *Client {
	c := &Client{
		session: on,
		cinder: session.Service{
			Kind: "block-storage", Aliases: []string{"volumev3", "block-store"}, Version: "v3", Scoped: true,
			Minor: newestCinder, Refine: refineCinder,
			Advice: "ask the cloud's operator for Cinder",
		},
		nova: session.Service{Kind: "compute", Version: "v2.1", Scoped: true, Minor: newestNova, Oldest: 1, Refine: refineNova},
	}
	if options.IgnoreMicroversion {
		c.cinder.Minor = 0
	}
	c.zones = snapshot.New(c.readZones)
	on.OnChange(c.zones.Invalidate)
	return c
}

// Run keeps the session fit until ctx ends (session.Session, Run).
func (c *Client) Run(ctx context.Context) { c.session.Run(ctx, c.Check) }

var opProbe = session.Operation{Name: "volume_probe", Method: http.MethodGet}

// Check says whether Cinder answers, by one small authenticated call.
func (c *Client) Check(ctx context.Context) error {
	var said struct{}
	return c.session.Send(ctx, session.Request{
		Op: opProbe, Of: c.cinder, Path: []string{"volumes"}, Query: url.Values{"limit": {"1"}}, Into: &said,
	})
}

// read gets one object by its id, the last segment of the path. What cannot be an
// id is not there.
func read[T any](ctx context.Context, c *Client, r session.Request, key string) (T, error) {
	said := map[string]T{}
	r.Into = &said
	err := c.byID(ctx, r)
	return said[key], err
}

// byID makes a call about the object whose id is the last segment of the path.
func (c *Client) byID(ctx context.Context, r session.Request) error {
	if id := r.Path[len(r.Path)-1]; session.Unfit(id) != nil {
		return &cloud.Error{Class: cloud.ErrNotFound, Request: r.Op.Name, Message: fmt.Sprintf("%q is not an id", id)}
	}
	return c.session.Send(ctx, r)
}

// named lists what has exactly a name. Cinder leaves out a filter that its
// operator does not allow, so what comes is looked at again.
func named[T any](ctx context.Context, c *Client, l session.Listing, name string, of func(T) string) ([]T, error) {
	if l.Query == nil {
		l.Query = url.Values{}
	}
	l.Query.Set("name", name)
	all, err := session.Collect[T](ctx, c.session, l)
	if err != nil {
		return nil, err
	}
	var out []T
	for _, one := range all {
		if of(one) == name {
			out = append(out, one)
		}
	}
	return out, nil
}

// page reads one page, oldest first, and the marker of the next.
func page[T any](ctx context.Context, c *Client, l session.Listing, marker string, limit int) (found []T, next string, err error) {
	if l.Query == nil {
		l.Query = url.Values{}
	}
	l.Query.Set("sort", "created_at:asc")
	if limit > 0 {
		l.Query.Set("limit", fmt.Sprint(limit))
	}
	if marker != "" {
		l.Query.Set("marker", marker)
	}
	found, more, err := session.Leaf[T](ctx, c.session, l)
	return found, more.Get("marker"), err
}

// convert turns what came into the driver's words.
func convert[From, To any](all []From, err error, one func(From) To) ([]To, error) {
	if err != nil {
		return nil, err
	}
	out := make([]To, 0, len(all))
	for _, from := range all {
		out = append(out, one(from))
	}
	return out, nil
}

// unsupported is the error of what an older Cinder cannot do.
func unsupported(op session.Operation, minor int, what string) error {
	return &cloud.Error{
		Class: cloud.ErrUnsupported, Request: op.Name,
		Message: fmt.Sprintf("%s needs Block Storage API 3.%d", what, minor),
	}
}

// moment is a time as Cinder writes it: UTC, without saying so. One that cannot
// be read is no time.
type moment struct{ time.Time }

// UnmarshalJSON keeps the contract of json.Unmarshaler.
func (m *moment) UnmarshalJSON(text []byte) error {
	for _, layout := range []string{`"2006-01-02T15:04:05.999999"`, `"` + time.RFC3339 + `"`} {
		if at, err := time.Parse(layout, string(text)); err == nil {
			m.Time = at.UTC()
			return nil
		}
	}
	return nil
}

// Zones keeps the contract of controller.Project.
func (c *Client) Zones(ctx context.Context) ([]string, error) {
	found, err := c.zones.Get(ctx, zonesAge)
	return append([]string(nil), found...), err
}

// absent says that something is not there, or that the cloud does not know it.
func absent(err error) bool {
	return errors.Is(err, cloud.ErrNotFound) || errors.Is(err, cloud.ErrUnsupported)
}
