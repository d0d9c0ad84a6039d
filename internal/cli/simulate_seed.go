package cli

import (
	"fmt"
	"time"

	"underlay/pkg/simulator"
)

// maxSeedServers is how many servers the demo seed's subnet and pod CIDRs have room for.
const maxSeedServers = 1000

// latencyProfiles are the values of --latency. "real" is a middling cloud: a
// router write passes through the database and the agents' notification.
var latencyProfiles = map[string]simulator.LatencyProfile{
	"none": {},
	"real": {
		Read: 80 * time.Millisecond, Write: 350 * time.Millisecond, Workers: 4,
		Calls: map[string]time.Duration{
			"POST /v3/auth/tokens": 250 * time.Millisecond, "GET /servers/detail": 400 * time.Millisecond,
			"PUT /v2.0/routers/*": 800 * time.Millisecond,
		},
	},
}

// plant makes the demo seed: a tenant network behind a router, and servers that
// have a route each for their pods as far as the router has room.
func (o *simulateOptions) plant(cloud *simulator.Cloud) (routerID string) {
	public := cloud.AddNetwork(simulator.NetworkSpec{Name: "public", Subnets: []string{"172.24.4.0/24"}, External: true})
	subnet := "192.168.11.0/24"
	if o.servers > 200 {
		subnet = "192.168.0.0/20"
	}
	nodes := cloud.AddNetwork(simulator.NetworkSpec{Name: "kubernetes-net", Subnets: []string{subnet}})
	routerID = cloud.AddRouter(simulator.RouterSpec{
		Name: "kubernetes-router", SubnetIDs: nodes.SubnetIDs, ExternalNetworkID: public.ID,
	})
	room := o.maxRoutes
	if o.routeQuota > 0 {
		room = o.routeQuota
	}
	var routes []simulator.RouteState
	for i := range o.servers {
		server := cloud.AddServer(simulator.ServerSpec{
			Name: fmt.Sprintf("node-%d", i+1), Networks: []simulator.NIC{{NetworkID: nodes.ID}},
		})
		if i >= room {
			continue
		}
		pods := fmt.Sprintf("10.%d.%d.0/24", 244+i/256, i%256)
		routes = append(routes, simulator.RouteState{Destination: pods, NextHop: server.Addresses[0]})
		if o.addressPairs {
			cloud.SetAddressPairs(server.PortIDs[0], simulator.AddressPairState{IPAddress: pods})
		}
	}
	cloud.SetRoutes(routerID, routes)
	return routerID
}
