package contract_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// balancer is a load balancer of one case, in a lan of its own.
type balancer struct {
	c *cloud
	lan
	id, port, address string
}

// octavia sends a request to the load balancer service.
func (c *cloud) octavia(t *testing.T, method, path string, body any) answer {
	t.Helper()
	return c.call(t, method, "load-balancer", "/v2/lbaas"+path, body)
}

// refusal is the status of an answer and a part of its faultstring.
func (a answer) refusal(t *testing.T, status int, text string) {
	t.Helper()
	a.want(t, status)
	if got := a.text("faultstring"); !strings.Contains(got, text) {
		t.Errorf("%s: got fault %q, want %q in it", a.request, got, text)
	}
}

// keys compares the names of the fields of an object in the answer.
func (a answer) keys(t *testing.T, path, want string) {
	t.Helper()
	object, _ := a.at(path).(map[string]any)
	got, wanted := slices.Sorted(maps.Keys(object)), strings.Fields(want)
	slices.Sort(wanted)
	if !slices.Equal(got, wanted) {
		t.Errorf("%s: fields of %s: got %v, want %v", a.request, path, got, wanted)
	}
}

// balancerLAN is a lan that is left without VIP ports.
func (c *cloud) balancerLAN(t *testing.T) lan {
	t.Helper()
	l := c.lan(t)
	t.Cleanup(func() { c.removeVIPPorts(t, l) })
	return l
}

// vipPorts are the ids of the ports of load balancers in a lan.
func (c *cloud) vipPorts(t *testing.T, l lan) []string {
	t.Helper()
	a := c.call(t, http.MethodGet, "network", portsPath+"?device_owner=Octavia&network_id="+l.network, nil).want(t, http.StatusOK)
	var ids []string
	for _, item := range a.list("ports") {
		if port := (answer{json: item}); strings.HasPrefix(port.text("device_id"), "lb-") {
			ids = append(ids, port.text("id"))
		}
	}
	return ids
}

// removeVIPPorts removes the ports that refused trees leave behind.
func (c *cloud) removeVIPPorts(t *testing.T, l lan) {
	a := c.get(c.catalog["network"] + portsPath + "?fields=id&device_owner=Octavia&network_id=" + l.network)
	for _, id := range a.texts("ports", "id") {
		if got := c.cleanup(http.MethodDelete, c.catalog["network"]+portsPath+"/"+id); got != http.StatusNoContent && got != http.StatusNotFound {
			t.Errorf("delete VIP port %s: got %d, want 204", id, got)
		}
	}
}

// tree is POST /loadbalancers; the VIP is in the lan's subnet unless spec says otherwise.
func (c *cloud) tree(t *testing.T, l lan, spec obj) answer {
	t.Helper()
	body := obj{"name": "contract-" + unique()}
	maps.Copy(body, spec)
	if body["vip_subnet_id"] == nil && body["vip_network_id"] == nil && body["vip_port_id"] == nil {
		body["vip_subnet_id"] = l.subnet
	}
	return c.octavia(t, http.MethodPost, "/loadbalancers", obj{"loadbalancer": body})
}

// pending makes a load balancer that may still be PENDING_CREATE; it goes with
// all that hangs on it at the end of the case.
func (c *cloud) pending(t *testing.T, l lan, spec obj) (balancer, answer) {
	t.Helper()
	a := c.tree(t, l, spec).want(t, http.StatusCreated)
	b := balancer{c: c, lan: l, id: a.text("loadbalancer.id"), port: a.text("loadbalancer.vip_port_id"), address: a.text("loadbalancer.vip_address")}
	t.Cleanup(func() { b.remove(t) })
	return b, a
}

// balancer makes a load balancer and waits until it is ACTIVE.
func (c *cloud) balancer(t *testing.T, spec obj) balancer {
	t.Helper()
	b, _ := c.pending(t, c.balancerLAN(t), spec)
	b.active(t)
	return b
}

// path of the load balancer.
func (b balancer) path() string { return "/loadbalancers/" + b.id }

// settled waits until Octavia is done with it and gives it as it is then.
func (b balancer) settled(t *testing.T) answer {
	t.Helper()
	for deadline := time.Now().Add(3 * time.Minute); ; time.Sleep(100 * time.Millisecond) {
		a := b.c.octavia(t, http.MethodGet, b.path(), nil)
		if !strings.HasPrefix(a.text("loadbalancer.provisioning_status"), "PENDING_") {
			return a
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: still %s after three minutes", a.request, a.text("loadbalancer.provisioning_status"))
		}
	}
}

// active is settled and ends the case unless the load balancer is ACTIVE.
func (b balancer) active(t *testing.T) answer {
	t.Helper()
	a := b.settled(t).want(t, http.StatusOK)
	if got := a.text("loadbalancer.provisioning_status"); got != "ACTIVE" {
		t.Fatalf("%s: got %s, want ACTIVE", a.request, got)
	}
	return a
}

// do sends a write that must succeed, waits until it is done and gives the answer.
func (b balancer) do(t *testing.T, method, path string, body any) answer {
	t.Helper()
	status := map[string]int{http.MethodPost: http.StatusCreated, http.MethodPut: http.StatusOK, http.MethodDelete: http.StatusNoContent}[method]
	a := b.c.octavia(t, method, path, body).want(t, status)
	b.active(t)
	return a
}

// listener POSTs a listener and waits until it is done.
func (b balancer) listener(t *testing.T, spec obj) answer {
	t.Helper()
	return b.do(t, http.MethodPost, "/listeners", obj{"listener": b.on(spec)})
}

// pool POSTs a pool and waits until it is done.
func (b balancer) pool(t *testing.T, spec obj) answer {
	t.Helper()
	return b.do(t, http.MethodPost, "/pools", obj{"pool": b.onPool(spec)})
}

// on adds the load balancer to the spec of a listener.
func (b balancer) on(spec obj) obj {
	body := obj{"loadbalancer_id": b.id}
	maps.Copy(body, spec)
	return body
}

// onPool adds the load balancer to the spec of a pool, and an algorithm.
func (b balancer) onPool(spec obj) obj {
	body := b.on(obj{"lb_algorithm": "ROUND_ROBIN"})
	maps.Copy(body, spec)
	return body
}

// left marks a field that is to be left out.
const left = "left out"

// trimmed is an object without the fields that are left out.
func trimmed(spec obj) obj {
	maps.DeleteFunc(spec, func(_ string, value any) bool { return value == left })
	return spec
}

// remove deletes the load balancer, waiting for what Octavia still does to it.
func (b balancer) remove(t *testing.T) {
	url := b.c.catalog["load-balancer"] + "/v2/lbaas" + b.path()
	for deadline := time.Now().Add(3 * time.Minute); time.Now().Before(deadline); time.Sleep(200 * time.Millisecond) {
		if b.c.cleanup(http.MethodDelete, url+"?cascade=true") == http.StatusNotFound {
			return
		}
	}
	t.Errorf("load balancer %s is still there three minutes after the case", b.id)
}

// member is a target in the lan, by the last byte of its address.
func member(last, port int) obj {
	return obj{"address": fmt.Sprint("10.77.0.", last), "protocol_port": port}
}

// get sends a GET at the end of a case; an answer without JSON is empty.
func (c *cloud) get(url string) answer {
	a := answer{request: "GET " + url}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return a
	}
	req.Header.Set("X-Auth-Token", c.token)
	resp, err := c.http.Do(req)
	if err != nil {
		return a
	}
	defer resp.Body.Close()
	if json.NewDecoder(resp.Body).Decode(&a.json) != nil {
		a.json = nil
	}
	return a
}
