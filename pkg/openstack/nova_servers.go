package openstack

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/servers"

	"underlay/internal/cloud"
	"underlay/pkg/instances"
	"underlay/pkg/openstack/session"
)

var _ instances.Cloud = (*Client)(nil)

// Operations on servers (https://docs.openstack.org/api-ref/compute/#servers-servers).
var (
	opServerList  = session.Operation{Name: "server_list", Method: http.MethodGet}
	opServerGet   = session.Operation{Name: "server_get", Method: http.MethodGet}
	opServerProbe = session.Operation{Name: "server_probe", Method: http.MethodGet}
)

// novaServer is what we read of a server. One in a cell that cannot be reached
// has only its id and the status UNKNOWN.
type novaServer struct {
	ID         string                   `json:"id"`
	Name       string                   `json:"name"`
	Status     string                   `json:"status"`
	Zone       string                   `json:"OS-EXT-AZ:availability_zone"`
	Hostname   string                   `json:"OS-EXT-SRV-ATTR:hostname"`
	AccessIPv4 string                   `json:"accessIPv4"`
	AccessIPv6 string                   `json:"accessIPv6"`
	Metadata   map[string]string        `json:"metadata"`
	Addresses  map[string][]novaAddress `json:"addresses"`
	Flavor     struct {
		// Name is there from 2.47 on, ID before.
		Name string `json:"original_name"`
		ID   string `json:"id"`
	} `json:"flavor"`
}

type novaAddress struct {
	Address string `json:"addr"`
	Type    string `json:"OS-EXT-IPS:type"`
}

// forInstances lists addresses by network name, and within one as Nova does.
// FlavorName is the flavor's id where the cloud does not tell the name.
func (s novaServer) forInstances() instances.Server {
	out := instances.Server{
		ID: s.ID, Name: s.Name, Status: s.Status, Zone: s.Zone, Hostname: s.Hostname, FlavorName: s.Flavor.Name,
		AccessIPv4: s.AccessIPv4, AccessIPv6: s.AccessIPv6, Metadata: s.Metadata,
	}
	if out.FlavorName == "" {
		out.FlavorName = s.Flavor.ID
	}
	for _, network := range slices.Sorted(maps.Keys(s.Addresses)) {
		for _, a := range s.Addresses[network] {
			out.Addresses = append(out.Addresses, instances.Address{
				Network: network, Address: a.Address, Floating: a.Type == "floating",
			})
		}
	}
	return out
}

// Servers keeps the contract of instances.Cloud.
func (c *Client) Servers(ctx context.Context, maxAge time.Duration) ([]instances.Server, error) {
	return c.servers.Get(ctx, maxAge)
}

// listServers reads the servers of the token's project. It names no limit: Nova
// gives as many a page as its operator allows, a thousand by default, and shows
// the servers of an unreachable cell only to those who name none
// (https://docs.openstack.org/api-guide/compute/down_cells.html).
func (c *Client) listServers(ctx context.Context) ([]instances.Server, error) {
	ctx, made := c.session.Begin(ctx, opServerList)
	var all []novaServer
	err := c.session.With(ctx, compute, func(nova *gophercloud.ServiceClient) (err error) {
		all, err = session.List[novaServer](ctx, nova, "servers/detail", url.Values{}, "servers")
		return err
	})
	if err != nil {
		return nil, made.ListError(err)
	}
	out := make([]instances.Server, 0, len(all))
	seen := make(map[string]bool, len(all))
	for _, server := range all {
		if !seen[server.ID] {
			seen[server.ID] = true
			out = append(out, server.forInstances())
		}
	}
	return out, nil
}

// Server keeps the contract of instances.Cloud. Only Nova's own 404 is
// cloud.ErrNotFound; a proxy's is cloud.ErrUnavailable.
func (c *Client) Server(ctx context.Context, id string) (instances.Server, error) {
	ctx, made := c.session.Begin(ctx, opServerGet)
	if err := session.Unfit(id); err != nil {
		return instances.Server{}, made.Classify(err)
	}
	var server novaServer
	err := c.session.With(ctx, compute, func(nova *gophercloud.ServiceClient) error {
		return servers.Get(ctx, nova, id).ExtractIntoStructPtr(&server, "server")
	})
	if err != nil {
		return instances.Server{}, serverError(made.Classify(err))
	}
	return server.forInstances(), nil
}

// serverError tells a server that is gone from a path that Nova does not have:
// only the first names its error (nova/api/openstack/wsgi.py, Fault). A node is
// removed on the strength of it.
func serverError(err error) error {
	var told *cloud.Error
	if errors.As(err, &told) && errors.Is(told.Class, cloud.ErrNotFound) && told.Type != "itemNotFound" {
		told.Class = cloud.ErrUnavailable
	}
	return err
}

// Readable keeps the contract of instances.Cloud: Nova can list the project's
// servers, if only one of them.
func (c *Client) Readable(ctx context.Context) error {
	ctx, made := c.session.Begin(ctx, opServerProbe)
	err := c.session.With(ctx, compute, func(nova *gophercloud.ServiceClient) error {
		_, _, err := session.Page[struct{ ID string }](ctx, nova, "servers?limit=1", "servers")
		return err
	})
	return made.ListError(err)
}
