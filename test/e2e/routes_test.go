package e2e

import (
	"context"
	"strings"
	"testing"
	"time"

	"underlay/internal/playground"
	"underlay/pkg/simulator"
)

func TestRoutesOfOthersOnTheRouterSurvive(t *testing.T) {
	w := newWorld(t, playground.Options{})
	w.Foreign("203.0.113.0/24", "192.168.11.250")
	w.Foreign("10.244.200.0/24", "192.168.11.251") // within the cluster CIDR, and not of a node
	w.Lead(quick...)
	w.JoinAll(1, 3)
	w.Settled(time.Minute)
	w.Foreign("198.51.100.0/24", "192.168.11.252") // while the product runs
	w.Remove("node-3")
	w.Settled(time.Minute)
	if got := len(w.routes()); got != 5 {
		t.Errorf("got %d routes, want 2 of nodes and 3 of others: %v", got, w.routes())
	}
}

func TestARouteRemovedByHandIsBackWithinAMinute(t *testing.T) {
	w := newWorld(t, playground.Options{})
	w.Lead() // with the periods of production
	w.JoinAll(1, 3)
	w.Settled(time.Minute)
	routes := w.Cloud.Router(w.RouterID).Routes
	w.Cloud.SetRoutes(w.RouterID, routes[1:])
	w.Settled(time.Minute)
}

func TestAnAddressPairRemovedByHandIsBackWithinAMinute(t *testing.T) {
	w := newWorld(t, playground.Options{})
	w.Lead() // with the periods of production
	w.JoinAll(1, 3)
	w.Settled(time.Minute)
	w.Cloud.SetAddressPairs(w.Member("node-2").PortID)
	w.Settled(time.Minute)
}

func TestWithoutTheAtomicExtensionItWorksTheSame(t *testing.T) {
	off := false
	w := newWorld(t, playground.Options{Cloud: simulator.Options{AtomicRoutes: &off}})
	w.Foreign("203.0.113.0/24", "192.168.11.250")
	w.Lead(quick...)
	w.JoinAll(1, 4)
	w.Settled(time.Minute)
	w.Remove("node-1")
	w.Settled(time.Minute)
}

func TestAMissingClusterCIDRIsSaidAndIsNoCrash(t *testing.T) {
	w := newWorld(t, playground.Options{})
	c := w.StartWithout([]string{"cluster-cidr"}, quick...)
	w.LedBy(c, "", time.Minute)
	w.UntilLogged(c, 30*time.Second, "--cluster-cidr is missing")
	w.JoinAll(1, 1)
	w.Until(time.Minute, "node-1 is initialised", func(ctx context.Context) bool {
		o, err := w.Observe(ctx)
		return err == nil && len(o.Nodes) == 1 && o.Nodes[0].Initialized
	})
	w.Alive(c)
	if got := w.routes(); len(got) > 0 {
		t.Errorf("routes: got %v, want none", got)
	}
	if !strings.Contains(c.LogTail(100_000), "Pod routes are off") {
		t.Error("the log does not say that pod routes are off")
	}
}
