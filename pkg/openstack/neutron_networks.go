package openstack

import (
	"cmp"
	"context"
	"net/url"
	"slices"
	"time"

	"underlay/pkg/loadbalancer/tree"
	"underlay/pkg/openstack/session"
)

// networksAge is how long networks and subnets are believed: people make them,
// and seldom.
const networksAge = 10 * time.Minute

type neutronNetwork struct {
	ID       string   `json:"id"`
	Name     string   `json:"name"`
	External bool     `json:"router:external"`
	Subnets  []string `json:"subnets"`
}

type neutronSubnet struct {
	ID        string         `json:"id"`
	Name      string         `json:"name"`
	NetworkID string         `json:"network_id"`
	CIDR      string         `json:"cidr"`
	IPVersion int            `json:"ip_version"`
	Tags      told[[]string] `json:"tags"`
}

// ExternalNetworks keeps the contract of loadbalancer.Addresses. The networks
// are sorted by id.
func (c *Client) ExternalNetworks(ctx context.Context) ([]tree.Network, error) {
	found, err := c.externals.Get(ctx, networksAge)
	out := slices.Clone(found)
	for i := range out {
		out[i].SubnetIDs = slices.Clone(out[i].SubnetIDs)
	}
	return out, err
}

// Subnets keeps the contract of loadbalancer.Addresses. The subnets are sorted by id.
func (c *Client) Subnets(ctx context.Context) ([]tree.Subnet, error) {
	found, err := c.subnets.Get(ctx, networksAge)
	out := slices.Clone(found)
	for i := range out {
		out[i].Tags = slices.Clone(out[i].Tags)
	}
	return out, err
}

func (c *Client) listExternalNetworks(ctx context.Context) ([]tree.Network, error) {
	found, err := session.Collect[neutronNetwork](ctx, c.session, session.Listing{
		Op: opNetworkList, Of: network, Path: []string{"networks"},
		Query: url.Values{"router:external": {"true"}, "fields": {"id", "name", "router:external", "subnets"}},
	})
	if err != nil {
		return nil, err
	}
	out := make([]tree.Network, 0, len(found))
	for _, n := range found {
		slices.Sort(n.Subnets)
		out = append(out, tree.Network{ID: n.ID, Name: n.Name, External: n.External, SubnetIDs: n.Subnets})
	}
	slices.SortFunc(out, func(a, b tree.Network) int { return cmp.Compare(a.ID, b.ID) })
	return out, nil
}

func (c *Client) listSubnets(ctx context.Context) ([]tree.Subnet, error) {
	found, err := session.Collect[neutronSubnet](ctx, c.session, session.Listing{
		Op: opSubnetList, Of: network, Path: []string{"subnets"},
		Query: url.Values{"fields": {"id", "name", "network_id", "cidr", "ip_version", "tags"}},
	})
	if err != nil {
		return nil, err
	}
	out := make([]tree.Subnet, 0, len(found))
	for _, s := range found {
		out = append(out, tree.Subnet{
			ID: s.ID, Name: s.Name, NetworkID: s.NetworkID, CIDR: canonicalPrefix(s.CIDR), IPv6: s.IPVersion == 6, Tags: sorted(s.Tags),
		})
	}
	slices.SortFunc(out, func(a, b tree.Subnet) int { return cmp.Compare(a.ID, b.ID) })
	return out, nil
}
