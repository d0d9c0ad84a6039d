package contract_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"underlay/pkg/simulator"
)

var counter atomic.Int64

// unique makes names that no other run uses.
func unique() string { return fmt.Sprintf("%d-%d", time.Now().UnixNano()%1e9, counter.Add(1)) }

// cleanup sends a request at the end of a case and gives the status, 0 on no answer.
func (c *cloud) cleanup(method, url string) int {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, url, nil)
	if err != nil {
		return 0
	}
	req.Header.Set("X-Auth-Token", c.token)
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

// lan is a network with one IPv4 subnet 10.77.0.0/24.
type lan struct{ network, subnet string }

func (c *cloud) lan(t *testing.T) lan {
	t.Helper()
	network := c.make(t, "network", obj{"name": "contract-" + unique()})
	return lan{network, c.make(t, "subnet", obj{"network_id": network, "ip_version": 4, "cidr": "10.77.0.0/24"})}
}

// routed is a lan with a router on it, whose address is 10.77.0.1.
type routed struct {
	lan
	router string
}

func (c *cloud) routed(t *testing.T) routed {
	t.Helper()
	l := c.lan(t)
	router := c.make(t, "router", obj{"name": "contract-" + unique()})
	c.call(t, http.MethodPut, "network", "/v2.0/routers/"+router+"/add_router_interface", obj{"subnet_id": l.subnet}).want(t, http.StatusOK)
	t.Cleanup(func() {
		// Routes keep the interface in use.
		base := c.catalog["network"] + "/v2.0/routers/" + router
		c.put(base, `{"router": {"routes": []}}`)
		c.put(base+"/remove_router_interface", `{"subnet_id": "`+l.subnet+`"}`)
	})
	return routed{l, router}
}

// newSimulator is a cloud as a fresh project has it: an external network, a
// flavor and an image besides.
func newSimulator() *simulator.Cloud {
	sim := simulator.New(simulator.Options{})
	sim.AddNetwork(simulator.NetworkSpec{Name: "public", Subnets: []string{"203.0.113.0/24"}, External: true, Shared: false})
	return sim
}

// put sends a PUT at the end of a case; its answer does not matter.
func (c *cloud) put(url, body string) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, url, strings.NewReader(body))
	if err != nil {
		return
	}
	req.Header.Set("X-Auth-Token", c.token)
	req.Header.Set("Content-Type", "application/json")
	if resp, err := c.http.Do(req); err == nil {
		_ = resp.Body.Close()
	}
}

func simulatorAccount(*simulator.Cloud) account {
	return account{Username: "demo", Password: "simulated", Project: "demo", Region: "RegionOne"}
}
