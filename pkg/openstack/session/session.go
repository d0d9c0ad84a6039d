package session

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/gophercloud/gophercloud/v2"
	"k8s.io/klog/v2"

	"underlay/internal/snapshot"
	"underlay/pkg/config"
)

// Options tune a Session. The zero value is right for production.
type Options struct {
	// RequestTimeout bounds one attempt of one request, its body included;
	// default 60 s ([Metadata] request-timeout).
	RequestTimeout time.Duration
	// MaxAttempts bounds how often one request is sent; default 5.
	MaxAttempts int
	// RequestsPerSecond and Burst are the own rate limit to each service; default 20
	// and 40. Public clouds start to refuse at about 20 a second.
	RequestsPerSecond float64
	Burst             int
	// UserAgent stands before gophercloud's, e.g. "underlay/v0.1.0"; default "underlay".
	UserAgent string
	// Region is used instead of the configuration's.
	Region string
	// Transport replaces the network; then the configuration's CA and
	// certificates are not read.
	Transport http.RoundTripper
	// Reload reads the configuration again. Without it, changed files are not noticed.
	Reload func() (config.Global, error)
	// PollInterval is how often watched files are read even when the kernel
	// announced no change; default 1 min.
	PollInterval time.Duration
	// ProbeInterval is how long the cloud may be silent before Run asks whether
	// it still answers; default 2 min.
	ProbeInterval time.Duration

	// jitter and watch are set by tests.
	jitter func(ceiling time.Duration) time.Duration
	watch  watcher
}

func (o Options) withDefaults() Options {
	o.RequestTimeout = orDefault(o.RequestTimeout, time.Minute)
	o.MaxAttempts = orDefault(o.MaxAttempts, 5)
	o.RequestsPerSecond = orDefault(o.RequestsPerSecond, 20)
	o.Burst = orDefault(o.Burst, 40)
	o.PollInterval = orDefault(o.PollInterval, time.Minute)
	o.ProbeInterval = orDefault(o.ProbeInterval, 2*time.Minute)
	if o.UserAgent == "" {
		o.UserAgent = "underlay"
	}
	if o.jitter == nil {
		o.jitter = fullJitter
	}
	if o.watch == nil {
		o.watch = watchDirectories
	}
	return o
}

func orDefault[T int | float64 | time.Duration](value, standard T) T {
	if value <= 0 {
		return standard
	}
	return value
}

// Session is the connection to one project of one cloud. It is safe for
// concurrent use, and the process needs one a cloud.
type Session struct {
	options Options
	rates   *rates
	pauses  pauses
	reach   reach
	secrets secrets
	keys    keyring
	// candidates are credentials that came after those in use.
	candidates candidates
	// services carries all requests but those for tokens.
	services *gophercloud.ProviderClient
	minors   minors

	mu sync.Mutex
	// changed are told that other credentials are in use.
	changed []func()
}

// New prepares a session. It reads the CA and certificate files but never
// touches the network: the first call authenticates.
func New(cfg config.Global, opts Options) (*Session, error) {
	registerMetrics()
	s := &Session{options: opts.withDefaults()}
	s.rates = newRates(s.options.RequestsPerSecond, s.options.Burst)
	s.keys.flights = snapshot.New(s.keys.authenticate)
	s.services = s.provider(&token{&s.keys})
	first, err := s.newWire(cfg)
	if err != nil {
		return nil, fmt.Errorf("prepare OpenStack client: %w", err)
	}
	s.keys.wire, s.keys.reload = first, s.reread
	if cfg.TLSInsecure {
		warnInsecure()
	}
	return s, nil
}

// OnChange has f called whenever other credentials come into use: what was
// learned with those before may be of another cloud.
func (s *Session) OnChange(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changed = append(s.changed, f)
}

// forget makes everybody read again.
func (s *Session) forget() {
	s.minors.forget()
	s.mu.Lock()
	changed := s.changed
	s.mu.Unlock()
	for _, f := range changed {
		f()
	}
}

var warnInsecure = sync.OnceFunc(func() {
	klog.Background().Info("WARNING: tls-insecure is set: the cloud's certificates are NOT verified, " +
		"so that anyone on the way can read the credentials. Set ca-file instead.")
})

// provider makes gophercloud's client around a transport. It has no token and
// no retries of its own: the layers do both.
func (s *Session) provider(transport http.RoundTripper) *gophercloud.ProviderClient {
	made := &gophercloud.ProviderClient{
		HTTPClient: http.Client{Transport: transport, CheckRedirect: sameHost},
	}
	made.UserAgent.Prepend(s.options.UserAgent)
	return made
}

// Use gives a client of one service, authenticating first where that is needed.
// It names no minor version; With does.
func (s *Session) Use(ctx context.Context, of Service) (*gophercloud.ServiceClient, error) {
	grant, err := s.keys.current(ctx)
	if err != nil {
		return nil, err
	}
	return grant.serve(of)
}

// Project is the id of the project that the token is for, or "".
func (s *Session) Project(ctx context.Context) (string, error) {
	grant, err := s.keys.current(ctx)
	if err != nil {
		return "", err
	}
	return grant.project, nil
}
