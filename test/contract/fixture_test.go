package contract_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"underlay/pkg/simulator"
)

var counter atomic.Int64

// unique makes names that no other run uses.
func unique() string { return fmt.Sprintf("%d-%d", time.Now().UnixNano()%1e9, counter.Add(1)) }

// cleanup sends a request at the end of a case and gives the status, 0 on no answer.
func (c *cloud) cleanup(method, url string, headers ...string) int {
	return c.cleanupBody(method, url, "", headers...)
}

// cleanupBody is cleanup with a body in JSON; headers are "Name: value".
func (c *cloud) cleanupBody(method, url, body string, headers ...string) int {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return 0
	}
	req.Header.Set("X-Auth-Token", c.token)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		req.Header.Set(name, value)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return 0
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}

// make creates a Neutron object and removes it at the end; gives its id.
func (c *cloud) make(t *testing.T, kind string, spec obj) string {
	t.Helper()
	return c.created(t, kind, spec).text(kind + ".id")
}

// created is make with the whole answer.
func (c *cloud) created(t *testing.T, kind string, spec obj) answer {
	t.Helper()
	path := "/v2.0/" + kind + "s"
	a := c.call(t, http.MethodPost, "network", path, obj{kind: spec}).want(t, http.StatusCreated)
	t.Cleanup(func() {
		if got := c.cleanup(http.MethodDelete, c.catalog["network"]+path+"/"+a.text(kind+".id")); got != http.StatusNoContent && got != http.StatusNotFound {
			t.Errorf("delete %s %s: got %d, want 204", kind, a.text(kind+".id"), got)
		}
	})
	return a
}

// known is what every cloud has already, looked up once.
type known struct {
	mu                      sync.Mutex
	external, flavor, image string
}

// lookUp fills it; cases call external, flavor and image.
func (c *cloud) lookUp(t *testing.T) *known {
	t.Helper()
	k := &c.known
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.external == "" {
		k.external = c.call(t, http.MethodGet, "network", "/v2.0/networks?router%3Aexternal=true", nil).want(t, http.StatusOK).text("networks.0.id")
		k.flavor = c.call(t, http.MethodGet, "compute", "/flavors", nil).want(t, http.StatusOK).text("flavors.0.id")
		images := c.send(t, http.MethodGet, strings.TrimSuffix(c.catalog["image"], "/v2")+"/v2/images?status=active", nil, "X-Auth-Token: "+c.token)
		k.image = images.want(t, http.StatusOK).text("images.0.id")
	}
	if k.external == "" || k.flavor == "" || k.image == "" {
		t.Fatal("the cloud has no external network, no flavor or no image")
	}
	return k
}

// external is the id of an external network.
func (c *cloud) external(t *testing.T) string {
	t.Helper()
	return c.lookUp(t).external
}

// lan is a network with one IPv4 subnet 10.77.0.0/24.
type lan struct{ network, subnet string }

// routed is a lan with a router on it, whose address is 10.77.0.1.
type routed struct {
	lan
	router string
}

// pool keeps lans and routers for the next case: real services take seconds to
// make them. A case gives them back as it got them.
type pool struct {
	mu     sync.Mutex
	lans   []lan
	routed []routed
	// all are the paths of everything that was made, to be removed in reverse order.
	all []string
}

func take[V any](p *pool, from *[]V) (v V, found bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(*from); n > 0 {
		v, found = (*from)[n-1], true
		*from = (*from)[:n-1]
	}
	return v, found
}

func (p *pool) keep(path string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.all = append(p.all, path)
}

// lan is the case's own until it ends.
func (c *cloud) lan(t *testing.T) lan {
	t.Helper()
	l, found := take(&c.pool, &c.pool.lans)
	if !found {
		l = c.newLAN(t)
	}
	t.Cleanup(func() {
		c.pool.mu.Lock()
		defer c.pool.mu.Unlock()
		c.pool.lans = append(c.pool.lans, l)
	})
	return l
}

func (c *cloud) newLAN(t *testing.T) lan {
	t.Helper()
	network := c.call(t, http.MethodPost, "network", "/v2.0/networks", obj{"network": obj{"name": "contract-" + unique()}}).want(t, http.StatusCreated).text("network.id")
	c.pool.keep("/v2.0/networks/" + network) // its subnets go with it
	subnet := c.call(t, http.MethodPost, "network", "/v2.0/subnets", obj{"subnet": obj{"network_id": network, "ip_version": 4, "cidr": "10.77.0.0/24"}}).want(t, http.StatusCreated)
	return lan{network, subnet.text("subnet.id")}
}

// routed is the case's own until it ends, which removes its routes.
func (c *cloud) routed(t *testing.T) routed {
	t.Helper()
	r, found := take(&c.pool, &c.pool.routed)
	if !found {
		r.lan = c.newLAN(t)
		r.router = c.call(t, http.MethodPost, "network", routersPath, obj{"router": obj{"name": "contract-" + unique()}}).want(t, http.StatusCreated).text("router.id")
		c.pool.keep(routersPath + "/" + r.router)
		c.call(t, http.MethodPut, "network", routersPath+"/"+r.router+"/add_router_interface", obj{"subnet_id": r.subnet}).want(t, http.StatusOK)
		c.pool.keep(routersPath + "/" + r.router + "/remove_router_interface " + r.subnet)
	}
	t.Cleanup(func() {
		c.put(c.catalog["network"]+routersPath+"/"+r.router, `{"router": {"routes": [], "external_gateway_info": null}}`)
		c.pool.mu.Lock()
		defer c.pool.mu.Unlock()
		c.pool.routed = append(c.pool.routed, r)
	})
	return r
}

// empty removes everything that the pool made.
func (c *cloud) empty(t *testing.T) {
	for _, path := range slices.Backward(c.pool.all) {
		url := c.catalog["network"] + path
		if action, subnet, found := strings.Cut(url, " "); found {
			c.put(action, `{"subnet_id": "`+subnet+`"}`)
		} else if got := c.cleanup(http.MethodDelete, url); got != http.StatusNoContent {
			t.Errorf("delete %s: got %d, want 204", path, got)
		}
	}
}

// newSimulator is a cloud as a fresh project has it: an external network, a
// flavor, an image, the volume types of the cases and limits besides.
func newSimulator() *simulator.Cloud {
	sim := simulator.New(simulator.Options{})
	sim.AddVolumeType(simulator.VolumeTypeSpec{Name: otherType})
	sim.AddVolumeType(simulator.VolumeTypeSpec{Name: multiattachType, Multiattach: true})
	sim.AddVolumeType(simulator.VolumeTypeSpec{Name: "nowhere", ExtraSpecs: map[string]string{"volume_backend_name": "nowhere"}})
	sim.AddGroupType("plain")
	sim.SetVolumeQuota("", "gigabytes", 3000)
	sim.SetAttachLimit(11)
	sim.AddNetwork(simulator.NetworkSpec{Name: "public", Subnets: []string{"203.0.113.0/24"}, External: true, Shared: false})
	return sim
}

// put sends a PUT at the end of a case; its answer does not matter.
func (c *cloud) put(url, body string) { c.cleanupBody(http.MethodPut, url, body) }

func simulatorAccount(*simulator.Cloud) account {
	return account{Username: "demo", Password: "simulated", Project: "demo", Region: "RegionOne"}
}
