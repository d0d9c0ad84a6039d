package scenario_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
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
	more                    []string // further subnets
	flavor, image           string
	conf                    string // what cloud.conf has at its end

	mu     sync.Mutex
	booted map[string]playground.Machine // by name, and not taken yet
}

type object = map[string]any

// nodesCIDR is the network of the nodes. Neutron gives ports any address of the
// pool; those above it are for what is done by hand.
const nodesCIDR, poolStart, poolEnd = "192.168.11.0/24", "192.168.11.10", "192.168.11.199"

// newTenant makes a network on a router, with further subnets if the nodes are to
// have IPv6 too. All of it goes with the test.
func newTenant(t *testing.T, client *http.Client, who api.Account, more ...string) *tenant {
	t.Helper()
	direct, err := api.Login(t.Context(), client, who)
	if err != nil {
		t.Fatal(err)
	}
	endpoints := map[string]string{}
	for _, service := range []string{"identity", "network", "compute", balancing, blocks} {
		if endpoint := direct.Endpoint(service); endpoint != "" {
			endpoints[service] = endpoint
		}
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
	for _, cidr := range more {
		on.more = append(on.more, on.make(t, "subnet", object{"network_id": on.network, "ip_version": 6, "cidr": cidr}))
	}
	for _, subnet := range append(on.more, on.subnet) {
		on.must(t, http.MethodPut, "network", "/v2.0/routers/"+on.router+"/add_router_interface", object{"subnet_id": subnet}, nil)
	}
	t.Cleanup(func() { on.clean(t) })
	var flavors struct{ Flavors []struct{ ID string } }
	on.must(t, http.MethodGet, "compute", "/flavors", nil, &flavors)
	var images struct{ Images []struct{ ID string } }
	on.must(t, http.MethodGet, "image", "/v2/images?status=active", nil, &images)
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
	problems := []error{
		on.deleteServers(ctx, func(server) bool { return true }),
		on.client.Do(ctx, http.MethodPut, "network", router, object{"router": object{"routes": []object{}}}, nil),
	}
	for _, subnet := range append(on.more, on.subnet) {
		problems = append(problems, on.client.Do(ctx, http.MethodPut, "network", router+"/remove_router_interface", object{"subnet_id": subnet}, nil))
	}
	if err := errors.Join(problems...); err != nil {
		t.Errorf("clean up: %v", err)
	}
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
