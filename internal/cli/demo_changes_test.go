package cli

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"underlay/internal/kube"
	"underlay/internal/playground"
)

// member is a node with everything that it should have.
func member(name, address, cidr string) playground.Node {
	return playground.Node{
		Name: name, ServerID: "uuid-" + name, Booted: true, ServerAddresses: []string{address}, Pairs: []string{cidr},
		Registered: true, Initialized: true, ProviderID: "openstack:///uuid-" + name, InternalIPs: []string{address},
		PodCIDRs: []string{cidr}, Ready: true, NetworkAvailable: true,
	}
}

func route(node, destination, nexthop string) playground.Route {
	return playground.Route{Destination: destination, NextHop: nexthop, Node: node, Ours: true}
}

var (
	one    = member("node-1", "192.168.11.11", "10.244.0.0/24")
	two    = member("node-2", "192.168.11.12", "10.244.1.0/24")
	toOne  = route("node-1", "10.244.0.0/24", "192.168.11.11")
	toTwo  = route("node-2", "10.244.1.0/24", "192.168.11.12")
	nobody = playground.Observation{}
	both   = playground.Observation{Nodes: []playground.Node{one, two}, Routes: []playground.Route{toOne, toTwo}}
)

// told is how changes read on the screen.
func told(t *testing.T, show func(s *screen)) string {
	t.Helper()
	var out bytes.Buffer
	s := newScreen(&out, true)
	show(s)
	s.close()
	return "\n" + out.String()
}

func TestANodeThatJoinsIsToldInTheOrderOfThings(t *testing.T) {
	booted := playground.Observation{Nodes: []playground.Node{{Name: "node-1", ServerID: "uuid-node-1", Booted: true, ServerAddresses: []string{"192.168.11.11"}}}}
	all := playground.Observation{Nodes: []playground.Node{one}, Routes: []playground.Route{toOne}}
	got := told(t, func(s *screen) {
		s.events(100*time.Millisecond, changes(nobody, booted))
		s.events(2345*time.Millisecond, changes(booted, all))
		s.events(time.Minute, changes(all, all))
	})
	want := `
     0.1s  node-1   + server booted       192.168.11.11
     2.3s  node-1   + registered          by its kubelet, as uninitialized
     2.3s  node-1   + initialised         openstack:///uuid-node-1
     2.3s  node-1   + pod CIDR            10.244.0.0/24
     2.3s  node-1   + address pair        10.244.0.0/24
     2.3s  node-1   + route               10.244.0.0/24 via 192.168.11.11
     2.3s  node-1   + network available   pods may come
     2.3s  node-1   + ready               kubelet posts ready status
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("story (-want +got):\n%s", diff)
	}
}

func TestANodeThatLeavesIsToldWithoutWhatGoesWithoutSaying(t *testing.T) {
	deleted, removed := one, playground.Observation{Nodes: []playground.Node{two}, Routes: both.Routes}
	deleted.Booted, deleted.ServerAddresses, deleted.Pairs, deleted.Ready = false, nil, nil, false
	shutDown := playground.Observation{Nodes: []playground.Node{deleted, two}, Routes: both.Routes}
	clean := playground.Observation{Nodes: []playground.Node{two}, Routes: []playground.Route{toTwo}}
	got := told(t, func(s *screen) {
		s.events(0, changes(both, shutDown))
		s.events(time.Second, changes(shutDown, removed))
		s.events(2*time.Second, changes(removed, clean))
	})
	want := `
     0.0s  node-1   − server deleted
     1.0s  node-1   − Node removed
     2.0s  node-1   − route removed       10.244.0.0/24 via 192.168.11.11
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("story (-want +got):\n%s", diff)
	}
}

func TestWhatAHandRemovesIsToldAndSoIsItsReturn(t *testing.T) {
	without := playground.Observation{Nodes: []playground.Node{one, two}, Routes: []playground.Route{toTwo}}
	without.Nodes[1].Pairs = nil
	got := told(t, func(s *screen) {
		s.events(0, changes(both, without))
		s.events(time.Second, changes(without, both))
	})
	want := `
     0.0s  node-1   − route gone          10.244.0.0/24 via 192.168.11.11
     0.0s  node-2   − address pair gone   10.244.1.0/24
     1.0s  node-1   + route               10.244.0.0/24 via 192.168.11.11
     1.0s  node-2   + address pair        10.244.1.0/24
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("story (-want +got):\n%s", diff)
	}
}

func TestTheRouteTableMarksWhatCameAndWent(t *testing.T) {
	three := member("node-3", "192.168.11.13", "10.244.10.0/24")
	after := playground.Observation{
		Nodes: []playground.Node{one, three},
		Routes: []playground.Route{
			{Destination: "203.0.113.0/24", NextHop: "192.168.11.250"},
			route("node-3", "10.244.10.0/24", "192.168.11.13"), toOne,
		},
	}
	got := told(t, func(s *screen) { s.routeTable(tableOf(both, after)) })
	want := `

   $ openstack router show kubernetes-router -c routes
     +----------------+----------------+--------+
     | destination    | nexthop        | node   |
     +----------------+----------------+--------+
     | 10.244.0.0/24  | 192.168.11.11  | node-1 |
   - | 10.244.1.0/24  | 192.168.11.12  | node-2 |
   + | 10.244.10.0/24 | 192.168.11.13  | node-3 |
   + | 203.0.113.0/24 | 192.168.11.250 |        |
     +----------------+----------------+--------+
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("table (-want +got):\n%s", diff)
	}
	if sameRoutes(both, after) || !sameRoutes(both, both) {
		t.Error("sameRoutes does not see what the table shows")
	}
}

func TestTheBarGrowsWithTheCompilation(t *testing.T) {
	for want, p := range map[string]kube.Progress{
		"": {Phase: kube.Downloading, Done: 3},
		"░░░░░░░░░░░░░░░░░░░░ ": {Phase: kube.Compiling, Total: 2000},
		"█████░░░░░░░░░░░░░░░ ": {Phase: kube.Compiling, Done: 500, Total: 2000},
		"████████████████████ ": {Phase: kube.Compiling, Done: 2001, Total: 2000},
	} {
		if got := bar(p); got != want {
			t.Errorf("%+v: got %q, want %q", p, got, want)
		}
	}
}

func TestAStepIsOneLine(t *testing.T) {
	broken := errors.New("no such file\nlast words")
	got := told(t, func(s *screen) {
		if err := s.step("Kubernetes", func(say func(string)) (string, error) {
			say("compiling")
			return "ready in ~/.cache", nil
		}); err != nil {
			t.Error(err)
		}
		if err := s.step("Control plane", func(func(string)) (string, error) { return "", broken }); !errors.Is(err, broken) {
			t.Errorf("got %v, want %v", err, broken)
		}
		s.failure(broken)
	})
	want := `
 ✓ Kubernetes                ready in ~/.cache
 ✗ Control plane
 ✗ no such file
   last words
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("output (-want +got):\n%s", diff)
	}
}

func TestOnATerminalTheLastLineMovesAndIsWipedOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		s := newScreen(&out, false)
		s.live, s.colored, s.width = true, true, 30
		_ = s.step("Kubernetes", func(say func(string)) (string, error) {
			say("compiling a package with a long name")
			time.Sleep(450 * time.Millisecond)
			s.line("meanwhile")
			return "ready", nil
		})
		s.close()
		got := out.String()
		for _, want := range []string{"⠹", "⠸", "Kubernetes: compi…", "\r\033[Kmeanwhile\n", "\x1b[32m✓", "0.5s"} {
			if !strings.Contains(got, want) {
				t.Errorf("no %q in %q", want, got)
			}
		}
		if last := got[strings.LastIndex(got, "\r\033[K"):]; strings.Contains(last, "⠸") {
			t.Errorf("the moving line is left: %q", last)
		}
	})
}

func TestWithoutATerminalALongStepSaysThatItLives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		s := newScreen(&out, false)
		_ = s.step("Kubernetes", func(say func(string)) (string, error) {
			say("compiling, 10 of 99 packages")
			time.Sleep(21 * time.Second)
			return "ready", nil
		})
		s.close()
		if got := strings.Count(out.String(), "   … Kubernetes: compiling, 10 of 99 packages\n"); got != 2 {
			t.Errorf("got %d signs of life in 21 s, want 2:\n%s", got, out.String())
		}
		if strings.Contains(out.String(), "\033") {
			t.Errorf("control characters without a terminal: %q", out.String())
		}
	})
}
