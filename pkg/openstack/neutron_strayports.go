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
	"underlay/pkg/openstack/session"
)

var _ leftovers.Cloud = (*Client)(nil)

var opPortDelete = session.Operation{Name: "port_delete", Method: http.MethodDelete, Idempotent: true}

// PortAge keeps the contract of leftovers.Cloud. One call.
func (c *Client) PortAge(ctx context.Context, id string) (time.Duration, error) {
	var said struct {
		Port struct {
			CreatedAt time.Time `json:"created_at"`
		} `json:"port"`
	}
	err := c.session.Send(ctx, session.Request{
		Op: opPortGet, Of: network, Path: []string{"ports", id}, Query: url.Values{"fields": {"created_at"}}, Into: &said,
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
	err := c.session.Send(ctx, session.Request{Op: opPortDelete, Of: network, Path: []string{"ports", id}})
	if err == nil || errors.Is(err, cloud.ErrAmbiguous) {
		c.ports.Invalidate()
	}
	return err
}
