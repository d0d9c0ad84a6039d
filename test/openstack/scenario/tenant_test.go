package scenario_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"sync"
	"testing"
	"time"

	"underlay/internal/playground"
	"underlay/test/openstack/api"
	"underlay/test/openstack/proxy"
)

// tenant is a project's network, router and servers on an OpenStack. It looks at
// them directly; the product reaches them through the proxy.
type tenant struct {
	client *api.Client
	who    api.Account
	proxy  *proxy.Proxy
	url    string // of the proxy

	network, subnet, router string
	flavor, image           string

	mu     sync.Mutex
	booted map[string]playground.Machine // by name, and not taken yet
}

type object = map[string]any

// nodesCIDR is the network of the nodes. Neutron gives ports any address of the
// pool; those above it are for what is done by hand.
const nodesCIDR, poolStart, poolEnd = "192.168.11.0/24", "192.168.11.10", "192.168.11.199"

// newTenant makes a network on a router. All of it goes with the test.
func newTenant(t *testing.T, client *http.Client, who api.Account) *tenant {
	t.Helper()
	direct, err := api.Login(t.Context(), client, who)
	if err != nil {
		t.Fatal(err)
	}
	endpoints := map[string]string{}
	for _, service := range []string{"identity", "network", "compute"} {
		endpoints[service] = direct.Endpoint(service)
	}
	between, err := proxy.New(endpoints)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(between)
	t.Cleanup(server.Close)
	on := &tenant{client: direct, who: who, proxy: between, url: server.URL, booted: map[string]playground.Machine{}}
	on.network = on.make(t, "network", object{"name": "kubernetes"})
	on.subnet = on.make(t, "subnet", object{
		"network_id": on.network, "ip_version": 4, "cidr": nodesCIDR, "allocation_pools": []object{{"start": poolStart, "end": poolEnd}},
	})
	on.router = on.make(t, "router", object{"name": "kubernetes"})
	on.must(t, http.MethodPut, "network", "/v2.0/routers/"+on.router+"/add_router_interface", object{"subnet_id": on.subnet}, nil)
	t.Cleanup(func() { on.clean(t) })
	var flavors struct{ Flavors []struct{ ID string } }
	on.must(t, http.MethodGet, "compute", "/flavors", nil, &flavors)
	var images struct{ Images []struct{ ID string } }
	on.must(t, http.MethodGet, "image", "/v2/images", nil, &images)
	if len(flavors.Flavors) == 0 || len(images.Images) == 0 {
		t.Fatalf("a server needs a flavor and an image; there are %d and %d", len(flavors.Flavors), len(images.Images))
	}
	on.flavor, on.image = flavors.Flavors[0].ID, images.Images[0].ID
	return on
}

func (on *tenant) must(t *testing.T, method, service, path string, body, out any, headers ...string) {
	t.Helper()
	if err := on.client.Do(t.Context(), method, service, path, body, out, headers...); err != nil {
		t.Fatal(err)
	}
}

// make creates one thing in Neutron, and removes it after the test.
func (on *tenant) make(t *testing.T, kind string, what object) string {
	t.Helper()
	made := map[string]struct{ ID string }{}
	on.must(t, http.MethodPost, "network", "/v2.0/"+kind+"s", object{kind: what}, &made)
	t.Cleanup(func() { on.remove(t, "/v2.0/"+kind+"s/"+made[kind].ID) })
	return made[kind].ID
}

// remove deletes what a test has made; it may be gone already.
func (on *tenant) remove(t *testing.T, path string) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := gone(on.client.Do(ctx, http.MethodDelete, "network", path, nil, nil)); err != nil {
		t.Errorf("clean up: %v", err)
	}
}

// gone takes it as a success that what is deleted was not there.
func gone(err error) error {
	var status *api.StatusError
	if errors.As(err, &status) && status.Status == http.StatusNotFound {
		return nil
	}
	return err
}

// clean removes servers, routes and the router's interface, which keep the
// network in use.
func (on *tenant) clean(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 4*time.Minute)
	defer cancel()
	router := "/v2.0/routers/" + on.router
	if err := errors.Join(
		on.deleteServers(ctx, func(server) bool { return true }),
		on.client.Do(ctx, http.MethodPut, "network", router, object{"router": object{"routes": []object{}}}, nil),
		on.client.Do(ctx, http.MethodPut, "network", router+"/remove_router_interface", object{"subnet_id": on.subnet}, nil),
	); err != nil {
		t.Errorf("clean up: %v", err)
	}
}

// deleteServers deletes some of the tenant's servers and waits until they are gone.
func (on *tenant) deleteServers(ctx context.Context, which func(server) bool) error {
	asked := map[string]bool{}
	for {
		left, err := on.servers(ctx)
		if err != nil {
			return err
		}
		left = slices.DeleteFunc(left, func(s server) bool { return !which(s) })
		if len(left) == 0 {
			return nil
		}
		for _, s := range left {
			if asked[s.ID] {
				continue
			}
			asked[s.ID] = true
			if err := on.Delete(ctx, playground.Machine{ServerID: s.ID}); err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("servers are left: %v: %w", left, ctx.Err())
		case <-time.After(2 * time.Second):
		}
	}
}

type server struct {
	ID, Name, Status string
	Metadata         map[string]string
}

// mark is the metadata key by which a tenant knows its servers; its value is the network.
const mark = "underlay-scenario"

// servers are those that this tenant has booted, and nobody else's.
func (on *tenant) servers(ctx context.Context) ([]server, error) {
	var list struct{ Servers []server }
	if err := on.client.Do(ctx, http.MethodGet, "compute", "/servers/detail", nil, &list); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(list.Servers, func(s server) bool { return s.Metadata[mark] != on.network }), nil
}

// bootAll has Nova boot node-1 to node-count in one request, and waits for them.
// https://docs.openstack.org/api-ref/compute/#create-multiple-servers
func (on *tenant) bootAll(t *testing.T, count int) {
	t.Helper()
	on.must(t, http.MethodPost, "compute", "/servers", object{"server": on.spec("node", object{"min_count": count, "max_count": count})}, nil)
	on.prepare(t, count)
}

// prepare has the next world find node-1 to node-count and no others, as servers
// that no world knows: without routes and pairs. Those that are missing are booted.
func (on *tenant) prepare(t *testing.T, count int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	on.must(t, http.MethodPut, "network", "/v2.0/routers/"+on.router, object{"router": object{"routes": []object{}}}, nil)
	clear(on.booted)
	var names []string
	for n := 1; n <= count; n++ {
		names = append(names, fmt.Sprintf("node-%d", n))
	}
	if err := on.deleteServers(ctx, func(s server) bool { return !slices.Contains(names, s.Name) }); err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		there, err := on.exists(ctx, name)
		if err != nil {
			t.Fatal(err)
		}
		take := on.await
		if !there {
			take = on.Boot
		}
		machine, err := take(ctx, name)
		if err != nil {
			t.Fatal(err)
		}
		on.setPort(t, machine.PortID, object{"allowed_address_pairs": []object{}})
		on.booted[name] = machine
	}
}

func (on *tenant) exists(ctx context.Context, name string) (bool, error) {
	servers, err := on.servers(ctx)
	return slices.ContainsFunc(servers, func(s server) bool { return s.Name == name }), err
}

func (on *tenant) spec(name string, more object) object {
	spec := object{"name": name, "flavorRef": on.flavor, "imageRef": on.image, "networks": []object{{"uuid": on.network}}, "metadata": object{mark: on.network}}
	for key, value := range more {
		spec[key] = value
	}
	return spec
}

// await waits until the server of that name is there, is ACTIVE and has its port.
func (on *tenant) await(ctx context.Context, name string) (playground.Machine, error) {
	for {
		machine, err := on.find(ctx, name)
		if err != nil || machine.PortID != "" {
			return machine, err
		}
		select {
		case <-ctx.Done():
			return machine, fmt.Errorf("server %s is not ACTIVE: %w", name, ctx.Err())
		case <-time.After(2 * time.Second):
		}
	}
}

func (on *tenant) find(ctx context.Context, name string) (playground.Machine, error) {
	servers, err := on.servers(ctx)
	if err != nil {
		return playground.Machine{}, err
	}
	for _, server := range servers {
		switch {
		case server.Name != name:
		case server.Status == "ERROR":
			return playground.Machine{}, fmt.Errorf("server %s is in ERROR", name)
		case server.Status == "ACTIVE":
			var list struct{ Ports []port }
			err := on.client.Do(ctx, http.MethodGet, "network", "/v2.0/ports?device_id="+server.ID, nil, &list)
			if err != nil || len(list.Ports) != 1 {
				return playground.Machine{}, fmt.Errorf("server %s has %d ports, not 1 (%w)", name, len(list.Ports), err)
			}
			return playground.Machine{ServerID: server.ID, PortID: list.Ports[0].ID}, nil
		}
	}
	return playground.Machine{}, nil
}

// port is one of Neutron's, as far as it matters here.
type port struct {
	ID       string
	DeviceID string `json:"device_id"`
	FixedIPs []struct {
		Address string `json:"ip_address"`
	} `json:"fixed_ips"`
	Pairs []struct {
		Address string `json:"ip_address"`
	} `json:"allowed_address_pairs"`
}

func (on *tenant) ports(ctx context.Context) ([]port, error) {
	var list struct{ Ports []port }
	query := url.Values{"network_id": {on.network}, "fields": {"id", "device_id", "fixed_ips", "allowed_address_pairs"}}
	err := on.client.Do(ctx, http.MethodGet, "network", "/v2.0/ports?"+query.Encode(), nil, &list)
	return list.Ports, err
}
