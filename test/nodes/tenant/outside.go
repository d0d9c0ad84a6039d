package tenant

import (
	"context"
	"errors"
	"fmt"
	"net/http"
)

// FloatingIP is an address of the external network that leads to one within.
type FloatingIP struct {
	ID      string `json:"id"`
	Address string `json:"floating_ip_address"`
	Fixed   string `json:"fixed_ip_address"`
	PortID  string `json:"port_id"`
}

// OpenDoor gives a network's router a gateway to the first external network, and
// returns that network's id.
func (c *Client) OpenDoor(ctx context.Context, made Network) (string, error) {
	var list struct{ Networks []struct{ ID string } }
	if err := c.call(ctx, http.MethodGet, network, "/v2.0/networks?router%3Aexternal=true", nil, &list); err != nil {
		return "", fmt.Errorf("list external networks: %w", err)
	}
	if len(list.Networks) == 0 {
		return "", errors.New("the cloud has no external network")
	}
	id := list.Networks[0].ID
	gateway := object{"router": object{"external_gateway_info": object{"network_id": id}}}
	if err := c.call(ctx, http.MethodPut, network, "/v2.0/routers/"+made.RouterID, gateway, nil); err != nil {
		return "", fmt.Errorf("set the router's gateway: %w", err)
	}
	return id, nil
}

// FloatingIPs are those that lead through a router.
func (c *Client) FloatingIPs(ctx context.Context, routerID string) ([]FloatingIP, error) {
	var list struct{ FloatingIPs []FloatingIP }
	if err := c.call(ctx, http.MethodGet, network, "/v2.0/floatingips?router_id="+routerID, nil, &list); err != nil {
		return nil, fmt.Errorf("list floating IPs: %w", err)
	}
	return list.FloatingIPs, nil
}

// DeleteFloatingIP gives a floating IP back.
func (c *Client) DeleteFloatingIP(ctx context.Context, id string) error {
	if err := c.call(ctx, http.MethodDelete, network, "/v2.0/floatingips/"+id, nil, nil); err != nil && !IsNotFound(err) {
		return fmt.Errorf("delete floating IP: %w", err)
	}
	return nil
}
