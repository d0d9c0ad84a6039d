package tenant

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
)

// Network is a tenant network with one subnet, attached to a router.
type Network struct {
	ID, SubnetID, RouterID string
	Subnet                 netip.Prefix
	Gateway                netip.Addr
}

// Route is an extra route of a router.
type Route struct {
	Destination string `json:"destination"`
	NextHop     string `json:"nexthop"`
}

// Port is what Neutron tells its agents of a port.
type Port struct {
	ID           string `json:"id"`
	MAC          string `json:"mac_address"`
	DeviceID     string `json:"device_id"`
	PortSecurity bool   `json:"port_security_enabled"`
	FixedIPs     []struct {
		Address string `json:"ip_address"`
	} `json:"fixed_ips"`
	Pairs  []Pair   `json:"allowed_address_pairs"`
	Groups []string `json:"security_groups"`
}

// Pair is an allowed address pair; without a MAC Neutron takes the port's.
type Pair struct {
	Address string `json:"ip_address"`
	MAC     string `json:"mac_address,omitempty"`
}

const network = "network" // the service type

// MakeNetwork makes a network, its subnet and a router between it and nothing.
func (c *Client) MakeNetwork(ctx context.Context, name string, subnet netip.Prefix) (Network, error) {
	made := Network{Subnet: subnet}
	var lan, sub, router struct {
		Network, Subnet, Router struct{ ID, GatewayIP string }
	}
	if err := c.call(ctx, http.MethodPost, network, "/v2.0/networks", object{"network": object{"name": name}}, &lan); err != nil {
		return made, fmt.Errorf("make network %s: %w", name, err)
	}
	made.ID = lan.Network.ID
	made.Gateway = subnet.Masked().Addr().Next()
	if err := c.call(ctx, http.MethodPost, network, "/v2.0/subnets", object{"subnet": object{
		"name": name, "network_id": made.ID, "ip_version": 4, "cidr": subnet.String(), "gateway_ip": made.Gateway.String(),
	}}, &sub); err != nil {
		return made, fmt.Errorf("make subnet %s: %w", name, err)
	}
	made.SubnetID = sub.Subnet.ID
	if err := c.call(ctx, http.MethodPost, network, "/v2.0/routers", object{"router": object{"name": name}}, &router); err != nil {
		return made, fmt.Errorf("make router %s: %w", name, err)
	}
	made.RouterID = router.Router.ID
	attach := "/v2.0/routers/" + made.RouterID + "/add_router_interface"
	if err := c.call(ctx, http.MethodPut, network, attach, object{"subnet_id": made.SubnetID}, nil); err != nil {
		return made, fmt.Errorf("attach subnet %s: %w", name, err)
	}
	return made, nil
}

// RemoveNetwork removes what MakeNetwork made, as far as it came. Nothing may be
// left on it but routes.
func (c *Client) RemoveNetwork(ctx context.Context, made Network) error {
	router := "/v2.0/routers/" + made.RouterID
	if made.RouterID != "" {
		if err := c.SetRoutes(ctx, made.RouterID, nil); err != nil {
			return err
		}
		if err := c.call(ctx, http.MethodPut, network, router+"/remove_router_interface", object{"subnet_id": made.SubnetID}, nil); err != nil && !IsNotFound(err) {
			return fmt.Errorf("detach the router: %w", err)
		}
		if err := c.call(ctx, http.MethodDelete, network, router, nil, nil); err != nil {
			return fmt.Errorf("delete the router: %w", err)
		}
	}
	if made.ID == "" {
		return nil
	}
	if err := c.call(ctx, http.MethodDelete, network, "/v2.0/networks/"+made.ID, nil, nil); err != nil {
		return fmt.Errorf("delete the network: %w", err)
	}
	return nil
}

// Routes are a router's extra routes.
func (c *Client) Routes(ctx context.Context, routerID string) ([]Route, error) {
	var answer struct{ Router struct{ Routes []Route } }
	if err := c.call(ctx, http.MethodGet, network, "/v2.0/routers/"+routerID, nil, &answer); err != nil {
		return nil, fmt.Errorf("read routes: %w", err)
	}
	return answer.Router.Routes, nil
}

// SetRoutes replaces a router's extra routes by hand.
func (c *Client) SetRoutes(ctx context.Context, routerID string, routes []Route) error {
	if routes == nil {
		routes = []Route{}
	}
	body := object{"router": object{"routes": routes}}
	if err := c.call(ctx, http.MethodPut, network, "/v2.0/routers/"+routerID, body, nil); err != nil {
		return fmt.Errorf("set routes: %w", err)
	}
	return nil
}

// Ports are all ports of a network.
func (c *Client) Ports(ctx context.Context, networkID string) ([]Port, error) {
	var answer struct{ Ports []Port }
	if err := c.call(ctx, http.MethodGet, network, "/v2.0/ports?network_id="+networkID, nil, &answer); err != nil {
		return nil, fmt.Errorf("list ports: %w", err)
	}
	return answer.Ports, nil
}

// RouterPort is the router's port on its network, with the gateway's address.
func (c *Client) RouterPort(ctx context.Context, made Network) (Port, error) {
	ports, err := c.Ports(ctx, made.ID)
	if err != nil {
		return Port{}, err
	}
	for _, port := range ports {
		if port.DeviceID == made.RouterID && len(port.FixedIPs) == 1 {
			return port, nil
		}
	}
	return Port{}, fmt.Errorf("find the router's port: router %s has none on network %s", made.RouterID, made.ID)
}

// Port reads one port.
func (c *Client) Port(ctx context.Context, id string) (Port, error) {
	var answer struct{ Port Port }
	if err := c.call(ctx, http.MethodGet, network, "/v2.0/ports/"+id, nil, &answer); err != nil {
		return Port{}, fmt.Errorf("read port: %w", err)
	}
	return answer.Port, nil
}

// SetPairs replaces a port's allowed address pairs by hand.
func (c *Client) SetPairs(ctx context.Context, portID string, pairs []Pair) error {
	if pairs == nil {
		pairs = []Pair{}
	}
	body := object{"port": object{"allowed_address_pairs": pairs}}
	if err := c.call(ctx, http.MethodPut, network, "/v2.0/ports/"+portID, body, nil); err != nil {
		return fmt.Errorf("set address pairs: %w", err)
	}
	return nil
}
