package simulator_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"underlay/pkg/simulator"
)

// hostile is a name that would run if anything took it for more than text.
const hostile = `</script><script>alert(1)</script>"'<img src=x onerror=alert(1)>`

// shown is the part of the state document that the tests read.
type shown struct {
	Revision string
	Numbers  []struct {
		What  string
		Value int
		Note  string
	}
	Pictures []struct {
		Name, Gateway, Summary string
		Subnets                []string
		Routes, More           int
		Nodes                  []shownNode
	}
	Sections []struct {
		ID, Title, Noun string
		Columns         []string
		More            int
		Rows            []struct {
			Key, Label string
			Cells      [][]struct{ Text, Kind, Tone string }
		}
	}
}

type shownNode struct {
	Name, Address, Status, Tone string
	Stray                       bool
	Routes                      []struct{ Destination, NextHop, Carries, Tone string }
}

// rows are a section's rows as text, by column.
func (s shown) rows(id string) (rows [][]string) {
	for _, section := range s.Sections {
		if section.ID != id {
			continue
		}
		for _, row := range section.Rows {
			var cells []string
			for _, cell := range row.Cells {
				var words []string
				for _, part := range cell {
					words = append(words, part.Text)
				}
				cells = append(cells, strings.Join(words, " "))
			}
			rows = append(rows, cells)
		}
	}
	return rows
}

func look(t *testing.T, c *simulator.Cloud) (state shown) {
	t.Helper()
	got := raw(t, c, "GET", "/simulator/state", "")
	if err := json.Unmarshal([]byte(got.text), &state); err != nil || got.status != http.StatusOK {
		t.Fatalf("the state: %d, %v", got.status, err)
	}
	return state
}

// page is the page as a browser asks for it.
func page(t *testing.T, c *simulator.Cloud) answer {
	t.Helper()
	got := raw(t, c, "GET", "/", "", "Accept", "text/html,*/*")
	if kind := got.Header.Get("Content-Type"); got.status != http.StatusOK || !strings.HasPrefix(kind, "text/html") {
		t.Fatalf("got %d %s", got.status, kind)
	}
	return got
}

// lab has a node of every sort: with a pair, without, without port security, and
// a next hop that is nobody's.
func lab() (c *simulator.Cloud, router string, servers []simulator.Server) {
	c = simulator.New(simulator.Options{Name: "<lab>", Region: "north", MaxRoutes: 7})
	net := c.AddNetwork(simulator.NetworkSpec{Name: "nodes", Subnets: []string{"10.0.0.0/24"}})
	open := false
	free := c.AddNetwork(simulator.NetworkSpec{Name: "free", Subnets: []string{"10.1.0.0/24"}, PortSecurity: &open, Shared: true})
	public := c.AddNetwork(simulator.NetworkSpec{Name: "public", Subnets: []string{"172.24.4.0/24"}, External: true})
	router = c.AddRouter(simulator.RouterSpec{
		Name: "tenant", SubnetIDs: append(net.SubnetIDs, free.SubnetIDs...), ExternalNetworkID: public.ID,
	})
	node := func(name string, on simulator.Network) {
		servers = append(servers, c.AddServer(simulator.ServerSpec{Name: name, Networks: []simulator.NIC{{NetworkID: on.ID}}}))
	}
	node("paired", net)
	node("bare", net)
	node("unguarded", free)
	node("idle", net)
	c.SetServerStatus(servers[1].ID, "ERROR")
	c.SetServerStatus(servers[3].ID, "SHUTOFF")
	c.SetAddressPairs(servers[0].PortIDs[0], simulator.AddressPairState{IPAddress: "10.244.0.0/22"})
	c.AddFloatingIP(simulator.FloatingIPSpec{NetworkID: public.ID, PortID: servers[0].PortIDs[0]})
	c.SetRoutes(router, []simulator.RouteState{
		{Destination: "10.244.1.0/24", NextHop: servers[0].Addresses[0]},
		{Destination: "10.244.2.0/24", NextHop: servers[1].Addresses[0]},
		{Destination: "10.244.3.0/24", NextHop: servers[2].Addresses[0]},
		{Destination: "172.16.0.0/16", NextHop: "10.0.0.200"},
	})
	return c, router, servers
}

// Without any script the page says everything in tables.
func TestPageWithoutScript(t *testing.T) {
	c, _, _ := lab()
	got := page(t, c).text
	for _, want := range []string{
		"&lt;lab&gt;", "region north", "Routes of tenant", ">10.244.1.0/24<", ">paired<", "yes, by an address pair", "no, no address pair",
		"yes, no port security", "no such port", "no server here", "ERROR, no power state", "SHUTOFF, shut down", "None yet.",
		"http://openstack.simulator/identity/v3", ">external<", ">shared<", ">floating<", ">10.244.0.0/22<", "of 7", "2 active",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
}

func TestPageState(t *testing.T) {
	c, router, servers := lab()
	got := look(t, c)
	want := [][]string{
		{"10.244.1.0/24", servers[0].Addresses[0], "paired", "yes, by an address pair"},
		{"10.244.2.0/24", servers[1].Addresses[0], "bare", "no, no address pair"},
		{"10.244.3.0/24", servers[2].Addresses[0], "unguarded", "yes, no port security"},
		{"172.16.0.0/16", "10.0.0.200", "no server here", "no such port"},
	}
	if diff := cmp.Diff(want, got.rows("router-"+router)); diff != "" {
		t.Errorf("routes (-want +got):\n%s", diff)
	}
	if len(got.Pictures) != 1 {
		t.Fatalf("got %d pictures, want 1", len(got.Pictures))
	}
	picture := got.Pictures[0]
	var nodes []string
	for _, n := range picture.Nodes {
		line := fmt.Sprintf("%s %s %s stray=%t", n.Name, n.Address, n.Status, n.Stray)
		for _, r := range n.Routes {
			line += " " + r.Destination + "=" + r.Tone
		}
		nodes = append(nodes, line)
	}
	wantNodes := []string{
		"paired " + servers[0].Addresses[0] + " ACTIVE stray=false 10.244.1.0/24=good",
		"bare " + servers[1].Addresses[0] + " ERROR stray=false 10.244.2.0/24=bad",
		"unguarded " + servers[2].Addresses[0] + " ACTIVE stray=false 10.244.3.0/24=good",
		"idle " + servers[3].Addresses[0] + " SHUTOFF stray=false",
		"no server 10.0.0.200  stray=true 172.16.0.0/16=warn",
	}
	if diff := cmp.Diff(wantNodes, nodes); diff != "" {
		t.Errorf("nodes (-want +got):\n%s", diff)
	}
	if want := "Router tenant, routes: 4, nodes: 5, routes that a port stops: 1."; picture.Summary != want {
		t.Errorf("got %q, want %q", picture.Summary, want)
	}
}

// A server whose subnet the router has left is still where its route leads.
func TestPictureOfDetachedSubnet(t *testing.T) {
	c, router, servers := lab()
	c.DetachSubnet(router, c.Networks()[1].Subnets[0].ID)
	nodes := look(t, c).Pictures[0].Nodes
	i := slices.IndexFunc(nodes, func(n shownNode) bool { return n.Name == "unguarded" })
	if i < 0 || nodes[i].Stray || nodes[i].Address != servers[2].Addresses[0] || nodes[i].Tone != "warn" {
		t.Errorf("the server is not where its route leads: %+v", nodes)
	}
}

// Looking is no call, whatever is looked at and however it is asked for.
func TestLookingIsNoCall(t *testing.T) {
	c, _, _ := lab()
	page(t, c)
	look(t, c)
	for path, want := range map[string]int{
		"/simulator/page.js": 200, "/simulator/picture.js": 200, "/simulator/tables.js": 200, "/simulator/page.css": 200,
		"/simulator/events": 200, "/simulator/page.html": 404, "/simulator/../go.mod": 404, "/simulator/none": 404,
	} {
		if got := raw(t, c, "GET", path, ""); got.status != want {
			t.Errorf("GET %s: got %d, want %d", path, got.status, want)
		}
		if got := raw(t, c, "POST", path, ""); got.status != http.StatusMethodNotAllowed {
			t.Errorf("POST %s: got %d, want 405", path, got.status)
		}
	}
	if n := c.Count("*"); n != 0 {
		t.Errorf("looking counted as %d calls", n)
	}
}

// On port 5000, where Keystone has the root too, a browser gets the page and a
// client gets Keystone.
func TestPageSharesPort5000WithKeystone(t *testing.T) {
	c := simulator.New(simulator.Options{})
	for accept, want := range map[string]int{"text/html,application/xhtml+xml,*/*;q=0.8": 200, "application/json": 300, "*/*": 300, "": 300} {
		request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://127.0.0.1:5000/", nil)
		request.Header.Set("Accept", accept)
		got := httptest.NewRecorder()
		c.ServeHTTP(got, request)
		if got.Code != want {
			t.Errorf("Accept %q: got %d, want %d", accept, got.Code, want)
		}
	}
	if n := c.Count("*"); n != 3 {
		t.Errorf("got %d calls, want the 3 that Keystone answered", n)
	}
}

func TestPageEscapesNames(t *testing.T) {
	c := simulator.New(simulator.Options{Name: hostile, Region: hostile})
	net := c.AddNetwork(simulator.NetworkSpec{Name: hostile, Subnets: []string{"10.0.0.0/24"}})
	c.AddRouter(simulator.RouterSpec{Name: hostile, SubnetIDs: net.SubnetIDs})
	c.AddServer(simulator.ServerSpec{Name: hostile, Flavor: hostile, Zone: hostile, Networks: []simulator.NIC{{NetworkID: net.ID}}})
	raw(t, c, "GET", "/compute/v2.1/"+strings.ReplaceAll(hostile, "/", ""), "")
	got := page(t, c)
	for _, bad := range []string{"<script>alert", "<img", "</script><script>", `"'<`} {
		if strings.Contains(got.text, bad) {
			t.Errorf("the page holds %q", bad)
		}
	}
	policy := got.Header.Get("Content-Security-Policy")
	if !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") {
		t.Errorf("the policy lets foreign text run: %s", policy)
	}
	if got := look(t, c).rows("servers")[0][0]; got != hostile {
		t.Errorf("got %q, want the name as it is", got)
	}
}

func TestPageShowsCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := simulator.New(simulator.Options{})
		token := bearer(t, c)
		c.AddFault(simulator.Fault{Match: "GET /flavors", Status: 503})
		list := func(what string) { raw(t, c, "GET", "/compute/v2.1/"+what, "", "X-Auth-Token", token) }
		list("flavors")
		time.Sleep(50 * time.Second)
		list("servers")
		list("servers/" + c.ProjectID())
		list("servers")
		state := look(t, c)
		latest := state.rows("calls")
		if len(latest) != 5 || latest[4][1] != "POST /v3/auth/tokens" || latest[3][2] != "503, FailBefore" || latest[1][2] != "404" {
			t.Errorf("the latest calls, newest first: %v", latest)
		}
		want := [][]string{
			{"GET /servers", "2", "none"}, {"GET /flavors", "1", "1"}, {"GET /servers/{id}", "1", "1"}, {"POST /v3/auth/tokens", "1", "none"},
		}
		if diff := cmp.Diff(want, state.rows("minute")); diff != "" {
			t.Errorf("the last minute (-want +got):\n%s", diff)
		}
		time.Sleep(15 * time.Second)
		state = look(t, c)
		if diff := cmp.Diff([][]string{want[0], want[2]}, state.rows("minute")); diff != "" {
			t.Errorf("15 s later (-want +got):\n%s", diff)
		}
		if n := state.Numbers[3]; n.Value != 3 || n.Note != "5 in all" {
			t.Errorf("got %d calls a minute, %s; want 3, 5 in all", n.Value, n.Note)
		}
		for range 30 {
			list("servers")
		}
		if n := len(look(t, c).rows("calls")); n != 20 {
			t.Errorf("got %d of the latest calls, want 20", n)
		}
	})
}

func TestPageOfLargeCloud(t *testing.T) {
	c := simulator.New(simulator.Options{})
	net := c.AddNetwork(simulator.NetworkSpec{Name: "nodes", Subnets: []string{"10.0.0.0/16"}})
	c.AddRouter(simulator.RouterSpec{SubnetIDs: net.SubnetIDs})
	for i := range 1000 {
		c.AddServer(simulator.ServerSpec{Name: fmt.Sprintf("node-%04d", i), Networks: []simulator.NIC{{NetworkID: net.ID}}})
	}
	got := page(t, c).text
	if !strings.Contains(got, "node-0199") || strings.Contains(got, "node-0200") || !strings.Contains(got, "and 800 more") {
		t.Error("the page does not show the first 200 of 1,000 servers and tell of the rest")
	}
	picture := look(t, c).Pictures[0]
	if len(picture.Nodes) != 400 || picture.More != 600 {
		t.Errorf("the picture has %d nodes and %d more, want 400 and 600", len(picture.Nodes), picture.More)
	}
}

// stream is a browser's end of the event stream.
type stream struct {
	mu     sync.Mutex
	header http.Header
	text   strings.Builder
}

func (s *stream) Header() http.Header { return s.header }
func (s *stream) WriteHeader(int)     {}
func (s *stream) Flush()              {}
func (s *stream) Write(text []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(text)
}

// taken are the revisions of the events since the last time.
func (s *stream) taken() (revisions []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for line := range strings.Lines(s.text.String()) {
		if id, found := strings.CutPrefix(line, "id: "); found {
			revisions = append(revisions, strings.TrimSpace(id))
		}
	}
	s.text.Reset()
	return revisions
}

func TestPageEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, router, servers := lab()
		ctx, leave := context.WithCancel(t.Context())
		reader := &stream{header: http.Header{}}
		gone := make(chan struct{})
		go func() {
			defer close(gone)
			c.ServeHTTP(reader, httptest.NewRequestWithContext(ctx, http.MethodGet, "http://openstack.simulator/simulator/events", nil))
		}()
		synctest.Wait()
		if got := reader.taken(); len(got) != 1 || got[0] != look(t, c).Revision {
			t.Errorf("at first: got %v, want the state's revision %s", got, look(t, c).Revision)
		}
		if kind := reader.header.Get("Content-Type"); kind != "text/event-stream" {
			t.Errorf("got %s", kind)
		}
		time.Sleep(4 * time.Second)
		if got := reader.taken(); len(got) != 0 {
			t.Errorf("nothing has changed: got %v", got)
		}
		time.Sleep(2 * time.Second)
		if got := reader.taken(); len(got) != 1 {
			t.Errorf("got %d signs of life in 6 s, want 1", len(got))
		}
		pair := simulator.AddressPairState{IPAddress: "10.244.2.0/24"}
		for _, step := range []struct {
			what   string
			change func()
		}{
			{"a route", func() { c.SetRoutes(router, nil) }},
			{"a pair", func() { c.SetAddressPairs(servers[1].PortIDs[0], pair) }},
			{"a status", func() { c.SetServerStatus(servers[1].ID, "ACTIVE") }},
			{"a new server", func() { c.AddServer(simulator.ServerSpec{Name: "new"}) }},
			{"a server gone", func() { c.DeleteServer(servers[2].ID) }},
			{"a network", func() { c.AddNetwork(simulator.NetworkSpec{Name: "other"}) }},
			{"a call", func() { bearer(t, c) }},
			{"calls forgotten", func() { c.ResetCalls() }},
		} {
			before := look(t, c).Revision
			step.change()
			time.Sleep(time.Second)
			got := reader.taken()
			if now := look(t, c).Revision; now == before || !slices.Contains(got, now) {
				t.Errorf("%s: got %v within a second, want %s, which differs from %s", step.what, got, now, before)
			}
		}
		leave()
		<-gone
	})
}

// A page that is open costs little: asking whether anything has changed copies nothing.
func BenchmarkPageRevision(b *testing.B) {
	c := simulator.New(simulator.Options{})
	net := c.AddNetwork(simulator.NetworkSpec{Name: "nodes", Subnets: []string{"10.0.0.0/16"}})
	for i := range 5000 {
		c.AddServer(simulator.ServerSpec{Name: fmt.Sprintf("node-%d", i), Networks: []simulator.NIC{{NetworkID: net.ID}}})
	}
	b.ReportAllocs()
	for b.Loop() {
		got := httptest.NewRecorder()
		request := httptest.NewRequestWithContext(b.Context(), http.MethodGet, "http://openstack.simulator/simulator/events", nil)
		ctx, cancel := context.WithCancel(request.Context())
		cancel() // one event, then the reader is gone
		c.ServeHTTP(got, request.WithContext(ctx))
	}
}
