package playground

import (
	"context"
	"fmt"
	"strings"

	"underlay/pkg/simulator"
)

// OpenStack is a cloud that a world stands on, as its operator sees it: one
// network on one router, and servers. What is done here is nothing that the
// controllers do, and is not counted as theirs.
type OpenStack interface {
	// CloudConf is the text of a good cloud.conf.
	CloudConf() string
	// Boot makes a server with one port on the network.
	Boot(ctx context.Context, name string) (Machine, error)
	// Delete removes a server, which need not be there any more.
	Delete(ctx context.Context, machine Machine) error
	// Observe looks at all ports on the network and at the router.
	Observe(ctx context.Context) (Sight, error)
	// AddRoute writes a route by hand.
	AddRoute(ctx context.Context, destination, nexthop string) error
}

// Machine is a server and its port.
type Machine struct{ ServerID, PortID string }

// Sight is one look at the cloud.
type Sight struct {
	// Ports are at least those of the machines, by id.
	Ports map[string]Port
	// Routes are the router's, with destination and next hop only.
	Routes []Route
}

// Port is what the world's rules are about.
type Port struct {
	// Addresses are its fixed IPs; Pairs are the addresses of its allowed address pairs.
	Addresses, Pairs []string
}

// simulated is the simulator as the OpenStack of a world.
type simulated struct{ *Playground }

// CloudConf names the router, as a careful operator does.
func (s simulated) CloudConf() string {
	return strings.TrimRight(s.Cloud.CloudConf(s.URL), "\n") + "\n\n[Route]\nrouter-id=" + s.RouterID + "\n"
}

// build makes what an operator has made before installing the product.
func (s simulated) build() {
	external := s.Cloud.AddNetwork(simulator.NetworkSpec{Name: "public", Subnets: []string{s.opts.ExternalSubnet}, External: true})
	network := s.Cloud.AddNetwork(simulator.NetworkSpec{Name: NetworkName, Subnets: s.opts.Subnets})
	s.NetworkID, s.SubnetIDs = network.ID, network.SubnetIDs
	s.RouterID = s.Cloud.AddRouter(simulator.RouterSpec{
		Name: RouterName, SubnetIDs: network.SubnetIDs, ExternalNetworkID: external.ID,
	})
}

// Boot returns a server that is ACTIVE at once.
func (s simulated) Boot(_ context.Context, name string) (Machine, error) {
	server := s.Cloud.AddServer(simulator.ServerSpec{Name: name, Networks: []simulator.NIC{{NetworkID: s.NetworkID}}})
	if len(server.PortIDs) == 0 {
		return Machine{}, fmt.Errorf("boot server %s: it has no port", name)
	}
	return Machine{ServerID: server.ID, PortID: server.PortIDs[0]}, nil
}

// Delete takes the server and its port away at once.
func (s simulated) Delete(_ context.Context, machine Machine) error {
	s.Cloud.DeleteServer(machine.ServerID)
	return nil
}

// Observe makes no API call.
func (s simulated) Observe(context.Context) (Sight, error) {
	seen := Sight{Ports: map[string]Port{}}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, member := range s.members {
		var port Port
		state := s.Cloud.Port(member.PortID)
		for _, fixed := range state.FixedIPs {
			port.Addresses = append(port.Addresses, fixed.Address)
		}
		for _, pair := range state.AllowedAddressPairs {
			port.Pairs = append(port.Pairs, pair.IPAddress)
		}
		seen.Ports[member.PortID] = port
	}
	for _, route := range s.Cloud.Router(s.RouterID).Routes {
		seen.Routes = append(seen.Routes, Route{Destination: route.Destination, NextHop: route.NextHop})
	}
	return seen, nil
}

// AddRoute makes no API call.
func (s simulated) AddRoute(_ context.Context, destination, nexthop string) error {
	s.Cloud.SetRoutes(s.RouterID, append(s.Cloud.Router(s.RouterID).Routes, simulator.RouteState{Destination: destination, NextHop: nexthop}))
	return nil
}
