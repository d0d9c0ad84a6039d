package openstack

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/gophercloud/gophercloud/v2"
	"golang.org/x/time/rate"
	"k8s.io/klog/v2"

	"underlay/internal/snapshot"
	"underlay/pkg/config"
	"underlay/pkg/instances"
	"underlay/pkg/loadbalancer"
	"underlay/pkg/loadbalancer/tree"
	"underlay/pkg/routes"
)

var _ loadbalancer.Cloud = (*Client)(nil)

// Options tune a Client. The zero value is right for production.
type Options struct {
	// RequestTimeout bounds one attempt of one request, its body included;
	// default 60 s ([Metadata] request-timeout).
	RequestTimeout time.Duration
	// MaxAttempts bounds how often one request is sent; default 5.
	MaxAttempts int
	// RequestsPerSecond and Burst are the process's own rate limit; default 20
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

// Client is one project of one cloud. It is safe for concurrent use, and the
// process needs one.
type Client struct {
	options Options
	limiter *rate.Limiter
	pauses  pauses
	reach   reach
	secrets secrets
	keys    keyring
	// candidates are credentials that came after those in use.
	candidates candidates
	// services carries all requests but those for tokens.
	services *gophercloud.ProviderClient

	microversion microversion
	features     *snapshot.Shared[routes.Features]
	ports        *snapshot.Shared[portList]
	servers      *snapshot.Shared[[]instances.Server]
	// balancing is the newest version of the load balancer API.
	balancing *snapshot.Shared[tree.Version]
	externals *snapshot.Shared[[]tree.Network]
	subnets   *snapshot.Shared[[]tree.Subnet]
}

// New prepares a client. It reads the CA and certificate files but never touches
// the network: the first call authenticates.
func New(cfg config.Global, opts Options) (*Client, error) {
	registerMetrics()
	c := &Client{options: opts.withDefaults()}
	c.limiter = rate.NewLimiter(rate.Limit(c.options.RequestsPerSecond), c.options.Burst)
	c.keys.flights = snapshot.New(c.keys.authenticate)
	c.services = c.provider(&token{&c.keys})
	c.features = snapshot.New(c.readFeatures)
	c.ports = snapshot.New(c.listPorts)
	c.servers = snapshot.New(c.listServers)
	c.balancing = snapshot.New(c.readOctaviaVersion)
	c.externals = snapshot.New(c.listExternalNetworks)
	c.subnets = snapshot.New(c.listSubnets)
	first, err := c.newWire(cfg)
	if err != nil {
		return nil, fmt.Errorf("prepare OpenStack client: %w", err)
	}
	c.keys.wire, c.keys.reload = first, c.reread
	if cfg.TLSInsecure {
		warnInsecure()
	}
	return c, nil
}

// forget makes everybody read again: other credentials may show another cloud.
func (c *Client) forget() {
	c.features.Invalidate()
	c.ports.Invalidate()
	c.servers.Invalidate()
	c.balancing.Invalidate()
	c.externals.Invalidate()
	c.subnets.Invalidate()
}

var warnInsecure = sync.OnceFunc(func() {
	klog.Background().Info("WARNING: tls-insecure is set: the cloud's certificates are NOT verified, " +
		"so that anyone on the way can read the credentials. Set ca-file instead.")
})

// provider makes gophercloud's client around a transport. It has no token and
// no retries of its own: the layers do both.
func (c *Client) provider(transport http.RoundTripper) *gophercloud.ProviderClient {
	made := &gophercloud.ProviderClient{
		HTTPClient: http.Client{Transport: transport, CheckRedirect: sameHost},
	}
	made.UserAgent.Prepend(c.options.UserAgent)
	return made
}

// use gives a client of one service, authenticating first where that is needed.
func (c *Client) use(ctx context.Context, of service) (*gophercloud.ServiceClient, error) {
	session, err := c.keys.current(ctx)
	if err != nil {
		return nil, err
	}
	return session.client(of)
}

var opNetworkList = operation{name: "network_list", method: http.MethodGet}

// Check says whether the cloud answers, by one small authenticated call.
func (c *Client) Check(ctx context.Context) error {
	ctx, made := c.begin(ctx, opNetworkList)
	neutron, err := c.use(ctx, network)
	if err != nil {
		return made.classify(err)
	}
	query := url.Values{"limit": {"1"}, "fields": {"id"}}
	var page map[string]any
	return made.classify(get(ctx, neutron, neutron.ServiceURL("networks")+"?"+query.Encode(), &page))
}
