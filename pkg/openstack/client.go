package openstack

import (
	"context"
	"net/http"
	"net/url"

	"underlay/internal/signal"
	"underlay/internal/snapshot"
	"underlay/pkg/config"
	"underlay/pkg/instances"
	"underlay/pkg/loadbalancer"
	"underlay/pkg/loadbalancer/tree"
	"underlay/pkg/openstack/session"
	"underlay/pkg/routes"
)

var _ loadbalancer.Cloud = (*Client)(nil)

// Options tune a Client. The zero value is right for production.
type Options = session.Options

// Client is one project of one cloud. It is safe for concurrent use, and the
// process needs one.
type Client struct {
	session *session.Session

	features *snapshot.Shared[routes.Features]
	ports    *snapshot.Shared[portList]
	servers  *snapshot.Shared[[]instances.Server]
	// balancing is the newest version of the load balancer API.
	balancing *snapshot.Shared[tree.Version]
	externals *snapshot.Shared[[]tree.Network]
	subnets   *snapshot.Shared[[]tree.Subnet]
}

// New prepares a client. It reads the CA and certificate files but never touches
// the network: the first call authenticates.
func New(cfg config.Global, opts Options) (*Client, error) {
	made, err := session.New(cfg, opts)
	if err != nil {
		return nil, err
	}
	c := &Client{session: made}
	c.features = snapshot.New(c.readFeatures)
	c.ports = snapshot.New(c.listPorts)
	c.servers = snapshot.New(c.listServers)
	c.balancing = snapshot.New(c.readOctaviaVersion)
	c.externals = snapshot.New(c.listExternalNetworks)
	c.subnets = snapshot.New(c.listSubnets)
	made.OnChange(c.forget)
	return c, nil
}

// Metrics lists what this package measures, sorted by name.
func Metrics() []signal.Metric { return session.Metrics() }

// Session is the connection, for what else is asked of the same cloud.
func (c *Client) Session() *session.Session { return c.session }

// Run keeps the client fit until ctx ends (session.Session, Run).
func (c *Client) Run(ctx context.Context) { c.session.Run(ctx, c.Check) }

// forget makes everybody read again: other credentials may show another cloud.
func (c *Client) forget() {
	c.features.Invalidate()
	c.ports.Invalidate()
	c.servers.Invalidate()
	c.balancing.Invalidate()
	c.externals.Invalidate()
	c.subnets.Invalidate()
}

var opNetworkList = session.Operation{Name: "network_list", Method: http.MethodGet}

// Check says whether the cloud answers, by one small authenticated call.
func (c *Client) Check(ctx context.Context) error {
	ctx, made := c.session.Begin(ctx, opNetworkList)
	neutron, err := c.session.Use(ctx, network)
	if err != nil {
		return made.Classify(err)
	}
	query := url.Values{"limit": {"1"}, "fields": {"id"}}
	var page map[string]any
	return made.Classify(session.Get(ctx, neutron, neutron.ServiceURL("networks")+"?"+query.Encode(), &page))
}
