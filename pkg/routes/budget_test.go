package routes_test

import (
	"testing"
	"time"

	v1 "k8s.io/api/core/v1"

	"underlay/pkg/simulator"
)

// onBoth runs a test against both kinds of Neutron: with extraroute-atomic, and without.
func onBoth(t *testing.T, test func(t *testing.T, neutron worldOption)) {
	t.Helper()
	t.Run("atomic", func(t *testing.T) {
		inBubble(t, func(t *testing.T) { test(t, func(*world, *simulator.Options) {}) })
	})
	t.Run("fallback", func(t *testing.T) {
		inBubble(t, func(t *testing.T) { test(t, withoutAtomic) })
	})
}

func atMost(t *testing.T, what string, got, most int) {
	t.Helper()
	t.Logf("%s: %d", what, got)
	if got > most {
		t.Errorf("%s: got %d, want at most %d", what, got, most)
	}
}

func TestBudgetColdStartOf200Nodes(t *testing.T) {
	onBoth(t, func(t *testing.T, neutron worldOption) {
		w := newWorld(t, neutron, dualStack)
		w.join(0, 200)
		p := w.start()
		defer p.end()
		w.settle(time.Minute)
		w.wantRoutes()
		w.wantPairs()
		atMost(t, "router writes", w.routerWrites(), 5)
		atMost(t, "port writes", w.portWrites(), 200)
		atMost(t, "reads", w.cloud.Count("GET *"), 10)
	})
}

// TestBudgetColdStartOf600Nodes shows that the framework's bound of 200 requests
// at a time is not ours: the first write carries all.
func TestBudgetColdStartOf600Nodes(t *testing.T) {
	onBoth(t, func(t *testing.T, neutron worldOption) {
		w := newWorld(t, neutron)
		w.join(0, 600)
		p := w.start()
		defer p.end()
		w.settle(2 * time.Minute)
		w.wantRoutes()
		atMost(t, "router writes", w.routerWrites(), 5)
		atMost(t, "port writes", w.portWrites(), 600)
	})
}

func TestBudget200NodesLeaving(t *testing.T) {
	for name, gone := range map[string]bool{"with their servers": true, "servers stay": false} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, neutron worldOption) {
				w := newWorld(t, neutron)
				w.join(0, 210)
				p := w.start()
				defer p.end()
				w.settle(time.Minute)
				w.cloud.ResetCalls()
				w.leave(0, 200, gone)
				pass(40 * time.Second)
				w.wantRoutes()
				w.wantPairs()
				atMost(t, "router writes", w.routerWrites(), 5)
				if gone {
					atMost(t, "port writes", w.portWrites(), 0)
					return
				}
				atMost(t, "port writes", w.portWrites(), 200)
				for i := range 200 {
					if got := w.pairsOf(nodeName(i)); len(got) > 0 {
						t.Errorf("%s left and its port still allows %v", nodeName(i), got)
					}
				}
			})
		})
	}
}

func TestBudgetIdle(t *testing.T) {
	onBoth(t, func(t *testing.T, neutron worldOption) {
		w := newWorld(t, neutron, dualStack)
		w.join(0, 50)
		p := w.start()
		defer p.end()
		w.settle(time.Minute)
		w.cloud.ResetCalls()
		const minutes = 30
		pass(minutes * time.Minute)
		atMost(t, "router reads", w.cloud.Count("GET /v2.0/routers/*"), minutes*6+1)
		atMost(t, "port lists", w.cloud.Count("GET /v2.0/ports"), minutes+2)
		atMost(t, "all calls", w.cloud.Count("*"), minutes*7+3)
		w.wantNetwork(v1.ConditionFalse)
	})
}

func TestRemovedByHandIsBackWithinAMinute(t *testing.T) {
	onBoth(t, func(t *testing.T, neutron worldOption) {
		w := newWorld(t, neutron, dualStack)
		w.join(0, 10)
		p := w.start()
		defer p.end()
		w.settle(time.Minute)
		for offset := range 6 { // wherever the hand falls between two checks
			pass(time.Duration(offset) * 11 * time.Second)
			w.cloud.SetAddressPairs(w.servers[nodeName(3)].PortIDs[0])
			w.cloud.SetRoutes(w.router, w.cloud.Router(w.router).Routes[:4])
			pass(time.Minute)
			w.wantRoutes()
			w.wantPairs()
		}
		pass(time.Minute)
		w.wantNetwork(v1.ConditionFalse)
	})
}
