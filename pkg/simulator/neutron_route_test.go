package simulator_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/layer3/extraroutes"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/layer3/routers"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/ports"
	"pgregory.net/rapid"

	"underlay/pkg/simulator"
)

func via(destination, hop string) routers.Route {
	return routers.Route{DestinationCIDR: destination, NextHop: hop}
}

func (b *bench) add(routes ...routers.Route) (*routers.Router, error) {
	return extraroutes.Add(b.Context(), b.client, b.router, extraroutes.Opts{Routes: &routes}).Extract()
}

func (b *bench) remove(routes ...routers.Route) (*routers.Router, error) {
	return extraroutes.Remove(b.Context(), b.client, b.router, extraroutes.Opts{Routes: &routes}).Extract()
}

func (b *bench) replace(routes ...routers.Route) (*routers.Router, error) {
	if routes == nil {
		routes = []routers.Route{}
	}
	return routers.Update(b.Context(), b.client, b.router, routers.UpdateOpts{Routes: &routes}).Extract()
}

// wantRoutes compares without order: Neutron promises none.
func (b *bench) wantRoutes(got []routers.Route, want ...routers.Route) {
	b.Helper()
	less := func(a, b routers.Route) bool { return fmt.Sprint(a) < fmt.Sprint(b) }
	if diff := cmp.Diff(want, got, cmpopts.SortSlices(less), cmpopts.EquateEmpty()); diff != "" {
		b.Fatalf("routes (-want +got):\n%s", diff)
	}
}

func TestAddExtraRoutes(t *testing.T) {
	b := newBench(t, simulator.Options{})
	one, two := via("10.244.0.0/24", "10.0.0.11"), via("10.244.1.0/24", "10.0.0.12")
	got, err := b.add(one, two, one)
	if err != nil {
		t.Fatalf("add routes: %v", err)
	}
	b.wantRoutes(got.Routes, one, two)
	if got.Name != "tenant" || got.ID != b.router || got.GatewayInfo.NetworkID != b.external.ID {
		t.Errorf("the answer is not the whole router: %+v", got)
	}

	// An exact duplicate is no error; another next hop is one more route.
	ecmp := via("10.244.0.0/24", "10.0.0.13")
	if got, err = b.add(one, ecmp); err != nil {
		t.Fatalf("add again: %v", err)
	}
	b.wantRoutes(got.Routes, one, two, ecmp)

	// A pair goes only if it is exact; one that is missing is no error.
	if got, err = b.remove(one, via("10.244.1.0/24", "10.0.0.99"), via("10.9.0.0/24", "10.0.0.9")); err != nil {
		t.Fatalf("remove routes: %v", err)
	}
	b.wantRoutes(got.Routes, two, ecmp)

	// IPv6 next hops are on the IPv6 subnet.
	six := via("fd00:244::/64", "fd00:1::11")
	if got, err = b.add(six); err != nil {
		t.Fatalf("add IPv6 route: %v", err)
	}
	b.wantRoutes(got.Routes, two, ecmp, six)
}

// The caller's spelling is kept, and only that spelling removes a route.
func TestRoutesKeepTheirSpelling(t *testing.T) {
	b := newBench(t, simulator.Options{})
	odd := via("10.244.0.7/24", "10.0.0.11")
	got, err := b.add(odd)
	if err != nil {
		t.Fatalf("add route: %v", err)
	}
	b.wantRoutes(got.Routes, odd)
	if got, err = b.remove(via("10.244.0.0/24", "10.0.0.11")); err != nil {
		t.Fatalf("remove route: %v", err)
	}
	b.wantRoutes(got.Routes, odd)

	six := via("FD00:244:0:0::/64", "fd00:1:0::11")
	if got, err = b.add(six); err != nil {
		t.Fatalf("add IPv6 route: %v", err)
	}
	b.wantRoutes(got.Routes, odd, six)
}

func TestRoutesAreValidated(t *testing.T) {
	b := newBench(t, simulator.Options{})
	good := via("10.244.0.0/24", "10.0.0.11")
	const notConnected = "Invalid format for routes: [{'destination': '10.244.1.0/24', 'nexthop': '192.168.7.7'}], " +
		"the nexthop is not connected with router"
	const used = "Invalid format for routes: [{'destination': '10.244.1.0/24', 'nexthop': '10.0.0.1'}], " +
		"the nexthop is used by router"
	for name, tc := range map[string]struct {
		run  func(...routers.Route) (*routers.Router, error)
		sent []routers.Route
		want fault
	}{
		"next hop elsewhere":       {b.add, []routers.Route{via("10.244.1.0/24", "192.168.7.7")}, fault{400, "InvalidRoutes", notConnected}},
		"next hop is the router":   {b.add, []routers.Route{via("10.244.1.0/24", "10.0.0.1")}, fault{400, "InvalidRoutes", used}},
		"PUT: elsewhere":           {b.replace, []routers.Route{via("10.244.1.0/24", "192.168.7.7")}, fault{400, "InvalidRoutes", notConnected}},
		"PUT: duplicates":          {b.replace, []routers.Route{good, good}, fault{400, "HTTPBadRequest", "Invalid input for routes. Reason: Duplicate hostroute '{'destination': '10.244.0.0/24', 'nexthop': '10.0.0.11'}'."}},
		"PUT: host bits":           {b.replace, []routers.Route{via("10.244.0.7/24", "10.0.0.11")}, fault{400, "HTTPBadRequest", "Invalid input for routes. Reason: '10.244.0.7/24' is not a valid CIDR."}},
		"PUT: no network":          {b.replace, []routers.Route{via("pods", "10.0.0.11")}, fault{400, "HTTPBadRequest", "Invalid input for routes. Reason: 'pods' is not a valid CIDR."}},
		"PUT: loopback":            {b.replace, []routers.Route{via("127.0.0.0/8", "10.0.0.11")}, fault{400, "HTTPBadRequest", "Invalid input for routes. Reason: '127.0.0.0/8' is not a routable CIDR."}},
		"PUT: next hop no address": {b.replace, []routers.Route{via("10.244.0.0/24", "node")}, fault{400, "HTTPBadRequest", "Invalid input for routes. Reason: 'node' is not a valid IP address."}},
		"add: no network":          {b.add, []routers.Route{via("pods", "10.0.0.11")}, fault{400, "AddrFormatError", "invalid IPNetwork pods"}},
		"add: next hop no address": {b.add, []routers.Route{via("10.244.0.0/24", "node")}, fault{400, "AddrFormatError", "failed to detect a valid IP address from 'node'"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := tc.run(tc.sent...)
			if diff := cmp.Diff(tc.want, faultOf(t, err)); diff != "" {
				t.Errorf("refusal (-want +got):\n%s", diff)
			}
		})
	}
	if got := b.cloud.Router(b.router); len(got.Routes) != 0 {
		t.Errorf("refused requests left routes: %v", got.Routes)
	}
	_, err := b.call(b.client, "PUT", "routers/"+b.router, map[string]any{
		"router": map[string]any{"routes": []any{map[string]any{"destination": "10.244.0.0/24"}}},
	}, nil)
	wantFault(t, err, 400, "HTTPBadRequest")
}

// Every call validates all routes: one that has gone bad fails every other.
func TestOneBadRouteFailsEveryCall(t *testing.T) {
	b := newBench(t, simulator.Options{})
	other := b.cloud.AddNetwork(simulator.NetworkSpec{Name: "storage", Subnets: []string{"10.9.0.0/24"}})
	b.cloud.AttachSubnet(b.router, other.SubnetIDs[0])
	stale, good := via("10.244.9.0/24", "10.9.0.5"), via("10.244.0.0/24", "10.0.0.11")
	if _, err := b.add(stale); err != nil {
		t.Fatalf("add route: %v", err)
	}
	b.cloud.DetachSubnet(b.router, other.SubnetIDs[0])
	_, err := b.add(good)
	wantFault(t, err, 400, "InvalidRoutes")
	_, err = b.remove(via("10.244.3.0/24", "10.0.0.3"))
	wantFault(t, err, 400, "InvalidRoutes")
	got, err := b.remove(stale)
	if err != nil {
		t.Fatalf("remove the bad route: %v", err)
	}
	b.wantRoutes(got.Routes)
}

func many(count int) []routers.Route {
	routes := make([]routers.Route, count)
	for i := range routes {
		routes[i] = via(fmt.Sprintf("10.244.%d.0/24", i), fmt.Sprintf("10.0.0.%d", 10+i))
	}
	return routes
}

func TestRouteLimits(t *testing.T) {
	t.Run("max_routes", func(t *testing.T) {
		b := newBench(t, simulator.Options{})
		if _, err := b.add(many(30)...); err != nil {
			t.Fatalf("add 30 routes: %v", err)
		}
		_, err := b.add(via("10.245.0.0/24", "10.0.0.200"))
		want := fault{400, "RoutesExhausted", "Unable to complete operation for " + b.router + ". The number of routes exceeds the maximum 30."}
		if diff := cmp.Diff(want, faultOf(t, err)); diff != "" {
			t.Errorf("31st route (-want +got):\n%s", diff)
		}
		if _, err := b.add(many(30)...); err != nil {
			t.Errorf("add the same 30 routes: %v", err)
		}
	})
	t.Run("router_route", func(t *testing.T) {
		b := newBench(t, simulator.Options{RouterRouteQuota: 3, MaxRoutes: 1})
		if _, err := b.add(many(3)...); err != nil {
			t.Fatalf("add 3 routes: %v", err)
		}
		_, err := b.add(via("10.245.0.0/24", "10.0.0.200"))
		want := fault{409, "OverQuota", "Quota exceeded for resources: ['router_route']."}
		if diff := cmp.Diff(want, faultOf(t, err)); diff != "" {
			t.Errorf("4th route (-want +got):\n%s", diff)
		}
		_, err = b.replace(many(4)...)
		wantFault(t, err, 409, "OverQuota")
	})
}

func TestPutRoutesReplaces(t *testing.T) {
	b := newBench(t, simulator.Options{})
	one, two := via("10.244.0.0/24", "10.0.0.11"), via("10.244.1.0/24", "10.0.0.12")
	if _, err := b.replace(one); err != nil {
		t.Fatalf("put routes: %v", err)
	}
	got, err := b.replace(two)
	if err != nil {
		t.Fatalf("put routes: %v", err)
	}
	b.wantRoutes(got.Routes, two)
	answer, err := b.call(b.client, "PUT", "routers/"+b.router, map[string]any{"router": map[string]any{"routes": nil}}, nil)
	if err != nil || len(at(answer, "router", "routes").([]any)) != 0 {
		t.Errorf("null routes: got %v, %v", answer, err)
	}
}

func TestInterfaceInUseByRoute(t *testing.T) {
	b := newBench(t, simulator.Options{})
	route := via("10.244.0.0/24", "10.0.0.11")
	if _, err := b.add(route); err != nil {
		t.Fatalf("add route: %v", err)
	}
	_, err := routers.RemoveInterface(t.Context(), b.client, b.router, routers.RemoveInterfaceOpts{SubnetID: b.subnet4()}).Extract()
	want := fault{409, "RouterInterfaceInUseByRoute", "Router interface for subnet " + b.subnet4() + " on router " +
		b.router + " cannot be deleted, as it is required by one or more routes."}
	if diff := cmp.Diff(want, faultOf(t, err)); diff != "" {
		t.Errorf("refusal (-want +got):\n%s", diff)
	}
	if _, err := b.remove(route); err != nil {
		t.Fatalf("remove route: %v", err)
	}
	if _, err := routers.RemoveInterface(t.Context(), b.client, b.router, routers.RemoveInterfaceOpts{SubnetID: b.subnet4()}).Extract(); err != nil {
		t.Fatalf("remove interface: %v", err)
	}
	_, err = b.add(route)
	wantFault(t, err, 400, "InvalidRoutes")
}

func TestRouterInterfaces(t *testing.T) {
	b := newBench(t, simulator.Options{})
	page, err := ports.List(b.client, ports.ListOpts{DeviceID: b.router, DeviceOwner: "network:router_interface"}).AllPages(t.Context())
	if err != nil {
		t.Fatalf("list interfaces: %v", err)
	}
	listed, err := ports.ExtractPorts(page)
	if err != nil || len(listed) != 2 {
		t.Fatalf("got %d interfaces, %v, want one each for IPv4 and IPv6", len(listed), err)
	}
	if got := slices.Concat(addresses(&listed[0]), addresses(&listed[1])); !slices.Equal(got, []string{"10.0.0.1", "fd00:1::1"}) {
		t.Errorf("got interfaces %v, want the gateway addresses", got)
	}
	wantFault(t, ports.Delete(t.Context(), b.client, listed[0].ID).ExtractErr(), 409, "ServicePortInUse")

	_, err = routers.AddInterface(t.Context(), b.client, b.router, routers.AddInterfaceOpts{SubnetID: b.subnet4()}).Extract()
	wantFault(t, err, 400, "BadRequest")
	overlapping := b.cloud.AddNetwork(simulator.NetworkSpec{Name: "twin", Subnets: []string{"10.0.0.0/25"}})
	_, err = routers.AddInterface(t.Context(), b.client, b.router, routers.AddInterfaceOpts{SubnetID: overlapping.SubnetIDs[0]}).Extract()
	wantFault(t, err, 400, "BadRequest")

	// By port: any address of a subnet that is not attached yet; the port must be free.
	third := b.cloud.AddNetwork(simulator.NetworkSpec{Name: "third", Subnets: []string{"10.3.0.0/24"}})
	p := b.port(ports.CreateOpts{NetworkID: third.ID})
	info, err := routers.AddInterface(t.Context(), b.client, b.router, routers.AddInterfaceOpts{PortID: p.ID}).Extract()
	if err != nil || info.PortID != p.ID || info.SubnetID != third.SubnetIDs[0] || info.ID != b.router {
		t.Fatalf("got interface %+v, %v", info, err)
	}
	_, err = routers.AddInterface(t.Context(), b.client, b.router, routers.AddInterfaceOpts{PortID: p.ID}).Extract()
	wantFault(t, err, 409, "PortInUse")
	wantFault(t, routers.Delete(t.Context(), b.client, b.router).ExtractErr(), 409, "RouterInUse")

	if _, err := routers.RemoveInterface(t.Context(), b.client, b.router, routers.RemoveInterfaceOpts{PortID: p.ID}).Extract(); err != nil {
		t.Fatalf("remove interface: %v", err)
	}
	if b.cloud.Port(p.ID).ID != "" {
		t.Error("removing an interface keeps its port")
	}
	_, err = routers.RemoveInterface(t.Context(), b.client, b.router, routers.RemoveInterfaceOpts{PortID: p.ID}).Extract()
	wantFault(t, err, 404, "RouterInterfaceNotFound")
	_, err = routers.RemoveInterface(t.Context(), b.client, b.router, routers.RemoveInterfaceOpts{SubnetID: third.SubnetIDs[0]}).Extract()
	wantFault(t, err, 404, "RouterInterfaceNotFoundForSubnet")
	_, err = b.call(b.client, "PUT", "routers/"+b.router+"/add_router_interface", map[string]any{}, nil)
	wantFault(t, err, 400, "BadRequest")
}

// A second IPv6 subnet of a network goes onto the port of the first.
func TestIPv6InterfacesShareAPort(t *testing.T) {
	b := newBench(t, simulator.Options{})
	lan := b.cloud.AddNetwork(simulator.NetworkSpec{Name: "six", Subnets: []string{"fd00:a::/64", "fd00:b::/64"}})
	for _, id := range lan.SubnetIDs {
		if _, err := routers.AddInterface(t.Context(), b.client, b.router, routers.AddInterfaceOpts{SubnetID: id}).Extract(); err != nil {
			t.Fatalf("add interface: %v", err)
		}
	}
	interfaces := b.cloud.Router(b.router).Interfaces
	first, second := interfaces[2], interfaces[3]
	if first.PortID != second.PortID || first.Address != "fd00:a::1" || second.Address != "fd00:b::1" {
		t.Fatalf("got interfaces %+v", interfaces[2:])
	}
	if _, err := routers.RemoveInterface(t.Context(), b.client, b.router, routers.RemoveInterfaceOpts{SubnetID: lan.SubnetIDs[0]}).Extract(); err != nil {
		t.Fatalf("remove interface: %v", err)
	}
	if got := b.cloud.Router(b.router).Interfaces; len(got) != 3 || got[2].Address != "fd00:b::1" {
		t.Errorf("got interfaces %+v", got)
	}
}

func TestRouterGateway(t *testing.T) {
	b := newBench(t, simulator.Options{})
	made, err := routers.Create(t.Context(), b.client, routers.CreateOpts{
		Name: "second", GatewayInfo: &routers.GatewayInfo{NetworkID: b.external.ID},
	}).Extract()
	if err != nil {
		t.Fatalf("create router: %v", err)
	}
	if info := made.GatewayInfo; len(info.ExternalFixedIPs) != 1 || !strings.HasPrefix(info.ExternalFixedIPs[0].IPAddress, "203.0.113.") || info.EnableSNAT == nil {
		t.Errorf("got gateway %+v", made.GatewayInfo)
	}
	// A next hop may be on the gateway's subnet.
	routes := []routers.Route{via("10.77.0.0/24", "203.0.113.77")}
	if _, err := extraroutes.Add(t.Context(), b.client, made.ID, extraroutes.Opts{Routes: &routes}).Extract(); err != nil {
		t.Errorf("add a route by the gateway's subnet: %v", err)
	}
	_, err = b.call(b.client, "PUT", "routers/"+made.ID, map[string]any{"router": map[string]any{
		"external_gateway_info": map[string]any{"network_id": b.external.ID, "enable_snat": false},
	}}, nil)
	wantFault(t, err, 403, "PolicyNotAuthorized")
	_, err = routers.Create(t.Context(), b.client, routers.CreateOpts{GatewayInfo: &routers.GatewayInfo{NetworkID: b.network.ID}}).Extract()
	wantFault(t, err, 400, "BadRequest")
	_, err = b.call(b.client, "PUT", "routers/"+made.ID, map[string]any{"router": map[string]any{"external_gateway_info": nil}}, nil)
	wantFault(t, err, 400, "InvalidRoutes")
	if _, err := extraroutes.Remove(t.Context(), b.client, made.ID, extraroutes.Opts{Routes: &routes}).Extract(); err != nil {
		t.Fatalf("remove the route: %v", err)
	}
	for name, gateway := range map[string]any{"null": nil, "empty": map[string]any{}} {
		if _, err := b.call(b.client, "PUT", "routers/"+made.ID, map[string]any{"router": map[string]any{"external_gateway_info": gateway}}, nil); err != nil {
			t.Fatalf("clear gateway by %s: %v", name, err)
		}
		if got := b.cloud.Router(made.ID); got.GatewayNetworkID != "" {
			t.Errorf("got gateway %s after it was cleared by %s", got.GatewayNetworkID, name)
		}
		if _, err := routers.Update(t.Context(), b.client, made.ID, routers.UpdateOpts{GatewayInfo: &routers.GatewayInfo{NetworkID: b.external.ID}}).Extract(); err != nil {
			t.Fatalf("set gateway: %v", err)
		}
	}
	second := b.cloud.AddNetwork(simulator.NetworkSpec{Name: "wan", Subnets: []string{"198.51.100.0/24"}, External: true})
	moved, err := routers.Update(t.Context(), b.admin(), made.ID, routers.UpdateOpts{GatewayInfo: &routers.GatewayInfo{
		NetworkID: second.ID, EnableSNAT: value(false), ExternalFixedIPs: []routers.ExternalFixedIP{{IPAddress: "198.51.100.9"}},
	}}).Extract()
	if err != nil || moved.GatewayInfo.ExternalFixedIPs[0].IPAddress != "198.51.100.9" || *moved.GatewayInfo.EnableSNAT {
		t.Errorf("got gateway %+v, %v", moved.GatewayInfo, err)
	}
	var left []string
	for _, p := range b.cloud.Ports() {
		if p.DeviceID == made.ID {
			left = append(left, p.NetworkID)
		}
	}
	if !slices.Equal(left, []string{second.ID}) {
		t.Errorf("got gateway ports on %v, want one on the new network", left)
	}
	if err := routers.Delete(t.Context(), b.client, made.ID).ExtractErr(); err != nil {
		t.Errorf("delete router: %v", err)
	}
}

// add_extraroutes and remove_extraroutes are set union and set difference, or
// change nothing at all.
func TestExtraRoutesAreSets(t *testing.T) {
	b := newBench(t, simulator.Options{MaxRoutes: 12})
	rapid.Check(t, func(t *rapid.T) {
		b.cloud.SetRoutes(b.router, nil)
		model := map[routers.Route]bool{}
		draw := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) routers.Route {
			hop := rapid.SampledFrom([]string{"10.0.0.11", "10.0.0.12", "10.0.0.1", "10.1.0.1"}).Draw(t, "hop")
			return via(fmt.Sprintf("10.244.%d.0/24", rapid.IntRange(0, 5).Draw(t, "cidr")), hop)
		}), 1, 4)
		for range rapid.IntRange(1, 12).Draw(t, "calls") {
			sent, adding := draw.Draw(t, "routes"), rapid.Bool().Draw(t, "add")
			next := map[routers.Route]bool{}
			for r := range model {
				next[r] = true
			}
			legal := true
			for _, r := range sent {
				if !adding {
					delete(next, r)
					continue
				}
				next[r] = true
				legal = legal && (r.NextHop == "10.0.0.11" || r.NextHop == "10.0.0.12")
			}
			run := b.remove
			if adding {
				run = b.add
			}
			_, err := run(sent...)
			if legal = legal && len(next) <= 12; legal != (err == nil) {
				t.Fatalf("add=%v %v: got error %v, want success %v", adding, sent, err, legal)
			}
			if legal {
				model = next
			}
			routes := b.cloud.Router(b.router).Routes
			if len(routes) != len(model) {
				t.Fatalf("got %v, want %v", routes, model)
			}
			for _, r := range routes {
				if !model[via(r.Destination, r.NextHop)] {
					t.Fatalf("got %v, want %v", routes, model)
				}
			}
		}
	})
}
