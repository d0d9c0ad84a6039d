package contract_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// found lists and gives the field of what was found, sorted, in one text.
func (c *cloud) found(t *testing.T, path, kind, field string) string {
	t.Helper()
	got := c.octavia(t, http.MethodGet, path, nil).want(t, http.StatusOK).texts(kind, field)
	slices.Sort(got)
	return strings.Join(got, " ")
}

var balancerListCases = []contractCase{
	{"octavia/load balancers are found by what they are and by their tags", func(t *testing.T, c *cloud) {
		l, mark := c.balancerLAN(t), "contract-"+unique()
		first, _ := c.pending(t, l, obj{"name": mark + "-1", "description": mark, "tags": []string{mark, "one:x", "both"}})
		second, _ := c.pending(t, l, obj{"name": mark + "-2", "description": mark, "tags": []string{mark, "both"}})
		first.active(t)
		second.active(t)
		for query, want := range map[string]string{
			"name=" + mark + "-1":        mark + "-1",
			"name=" + mark:               "", // no prefix, no pattern
			"id=" + first.id:             mark + "-1",
			"id=nonsense":                "",
			"vip_port_id=" + second.port: mark + "-2",
			"vip_address=" + second.address + "&name=" + mark + "-1": "",
			"tags=" + mark:                              mark + "-1 " + mark + "-2",
			"tags=" + mark + ",one%3Ax":                 mark + "-1",
			"tags=" + mark + "&tags=one%3Ax":            mark + "-1",
			"tags=" + mark + ",none":                    "",
			"tags-any=one%3Ax,none&description=" + mark: mark + "-1",
			"not-tags=one%3Ax&tags=" + mark:             mark + "-2",
			"not-tags-any=one%3Ax,none&tags=" + mark:    mark + "-2",
			"provisioning_status=ACTIVE&tags=" + mark:   mark + "-1 " + mark + "-2",
			"provisioning_status=ERROR&tags=" + mark:    "",
			"project_id=" + c.project + "&tags=" + mark: mark + "-1 " + mark + "-2",
			"admin_state_up=false&tags=" + mark:         "",
		} {
			if got := c.found(t, "/loadbalancers?"+query, "loadbalancers", "name"); got != want {
				t.Errorf("%s: got %q, want %q", query, got, want)
			}
		}
		first.listPages(t, mark)
	}},
	{"octavia/fields choose what is shown, and unknown filters are refused", func(t *testing.T, c *cloud) {
		b := c.balancer(t, nil)
		a := c.octavia(t, http.MethodGet, "/loadbalancers?fields=id&fields=provisioning_status&id="+b.id, nil).want(t, http.StatusOK)
		a.field(t, "loadbalancers", []obj{{"id": b.id, "provisioning_status": "ACTIVE"}})
		c.octavia(t, http.MethodGet, "/loadbalancers?fields=nonsense&id="+b.id, nil).want(t, http.StatusOK).field(t, "loadbalancers", []obj{{}})
		c.octavia(t, http.MethodGet, b.path()+"?fields=id", nil).want(t, http.StatusOK).field(t, "loadbalancer", obj{"id": b.id})
		c.octavia(t, http.MethodGet, "/loadbalancers?nonsense=1", nil).refusal(t, http.StatusBadRequest, "duplicate or invalid")
		c.octavia(t, http.MethodGet, "/loadbalancers?limit=x", nil).want(t, http.StatusBadRequest)
		c.octavia(t, http.MethodGet, "/loadbalancers?marker="+nobody, nil).want(t, http.StatusBadRequest)
		c.octavia(t, http.MethodGet, "/loadbalancers?name=a&name=b", nil).want(t, http.StatusInternalServerError)
	}},
	{"octavia/listeners, pools and monitors of one load balancer, and what they name", func(t *testing.T, c *cloud) {
		tagged := tcpListener(80, obj{"members": []obj{member(5, 1), member(6, 1)}, "healthmonitor": tcpMonitor})
		tagged["tags"], tagged["name"] = []string{"mine"}, "l80"
		other := c.balancer(t, obj{"listeners": []obj{tcpListener(80, nil)}})
		b := c.balancer(t, obj{"listeners": []obj{tagged, {"name": "l81", "protocol": "TCP", "protocol_port": 81}}, "pools": []obj{tcpPool(0, obj{"name": "alone"})}})
		for _, filter := range []string{"loadbalancer_id", "load_balancer_id"} {
			of := filter + "=" + b.id
			for path, want := range map[string]string{
				"/listeners?" + of: "l80 l81", "/listeners?tags=mine&" + of: "l80", "/listeners?protocol_port=81&" + of: "l81", "/listeners?name=l81&" + of: "l81",
				"/pools?" + of: "alone p80", "/pools?name=alone&" + of: "alone",
			} {
				kind, _, _ := strings.Cut(path[1:], "?")
				if got := c.found(t, path, kind, "name"); got != want {
					t.Errorf("%s: got %q, want %q", path, got, want)
				}
			}
		}
		pools := c.octavia(t, http.MethodGet, "/pools?name=p80&loadbalancer_id="+b.id, nil).want(t, http.StatusOK)
		pools.keys(t, "pools.0", poolFields+" loadbalancers healthmonitor_id")
		pools.field(t, "pools.0.loadbalancers", []obj{{"id": b.id}})
		pools.keys(t, "pools.0.members.0", "id")
		if len(pools.list("pools.0.members")) != 2 {
			t.Errorf("members: got %v, want two", pools.at("pools.0.members"))
		}
		c.octavia(t, http.MethodGet, "/pools?name=alone&loadbalancer_id="+b.id, nil).want(t, http.StatusOK).keys(t, "pools.0", poolFields+" loadbalancers") // no monitor, no field
		listeners := c.octavia(t, http.MethodGet, "/listeners?name=l80&loadbalancer_id="+b.id, nil).want(t, http.StatusOK)
		listeners.keys(t, "listeners.0", listenerFields+" loadbalancers")
		listeners.field(t, "listeners.0.default_pool_id", pools.text("pools.0.id"))
		listeners.field(t, "listeners.0.loadbalancers", []obj{{"id": b.id}})
		monitors := c.octavia(t, http.MethodGet, "/healthmonitors?id="+pools.text("pools.0.healthmonitor_id"), nil).want(t, http.StatusOK)
		monitors.keys(t, "healthmonitors.0", monitorFields+" pools")
		monitors.field(t, "healthmonitors.0.pools", []obj{{"id": pools.text("pools.0.id")}})
		members := c.octavia(t, http.MethodGet, "/pools/"+pools.text("pools.0.id")+"/members", nil).want(t, http.StatusOK)
		members.keys(t, "members.0", memberFields)
		if got := c.found(t, "/listeners?loadbalancer_id="+other.id, "listeners", "protocol"); got != "TCP" {
			t.Errorf("listeners of the other one: got %q, want its own", got)
		}
	}},
}

// listPages reads the two load balancers that carry the mark page by page.
func (b balancer) listPages(t *testing.T, mark string) {
	t.Helper()
	page := b.c.octavia(t, http.MethodGet, "/loadbalancers?limit=1&sort=name%3Aasc&tags="+mark, nil).want(t, http.StatusOK)
	page.field(t, "loadbalancers_links.0.rel", "next")
	next, err := url.Parse(page.text("loadbalancers_links.0.href"))
	if err != nil || next.Query().Get("marker") != b.id || next.Query().Get("limit") != "1" || next.Query().Get("sort") != "name:asc" {
		t.Fatalf("next: got %q (%v)", next, err)
	}
	if next.Query().Has("tags") {
		t.Error("the link keeps the filter, want it lost") // so a filtered list is paged by one's own marker
	}
	if got := b.c.found(t, "/loadbalancers?sort=name%3Aasc&tags="+mark+"&marker="+b.id, "loadbalancers", "name"); got != mark+"-2" {
		t.Errorf("after the marker: got %q, want the second", got)
	}
	for _, limit := range []string{"0", "-1"} {
		all := b.c.octavia(t, http.MethodGet, "/loadbalancers?limit="+limit+"&tags="+mark, nil).want(t, http.StatusOK)
		if href := all.text("loadbalancers_links.0.href"); len(all.list("loadbalancers")) != 2 || !strings.Contains(href, "limit=None&") {
			t.Errorf("limit=%s: got %q and %.300s, want both, and a link that leads nowhere", limit, href, all.raw)
		}
	}
}
