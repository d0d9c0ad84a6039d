package openstack

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/layer3/extraroutes"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/layer3/routers"

	"underlay/internal/cloud"
	"underlay/pkg/openstack/session"
	"underlay/pkg/routes"
)

var _ routes.RouterAPI = (*Client)(nil)

// Operations on routers (https://docs.openstack.org/api-ref/network/v2/#routers-routers).
var (
	opRouterGet    = session.Operation{Name: "router_get", Method: http.MethodGet}
	opRouterUpdate = session.Operation{Name: "router_update", Method: http.MethodPut}
	// Neutron skips routes to add that are there, and routes to remove that are
	// not (neutron/db/extraroute_db.py): to send them twice changes nothing.
	opRoutesAdd    = session.Operation{Name: "extraroute_add", Method: http.MethodPut, Idempotent: true}
	opRoutesRemove = session.Operation{Name: "extraroute_remove", Method: http.MethodPut, Idempotent: true}

	opInterfaceList = session.Operation{Name: "router_interface_list", Method: http.MethodGet}
	opSubnetList    = session.Operation{Name: "subnet_list", Method: http.MethodGet}
)

// Router keeps the contract of routes.RouterAPI.
func (c *Client) Router(ctx context.Context, id string) (routes.Router, error) {
	router, err := c.router(ctx, opRouterGet, id, func(ctx context.Context, neutron *gophercloud.ServiceClient) gophercloud.Result {
		return routers.Get(ctx, neutron, id).Result
	})
	return router, routerError(err)
}

// AddRoutes keeps the contract of routes.RouterAPI.
func (c *Client) AddRoutes(ctx context.Context, routerID string, add []routes.Route) (routes.Router, error) {
	if len(add) == 0 {
		return c.Router(ctx, routerID)
	}
	router, err := c.router(ctx, opRoutesAdd, routerID, func(ctx context.Context, neutron *gophercloud.ServiceClient) gophercloud.Result {
		return extraroutes.Add(ctx, neutron, routerID, extraroutes.Opts{Routes: neutronRoutes(add)}).Result
	})
	return router, c.atomicError(err)
}

// RemoveRoutes keeps the contract of routes.RouterAPI.
func (c *Client) RemoveRoutes(ctx context.Context, routerID string, remove []routes.Route) (routes.Router, error) {
	if len(remove) == 0 {
		return c.Router(ctx, routerID)
	}
	router, err := c.router(ctx, opRoutesRemove, routerID, func(ctx context.Context, neutron *gophercloud.ServiceClient) gophercloud.Result {
		return extraroutes.Remove(ctx, neutron, routerID, extraroutes.Opts{Routes: neutronRoutes(remove)}).Result
	})
	return router, c.atomicError(err)
}

// atomicError tells a router that is gone from a Neutron that lacks the call:
// only the first names its error.
func (c *Client) atomicError(err error) error {
	var told *cloud.Error
	if errors.As(err, &told) && told.Status == http.StatusNotFound &&
		errors.Is(told.Class, cloud.ErrNotFound) && told.Type != "RouterNotFound" {
		told.Class = cloud.ErrUnsupported
		c.features.Invalidate()
	}
	return err
}

// SetRoutes keeps the contract of routes.RouterAPI.
func (c *Client) SetRoutes(ctx context.Context, routerID string, revision int, all []routes.Route) (routes.Router, error) {
	router, err := c.router(ctx, opRouterUpdate, routerID, func(ctx context.Context, neutron *gophercloud.ServiceClient) gophercloud.Result {
		return routers.Update(ctx, neutron, routerID, routers.UpdateOpts{
			Routes: neutronRoutes(all), RevisionNumber: &revision,
		}).Result
	})
	return router, routerError(err)
}

// router makes one call that answers with a router.
func (c *Client) router(ctx context.Context, op session.Operation, id string,
	request func(context.Context, *gophercloud.ServiceClient) gophercloud.Result,
) (routes.Router, error) {
	ctx, made := c.session.Begin(ctx, op)
	if err := session.Unfit(id); err != nil {
		return routes.Router{}, made.Classify(err)
	}
	neutron, err := c.session.Use(ctx, network)
	if err != nil {
		return routes.Router{}, made.Classify(err)
	}
	var said struct {
		ID, Name string
		Revision int `json:"revision_number"`
		Routes   []struct{ Destination, NextHop string }
	}
	result := request(ctx, neutron)
	if err := result.ExtractIntoStructPtr(&said, "router"); err != nil {
		return routes.Router{}, made.Classify(err)
	}
	router := routes.Router{ID: said.ID, Name: said.Name, Revision: said.Revision}
	for _, route := range said.Routes {
		router.Routes = append(router.Routes, routes.Route{Destination: route.Destination, NextHop: route.NextHop})
	}
	return router, nil
}

func neutronRoutes(of []routes.Route) *[]routers.Route {
	out := make([]routers.Route, 0, len(of))
	for _, route := range of {
		out = append(out, routers.Route{DestinationCIDR: route.Destination, NextHop: route.NextHop})
	}
	return &out
}

// interfaceOwners are the device owners of the ports by which a router is on a
// tenant's subnet (neutron_lib/constants.py): plain, DVR, HA with L2 population,
// and DVR's address for SNAT, which is the router's own too. The gateway port is
// not among them: next hops belong on the nodes' side.
var interfaceOwners = []string{
	"network:router_interface",
	"network:router_interface_distributed",
	"network:ha_router_replicated_interface",
	"network:router_centralized_snat",
}

type interfacePort struct {
	DeviceID    string    `json:"device_id"`
	DeviceOwner string    `json:"device_owner"`
	NetworkID   string    `json:"network_id"`
	FixedIPs    []fixedIP `json:"fixed_ips"`
}

type fixedIP struct {
	SubnetID string `json:"subnet_id"`
	Address  string `json:"ip_address"`
}

// Interfaces keeps the contract of routes.RouterAPI: one call for the ports, one
// for their subnets.
func (c *Client) Interfaces(ctx context.Context, routerID string) ([]routes.Interface, error) {
	if err := session.Unfit(routerID); err != nil {
		return nil, err
	}
	ports, err := c.interfacePorts(ctx, url.Values{"device_id": {routerID}})
	if err != nil {
		return nil, err
	}
	var interfaces []routes.Interface
	var subnets []string
	for _, port := range ports {
		for _, ip := range port.FixedIPs {
			interfaces = append(interfaces, routes.Interface{SubnetID: ip.SubnetID, NetworkID: port.NetworkID, Address: ip.Address})
			subnets = append(subnets, ip.SubnetID)
		}
	}
	if len(interfaces) == 0 {
		return nil, nil
	}
	slices.Sort(subnets)
	ranges, err := c.subnetRanges(ctx, slices.Compact(subnets))
	if err != nil {
		return nil, err
	}
	// A subnet that was deleted between the two calls has no interface any more.
	interfaces = slices.DeleteFunc(interfaces, func(i routes.Interface) bool { return ranges[i.SubnetID] == "" })
	for i := range interfaces {
		interfaces[i].CIDR = ranges[interfaces[i].SubnetID]
	}
	slices.SortFunc(interfaces, func(a, b routes.Interface) int {
		return strings.Compare(a.SubnetID+" "+a.Address, b.SubnetID+" "+b.Address)
	})
	return interfaces, nil
}

// RoutersOn keeps the contract of routes.RouterAPI.
func (c *Client) RoutersOn(ctx context.Context, subnetIDs []string) ([]string, error) {
	var found []string
	for some := range slices.Chunk(subnetIDs, idsPerQuery) {
		query := url.Values{"device_owner": interfaceOwners}
		for _, id := range some {
			query.Add("fixed_ips", "subnet_id="+id)
		}
		ports, err := c.interfacePorts(ctx, query)
		if err != nil {
			return nil, err
		}
		for _, port := range ports {
			// What the filter does with several values is not documented, so it is checked here.
			on := slices.ContainsFunc(port.FixedIPs, func(ip fixedIP) bool { return slices.Contains(some, ip.SubnetID) })
			if on && port.DeviceID != "" {
				found = append(found, port.DeviceID)
			}
		}
	}
	slices.Sort(found)
	return slices.Compact(found), nil
}

func (c *Client) interfacePorts(ctx context.Context, query url.Values) ([]interfacePort, error) {
	ctx, made := c.session.Begin(ctx, opInterfaceList)
	neutron, err := c.session.Use(ctx, network)
	if err != nil {
		return nil, made.Classify(err)
	}
	query["fields"] = []string{"device_id", "device_owner", "network_id", "fixed_ips"}
	ports, err := session.List[interfacePort](ctx, neutron, "ports", query, "ports")
	if err != nil {
		return nil, made.ListError(err)
	}
	return slices.DeleteFunc(ports, func(p interfacePort) bool { return !slices.Contains(interfaceOwners, p.DeviceOwner) }), nil
}

// idsPerQuery is how many ids one query carries, so that its URL stays below 4 KiB:
// what uWSGI takes by default. Eventlet and Apache take 8.
const idsPerQuery = 50

// subnetRanges gives the canonical CIDR of each subnet.
func (c *Client) subnetRanges(ctx context.Context, ids []string) (map[string]string, error) {
	ctx, made := c.session.Begin(ctx, opSubnetList)
	neutron, err := c.session.Use(ctx, network)
	if err != nil {
		return nil, made.Classify(err)
	}
	ranges := map[string]string{}
	for some := range slices.Chunk(ids, idsPerQuery) {
		query := url.Values{"id": some, "fields": {"id", "cidr"}}
		subnets, err := session.List[struct{ ID, CIDR string }](ctx, neutron, "subnets", query, "subnets")
		if err != nil {
			return nil, made.ListError(err)
		}
		for _, subnet := range subnets {
			if prefix, err := netip.ParsePrefix(subnet.CIDR); err == nil {
				ranges[subnet.ID] = prefix.Masked().String()
			}
		}
	}
	return ranges, nil
}
