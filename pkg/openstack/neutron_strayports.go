package openstack

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"underlay/internal/cloud"
	"underlay/pkg/loadbalancer/leftovers"
)

var _ leftovers.Cloud = (*Client)(nil)

var opPortDelete = operation{name: "port_delete", method: http.MethodDelete, idempotent: true}

// PortAge keeps the contract of leftovers.Cloud. One call.
func (c *Client) PortAge(ctx context.Context, id string) (time.Duration, error) {
	var said struct {
		Port struct {
			CreatedAt time.Time `json:"created_at"`
		} `json:"port"`
	}
	err := c.send(ctx, request{
		op: opPortGet, of: network, path: []string{"ports", id}, query: url.Values{"fields": {"created_at"}}, into: &said,
	})
	if err != nil {
		return 0, err
	}
	if said.Port.CreatedAt.IsZero() {
		return 0, fmt.Errorf("read the age of port %s: Neutron does not tell: %w", id, cloud.ErrUnsupported)
	}
	return time.Since(said.Port.CreatedAt), nil
}

// DeletePort keeps the contract of leftovers.Cloud.
func (c *Client) DeletePort(ctx context.Context, id string) error {
	err := c.send(ctx, request{op: opPortDelete, of: network, path: []string{"ports", id}})
	if err == nil || errors.Is(err, cloud.ErrAmbiguous) {
		c.ports.Invalidate()
	}
	return err
}
