package contract_test

import (
	"cmp"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// batch PUTs the members of a pool and waits until that is done.
func (b balancer) batch(t *testing.T, pool string, members ...obj) answer {
	t.Helper()
	a := b.c.octavia(t, http.MethodPut, pool+"/members", obj{"members": append([]obj{}, members...)}).want(t, http.StatusAccepted)
	if len(a.raw) != 0 {
		t.Errorf("%s: got a body, want none: %.200s", a.request, a.raw)
	}
	b.active(t)
	return a
}

// with is an object with one field more.
func with(spec obj, name string, value any) obj {
	out := maps.Clone(spec)
	out[name] = value
	return out
}

// members of a pool, by address.
func (b balancer) members(t *testing.T, pool string) []answer {
	t.Helper()
	var out []answer
	for _, item := range b.c.octavia(t, http.MethodGet, pool+"/members", nil).want(t, http.StatusOK).list("members") {
		out = append(out, answer{request: pool, json: item})
	}
	slices.SortFunc(out, func(x, y answer) int { return cmp.Compare(x.text("address"), y.text("address")) })
	return out
}

// emptyPool is the path of a TCP pool on a load balancer of its own.
func (c *cloud) emptyPool(t *testing.T) (b balancer, pool string) {
	t.Helper()
	b = c.balancer(t, obj{"pools": []obj{tcpPool(0, nil)}})
	return b, "/pools/" + b.active(t).text("loadbalancer.pools.0.id")
}

var memberCases = []contractCase{
	{"octavia/a member with nothing said, and one with everything", func(t *testing.T, c *cloud) {
		b, pool := c.emptyPool(t)
		plain := b.do(t, http.MethodPost, pool+"/members", obj{"member": member(5, 1)})
		plain.keys(t, "member", memberFields)
		for field, want := range map[string]any{
			"name": "", "weight": 1, "subnet_id": nil, "monitor_port": nil, "monitor_address": nil, "backup": false, "tags": []string{}, "operating_status": "NO_MONITOR",
			"provisioning_status": "PENDING_CREATE", "vnic_type": "normal",
		} {
			plain.field(t, "member."+field, want)
		}
		full := obj{"address": "10.77.0.6", "protocol_port": 1, "name": "n", "weight": 0, "subnet_id": b.subnet, "monitor_port": 10256, "backup": true, "tags": []string{"b", "a"}}
		a := b.do(t, http.MethodPost, pool+"/members", obj{"member": full})
		for field, want := range map[string]any{"name": "n", "weight": 0, "subnet_id": b.subnet, "monitor_port": 10256, "backup": true, "tags": []string{"a", "b"}} {
			a.field(t, "member."+field, want)
		}
		path := pool + "/members/" + plain.text("member.id")
		changed := b.do(t, http.MethodPut, path, obj{"member": obj{"weight": 7, "monitor_port": 5, "name": "x", "tags": []string{"c"}}})
		changed.field(t, "member.weight", 7)
		changed.field(t, "member.monitor_port", 5)
		reset := b.do(t, http.MethodPut, path, obj{"member": obj{"weight": nil, "monitor_port": nil}})
		reset.field(t, "member.weight", 1)
		reset.field(t, "member.monitor_port", nil)
		reset.field(t, "member.name", "x")
		for _, name := range []string{"address", "protocol_port", "subnet_id"} {
			c.octavia(t, http.MethodPut, path, obj{"member": obj{name: nil}}).refusal(t, http.StatusBadRequest, "Unknown attribute")
		}
	}},
	{"octavia/what a member cannot be", func(t *testing.T, c *cloud) {
		_, pool := c.emptyPool(t)
		change := func(field string, value any) obj { return trimmed(with(member(5, 1), field, value)) }
		for _, tc := range []struct {
			field string
			value any
			text  string
		}{
			{"address", "node", "IPv4 or IPv6 format"},
			{"address", left, "attribute address."},
			{"address", "169.254.169.254", "is not a valid option for member address"},
			{"protocol_port", 0, "greater or equal to 1"},
			{"monitor_port", 0, "greater or equal to 1"},
			{"weight", -1, "greater or equal to 0"},
			{"weight", 257, "lower or equal to 256"},
			{"subnet_id", "nonsense", "UUID format"},
			{"subnet_id", nobody, "Subnet " + nobody + " not found."},
		} {
			c.octavia(t, http.MethodPost, pool+"/members", obj{"member": change(tc.field, tc.value)}).refusal(t, http.StatusBadRequest, tc.text)
			if tc.value != nobody {
				c.octavia(t, http.MethodPut, pool+"/members", obj{"members": []obj{change(tc.field, tc.value)}}).refusal(t, http.StatusBadRequest, tc.text)
			}
		}
		for _, body := range []obj{{}, {"members": nil}} {
			c.octavia(t, http.MethodPut, pool+"/members", body).want(t, http.StatusInternalServerError)
		}
		twice := []obj{member(5, 1), with(member(5, 1), "weight", 2)}
		c.octavia(t, http.MethodPut, pool+"/members", obj{"members": twice}).refusal(t, http.StatusConflict, "already using ip 10.77.0.5 on protocol_port 1")
	}},
	{"octavia/addresses are texts: any network, any spelling", func(t *testing.T, c *cloud) {
		b, pool := c.emptyPool(t)
		b.batch(t, pool, obj{"address": "198.51.100.9", "protocol_port": 1}, obj{"address": "2001:db8::5", "protocol_port": 1}, obj{"address": "2001:db8:0::5", "protocol_port": 1})
		var got []string
		for _, m := range b.members(t, pool) {
			got = append(got, m.text("address"))
		}
		if want := "198.51.100.9 2001:db8:0::5 2001:db8::5"; strings.Join(got, " ") != want {
			t.Errorf("addresses: got %v, want %s", got, want)
		}
	}},
	{"octavia/a list replaces; who stays keeps its id, name, subnet and tags, all else becomes the default", func(t *testing.T, c *cloud) {
		b, pool := c.emptyPool(t)
		stays := obj{"address": "10.77.0.5", "protocol_port": 1, "name": "n", "weight": 3, "subnet_id": b.subnet, "monitor_port": 99, "tags": []string{"t"}, "backup": true}
		b.batch(t, pool, stays, member(6, 1))
		first := b.members(t, pool)
		b.batch(t, pool, member(5, 1), member(7, 1), member(5, 2))
		second := b.members(t, pool)
		if len(second) != 3 || second[2].text("address") != "10.77.0.7" {
			t.Fatalf("members: got %v, want ports 1 and 2 of .5, and .7", second)
		}
		i := slices.IndexFunc(second, func(m answer) bool { return m.number("protocol_port") == 1 })
		for field, want := range map[string]any{
			"id": first[0].text("id"), "name": "n", "subnet_id": b.subnet, "tags": []string{"t"}, "backup": false, "weight": 1, "monitor_port": nil,
		} {
			second[i].field(t, field, want)
		}
		b.batch(t, pool)
		if got := b.members(t, pool); len(got) != 0 {
			t.Errorf("members after an empty list: got %v", got)
		}
	}},
	{"octavia/additive_only adds and changes, and takes nobody away", func(t *testing.T, c *cloud) {
		b, pool := c.emptyPool(t)
		b.batch(t, pool, member(5, 1), member(6, 1))
		for _, yes := range []string{"true", "True"} {
			body := obj{"members": []obj{with(member(6, 1), "weight", 9), member(7, 1)}}
			c.octavia(t, http.MethodPut, pool+"/members?additive_only="+yes, body).want(t, http.StatusAccepted)
			b.active(t)
		}
		got := b.members(t, pool)
		if len(got) != 3 || got[1].number("weight") != 9 {
			t.Fatalf("members: got %v, want three, the second with weight 9", got)
		}
		c.octavia(t, http.MethodPut, pool+"/members?additive_only=false", obj{"members": []obj{member(8, 1)}}).want(t, http.StatusAccepted)
		b.active(t)
		if got := b.members(t, pool); len(got) != 1 || got[0].text("address") != "10.77.0.8" {
			t.Errorf("members: got %v, want .8 alone", got)
		}
	}},
	{"octavia/a list makes the load balancer busy even when nothing changes, but for none of none", func(t *testing.T, c *cloud) {
		b, pool := c.emptyPool(t)
		put := func(path, want string, members ...obj) {
			t.Helper()
			c.octavia(t, http.MethodPut, path, obj{"members": append([]obj{}, members...)}).want(t, http.StatusAccepted)
			c.octavia(t, http.MethodGet, b.path(), nil).want(t, http.StatusOK).field(t, "loadbalancer.provisioning_status", want)
			b.active(t)
		}
		put(pool+"/members", "ACTIVE")
		put(pool+"/members", "PENDING_UPDATE", member(5, 1))
		put(pool+"/members", "PENDING_UPDATE", member(5, 1))
		put(pool+"/members?additive_only=true", "PENDING_UPDATE", member(5, 1))
		put(pool+"/members?additive_only=true", "PENDING_UPDATE") // it looks who would leave
		put(pool+"/members", "PENDING_UPDATE")
		put(pool+"/members?additive_only=true", "ACTIVE")
		put(pool+"/members", "ACTIVE")
	}},
	{"octavia/with a monitor a member is OFFLINE until it is seen, without one it is NO_MONITOR", func(t *testing.T, c *cloud) {
		b, pool := c.emptyPool(t)
		b.do(t, http.MethodPost, pool+"/members", obj{"member": member(5, 1)}).field(t, "member.operating_status", "NO_MONITOR")
		b.do(t, http.MethodPost, "/healthmonitors", monitor(pool, nil))
		b.do(t, http.MethodPost, pool+"/members", obj{"member": member(6, 1)}).field(t, "member.operating_status", "OFFLINE")
	}},
}
