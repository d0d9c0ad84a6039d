package simulator_test

import (
	"fmt"
	"strings"
	"testing"

	"underlay/pkg/simulator"
)

func TestPage(t *testing.T) {
	c := simulator.New(simulator.Options{Name: "<lab>", Region: "north"})
	net := c.AddNetwork(simulator.NetworkSpec{Name: "nodes", Subnets: []string{"10.0.0.0/24"}})
	open := false
	free := c.AddNetwork(simulator.NetworkSpec{Name: "free", Subnets: []string{"10.1.0.0/24"}, PortSecurity: &open})
	router := c.AddRouter(simulator.RouterSpec{Name: "tenant", SubnetIDs: append(net.SubnetIDs, free.SubnetIDs...)})
	node := func(name string, on simulator.Network) simulator.Server {
		return c.AddServer(simulator.ServerSpec{Name: name, Networks: []simulator.NIC{{NetworkID: on.ID}}})
	}
	paired, bare, unguarded := node("paired", net), node("bare", net), node("unguarded", free)
	c.SetServerStatus(bare.ID, "ERROR")
	c.SetAddressPairs(paired.PortIDs[0], simulator.AddressPairState{IPAddress: "10.244.0.0/22"})
	c.SetRoutes(router, []simulator.RouteState{
		{Destination: "10.244.1.0/24", NextHop: paired.Addresses[0]},
		{Destination: "10.244.2.0/24", NextHop: bare.Addresses[0]},
		{Destination: "10.244.3.0/24", NextHop: unguarded.Addresses[0]},
		{Destination: "172.16.0.0/16", NextHop: "10.0.0.200"},
	})
	got := raw(t, c, "GET", "/", "", "Accept", "text/html,*/*")
	if got.status != 200 || !strings.HasPrefix(got.Header.Get("Content-Type"), "text/html") {
		t.Fatalf("got %d %s", got.status, got.Header.Get("Content-Type"))
	}
	for _, want := range []string{
		"&lt;lab&gt;", "region north", "Router tenant", "10.244.1.0/24", "paired", "yes, by an address pair", "no, no address pair",
		"yes, no port security", "no such port", "no server here", "ERROR", "None yet.", "http://openstack.simulator/identity/v3",
	} {
		if !strings.Contains(got.text, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if strings.Contains(got.text, "<lab>") {
		t.Error("a name is not escaped")
	}
	if n := c.Count("*"); n != 0 {
		t.Errorf("looking counted as %d calls", n)
	}
	token := bearer(t, c)
	c.AddFault(simulator.Fault{Match: "GET /flavors", Status: 503})
	raw(t, c, "GET", "/compute/v2.1/flavors", "", "X-Auth-Token", token)
	raw(t, c, "GET", "/compute/v2.1/servers", "", "X-Auth-Token", token)
	live := raw(t, c, "GET", "/live", "")
	for _, want := range []string{"503, FailBefore", "GET /servers", "POST /v3/auth/tokens"} {
		if !strings.Contains(live.text, want) {
			t.Errorf("the live part lacks %q", want)
		}
	}
	if strings.Contains(live.text, "<html") {
		t.Error("the live part is a whole page")
	}
}

func TestPageOfALargeCloud(t *testing.T) {
	c := simulator.New(simulator.Options{})
	for i := range 1000 {
		c.AddServer(simulator.ServerSpec{Name: fmt.Sprintf("node-%04d", i)})
	}
	got := raw(t, c, "GET", "/live", "")
	if !strings.Contains(got.text, "node-0199") || strings.Contains(got.text, "node-0200") || !strings.Contains(got.text, "and 800 more") {
		t.Error("the page does not show the first 200 of 1,000 servers and tell of the rest")
	}
}
