// Package livepage_test looks at the simulator's live page with a real browser.
package livepage_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"

	"underlay/pkg/simulator"
)

// newCloud is a cloud with names and addresses as long as they get. The last of
// the servers has no route, the one before it a route that its port stops.
func newCloud(servers int) (c *simulator.Cloud, router string) {
	c = simulator.New(simulator.Options{Name: "lab", MaxRoutes: 500})
	public := c.AddNetwork(simulator.NetworkSpec{Name: "public", Subnets: []string{"172.24.4.0/24"}, External: true})
	nodes := c.AddNetwork(simulator.NetworkSpec{Name: "kubernetes-net", Subnets: []string{"192.168.8.0/21", "2001:db8:1234:5678::/64"}})
	router = c.AddRouter(simulator.RouterSpec{
		Name: "tenant-router-with-a-long-name", SubnetIDs: nodes.SubnetIDs, ExternalNetworkID: public.ID,
	})
	var routes []simulator.RouteState
	for i := range servers {
		s := c.AddServer(simulator.ServerSpec{
			Name:     fmt.Sprintf("worker-%d.with.a.rather.long.name.example.org", i),
			Networks: []simulator.NIC{{NetworkID: nodes.ID, SubnetIDs: nodes.SubnetIDs}},
		})
		v4, v6 := fmt.Sprintf("10.244.%d.0/24", i), fmt.Sprintf("fd00:10:244:%x::/64", i)
		if i == servers-1 {
			c.SetServerStatus(s.ID, "BUILD")
			continue
		}
		routes = append(routes, simulator.RouteState{Destination: v4, NextHop: s.Addresses[0]})
		if servers < 10 {
			routes = append(routes, simulator.RouteState{Destination: v6, NextHop: s.Addresses[1]})
		}
		if i != servers-2 {
			c.SetAddressPairs(s.PortIDs[0], simulator.AddressPairState{IPAddress: v4}, simulator.AddressPairState{IPAddress: v6})
		}
	}
	c.SetRoutes(router, append(routes, simulator.RouteState{Destination: "172.31.0.0/16", NextHop: "192.168.15.250"}))
	return c, router
}

// script is a visit: the page opens the stream of events and asks for the state,
// and between its steps the cloud changes. The browser's clock stands still while
// a request is under way, so each stream must end for time to go on.
type script struct {
	cloud *simulator.Cloud
	// steps are changes of the cloud, one a stream: the change is made while the
	// stream is open, and the stream is cut once the page has asked for the state
	// after it. After each the next attempt is refused, as by a proxy whose server is away.
	steps []func()

	mu      sync.Mutex
	streams int
	asked   chan struct{}
}

func (s *script) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/simulator/events":
		s.stream(w, r)
	case "/simulator/state":
		s.cloud.ServeHTTP(w, r)
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.asked != nil {
			s.asked <- struct{}{}
		}
	default:
		s.cloud.ServeHTTP(w, r)
	}
}

func (s *script) stream(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	n := s.streams
	s.streams++
	if n%2 == 1 || n/2 >= len(s.steps) {
		s.mu.Unlock()
		http.Error(w, "not now", http.StatusServiceUnavailable)
		return
	}
	asked := make(chan struct{}, 100)
	s.asked = asked
	s.mu.Unlock()
	ctx, cut := context.WithCancel(r.Context())
	defer cut()
	go func() {
		defer cut()
		for wait := 0; wait < 2; wait++ { // as of the stream's begin, then as of the change
			select {
			case <-asked:
			case <-ctx.Done():
				return
			}
			if wait == 0 {
				s.steps[n/2]()
			}
		}
	}()
	s.cloud.ServeHTTP(w, r.WithContext(ctx))
}

// What changes in the cloud appears on a page that is open, in the table, in
// the picture and in words, and again after the stream has been cut.
func TestPageFollowsTheCloud(t *testing.T) {
	chromium := browser(t)
	if chromium == "" {
		return
	}
	c, router := newCloud(3)
	first := c.Servers()[0]
	play := &script{cloud: c, steps: []func(){
		func() {
			c.SetRoutes(router, append(c.Router(router).Routes,
				simulator.RouteState{Destination: "10.250.1.0/24", NextHop: first.Addresses[0]}))
			c.AddServer(simulator.ServerSpec{Name: "<img src=x onerror=document.title='owned'>", Networks: []simulator.NIC{
				{NetworkID: c.Networks()[1].ID},
			}})
		},
		func() { c.SetServerStatus(first.ID, "SHUTOFF"); c.DeleteServer(c.Servers()[1].ID) },
	}}
	web := httptest.NewServer(play)
	defer web.Close()
	got := dom(t, chromium, web.URL+"/")
	for what, pattern := range map[string]string{
		"the new route in its table":     `<td data-label="Destination"><div><code[^>]*>10\.250\.1\.0/24</code>`,
		"the new route in the picture":   `<text [^>]*>10\.250\.1\.0/24</text>`,
		"the new route in words":         `<span>route 10\.250\.1\.0/24 via 192\.168\.\d+\.\d+ added</span>`,
		"the new server's escaped name":  `<span>server &lt;img src=x onerror=document\.title='owned'&gt; added</span>`,
		"the server that stopped":        `status ACTIVE, running → SHUTOFF, shut down</span>`,
		"the server that left, in words": `<span>server worker-1\.with\.a\.rather\.long\.name\.example\.org removed</span>`,
		"a next hop that is no server":   `<g class="node stray"`,
		"that the cloud is missed":       `<p id="state" role="status" class="bad">no answer`,
	} {
		if !regexp.MustCompile(pattern).MatchString(got) {
			t.Errorf("the page lacks %s: %s", what, pattern)
		}
	}
	if strings.Contains(got, "<img") || strings.Contains(got, "<title>owned") {
		t.Error("a server's name became a part of the page")
	}
	if n := regexp.MustCompile(`<tr data-key="[0-9a-f-]{36}"`).FindAllString(got, -1); len(n) != 5 {
		t.Errorf("got %d rows of servers and networks, want 3 and 2", len(n))
	}
	if n := c.Count("*"); n != 0 {
		t.Errorf("looking counted as %d calls", n)
	}
}

// measure opens the page in a frame of each width and tells how much too wide it
// is, how many rows it has and what the picture shows.
const measure = `<!doctype html><body><script>
const frames = [320, 360, 768, 1440].map(width => {
  const frame = document.createElement("iframe");
  frame.width = width; frame.height = 800; frame.src = "/";
  document.body.append(frame);
  return frame;
});
let looks = 0;
const timer = setInterval(() => {
  // A slow machine draws late.
  const drawn = frames.every(f => f.contentDocument.querySelector("svg .node"));
  if (++looks < 20 || !drawn && looks < 100) return;
  clearInterval(timer);
  if (!drawn) return;
  const out = frames.map(f => {
    const page = f.contentDocument, right = Math.max(...[...page.querySelectorAll("svg rect")].map(r => r.getBoundingClientRect().right));
    return [f.width, page.documentElement.scrollWidth - f.contentWindow.innerWidth,
      page.querySelectorAll("tr[data-key]").length, page.querySelectorAll("svg .node").length,
      Math.round(right - f.contentWindow.innerWidth)].join(":");
  });
  document.title = "measured " + out.join(" ");
}, 100);
</script></body>`

func TestPageFitsEveryScreen(t *testing.T) {
	chromium := browser(t)
	if chromium == "" {
		return
	}
	for _, servers := range []int{3, 20, 200} {
		c, _ := newCloud(servers)
		play := &script{cloud: c}
		web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/measure" {
				play.ServeHTTP(w, r)
				return
			}
			w.Header().Set("Content-Type", "text/html")
			_, _ = w.Write([]byte(measure))
		}))
		var got []string
		for range 3 { // the browser's clock may run out before a slow machine has drawn
			got = regexp.MustCompile(`<title>measured (.*)</title>`).FindStringSubmatch(dom(t, chromium, web.URL+"/measure"))
			if got != nil {
				break
			}
		}
		web.Close()
		if got == nil {
			t.Fatal("the frames were not measured")
		}
		wantRows := len(c.Servers()) + len(c.Networks()) + min(200, len(c.Routers()[0].Routes))
		for _, frame := range strings.Fields(got[1]) {
			var width, overflow, rows, nodes, beyond int
			if _, err := fmt.Sscanf(frame, "%d:%d:%d:%d:%d", &width, &overflow, &rows, &nodes, &beyond); err != nil {
				t.Fatalf("%s: %v", frame, err)
			}
			if overflow > 0 || beyond > 0 || rows != wantRows || nodes != servers+1 {
				t.Errorf("%d servers at %d pixels: %d pixels too wide, the picture %d; %d rows, %d nodes; want none, %d and %d",
					servers, width, overflow, beyond, rows, nodes, wantRows, servers+1)
			}
		}
	}
}
