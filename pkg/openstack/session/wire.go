package session

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack/identity/v3/tokens"

	"underlay/internal/cloud"
	"underlay/pkg/config"
)

// wire is one configuration put to use: how requests go out, and as whom. It
// never changes; other credentials or certificates are another wire.
type wire struct {
	session     *Session
	credentials credentials
	place       place
	// identity is Keystone's URL up to and with "v3/".
	identity string
	// files are what the configuration was made of.
	files []string
	// digest is the content of files when the wire was made.
	digest string
	// transport is every layer below the token.
	transport http.RoundTripper
	base      http.RoundTripper
}

// newWire prepares a configuration. It reads files and never touches the network.
func (s *Session) newWire(g config.Global) (*wire, error) {
	made := &wire{session: s, files: filesOf(g), place: place{region: g.Region, access: g.EndpointType}}
	made.digest = digest(made.files)
	if s.options.Region != "" {
		made.place.region = s.options.Region
	}
	root, err := WithoutVersion(g.AuthURL)
	if err != nil {
		return nil, fmt.Errorf("read auth-url: %w", err)
	}
	root.Path += "v3/"
	made.identity = root.String()
	if made.credentials, err = newCredentials(g); err != nil {
		return nil, err
	}
	made.base = s.options.Transport
	if made.base == nil {
		if made.base, err = newBase(g); err != nil {
			return nil, err
		}
	}
	made.transport = s.layers(made.base)
	s.secrets.keepCredentials(secretsOf(g)...)
	return made, nil
}

// layers puts everything but the token around a transport.
func (s *Session) layers(base http.RoundTripper) http.RoundTripper {
	return &retry{
		attempts: s.options.MaxAttempts,
		jitter:   s.options.jitter,
		next: &pace{
			rates:  s.rates,
			pauses: &s.pauses,
			next: &observe{
				reach: &s.reach,
				next:  &deadline{timeout: s.options.RequestTimeout, secrets: &s.secrets, next: base},
			},
		},
	}
}

// filesOf lists what to watch, each once.
func filesOf(g config.Global) []string {
	files := append([]string{g.CAFile, g.CertFile, g.KeyFile}, g.WatchFiles...)
	files = slices.DeleteFunc(files, func(name string) bool { return name == "" })
	slices.Sort(files)
	return slices.Compact(files)
}

// retire lets go of connections that nobody will use again.
func (w *wire) retire() {
	if idle, ok := w.base.(interface{ CloseIdleConnections() }); ok {
		idle.CloseIdleConnections()
	}
}

// To ask for a token twice gives two tokens and harms nothing.
var (
	opTokenCreate = Operation{Name: "token_create", Method: http.MethodPost, Idempotent: true}
	opTokenGet    = Operation{Name: "token_get", Method: http.MethodGet}
)

// authenticate gets a token. Its errors never look like cloud.ErrNotFound: a
// missing Keystone says nothing about the object that the caller wants.
func (w *wire) authenticate(ctx context.Context) (*grant, error) {
	provider := w.session.provider(w.transport)
	keystone := &gophercloud.ServiceClient{ProviderClient: provider, Endpoint: w.identity, Type: "identity"}
	if w.credentials.bearer {
		ctx, made := w.session.Begin(ctx, opTokenGet)
		token := w.credentials.options.TokenID
		provider.TokenID = token
		result := tokens.Get(ctx, keystone, token)
		if result.Err != nil {
			return nil, w.explain(made.Classify(result.Err))
		}
		return w.granted(result.Result, token)
	}
	ctx, made := w.session.Begin(ctx, opTokenCreate)
	options := w.credentials.options
	result := tokens.Create(ctx, keystone, &options)
	if result.Err != nil {
		return nil, w.explain(made.Classify(result.Err))
	}
	return w.granted(result.Result, result.Header.Get("X-Subject-Token"))
}

// explain turns Keystone's answer into what it means for everything else: the
// credentials are refused, or there is no token for now. No other class may
// leave here, because callers would take it for one of their own object.
func (w *wire) explain(err error) error {
	var told *cloud.Error
	if !errors.As(err, &told) {
		return fmt.Errorf("authenticate: %w", err)
	}
	switch {
	case errors.Is(told.Class, cloud.ErrDenied), errors.Is(told.Class, cloud.ErrInvalid):
		told.Class = cloud.ErrDenied
	case errors.Is(told.Class, cloud.ErrNotFound) && w.credentials.bearer:
		told.Class = cloud.ErrDenied // the token is no more
	case errors.Is(told.Class, cloud.ErrNotFound) && told.Type != "":
		// Keystone itself says so: an application credential that was deleted.
		// A path that Keystone does not have is a page without a type.
		told.Class = cloud.ErrDenied
	case errors.Is(told.Class, cloud.ErrNotFound):
		told.Class = cloud.ErrUnavailable
		told.Message = "no Identity API v3 at " + w.identity
	default:
		told.Class = cloud.ErrUnavailable
	}
	return fmt.Errorf("authenticate: %w", err)
}

// granted reads the answer of Keystone.
func (w *wire) granted(result gophercloud.Result, token string) (*grant, error) {
	var said struct {
		ExpiresAt time.Time             `json:"expires_at"`
		IssuedAt  time.Time             `json:"issued_at"`
		Project   *struct{ ID string }  `json:"project"`
		Catalog   []tokens.CatalogEntry `json:"catalog"`
	}
	if err := result.ExtractIntoStructPtr(&said, "token"); err != nil || token == "" {
		return nil, fmt.Errorf("authenticate: %w", &cloud.Error{
			Class: cloud.ErrUnavailable, Request: "POST /v3/auth/tokens", Message: "the answer has no token", Cause: err,
		})
	}
	w.session.secrets.keepToken(token)
	made := &grant{wire: w, token: token, catalog: said.Catalog}
	if said.Project != nil {
		made.project = said.Project.ID
	}
	made.setLife(said.IssuedAt, said.ExpiresAt, time.Now())
	return made, nil
}
