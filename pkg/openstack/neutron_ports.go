package openstack

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/ports"

	"underlay/internal/cloud"
	"underlay/pkg/instances"
	"underlay/pkg/routes"
)

var _ routes.PortAPI = (*Client)(nil)

// Operations on ports (https://docs.openstack.org/api-ref/network/v2/#ports).
var (
	opPortList   = operation{name: "port_list", method: http.MethodGet}
	opPortGet    = operation{name: "port_get", method: http.MethodGet}
	opPortUpdate = operation{name: "port_update", method: http.MethodPut}
)

// neutronPort is what we read of a port. Fields that an extension adds are
// missing where the extension is.
type neutronPort struct {
	ID           string    `json:"id"`
	NetworkID    string    `json:"network_id"`
	DeviceID     string    `json:"device_id"`
	Status       string    `json:"status"`
	FixedIPs     []fixedIP `json:"fixed_ips"`
	Revision     int       `json:"revision_number"`
	PortSecurity *bool     `json:"port_security_enabled"`
	AddressPairs []struct {
		IPAddress  string `json:"ip_address"`
		MACAddress string `json:"mac_address"`
	} `json:"allowed_address_pairs"`
	MACAddress string `json:"mac_address"`
	// TrunkDetails names a trunk's subports at its parent port (extension
	// trunk-details, neutron/services/trunk/plugin.py): so the list of ports
	// tells whose subport is whose without a list of trunks.
	TrunkDetails *struct {
		SubPorts []struct {
			PortID string `json:"port_id"`
		} `json:"sub_ports"`
	} `json:"trunk_details"`
}

// portFields keeps the list of a large project small.
var portFields = []string{
	"id", "network_id", "device_id", "status", "fixed_ips", "revision_number",
	"port_security_enabled", "allowed_address_pairs", "mac_address", "trunk_details",
}

// portList is one reading of the project's ports in the words of each reader,
// so that nobody converts it again. It is never changed, only replaced.
type portList struct {
	forRoutes    []routes.Port
	forInstances []instances.Port
	index        map[string]int // by port id, into both
}

func newPortList(all []neutronPort) portList {
	parents := map[string]string{}
	for _, port := range all {
		if port.TrunkDetails != nil {
			for _, sub := range port.TrunkDetails.SubPorts {
				parents[sub.PortID] = port.ID
			}
		}
	}
	made := portList{
		forRoutes:    make([]routes.Port, 0, len(all)),
		forInstances: make([]instances.Port, 0, len(all)),
		index:        make(map[string]int, len(all)),
	}
	for _, port := range all {
		if _, twice := made.index[port.ID]; twice {
			continue // it moved to the next page between two calls
		}
		made.index[port.ID] = len(made.forRoutes)
		made.forRoutes = append(made.forRoutes, port.forRoutes())
		made.forInstances = append(made.forInstances, port.forInstances(parents[port.ID]))
	}
	return made
}

// with is the list with one port as it is now, unless the list knows a later revision.
func (l portList) with(port neutronPort) portList {
	at, known := l.index[port.ID]
	if !known || l.forRoutes[at].Revision > port.Revision {
		return l // a port that the list has not seen comes with the next reading
	}
	next := l
	next.forRoutes = slices.Clone(l.forRoutes)
	next.forRoutes[at] = port.forRoutes()
	next.forInstances = slices.Clone(l.forInstances)
	next.forInstances[at] = port.forInstances(l.forInstances[at].TrunkParent)
	return next
}

func (p neutronPort) forRoutes() routes.Port {
	out := routes.Port{
		ID: p.ID, NetworkID: p.NetworkID, DeviceID: p.DeviceID, Revision: p.Revision,
		// Without the extension port-security Neutron filters every port.
		PortSecurity: p.PortSecurity == nil || *p.PortSecurity,
	}
	for _, ip := range p.FixedIPs {
		out.FixedIPs = append(out.FixedIPs, routes.FixedIP{SubnetID: ip.SubnetID, Address: ip.Address})
	}
	for _, pair := range p.AddressPairs {
		mac := pair.MACAddress
		if mac == p.MACAddress {
			mac = "" // Neutron fills in the port's own
		}
		out.AddressPairs = append(out.AddressPairs, routes.AddressPair{IPAddress: pair.IPAddress, MACAddress: mac})
	}
	return out
}

func (p neutronPort) forInstances(trunkParent string) instances.Port {
	out := instances.Port{
		ID: p.ID, DeviceID: p.DeviceID, TrunkParent: trunkParent, NetworkID: p.NetworkID, Active: p.Status == "ACTIVE",
	}
	for _, ip := range p.FixedIPs {
		out.FixedIPs = append(out.FixedIPs, ip.Address)
	}
	return out
}

// Ports keeps the contract of routes.PortAPI.
func (c *Client) Ports(ctx context.Context, maxAge time.Duration) ([]routes.Port, error) {
	all, err := c.ports.Get(ctx, maxAge)
	return all.forRoutes, err
}

// InstancePorts keeps the contract of instances.Cloud.
func (c *Client) InstancePorts(ctx context.Context, maxAge time.Duration) ([]instances.Port, error) {
	all, err := c.ports.Get(ctx, maxAge)
	return all.forInstances, err
}

// listPorts reads the ports of the token's project: an admin would see those of
// everyone.
func (c *Client) listPorts(ctx context.Context) (portList, error) {
	ctx, made := c.begin(ctx, opPortList)
	session, err := c.keys.current(ctx)
	if err != nil {
		return portList{}, made.classify(err)
	}
	neutron, err := session.client(network)
	if err != nil {
		return portList{}, made.classify(err)
	}
	query := url.Values{"fields": portFields}
	if session.project != "" {
		query.Set("project_id", session.project)
	}
	all, err := list[neutronPort](ctx, neutron, "ports", query, "ports")
	if err != nil {
		return portList{}, made.listError(err)
	}
	return newPortList(all), nil
}

// Port keeps the contract of routes.PortAPI. The shared list learns the answer.
func (c *Client) Port(ctx context.Context, id string) (routes.Port, error) {
	return c.port(ctx, opPortGet, id, func(ctx context.Context, neutron *gophercloud.ServiceClient) gophercloud.Result {
		return ports.Get(ctx, neutron, id).Result
	})
}

// SetAddressPairs keeps the contract of routes.PortAPI. When the outcome is
// unknown, or somebody else changed the port, the shared list is read again by
// whoever needs it next.
func (c *Client) SetAddressPairs(ctx context.Context, portID string, revision int, pairs []routes.AddressPair) (routes.Port, error) {
	desired := make([]ports.AddressPair, 0, len(pairs))
	for _, pair := range pairs {
		desired = append(desired, ports.AddressPair{IPAddress: pair.IPAddress, MACAddress: pair.MACAddress})
	}
	port, err := c.port(ctx, opPortUpdate, portID, func(ctx context.Context, neutron *gophercloud.ServiceClient) gophercloud.Result {
		return ports.Update(ctx, neutron, portID, ports.UpdateOpts{
			AllowedAddressPairs: &desired, RevisionNumber: &revision,
		}).Result
	})
	if errors.Is(err, cloud.ErrAmbiguous) || errors.Is(err, cloud.ErrBusy) || errors.Is(err, cloud.ErrNotFound) {
		c.ports.Invalidate()
	}
	return port, err
}

// port makes one call that answers with a port.
func (c *Client) port(ctx context.Context, op operation, id string,
	request func(context.Context, *gophercloud.ServiceClient) gophercloud.Result,
) (routes.Port, error) {
	ctx, made := c.begin(ctx, op)
	if err := unfit(id); err != nil {
		return routes.Port{}, made.classify(err)
	}
	neutron, err := c.use(ctx, network)
	if err != nil {
		return routes.Port{}, made.classify(err)
	}
	var port neutronPort
	result := request(ctx, neutron)
	if err := result.ExtractIntoStructPtr(&port, "port"); err != nil {
		return routes.Port{}, made.classify(err)
	}
	c.ports.Update(func(all portList) portList { return all.with(port) })
	return port.forRoutes(), nil
}
