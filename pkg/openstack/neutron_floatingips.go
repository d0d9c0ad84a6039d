package openstack

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"

	"underlay/internal/cloud"
	"underlay/pkg/loadbalancer"
	"underlay/pkg/loadbalancer/tree"
	"underlay/pkg/openstack/session"
)

// Operations on floating IPs (https://docs.openstack.org/api-ref/network/v2/#floating-ips-floatingips).
// What an update writes does not depend on what was there, and an id is never
// given again: both may be repeated.
var (
	opFloatingIPList   = session.Operation{Name: "floating_ip_list", Method: http.MethodGet}
	opFloatingIPCreate = session.Operation{Name: "floating_ip_create", Method: http.MethodPost}
	opFloatingIPUpdate = session.Operation{Name: "floating_ip_update", Method: http.MethodPut, Idempotent: true}
	opFloatingIPDelete = session.Operation{Name: "floating_ip_delete", Method: http.MethodDelete, Idempotent: true}
)

// neutronFloatingIP is what we read of a floating IP.
type neutronFloatingIP struct {
	ID          string         `json:"id"`
	Address     string         `json:"floating_ip_address"`
	NetworkID   string         `json:"floating_network_id"`
	PortID      string         `json:"port_id"`
	FixedIP     string         `json:"fixed_ip_address"`
	Description string         `json:"description"`
	Tags        told[[]string] `json:"tags"`
	Revision    int            `json:"revision_number"`
}

var floatingIPFields = []string{
	"id", "floating_ip_address", "floating_network_id", "port_id", "fixed_ip_address", "description", "tags", "revision_number",
}

func (f neutronFloatingIP) forTree() tree.FloatingIP {
	return tree.FloatingIP{
		ID: f.ID, Address: canonicalAddress(f.Address), NetworkID: f.NetworkID, PortID: f.PortID,
		FixedIP: canonicalAddress(f.FixedIP), Description: f.Description, Tags: sorted(f.Tags), Revision: f.Revision,
	}
}

// FloatingIPs keeps the contract of loadbalancer.Addresses.
func (c *Client) FloatingIPs(ctx context.Context, portID string) ([]tree.FloatingIP, error) {
	if portID == "" {
		return c.floatingIPs(ctx, url.Values{})
	}
	return c.floatingIPs(ctx, url.Values{"port_id": {portID}})
}

// FloatingIPAt keeps the contract of loadbalancer.Addresses. Where two external
// networks give the same address, the first by id is found.
func (c *Client) FloatingIPAt(ctx context.Context, address string) (tree.FloatingIP, error) {
	found, err := c.floatingIPs(ctx, url.Values{"floating_ip_address": {canonicalAddress(address)}})
	if err != nil {
		return tree.FloatingIP{}, err
	}
	if len(found) == 0 {
		return tree.FloatingIP{}, &cloud.Error{
			Class: cloud.ErrNotFound, Request: "GET /v2.0/floatingips", Message: "the project has no floating IP " + address,
		}
	}
	return found[0], nil
}

func (c *Client) floatingIPs(ctx context.Context, query url.Values) ([]tree.FloatingIP, error) {
	query["fields"] = floatingIPFields
	found, err := session.Collect[neutronFloatingIP](ctx, c.session, session.Listing{
		Op: opFloatingIPList, Of: network, Path: []string{"floatingips"}, Query: query, Own: true,
	})
	if err != nil {
		return nil, err
	}
	out := make([]tree.FloatingIP, 0, len(found))
	for _, f := range found {
		out = append(out, f.forTree())
	}
	slices.SortFunc(out, func(a, b tree.FloatingIP) int { return cmp.Compare(a.ID, b.ID) })
	return out, nil
}

// CreateFloatingIP keeps the contract of loadbalancer.Addresses.
func (c *Client) CreateFloatingIP(ctx context.Context, wish loadbalancer.FloatingIPRequest) (tree.FloatingIP, error) {
	made := body{"floating_network_id": wish.NetworkID}
	setText(made, "subnet_id", wish.SubnetID)
	setText(made, "floating_ip_address", wish.Address)
	setText(made, "port_id", wish.PortID)
	setText(made, "description", wish.Description)
	out, err := c.floatingIP(ctx, session.Request{Op: opFloatingIPCreate, Path: []string{"floatingips"}, Body: body{"floatingip": made}})
	var told *cloud.Error
	if errors.As(err, &told) && errors.Is(told.Class, cloud.ErrNotFound) && told.Type != "PortNotFound" {
		told.Class = cloud.ErrInvalid // the network or subnet that the user chose: looking again finds neither
	}
	return out, err
}

// UpdateFloatingIP keeps the contract of loadbalancer.Addresses.
func (c *Client) UpdateFloatingIP(ctx context.Context, id string, portID, description *string) (tree.FloatingIP, error) {
	wish := body{}
	setOrClear(wish, "port_id", portID)
	setTo(wish, "description", description)
	return c.floatingIP(ctx, session.Request{Op: opFloatingIPUpdate, Path: []string{"floatingips", id}, Body: body{"floatingip": wish}})
}

// DeleteFloatingIP keeps the contract of loadbalancer.Addresses.
func (c *Client) DeleteFloatingIP(ctx context.Context, id string) error {
	return c.session.Send(ctx, session.Request{Op: opFloatingIPDelete, Of: network, Path: []string{"floatingips", id}})
}

// floatingIP makes one call that answers with a floating IP.
func (c *Client) floatingIP(ctx context.Context, r session.Request) (tree.FloatingIP, error) {
	var said struct {
		FloatingIP neutronFloatingIP `json:"floatingip"`
	}
	r.Of, r.Into = network, &said
	if err := c.session.Send(ctx, r); err != nil {
		return tree.FloatingIP{}, err
	}
	return said.FloatingIP.forTree(), nil
}
