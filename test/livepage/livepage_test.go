// Package livepage_test looks at the simulator's live page with a real browser.
package livepage_test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"underlay/pkg/simulator"
)

// without names, separated by commas, what this machine lacks on purpose.
const without = "UNDERLAY_WITHOUT"

// browser finds Chromium. It fails the test if there is none, unless the
// machine's owner has said that it is left out.
func browser(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if slices.Contains(strings.Split(os.Getenv(without), ","), "chromium") {
		t.Logf("%s says that chromium is left out: the live page is not looked at here", without)
		return ""
	}
	t.Fatalf("there is no Chromium: apt-get install chromium, or set %s=chromium to leave this check out", without)
	return ""
}

// dom is the document after the scripts have run for some seconds of the page's own time.
func dom(t *testing.T, chromium, url string) string {
	t.Helper()
	command := exec.CommandContext(t.Context(), chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
		"--user-data-dir="+t.TempDir(), "--virtual-time-budget=5000", "--dump-dom", url)
	var out, problems bytes.Buffer
	command.Stdout, command.Stderr = &out, &problems
	if err := command.Run(); err != nil {
		t.Fatalf("chromium: %v: %s", err, problems.String())
	}
	return out.String()
}

func newCloud() *simulator.Cloud {
	c := simulator.New(simulator.Options{Name: "lab"})
	net := c.AddNetwork(simulator.NetworkSpec{Name: "nodes", Subnets: []string{"192.168.11.0/24", "2001:db8:1234:5678::/64"}})
	router := c.AddRouter(simulator.RouterSpec{Name: "tenant-router-with-a-long-name", SubnetIDs: net.SubnetIDs})
	var routes []simulator.RouteState
	for i := range 3 {
		s := c.AddServer(simulator.ServerSpec{
			Name:     fmt.Sprintf("worker-%d.with.a.rather.long.name.example.org", i),
			Networks: []simulator.NIC{{NetworkID: net.ID, SubnetIDs: net.SubnetIDs}},
		})
		routes = append(routes,
			simulator.RouteState{Destination: fmt.Sprintf("10.244.%d.0/24", i), NextHop: s.Addresses[0]},
			simulator.RouteState{Destination: fmt.Sprintf("fd00:10:244:ffff:%d::/80", i), NextHop: s.Addresses[1]})
	}
	c.SetRoutes(router, routes)
	return c
}

// What changes in the cloud appears on a page that is already open.
func TestPageFollowsTheCloud(t *testing.T) {
	chromium := browser(t)
	if chromium == "" {
		return
	}
	c := newCloud()
	var once sync.Once
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/live" {
			once.Do(func() { c.AddServer(simulator.ServerSpec{Name: "late-comer"}) })
		}
		c.ServeHTTP(w, r)
	}))
	defer web.Close()
	got := dom(t, chromium, web.URL)
	for _, want := range []string{"tenant-router-with-a-long-name", "10.244.2.0/24", "late-comer"} {
		if !strings.Contains(got, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if !regexp.MustCompile(`id="state" class="good"[^>]*>live<`).MatchString(got) {
		t.Error("the page does not say that it is live")
	}
}

// measure opens the page in frames of a phone's and a desktop's width and tells
// how much each overflows to the side.
const measure = `<!doctype html><body><script>
const frames = [390, 1280].map(width => {
  const frame = document.createElement("iframe");
  frame.width = width; frame.height = 800; frame.src = "/";
  document.body.append(frame);
  return frame;
});
setTimeout(() => {
  const out = frames.map(f => f.width + ":" + (f.contentDocument.documentElement.scrollWidth - f.contentWindow.innerWidth)
    + ":" + f.contentDocument.querySelectorAll("tr[data-key]").length);
  document.title = "overflow " + out.join(" ");
}, 3000);
</script></body>`

func TestPageFitsPhoneAndDesktop(t *testing.T) {
	chromium := browser(t)
	if chromium == "" {
		return
	}
	c := newCloud()
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/measure" {
			w.Header().Set("Content-Type", "text/html")
			_, _ = w.Write([]byte(measure))
			return
		}
		c.ServeHTTP(w, r)
	}))
	defer web.Close()
	got := regexp.MustCompile(`<title>overflow (.*)</title>`).FindStringSubmatch(dom(t, chromium, web.URL+"/measure"))
	if got == nil {
		t.Fatal("the frames were not measured")
	}
	for _, frame := range strings.Fields(got[1]) {
		var width, overflow, rows int
		if _, err := fmt.Sscanf(frame, "%d:%d:%d", &width, &overflow, &rows); err != nil {
			t.Fatalf("%s: %v", frame, err)
		}
		if overflow > 0 || rows != 10 {
			t.Errorf("at %d pixels: %d pixels too wide, %d rows; want none and 10", width, overflow, rows)
		}
	}
}
