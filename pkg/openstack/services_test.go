package openstack_test

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"underlay/internal/cloud"
	"underlay/pkg/config"
	"underlay/pkg/instances"
	"underlay/pkg/openstack"
	"underlay/pkg/routes"
	"underlay/pkg/simulator"
)

// world is a simulated cloud with one network of nodes behind a router, and a
// client of it.
type world struct {
	*simulator.Cloud
	client  *openstack.Client
	network simulator.Network
	router  string
}

func newWorld(t *testing.T, options simulator.Options, nodes int) *world {
	t.Helper()
	w := &world{Cloud: simulator.New(options)}
	w.network = w.AddNetwork(simulator.NetworkSpec{Name: "nodes", Subnets: []string{"192.0.2.0/24", "2001:db8::/64"}})
	w.router = w.AddRouter(simulator.RouterSpec{Name: "gateway", SubnetIDs: w.network.SubnetIDs})
	for n := range nodes {
		w.AddServer(simulator.ServerSpec{
			Name: fmt.Sprintf("node-%d", n), Networks: []simulator.NIC{{NetworkID: w.network.ID, SubnetIDs: w.network.SubnetIDs}},
			Flavor: "m1.large", Zone: "nova", Metadata: map[string]string{"role": "node"},
		})
	}
	w.client = w.newClient(t, openstack.Options{MaxAttempts: 1, RequestsPerSecond: 1e6, Burst: 1e6})
	return w
}

func (w *world) newClient(t *testing.T, options openstack.Options) *openstack.Client {
	t.Helper()
	cfg, report := config.Read(strings.NewReader(w.CloudConf(simulator.Endpoint)), "cloud.conf", config.Env{})
	if err := report.Err(); err != nil {
		t.Fatal(err)
	}
	options.Transport = w.Transport()
	client, err := openstack.New(cfg.Global, options)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// calls checks how often each call was made since the last check.
func (w *world) calls(t *testing.T, want map[string]int) {
	t.Helper()
	got := map[string]int{}
	for _, call := range w.Calls() {
		got[call.Pattern]++
	}
	if diff := gocmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
	w.ResetCalls()
}

func TestCheck(t *testing.T) {
	w := newWorld(t, simulator.Options{}, 0)
	if err := w.client.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.calls(t, map[string]int{"POST /v3/auth/tokens": 1, "GET /v2.0/networks": 1})
	w.AddFault(simulator.Fault{Match: "GET /v2.0/networks", Status: 503})
	if err := w.client.Check(t.Context()); !errors.Is(err, cloud.ErrUnavailable) {
		t.Errorf("got %v, want cloud.ErrUnavailable", err)
	}
}

func TestRouterAndItsInterfaces(t *testing.T) {
	w := newWorld(t, simulator.Options{}, 0)
	external := w.AddNetwork(simulator.NetworkSpec{Name: "public", Subnets: []string{"203.0.113.0/24"}, External: true})
	other := w.AddRouter(simulator.RouterSpec{Name: "other", ExternalNetworkID: external.ID, SubnetIDs: []string{
		w.AddNetwork(simulator.NetworkSpec{Name: "b", Subnets: []string{"198.51.100.0/24"}}).SubnetIDs[0],
	}})
	ctx := t.Context()

	router, err := w.client.Router(ctx, w.router)
	want := routes.Router{ID: w.router, Name: "gateway", Revision: w.Router(w.router).Revision}
	if diff := gocmp.Diff(want, router); err != nil || diff != "" {
		t.Errorf("router: %v (-want +got):\n%s", err, diff)
	}
	w.ResetCalls()
	got, err := w.client.Interfaces(ctx, w.router)
	if err != nil {
		t.Fatal(err)
	}
	wantInterfaces := []routes.Interface{
		{SubnetID: w.network.SubnetIDs[0], NetworkID: w.network.ID, CIDR: "192.0.2.0/24", Address: "192.0.2.1"},
		{SubnetID: w.network.SubnetIDs[1], NetworkID: w.network.ID, CIDR: "2001:db8::/64", Address: "2001:db8::1"},
	}
	slices.SortFunc(wantInterfaces, func(a, b routes.Interface) int { return cmp.Compare(a.SubnetID, b.SubnetID) })
	if diff := gocmp.Diff(wantInterfaces, got); diff != "" {
		t.Errorf("interfaces (-want +got):\n%s", diff)
	}
	w.calls(t, map[string]int{"GET /v2.0/ports": 1, "GET /v2.0/subnets": 1})

	gateway, err := w.client.Interfaces(ctx, other)
	if err != nil || len(gateway) != 1 || gateway[0].CIDR != "198.51.100.0/24" {
		t.Errorf("got %v, %v; want the inner subnet only, not the gateway's", gateway, err)
	}
	found, err := w.client.RoutersOn(ctx, w.network.SubnetIDs)
	if err != nil || !slices.Equal(found, []string{w.router}) {
		t.Errorf("got routers %v, %v; want %v once", found, err, w.router)
	}
	if none, err := w.client.RoutersOn(ctx, nil); err != nil || none != nil {
		t.Errorf("no subnets: got %v, %v", none, err)
	}
	if none, err := w.client.Interfaces(ctx, "11111111-1111-4111-8111-111111111111"); err != nil || none != nil {
		t.Errorf("no router: got %v, %v", none, err)
	}
	if _, err := w.client.Interfaces(ctx, "../networks"); !errors.Is(err, cloud.ErrInvalid) {
		t.Errorf("got %v for a bad id, want cloud.ErrInvalid", err)
	}
	if _, err := w.client.Router(ctx, "11111111-1111-4111-8111-111111111111"); !errors.Is(err, cloud.ErrNotFound) {
		t.Errorf("got %v, want cloud.ErrNotFound", err)
	}
}

func TestRoutes(t *testing.T) {
	w := newWorld(t, simulator.Options{MaxRoutes: 3}, 0)
	ctx := t.Context()
	first := []routes.Route{{Destination: "10.0.0.0/24", NextHop: "192.0.2.10"}, {Destination: "2001:db8:1::/64", NextHop: "2001:db8::10"}}
	router, err := w.client.AddRoutes(ctx, w.router, first)
	if diff := gocmp.Diff(first, router.Routes); err != nil || diff != "" {
		t.Errorf("add: %v (-want +got):\n%s", err, diff)
	}
	revision := router.Revision
	router, err = w.client.RemoveRoutes(ctx, w.router, first[:1])
	if diff := gocmp.Diff(first[1:], router.Routes); err != nil || diff != "" || router.Revision <= revision {
		t.Errorf("remove: %v, revision %d after %d (-want +got):\n%s", err, router.Revision, revision, diff)
	}
	if _, err := w.client.SetRoutes(ctx, w.router, revision, first); !errors.Is(err, cloud.ErrBusy) {
		t.Errorf("set with an old revision: got %v, want cloud.ErrBusy", err)
	}
	router, err = w.client.SetRoutes(ctx, w.router, router.Revision, nil)
	if err != nil || len(router.Routes) != 0 || len(w.Router(w.router).Routes) != 0 {
		t.Errorf("set none: got %v, %v", router.Routes, err)
	}
	w.ResetCalls()
	for _, nothing := range []func() (routes.Router, error){
		func() (routes.Router, error) { return w.client.AddRoutes(ctx, w.router, nil) },
		func() (routes.Router, error) { return w.client.RemoveRoutes(ctx, w.router, nil) },
	} {
		if router, err := nothing(); err != nil || router.ID != w.router {
			t.Errorf("nothing to do: got %v, %v; want the router", router, err)
		}
	}
	w.calls(t, map[string]int{"GET /v2.0/routers/{id}": 2})

	tests := []struct {
		name   string
		routes []routes.Route
		want   error
		kind   string
	}{
		{"too many", manyRoutes(4), cloud.ErrQuota, "RoutesExhausted"},
		{"next hop nowhere", []routes.Route{{Destination: "10.9.0.0/24", NextHop: "172.16.0.1"}}, cloud.ErrInvalid, "InvalidRoutes"},
	}
	for _, test := range tests {
		_, err := w.client.AddRoutes(ctx, w.router, test.routes)
		var told *cloud.Error
		if !errors.Is(err, test.want) || !errors.As(err, &told) || told.Type != test.kind || told.RequestID == "" {
			t.Errorf("%s: got %v, want %v by %s and its request id", test.name, err, test.want, test.kind)
		}
		if want := "PUT /v2.0/routers/" + w.router + "/add_extraroutes"; told != nil && told.Request != want {
			t.Errorf("got request %q, want %q", told.Request, want)
		}
	}
}

func manyRoutes(n int) []routes.Route {
	var out []routes.Route
	for i := range n {
		out = append(out, routes.Route{Destination: fmt.Sprintf("10.0.%d.0/24", i), NextHop: fmt.Sprintf("192.0.2.%d", 10+i)})
	}
	return out
}

func TestRouteQuota(t *testing.T) {
	w := newWorld(t, simulator.Options{RouterRouteQuota: 2}, 0)
	_, err := w.client.AddRoutes(t.Context(), w.router, manyRoutes(3))
	if !errors.Is(err, cloud.ErrQuota) {
		t.Errorf("got %v, want cloud.ErrQuota", err)
	}
}

// The extension list is read once an hour, and again when the cloud denies what it said.
func TestFeatures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, simulator.Options{}, 0)
		ctx := t.Context()
		all := routes.Features{Routes: true, AtomicRoutes: true, AddressPairs: true}
		for range 3 {
			if got, err := w.client.Features(ctx); err != nil || got != all {
				t.Errorf("got %+v, %v; want %+v", got, err, all)
			}
			time.Sleep(20*time.Minute + time.Second)
		}
		w.calls(t, map[string]int{"POST /v3/auth/tokens": 1, "GET /v2.0/extensions": 1})
		w.SetExtension("extraroute-atomic", false)
		w.SetExtension("allowed-address-pairs", false)
		if _, err := w.client.Features(ctx); err != nil {
			t.Fatal(err)
		}
		w.calls(t, map[string]int{"POST /v3/auth/tokens": 1, "GET /v2.0/extensions": 1})
		w.SetExtension("extraroute", false)
		if _, err := w.client.AddRoutes(ctx, w.router, manyRoutes(1)); !errors.Is(err, cloud.ErrUnsupported) {
			t.Errorf("got %v, want cloud.ErrUnsupported", err)
		}
		if got, err := w.client.Features(ctx); err != nil || got != (routes.Features{}) {
			t.Errorf("got %+v, %v; want nothing at once", got, err)
		}
	})
}

// A router that is gone is not a Neutron without the extension.
func TestAtomicRoutesOfAMissingRouter(t *testing.T) {
	w := newWorld(t, simulator.Options{}, 0)
	for _, call := range []func() error{
		func() error { _, err := w.client.AddRoutes(t.Context(), missing, manyRoutes(1)); return err },
		func() error { _, err := w.client.RemoveRoutes(t.Context(), missing, manyRoutes(1)); return err },
	} {
		if err := call(); !errors.Is(err, cloud.ErrNotFound) || errors.Is(err, cloud.ErrUnsupported) {
			t.Errorf("got %v, want cloud.ErrNotFound", err)
		}
	}
}

const missing = "11111111-1111-4111-8111-111111111111"

// One list of ports serves routes and instances, for many callers.
func TestPortsAreReadOnceForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, simulator.Options{}, 30)
		w.SetLatency(simulator.LatencyProfile{Read: time.Second, Write: time.Second})
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() {
				if ports, err := w.client.Ports(t.Context(), time.Minute); err != nil || len(ports) < 30 {
					t.Errorf("got %d ports, %v", len(ports), err)
				}
			})
			all.Go(func() {
				if ports, err := w.client.InstancePorts(t.Context(), time.Minute); err != nil || len(ports) < 30 {
					t.Errorf("got %d ports, %v", len(ports), err)
				}
			})
		}
		all.Wait()
		w.calls(t, map[string]int{"POST /v3/auth/tokens": 1, "GET /v2.0/ports": 1})
	})
}

// Only the project's own ports are listed, even for an admin.
func TestPortsOfTheProject(t *testing.T) {
	w := newWorld(t, simulator.Options{}, 2)
	stranger := w.AddUser(simulator.UserSpec{Name: "stranger", Password: "x", ProjectName: "elsewhere"})
	shared := w.AddNetwork(simulator.NetworkSpec{Name: "shared", Subnets: []string{"198.51.100.0/24"}, Shared: true})
	w.AddServer(simulator.ServerSpec{Name: "foreign", ProjectID: stranger.ProjectID, Networks: []simulator.NIC{{NetworkID: shared.ID}}})
	ports, err := w.client.Ports(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, port := range ports {
		if got := w.Port(port.ID).ProjectID; got != w.ProjectID() {
			t.Errorf("got a port of project %s", got)
		}
	}
	calls := w.Calls()
	last := calls[len(calls)-1]
	if got := last.Query.Get("project_id"); got != w.ProjectID() {
		t.Errorf("asked for project %q, want %q", got, w.ProjectID())
	}
	if len(last.Query["fields"]) == 0 {
		t.Error("asked for all fields, want a few")
	}
}

// anyPairOrder: Neutron keeps address pairs as a set.
var anyPairOrder = cmpopts.SortSlices(func(a, b routes.AddressPair) bool { return a.IPAddress < b.IPAddress })

func TestPortFields(t *testing.T) {
	w := newWorld(t, simulator.Options{}, 1)
	server := w.Servers()[0]
	var id string
	for _, port := range w.Ports() {
		if port.DeviceID == server.ID {
			id = port.ID
		}
	}
	w.SetAddressPairs(id, simulator.AddressPairState{IPAddress: "10.0.0.0/24"},
		simulator.AddressPairState{IPAddress: "192.0.2.100", MACAddress: "fa:16:3e:00:00:01"})
	state := w.Port(id)
	ports, err := w.client.Ports(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	got := ports[slices.IndexFunc(ports, func(p routes.Port) bool { return p.ID == id })]
	want := routes.Port{
		ID: id, NetworkID: w.network.ID, DeviceID: server.ID, PortSecurity: true, Revision: state.Revision,
		AddressPairs: []routes.AddressPair{{IPAddress: "10.0.0.0/24"}, {IPAddress: "192.0.2.100", MACAddress: "fa:16:3e:00:00:01"}},
	}
	for _, ip := range state.FixedIPs {
		want.FixedIPs = append(want.FixedIPs, routes.FixedIP{SubnetID: ip.SubnetID, Address: ip.Address})
	}
	if diff := gocmp.Diff(want, got, anyPairOrder); diff != "" {
		t.Errorf("port (-want +got):\n%s", diff)
	}
	single, err := w.client.Port(t.Context(), id)
	if diff := gocmp.Diff(want, single, anyPairOrder); err != nil || diff != "" {
		t.Errorf("the same port read alone: %v (-want +got):\n%s", err, diff)
	}

	w.SetPortSecurity(id, false)
	if off, err := w.client.Port(t.Context(), id); err != nil || off.PortSecurity {
		t.Errorf("port security off: got %+v, %v", off, err)
	}
	w.SetExtension("port-security", false)
	if none, err := w.client.Port(t.Context(), id); err != nil || !none.PortSecurity {
		t.Errorf("without the extension: got %+v, %v; want a port that is filtered", none, err)
	}
}

// The shared list learns own writes at once, also while it is being read, and
// never goes back to an older revision.
func TestPortListLearns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, simulator.Options{}, 2)
		ctx := t.Context()
		before, err := w.client.Ports(ctx, 0)
		if err != nil {
			t.Fatal(err)
		}
		at := slices.IndexFunc(before, func(p routes.Port) bool { return w.Port(p.ID).DeviceOwner == "compute:nova" })
		port := before[at]
		pairs := []routes.AddressPair{{IPAddress: "10.0.0.0/24"}}
		w.ResetCalls()
		written, err := w.client.SetAddressPairs(ctx, port.ID, port.Revision, pairs)
		if diff := gocmp.Diff(pairs, written.AddressPairs, anyPairOrder); err != nil || diff != "" {
			t.Fatalf("%v (-want +got):\n%s", err, diff)
		}
		after, err := w.client.Ports(ctx, time.Minute)
		if diff := gocmp.Diff(written, after[at]); err != nil || diff != "" {
			t.Errorf("the list after the write: %v (-want +got):\n%s", err, diff)
		}
		if len(before[at].AddressPairs) != 0 {
			t.Error("a list that was given out before has changed")
		}
		w.calls(t, map[string]int{"PUT /v2.0/ports/{id}": 1})

		// Changed by another hand: the write is refused, the list is read again.
		w.SetAddressPairs(port.ID, simulator.AddressPairState{IPAddress: "10.9.0.0/24"})
		if _, err := w.client.SetAddressPairs(ctx, port.ID, written.Revision, pairs); !errors.Is(err, cloud.ErrBusy) {
			t.Errorf("got %v, want cloud.ErrBusy", err)
		}
		after, err = w.client.Ports(ctx, time.Hour)
		if err != nil || after[at].AddressPairs[0].IPAddress != "10.9.0.0/24" {
			t.Errorf("got %+v, %v; want what the other hand wrote", after[at], err)
		}
		w.calls(t, map[string]int{"PUT /v2.0/ports/{id}": 1, "GET /v2.0/ports": 1})

		// An answer that was lost: the same.
		w.AddFault(simulator.Fault{Match: "PUT /v2.0/ports/*", Nth: 1, Kind: simulator.DropAfter})
		if _, err := w.client.SetAddressPairs(ctx, port.ID, after[at].Revision, nil); !errors.Is(err, cloud.ErrAmbiguous) {
			t.Errorf("got %v, want cloud.ErrAmbiguous", err)
		}
		after, err = w.client.Ports(ctx, time.Hour)
		if err != nil || len(after[at].AddressPairs) != 0 {
			t.Errorf("got %+v, %v; want the write seen", after[at], err)
		}
	})
}

func TestAddressPairErrors(t *testing.T) {
	w := newWorld(t, simulator.Options{}, 1)
	ctx := t.Context()
	ports, err := w.client.Ports(ctx, 0)
	if err != nil {
		t.Fatal(err)
	}
	port := ports[slices.IndexFunc(ports, func(p routes.Port) bool { return w.Port(p.ID).DeviceOwner == "compute:nova" })]
	var eleven []routes.AddressPair
	for n := range 11 {
		eleven = append(eleven, routes.AddressPair{IPAddress: netip.AddrFrom4([4]byte{10, 0, byte(n), 0}).String() + "/24"})
	}
	if _, err := w.client.SetAddressPairs(ctx, port.ID, port.Revision, eleven); !errors.Is(err, cloud.ErrQuota) {
		t.Errorf("eleven pairs: got %v, want cloud.ErrQuota", err)
	}
	w.SetPortSecurity(port.ID, false)
	if _, err := w.client.SetAddressPairs(ctx, port.ID, w.Port(port.ID).Revision, eleven[:1]); !errors.Is(err, cloud.ErrInvalid) {
		t.Errorf("port security off: got %v, want cloud.ErrInvalid", err)
	}
	if _, err := w.client.SetAddressPairs(ctx, missing, 1, nil); !errors.Is(err, cloud.ErrNotFound) {
		t.Errorf("no port: got %v, want cloud.ErrNotFound", err)
	}
	if _, err := w.client.Port(ctx, "a/b"); !errors.Is(err, cloud.ErrInvalid) {
		t.Errorf("a bad id: got %v, want cloud.ErrInvalid", err)
	}
}

// Whose subport a port is, is known from the list itself.
func TestTrunks(t *testing.T) {
	w := newWorld(t, simulator.Options{}, 1)
	ctx := t.Context()
	before, err := w.client.InstancePorts(ctx, 0)
	if err != nil {
		t.Fatal(err)
	}
	parent := before[slices.IndexFunc(before, func(p instances.Port) bool { return p.DeviceID == w.Servers()[0].ID })]
	sub := w.AddPort(simulator.PortSpec{NetworkID: w.network.ID})
	w.AddTrunk("trunk", parent.ID, sub)
	w.ResetCalls()
	after, err := w.client.InstancePorts(ctx, 0)
	if err != nil {
		t.Fatal(err)
	}
	got := after[slices.IndexFunc(after, func(p instances.Port) bool { return p.ID == sub })]
	if got.TrunkParent != parent.ID || !slices.Equal(parent.FixedIPs, fixedIPs(w.Port(parent.ID))) || !parent.Active {
		t.Errorf("got %+v under %+v, want the server's port as the parent", got, parent)
	}
	w.calls(t, map[string]int{"GET /v2.0/ports": 1})
	if _, err := w.client.Port(ctx, sub); err != nil {
		t.Fatal(err)
	}
	after, err = w.client.InstancePorts(ctx, time.Hour)
	if err != nil || after[slices.IndexFunc(after, func(p instances.Port) bool { return p.ID == sub })].TrunkParent != parent.ID {
		t.Errorf("%v: the list forgot the parent when it learned about the subport", err)
	}
}

func fixedIPs(port simulator.PortState) []string {
	var out []string
	for _, ip := range port.FixedIPs {
		out = append(out, ip.Address)
	}
	return out
}

func TestServers(t *testing.T) {
	w := newWorld(t, simulator.Options{}, 3)
	ctx := t.Context()
	state := w.Servers()[0]
	external := w.AddNetwork(simulator.NetworkSpec{Name: "public", Subnets: []string{"203.0.113.0/24"}, External: true})
	w.AddRouter(simulator.RouterSpec{Name: "out", ExternalNetworkID: external.ID})
	all, err := w.client.Servers(ctx, 0)
	if err != nil || len(all) != 3 {
		t.Fatalf("got %d servers, %v", len(all), err)
	}
	got := all[slices.IndexFunc(all, func(s instances.Server) bool { return s.ID == state.ID })]
	one, err := w.client.Server(ctx, state.ID)
	if diff := gocmp.Diff(got, one); err != nil || diff != "" {
		t.Errorf("listed and read alone differ: %v\n%s", err, diff)
	}
	if got.Name != state.Name || got.Status != "ACTIVE" || got.FlavorName != "m1.large" || got.Zone != "nova" ||
		got.Hostname == "" || got.Metadata["role"] != "node" {
		t.Errorf("got %+v", got)
	}
	if len(got.Addresses) != 2 || got.Addresses[0].Network != "nodes" || got.Addresses[0].Floating {
		t.Errorf("got addresses %+v, want a fixed one of each family", got.Addresses)
	}
	w.ResetCalls()
	if _, err := w.client.Servers(ctx, time.Minute); err != nil {
		t.Error(err)
	}
	w.calls(t, nil)
	if _, err := w.client.Server(ctx, missing); !errors.Is(err, cloud.ErrNotFound) {
		t.Errorf("got %v, want cloud.ErrNotFound", err)
	}
	if _, err := w.client.Server(ctx, "not an id"); !errors.Is(err, cloud.ErrInvalid) {
		t.Errorf("got %v, want cloud.ErrInvalid", err)
	}
	if err := w.client.Readable(ctx); err != nil {
		t.Errorf("readable: got %v", err)
	}
	w.AddFault(simulator.Fault{Match: "GET /servers*", Status: 404})
	if err := w.client.Readable(ctx); err == nil || errors.Is(err, cloud.ErrNotFound) {
		t.Errorf("got %v, want an error that is not cloud.ErrNotFound", err)
	}
}

// A server whose cell is down stays in the list, with status UNKNOWN (2.69).
func TestServersOfACellThatIsDown(t *testing.T) {
	w := newWorld(t, simulator.Options{}, 2)
	down := w.Servers()[0].ID
	w.SetCellDown(true, down)
	all, err := w.client.Servers(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	at := slices.IndexFunc(all, func(s instances.Server) bool { return s.ID == down })
	if at < 0 || all[at].Status != "UNKNOWN" {
		t.Errorf("got %+v, want the server with status UNKNOWN", all)
	}
}

// A cloud of before 2.90 is asked for its version once, and answers all the same.
func TestOlderNova(t *testing.T) {
	tests := []struct {
		max    string
		flavor string // "" = whatever the cloud says, but not empty
	}{{"2.53", "m1.large"}, {"2.47", "m1.large"}, {"2.1", ""}}
	for _, test := range tests {
		t.Run(test.max, func(t *testing.T) {
			w := newWorld(t, simulator.Options{MaxMicroversion: test.max}, 2)
			for range 3 {
				all, err := w.client.Servers(t.Context(), 0)
				if err != nil || len(all) != 2 || all[0].FlavorName == "" || test.flavor != "" && all[0].FlavorName != test.flavor {
					t.Errorf("got %+v, %v", all, err)
				}
			}
			if _, err := w.client.Server(t.Context(), w.Servers()[0].ID); err != nil {
				t.Error(err)
			}
			w.calls(t, map[string]int{
				"POST /v3/auth/tokens": 1, "GET /servers/detail": 4, "GET /v2.1": 1, "GET /servers/{id}": 1,
			})
		})
	}
}

// Lists of more than a page are read whole: a thousand servers are two pages.
func TestPages(t *testing.T) {
	w := newWorld(t, simulator.Options{}, 0)
	big := w.AddNetwork(simulator.NetworkSpec{Name: "big", Subnets: []string{"10.0.0.0/16"}})
	for n := range 1001 {
		w.AddServer(simulator.ServerSpec{Name: fmt.Sprintf("n%d", n), Networks: []simulator.NIC{{NetworkID: big.ID}}})
	}
	all, err := w.client.Servers(t.Context(), 0)
	if err != nil || len(all) != 1001 {
		t.Errorf("got %d servers, %v; want 1001", len(all), err)
	}
	ports, err := w.client.Ports(t.Context(), 0)
	if err != nil || len(ports) < 1001 {
		t.Errorf("got %d ports, %v; want 1001 and the router's", len(ports), err)
	}
	w.calls(t, map[string]int{"POST /v3/auth/tokens": 1, "GET /servers/detail": 2, "GET /v2.0/ports": 1})
}

// Every fault of every call, once, against the simulator: what may be sent twice is,
// and in the end the cloud is as it should be.
func TestFaultsAgainstTheSimulator(t *testing.T) {
	kinds := map[string]simulator.Fault{
		"500 before": {Kind: simulator.FailBefore, Status: 500}, "500 after": {Kind: simulator.FailAfter, Status: 500},
		"503": {Kind: simulator.FailBefore, Status: 503}, "429": {Kind: simulator.FailBefore, Status: 429, RetryAfter: 2 * time.Second},
		"dropped before": {Kind: simulator.DropBefore}, "dropped after": {Kind: simulator.DropAfter}, "hangs": {Kind: simulator.Hang},
	}
	for name, fault := range kinds {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, simulator.Options{}, 1)
				client := w.newClient(t, openstack.Options{})
				for _, match := range []string{"POST /v3/auth/tokens", "PUT /v2.0/routers/{id}/add_extraroutes", "GET /v2.0/routers/{id}", "PUT /v2.0/routers/{id}/remove_extraroutes"} {
					fault.Match, fault.Nth = match, 1
					w.AddFault(fault)
				}
				if _, err := client.AddRoutes(t.Context(), w.router, manyRoutes(2)); err != nil {
					t.Errorf("add: %v", err)
				}
				if router, err := client.Router(t.Context(), w.router); err != nil || len(router.Routes) != 2 {
					t.Errorf("get: %v, %v", router, err)
				}
				if router, err := client.RemoveRoutes(t.Context(), w.router, manyRoutes(2)); err != nil || len(router.Routes) != 0 {
					t.Errorf("remove: %v, %v", router, err)
				}
				for _, pattern := range []string{"POST /v3/auth/tokens", "PUT /v2.0/routers/{id}/add_extraroutes", "GET /v2.0/routers/{id}"} {
					if got := w.Count(pattern); got != 2 {
						t.Errorf("got %d calls of %s, want 2", got, pattern)
					}
				}
			})
		})
	}
}

// Tokens that end, or are taken away, are nothing that a caller sees.
func TestTokensOfTheSimulator(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, simulator.Options{TokenTTL: 10 * time.Minute}, 0)
		for range 4 {
			if _, err := w.client.Router(t.Context(), w.router); err != nil {
				t.Error(err)
			}
			w.ExpireTokens()
			if _, err := w.client.Router(t.Context(), w.router); err != nil {
				t.Error(err)
			}
			time.Sleep(15 * time.Minute)
		}
		w.SetPassword("rotated")
		w.ExpireTokens()
		if _, err := w.client.Router(t.Context(), w.router); !errors.Is(err, cloud.ErrDenied) {
			t.Errorf("got %v, want cloud.ErrDenied", err)
		}
	})
}

// The other ways to log in.
func TestLogins(t *testing.T) {
	w := newWorld(t, simulator.Options{}, 0)
	credential := w.AddApplicationCredential(simulator.ApplicationCredentialSpec{Name: "underlay"})
	trust := w.AddTrust("trustee", "trusted")
	base := config.Global{AuthURL: simulator.IdentityURL(simulator.Endpoint), Region: "RegionOne"}
	tests := map[string]func(*config.Global){
		"application credential by id": func(g *config.Global) {
			g.ApplicationCredentialID, g.ApplicationCredentialSecret = credential.ID, credential.Secret
		},
		"application credential by name": func(g *config.Global) {
			g.ApplicationCredentialName, g.ApplicationCredentialSecret, g.Username = "underlay", credential.Secret, "demo"
		},
		"password": func(g *config.Global) {
			g.Username, g.Password, g.TenantName = "demo", "simulated", "demo"
		},
		"trust": func(g *config.Global) {
			g.TrusteeID, g.TrusteePassword, g.TrustID = trust.TrusteeID, "trusted", trust.ID
		},
	}
	for name, set := range tests {
		t.Run(name, func(t *testing.T) {
			global := base
			set(&global)
			client, err := openstack.New(global, openstack.Options{Transport: w.Transport(), UserAgent: "test/1"})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := client.Router(t.Context(), w.router); err != nil {
				t.Error(err)
			}
		})
	}
	base.Region = "Nowhere"
	tests["password"](&base)
	client, err := openstack.New(base, openstack.Options{Transport: w.Transport()})
	if err != nil {
		t.Fatal(err)
	}
	if err := client.Check(t.Context()); !errors.Is(err, cloud.ErrUnsupported) || !strings.Contains(err.Error(), "RegionOne") {
		t.Errorf("got %v, want to be told which regions there are", err)
	}
	client, err = openstack.New(base, openstack.Options{Transport: w.Transport(), Region: "RegionOne"})
	if err != nil {
		t.Fatal(err)
	}
	if err := client.Check(t.Context()); err != nil {
		t.Errorf("with the region of the options: %v", err)
	}
}
