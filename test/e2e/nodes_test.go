package e2e

import (
	"context"
	"net/http"
	"net/netip"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"underlay/internal/playground"
	"underlay/pkg/simulator"
)

func TestNodesJoinAndLeave(t *testing.T) {
	w := newWorld(t, playground.Options{})
	w.Lead(quick...)
	w.JoinAll(1, 3)
	w.Settled(time.Minute)
	if got := len(w.routes()); got != 3 {
		t.Errorf("got %d routes, want 3", got)
	}
	w.JoinAll(4, 4)
	w.Settled(time.Minute)
	w.Remove("node-2")
	w.Settled(time.Minute)
	if got := len(w.routes()); got != 3 {
		t.Errorf("after one left: got %d routes, want 3", got)
	}
}

func TestAMachineThatLosesPowerAndItsServerIsRemoved(t *testing.T) {
	w := newWorld(t, playground.Options{})
	w.Lead(quick...)
	w.JoinAll(1, 2)
	w.Settled(time.Minute)
	w.Member("node-1").Node.Stop() // no word from the kubelet
	w.Remove("node-1")
	w.Settled(time.Minute)
}

func TestANodeDeletedByHandLosesItsRouteAndItsPair(t *testing.T) {
	w := newWorld(t, playground.Options{})
	w.Lead(quick...)
	w.JoinAll(1, 2)
	w.Settled(time.Minute)
	port := w.Member("node-1").PortID
	if err := w.Client.CoreV1().Nodes().Delete(t.Context(), "node-1", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	w.Until(2*time.Minute, "one route and no pair are left", func(context.Context) bool {
		return len(w.routes()) == 1 && len(w.Cloud.Port(port).AllowedAddressPairs) == 0
	})
}

func TestAServerThatIsOnlyShutOffKeepsItsNodeAndRoute(t *testing.T) {
	w := newWorld(t, playground.Options{})
	w.Lead(quick...)
	w.JoinAll(1, 2)
	w.Settled(time.Minute)
	member := w.Member("node-1")
	if err := member.Node.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.Cloud.SetServerStatus(member.ServerID, "SHUTOFF")
	before := w.routes()
	w.Until(time.Minute, "node-1 has the shutdown taint", func(context.Context) bool {
		return slices.ContainsFunc(w.node("node-1").Spec.Taints, func(taint corev1.Taint) bool {
			return taint.Key == "node.cloudprovider.kubernetes.io/shutdown"
		})
	})
	for route := range before {
		if !w.routes()[route] {
			t.Errorf("route %s is gone", route)
		}
	}
}

func TestDualStackNodesHaveRoutesAndPairsOfBothFamilies(t *testing.T) {
	w := newWorld(t, playground.Options{
		Subnets:      []string{"192.168.11.0/24", "fd00:11::/64"},
		ClusterCIDRs: []netip.Prefix{netip.MustParsePrefix("10.244.0.0/16"), netip.MustParsePrefix("fd00:10:244::/56")},
	})
	w.Lead(quick...)
	w.JoinAll(1, 3)
	w.Settled(90 * time.Second)
	if got := len(w.routes()); got != 6 {
		t.Errorf("got %d routes, want 6", got)
	}
}

func TestANodeIsUnavailableUntilItsRouteExists(t *testing.T) {
	w := newWorld(t, playground.Options{})
	w.Lead(quick...)
	w.Cloud.AddFault(simulator.Fault{Match: "PUT /v2.0/routers/*", Kind: simulator.FailBefore, Status: http.StatusServiceUnavailable})
	w.JoinAll(1, 1)
	unavailable := func(context.Context) bool {
		return hasCondition(w.node("node-1"), corev1.NodeNetworkUnavailable, corev1.ConditionTrue)
	}
	w.Until(time.Minute, "node-1 is marked NetworkUnavailable", unavailable)
	w.Until(time.Minute, "node-1 is ready", func(context.Context) bool {
		return hasCondition(w.node("node-1"), corev1.NodeReady, corev1.ConditionTrue)
	})
	w.Until(time.Minute, "no pod may be scheduled to node-1", func(context.Context) bool {
		return slices.ContainsFunc(w.node("node-1").Spec.Taints, func(taint corev1.Taint) bool {
			return taint.Key == "node.kubernetes.io/network-unavailable"
		})
	})
	if got := w.routes(); len(got) > 0 {
		t.Errorf("routes: got %v, want none", got)
	}
	w.Cloud.ClearFaults()
	w.Settled(2 * time.Minute)
}

// TestTheConditionNeverRunsAheadOfTheRoute looks at every state on the way.
func TestTheConditionNeverRunsAheadOfTheRoute(t *testing.T) {
	w := newWorld(t, playground.Options{})
	w.Lead(quick...)
	w.JoinAll(1, 5)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	err := w.Settle(ctx, func(o playground.Observation) {
		routed := map[string]bool{}
		for _, route := range o.Routes {
			routed[route.Node] = true
		}
		for _, node := range o.Nodes {
			// The observation reads Kubernetes first, and the cloud later.
			if node.NetworkAvailable && !routed[node.Name] {
				t.Errorf("%s: its network is available, and the router has no route to it", node.Name)
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestAChangedNodeAddressReplacesTheStaleNextHop(t *testing.T) {
	w := newWorld(t, playground.Options{})
	w.Lead(quick...)
	w.JoinAll(1, 2)
	w.Settled(time.Minute)
	before := w.routes()
	w.Cloud.SetPortFixedIPs(w.Member("node-1").PortID, "192.168.11.222")
	w.Settled(time.Minute)
	after := w.routes()
	if len(after) != len(before) {
		t.Errorf("routes: got %v, want as many as before: %v", after, before)
	}
	found := false
	for route := range after {
		found = found || !before[route] && route[len(route)-len("192.168.11.222"):] == "192.168.11.222"
	}
	if !found {
		t.Errorf("routes: got %v, want one via 192.168.11.222", after)
	}
}

func TestManyNodesAtOnceCostFewCalls(t *testing.T) {
	const nodes = 40
	w := newWorld(t, playground.Options{Cloud: simulator.Options{MaxRoutes: 100}, NodeGrace: time.Minute, Heartbeat: 20 * time.Second})
	w.Lead() // with the periods of production
	w.Cloud.ResetCalls()
	w.JoinAll(1, nodes)
	w.Settled(2 * time.Minute)
	router, port := w.writes()
	if router > 5 || port > nodes {
		t.Errorf("%d nodes cold: %d router writes and %d port writes, want at most 5 and %d", nodes, router, port, nodes)
	}
}
