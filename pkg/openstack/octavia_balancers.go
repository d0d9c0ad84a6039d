package openstack

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"underlay/internal/cloud"
	"underlay/pkg/loadbalancer"
	"underlay/pkg/loadbalancer/tree"
	"underlay/pkg/openstack/session"
)

// Operations on load balancers (https://docs.openstack.org/api-ref/load-balancer/v2/#load-balancers).
var (
	opBalancerList     = session.Operation{Name: "loadbalancer_list", Method: http.MethodGet}
	opBalancerGet      = session.Operation{Name: "loadbalancer_get", Method: http.MethodGet}
	opBalancerCreate   = session.Operation{Name: "loadbalancer_create", Method: http.MethodPost}
	opBalancerUpdate   = session.Operation{Name: "loadbalancer_update", Method: http.MethodPut, Idempotent: true}
	opBalancerDelete   = session.Operation{Name: "loadbalancer_delete", Method: http.MethodDelete, Idempotent: true}
	opBalancerFailover = session.Operation{Name: "loadbalancer_failover", Method: http.MethodPut}
)

// octaviaBalancer is a load balancer as Octavia tells it
// (octavia/api/v2/types/load_balancer.py): with the ids of its parts in most
// answers, with all of them in that to a whole tree.
type octaviaBalancer struct {
	ID               string            `json:"id"`
	Name             string            `json:"name"`
	Description      string            `json:"description"`
	Tags             told[[]string]    `json:"tags"`
	Provider         string            `json:"provider"`
	FlavorID         string            `json:"flavor_id"`
	AvailabilityZone string            `json:"availability_zone"`
	VIPNetwork       string            `json:"vip_network_id"`
	VIPSubnet        string            `json:"vip_subnet_id"`
	VIPPort          string            `json:"vip_port_id"`
	VIPAddress       string            `json:"vip_address"`
	VIPGroups        told[[]string]    `json:"vip_sg_ids"`
	AdminUp          *bool             `json:"admin_state_up"`
	Provisioning     tree.Provisioning `json:"provisioning_status"`
	Operating        tree.Operating    `json:"operating_status"`
	AdditionalVIPs   []struct {
		Subnet  string `json:"subnet_id"`
		Address string `json:"ip_address"`
		Port    string `json:"port_id"`
	} `json:"additional_vips"`
	Listeners []octaviaListener `json:"listeners"`
	Pools     []octaviaPool     `json:"pools"`
}

// forTree leaves out listeners and pools.
func (b octaviaBalancer) forTree() tree.Balancer {
	out := tree.Balancer{
		ID: b.ID, Name: b.Name, Description: b.Description, Tags: sorted(b.Tags),
		Provider: b.Provider, FlavorID: b.FlavorID, AvailabilityZone: b.AvailabilityZone,
		VIP: tree.VIP{
			NetworkID: b.VIPNetwork, SubnetID: b.VIPSubnet, PortID: b.VIPPort, Address: canonicalAddress(b.VIPAddress),
		},
		VIPSecurityGroupIDs: sorted(b.VIPGroups), AdminUp: b.AdminUp,
		Provisioning: b.Provisioning, Operating: b.Operating,
	}
	for _, vip := range b.AdditionalVIPs {
		out.AdditionalVIPs = append(out.AdditionalVIPs, tree.VIP{
			NetworkID: b.VIPNetwork, SubnetID: vip.Subnet, PortID: vip.Port, Address: canonicalAddress(vip.Address),
		})
	}
	slices.SortFunc(out.AdditionalVIPs, func(a, b tree.VIP) int {
		return cmp.Or(cmp.Compare(a.SubnetID, b.SubnetID), cmp.Compare(a.Address, b.Address))
	})
	return out
}

// whole puts listeners in their places, with their default pools.
func (b octaviaBalancer) whole() tree.Balancer {
	out := b.forTree()
	pools := map[string]tree.Pool{}
	for _, pool := range b.Pools {
		pools[pool.ID] = pool.whole(b.ID)
	}
	for _, listener := range b.Listeners {
		made := listener.forTree(b.ID)
		if pool, found := pools[listener.DefaultPool]; found {
			made.Pool = &pool
		}
		out.Listeners = append(out.Listeners, made)
	}
	slices.SortFunc(out.Listeners, func(a, b tree.Listener) int { return a.Key().Compare(b.Key()) })
	return out
}

// newBalancer is a whole tree that is yet to be made. Octavia wants every pool
// named, each otherwise, and whole in the listener that uses it.
func newBalancer(desired tree.Balancer) body {
	out := body{}
	for key, value := range map[string]string{
		"name": desired.Name, "description": desired.Description, "provider": desired.Provider,
		"flavor_id": desired.FlavorID, "availability_zone": desired.AvailabilityZone,
		"vip_network_id": desired.VIP.NetworkID, "vip_subnet_id": desired.VIP.SubnetID,
		"vip_port_id": desired.VIP.PortID, "vip_address": desired.VIP.Address,
	} {
		setText(out, key, value)
	}
	setList(out, "tags", desired.Tags)
	setList(out, "vip_sg_ids", desired.VIPSecurityGroupIDs)
	setTo(out, "admin_state_up", desired.AdminUp)
	if vips := newVIPs(desired.AdditionalVIPs); len(vips) > 0 {
		out["additional_vips"] = vips
	}
	listeners := make([]body, 0, len(desired.Listeners))
	for _, listener := range desired.Listeners {
		made := newListener(listener)
		if listener.Pool != nil {
			made["default_pool"] = newWholePool(*listener.Pool)
		}
		listeners = append(listeners, made)
	}
	if len(listeners) > 0 {
		out["listeners"] = listeners
	}
	return out.withoutNone()
}

func newVIPs(vips []tree.VIP) []body {
	var out []body
	for _, vip := range vips {
		made := body{"subnet_id": vip.SubnetID}
		setText(made, "ip_address", vip.Address)
		out = append(out, made)
	}
	return out
}

// sendOctavia makes one call to Octavia. When Octavia does not know a field, it
// is not the version that it was.
func (c *Client) sendOctavia(ctx context.Context, r session.Request) error {
	r.Of = balancing
	err := c.session.Send(ctx, r)
	var told *cloud.Error
	if errors.As(err, &told) && strings.HasPrefix(told.Message, "Unknown a") { // attribute, attributes, argument
		c.balancing.Invalidate()
	}
	return err
}

// statusFields are what a waiter polls.
var statusFields = []string{"id", "provisioning_status", "operating_status"}

// LoadBalancers keeps the contract of loadbalancer.Balancers. An id that does
// not exist gives none.
func (c *Client) LoadBalancers(ctx context.Context, query loadbalancer.BalancerQuery) ([]tree.Balancer, error) {
	asked := url.Values{}
	if query.StatusOnly {
		asked["fields"] = statusFields
	}
	if query.ID != "" {
		return c.balancer(ctx, query, asked)
	}
	if query.Name != "" {
		asked.Set("name", query.Name)
	}
	if query.Tag != "" {
		asked.Set("tags", query.Tag)
	}
	found, err := session.Collect[octaviaBalancer](ctx, c.session, session.Listing{
		Op: opBalancerList, Of: balancing, Path: []string{"lbaas", "loadbalancers"}, Query: asked, Own: true,
	})
	if err != nil {
		return nil, err
	}
	out := make([]tree.Balancer, 0, len(found))
	for _, balancer := range found {
		out = append(out, balancer.forTree())
	}
	slices.SortFunc(out, func(a, b tree.Balancer) int { return cmp.Compare(a.ID, b.ID) })
	return out, nil
}

// balancer reads one load balancer by its id, and leaves it out where the rest
// of the query does not fit it.
func (c *Client) balancer(ctx context.Context, query loadbalancer.BalancerQuery, asked url.Values) ([]tree.Balancer, error) {
	if query.Name != "" || query.Tag != "" {
		delete(asked, "fields")
	}
	var said struct {
		Balancer octaviaBalancer `json:"loadbalancer"`
	}
	err := c.sendOctavia(ctx, session.Request{
		Op: opBalancerGet, Path: []string{"lbaas", "loadbalancers", query.ID}, Query: asked, Into: &said,
	})
	if errors.Is(err, cloud.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	found := said.Balancer.forTree()
	if query.Name != "" && found.Name != query.Name || query.Tag != "" && !slices.Contains(found.Tags, query.Tag) {
		return nil, nil
	}
	return []tree.Balancer{found}, nil
}

// CreateLoadBalancer keeps the contract of loadbalancer.BalancerWriter.
func (c *Client) CreateLoadBalancer(ctx context.Context, desired tree.Balancer) (tree.Balancer, error) {
	var said struct {
		Balancer octaviaBalancer `json:"loadbalancer"`
	}
	err := c.sendOctavia(ctx, session.Request{
		Op: opBalancerCreate, Path: []string{"lbaas", "loadbalancers"},
		Body: body{"loadbalancer": newBalancer(desired)}, Into: &said,
	})
	if err != nil {
		return tree.Balancer{}, explainRefusal(err)
	}
	return said.Balancer.whole(), nil
}

// UpdateLoadBalancer keeps the contract of loadbalancer.BalancerWriter.
func (c *Client) UpdateLoadBalancer(ctx context.Context, id string, change loadbalancer.BalancerChange) error {
	wish := body{}
	setTo(wish, "name", change.Name)
	setTo(wish, "description", change.Description)
	setList(wish, "tags", change.Tags)
	setList(wish, "vip_sg_ids", change.VIPSecurityGroupIDs)
	setTo(wish, "admin_state_up", change.AdminUp)
	return c.sendOctavia(ctx, session.Request{
		Op: opBalancerUpdate, Path: []string{"lbaas", "loadbalancers", id}, Body: body{"loadbalancer": wish},
	})
}

// DeleteLoadBalancer keeps the contract of loadbalancer.BalancerWriter.
func (c *Client) DeleteLoadBalancer(ctx context.Context, id string, cascade bool) error {
	var query url.Values
	if cascade {
		query = url.Values{"cascade": {"true"}}
	}
	return c.sendOctavia(ctx, session.Request{Op: opBalancerDelete, Path: []string{"lbaas", "loadbalancers", id}, Query: query})
}

// FailoverLoadBalancer keeps the contract of loadbalancer.BalancerWriter.
func (c *Client) FailoverLoadBalancer(ctx context.Context, id string) error {
	return c.sendOctavia(ctx, session.Request{Op: opBalancerFailover, Path: []string{"lbaas", "loadbalancers", id, "failover"}})
}
