package openstack

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"time"

	"underlay/internal/cloud"
	"underlay/pkg/instances"
	"underlay/pkg/loadbalancer/tree"
	"underlay/pkg/openstack/session"
	"underlay/pkg/routes"
)

var _ routes.PortAPI = (*Client)(nil)

// Operations on ports (https://docs.openstack.org/api-ref/network/v2/#ports).
var (
	opPortList   = session.Operation{Name: "port_list", Method: http.MethodGet}
	opPortGet    = session.Operation{Name: "port_get", Method: http.MethodGet}
	opPortUpdate = session.Operation{Name: "port_update", Method: http.MethodPut}
	// To describe a port twice leaves the same description.
	opPortDescribe = session.Operation{Name: "port_update", Method: http.MethodPut, Idempotent: true}
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
	MACAddress  string   `json:"mac_address"`
	Name        string   `json:"name"`
	Description string   `json:"description"`
	DeviceOwner string   `json:"device_owner"`
	Groups      []string `json:"security_groups"`
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
	"name", "description", "device_owner", "security_groups",
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

func (p neutronPort) forBalancers() tree.Port {
	out := tree.Port{
		ID: p.ID, Name: p.Name, NetworkID: p.NetworkID, DeviceID: p.DeviceID, DeviceOwner: p.DeviceOwner,
		SecurityGroupIDs: slices.Sorted(slices.Values(p.Groups)), Description: p.Description, Revision: p.Revision,
		PortSecurity: p.PortSecurity == nil || *p.PortSecurity,
	}
	for _, ip := range p.FixedIPs {
		out.FixedIPs = append(out.FixedIPs, tree.FixedIP{SubnetID: ip.SubnetID, Address: canonicalAddress(ip.Address)})
	}
	return out
}

// Ports keeps the contract of routes.PortAPI.
func (c *Client) Ports(ctx context.Context, maxAge time.Duration) ([]routes.Port, error) {
	all, err := c.ports.Get(ctx, maxAge)
	return all.table().forRoutes, err
}

// InstancePorts keeps the contract of instances.Cloud.
func (c *Client) InstancePorts(ctx context.Context, maxAge time.Duration) ([]instances.Port, error) {
	all, err := c.ports.Get(ctx, maxAge)
	return all.table().forInstances, err
}

// listPorts reads the ports of the token's project: an admin would see those of
// everyone.
func (c *Client) listPorts(ctx context.Context) (portList, error) {
	ctx, made := c.session.Begin(ctx, opPortList)
	project, err := c.session.Project(ctx)
	if err != nil {
		return portList{}, made.Classify(err)
	}
	neutron, err := c.session.Use(ctx, network)
	if err != nil {
		return portList{}, made.Classify(err)
	}
	query := url.Values{"fields": portFields}
	if project != "" {
		query.Set("project_id", project)
	}
	all, err := session.List[neutronPort](ctx, neutron, "ports", query, "ports")
	if err != nil {
		return portList{}, made.ListError(err)
	}
	return newPortList(all), nil
}

// BalancerPorts keeps the contract of loadbalancer.Groups.
func (c *Client) BalancerPorts(ctx context.Context, maxAge time.Duration) ([]tree.Port, error) {
	all, err := c.ports.Get(ctx, maxAge)
	return all.table().forBalancers, err
}

// Port keeps the contract of routes.PortAPI. The shared list learns the answer.
func (c *Client) Port(ctx context.Context, id string) (routes.Port, error) {
	port, err := c.port(ctx, session.Request{Op: opPortGet, Path: []string{"ports", id}})
	return port.forRoutes(), err
}

// SetAddressPairs keeps the contract of routes.PortAPI.
func (c *Client) SetAddressPairs(ctx context.Context, portID string, revision int, pairs []routes.AddressPair) (routes.Port, error) {
	desired := make([]body, 0, len(pairs))
	for _, pair := range pairs {
		made := body{"ip_address": pair.IPAddress}
		setText(made, "mac_address", pair.MACAddress)
		desired = append(desired, made)
	}
	port, err := c.updatePort(ctx, opPortUpdate, portID, &revision, body{"allowed_address_pairs": desired})
	return port.forRoutes(), err
}

// SetPortGroups keeps the contract of loadbalancer.Groups.
func (c *Client) SetPortGroups(ctx context.Context, portID string, revision int, groupIDs []string) error {
	_, err := c.updatePort(ctx, opPortUpdate, portID, &revision, body{"security_groups": append([]string{}, groupIDs...)})
	return err
}

// DescribePort keeps the contract of loadbalancer.Groups.
func (c *Client) DescribePort(ctx context.Context, portID, description string) error {
	_, err := c.updatePort(ctx, opPortDescribe, portID, nil, body{"description": description})
	return err
}

// updatePort writes a port, if it still has that revision (nil: whatever it has).
// When the outcome is unknown, or somebody else changed the port, the shared list
// is read again by whoever needs it next.
func (c *Client) updatePort(ctx context.Context, op session.Operation, id string, revision *int, change body) (neutronPort, error) {
	port, err := c.port(ctx, session.Request{Op: op, Path: []string{"ports", id}, Revision: revision, Body: body{"port": change}})
	if errors.Is(err, cloud.ErrAmbiguous) || errors.Is(err, cloud.ErrBusy) || errors.Is(err, cloud.ErrNotFound) {
		c.ports.Invalidate()
	}
	return port, err
}

// port makes one call that answers with a port.
func (c *Client) port(ctx context.Context, r session.Request) (neutronPort, error) {
	var said struct {
		Port neutronPort `json:"port"`
	}
	r.Of, r.Into = network, &said
	if err := c.session.Send(ctx, r); err != nil {
		return neutronPort{}, err
	}
	c.ports.Update(func(all portList) portList { return all.with(said.Port) })
	return said.Port, nil
}
