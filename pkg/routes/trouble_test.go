package routes_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	cloudprovider "k8s.io/cloud-provider"

	"underlay/internal/cloud"
	"underlay/pkg/simulator"
)

// lifeline carries so many calls to the cloud and no more: the process dies.
type lifeline struct {
	next http.RoundTripper
	mu   sync.Mutex
	left int
}

var errDead = errors.New("the process is dead")

func (l *lifeline) RoundTrip(r *http.Request) (*http.Response, error) {
	l.mu.Lock()
	alive := l.left > 0
	l.left--
	l.mu.Unlock()
	if !alive {
		return nil, errDead
	}
	return l.next.RoundTrip(r)
}

func bothNeutrons(t *testing.T, test func(t *testing.T, neutron worldOption)) {
	t.Helper()
	t.Run("atomic", func(t *testing.T) { test(t, func(*world, *simulator.Options) {}) })
	t.Run("fallback", func(t *testing.T) { test(t, withoutAtomic) })
}

// coldCalls counts the calls of an undisturbed cold start.
func coldCalls(t *testing.T, nodes int, options ...worldOption) int {
	t.Helper()
	calls := 0
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, options...)
		w.join(0, nodes)
		p := w.start()
		w.settle(time.Minute)
		calls = w.cloud.Count("*")
		p.end()
	})
	return calls
}

// A process that dies after any call leaves nothing that the next one does not
// put right: every route and pair is there once, and nothing else is.
func TestCrashAfterEveryCallOfAColdStart(t *testing.T) {
	bothNeutrons(t, func(t *testing.T, neutron worldOption) {
		const nodes = 20
		calls := coldCalls(t, nodes, neutron, dualStack)
		t.Logf("a cold start of %d nodes takes %d calls", nodes, calls)
		for k := range calls + 1 {
			t.Run(fmt.Sprintf("after call %d", k), func(t *testing.T) {
				inBubble(t, func(t *testing.T) {
					w := newWorld(t, neutron, dualStack)
					w.join(0, nodes)
					w.through = func(next http.RoundTripper) http.RoundTripper { return &lifeline{next: next, left: k} }
					p := w.start()
					pass(8 * time.Second)
					p.end()
					pass(3 * time.Minute) // whatever the dead process had in its batches
					if k%2 == 1 {
						w.leave(0, 3, true) // some nodes are gone when the next process comes
					}
					w.through = nil
					p = w.start()
					defer p.end()
					w.settle(2 * time.Minute)
					pass(20 * time.Second)
					w.wantRoutes()
					w.wantPairs()
				})
			})
		}
	})
}

// Every call of a cold start fails once, in each way that calls fail.
func TestEveryCallFailsOnceInEachWay(t *testing.T) {
	ways := map[string]simulator.Fault{
		"500":                 {Status: 500},
		"503":                 {Status: 503},
		"409":                 {Status: 409},
		"412":                 {Status: 412},
		"429":                 {Status: 429, RetryAfter: 2 * time.Second},
		"500 after the write": {Kind: simulator.FailAfter, Status: 500},
		"timeout":             {Kind: simulator.Hang},
		"dropped before":      {Kind: simulator.DropBefore},
		"dropped after":       {Kind: simulator.DropAfter},
	}
	bothNeutrons(t, func(t *testing.T, neutron worldOption) {
		const nodes = 3
		calls := coldCalls(t, nodes, neutron, dualStack)
		for name, fault := range ways {
			for k := 1; k <= calls; k++ {
				t.Run(fmt.Sprintf("%s at call %d", name, k), func(t *testing.T) {
					inBubble(t, func(t *testing.T) {
						w := newWorld(t, neutron, dualStack)
						w.join(0, nodes)
						fault.Match, fault.Nth = "*", k
						w.cloud.AddFault(fault)
						p := w.start()
						defer p.end()
						w.settle(3 * time.Minute)
						pass(20 * time.Second)
						w.wantRoutes()
						w.wantPairs()
					})
				})
			}
		}
	})
}

// The limit of routes is met: what fits is there, the event has the numbers, and
// the cloud is left alone until a route is freed.
func TestRouteLimit(t *testing.T) {
	limits := map[string]struct {
		option worldOption
		told   string
	}{
		"400 RoutesExhausted": {maxRoutes(30), "the limit of 30"},
		"409 OverQuota":       {func(_ *world, o *simulator.Options) { o.RouterRouteQuota = 30 }, "the limit"},
	}
	for name, limit := range limits {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, neutron worldOption) {
				w := newWorld(t, neutron, limit.option)
				foreign := []simulator.RouteState{route("192.168.9.0/24", "10.0.0.77"), route("192.168.8.0/24", "10.0.0.77")}
				w.cloud.SetRoutes(w.router, foreign)
				w.join(0, 40)
				p := w.start()
				defer p.end()
				pass(45 * time.Second)
				if got := len(w.cloud.Router(w.router).Routes); got != 30 {
					t.Errorf("the router has %d routes, want all 30 that fit", got)
				}
				said := eventsWith(p, "RouteLimitReached")
				if len(said) != 12 {
					t.Errorf("got %d events, want one for each of the 12 nodes without a route", len(said))
				}
				for _, text := range []string{limit.told, "30 routes", "28 of them of this cluster", "needs 40", "no room for 12", "max_routes"} {
					if len(said) > 0 && !strings.Contains(said[0], text) {
						t.Errorf("the event does not say %q: %s", text, said[0])
					}
				}
				w.cloud.ResetCalls()
				pass(4 * time.Minute)
				atMost(t, "writes while nothing is freed", w.routerWrites(), 0)
				pass(16 * time.Minute)
				atMost(t, "writes in 20 minutes", w.routerWrites(), 4)

				// A freed route is used at once.
				w.leave(0, 5, true)
				pass(30 * time.Second)
				if got := len(w.cloud.Router(w.router).Routes); got != 30 {
					t.Errorf("the router has %d routes after 5 nodes left, want 30", got)
				}
			})
		})
	}
}

// A limit that was lowered below what the router has refuses removals too (Neutron
// counts what would be left). To remove fewer at a time cannot help, and is not tried.
func TestRemovalsBeyondALoweredLimitAreNotTriedInParts(t *testing.T) {
	onBoth(t, func(t *testing.T, neutron worldOption) {
		w := newWorld(t, neutron)
		w.join(0, 12)
		p := w.start()
		defer p.end()
		w.settle(time.Minute)
		pass(15 * time.Second)
		w.cloud.AddFault(simulator.Fault{Match: "PUT /v2.0/routers/*", Status: 409, Type: "OverQuota"})
		w.cloud.ResetCalls()
		w.leave(0, 8, true)
		pass(time.Minute)
		atMost(t, "router writes in a minute", w.routerWrites(), 2*7+1) // a round has one batch or two
		w.cloud.ClearFaults()
		pass(30 * time.Second)
		w.wantRoutes()
	})
}

// One bad next hop does not keep the other routes out.
func TestOneInvalidRouteDoesNotFailTheRest(t *testing.T) {
	onBoth(t, func(t *testing.T, neutron worldOption) {
		w := newWorld(t, neutron)
		other := w.cloud.AddNetwork(simulator.NetworkSpec{Name: "other", Subnets: []string{"10.1.0.0/24"}})
		w.cloud.AttachSubnet(w.router, other.SubnetIDs[0])
		w.join(0, 1)
		p := w.start()
		defer p.end()
		w.settle(time.Minute)

		w.cloud.DetachSubnet(w.router, other.SubnetIDs[0]) // the controller does not know
		nodes := w.net
		w.net = other
		w.join(1, 2)
		w.net = nodes
		w.join(2, 20)
		w.cloud.ResetCalls()
		pass(3 * time.Minute)
		if got := len(w.cloud.Router(w.router).Routes); got != 19 {
			t.Errorf("the router has %d routes, want 19", got)
		}
		atMost(t, "router writes", w.routerWrites(), 4)
		w.cloud.AttachSubnet(w.router, other.SubnetIDs[0])
		w.settle(2 * time.Minute)
		w.wantRoutes()
	})
}

// Where the reason cannot be seen from here, halves find the bad one, and it rests.
func TestAnUnexplainedRefusalIsFoundByHalves(t *testing.T) {
	onBoth(t, func(t *testing.T, neutron worldOption) {
		w := newWorld(t, neutron)
		w.through = func(next http.RoundTripper) http.RoundTripper { return refuser{next, "10.244.7.0/24"} }
		w.join(0, 50)
		p := w.start()
		defer p.end()
		pass(time.Minute)
		if got := len(w.cloud.Router(w.router).Routes); got != 49 {
			t.Errorf("the router has %d routes, want all but the one that is refused", got)
		}
		w.cloud.ResetCalls()
		pass(20 * time.Minute)
		atMost(t, "router writes while it rests", w.routerWrites(), 0)
	})
}

// refuser is a Neutron that finds one destination invalid wherever it stands.
type refuser struct {
	next        http.RoundTripper
	destination string
}

func (r refuser) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.Method != http.MethodPut || !strings.Contains(request.URL.Path, "/routers/") {
		return r.next.RoundTrip(request)
	}
	body, err := io.ReadAll(request.Body)
	if err != nil {
		return nil, err
	}
	if !bytes.Contains(body, []byte(r.destination)) {
		request = request.Clone(request.Context())
		request.Body = io.NopCloser(bytes.NewReader(body))
		return r.next.RoundTrip(request)
	}
	refusal := httptest.NewRecorder()
	refusal.Header().Set("Content-Type", "application/json")
	refusal.WriteHeader(http.StatusBadRequest)
	_, err = refusal.WriteString(`{"NeutronError":{"type":"InvalidRoutes","message":"Invalid format for routes","detail":""}}`)
	return refusal.Result(), err
}

func TestExhaustedAddressPairsAreSaid(t *testing.T) {
	onBoth(t, func(t *testing.T, neutron worldOption) {
		w := newWorld(t, neutron)
		w.join(0, 2)
		port := w.servers[nodeName(1)].PortIDs[0]
		var full []simulator.AddressPairState
		for i := range 10 {
			full = append(full, simulator.AddressPairState{IPAddress: fmt.Sprintf("10.9.9.%d", i)})
		}
		w.cloud.SetAddressPairs(port, full...)
		p := w.start()
		defer p.end()
		pass(5 * time.Minute)
		said := eventsWith(p, "AddressPairLimitReached")
		if len(said) != 1 || !strings.Contains(said[0], "10 address pairs") {
			t.Errorf("got events %q, want one that says 10 address pairs", said)
		}
		atMost(t, "port writes", w.portWrites(), 1+5)
		w.cloud.SetAddressPairs(port, full[:9]...) // room again
		w.settle(80 * time.Second)
		w.wantRoutes()
	})
}

// That a pair was refused for lack of room does not keep an old one of ours there:
// a full port changes its pair in whatever order the two changes are asked for.
func TestAFullPortChangesItsPair(t *testing.T) {
	onBoth(t, func(t *testing.T, neutron worldOption) {
		w := newWorld(t, neutron)
		w.join(0, 1)
		var others []string
		var pairs []simulator.AddressPairState
		for n := range 9 {
			others = append(others, fmt.Sprintf("10.9.9.%d", n))
			pairs = append(pairs, simulator.AddressPairState{IPAddress: others[n]})
		}
		w.cloud.SetAddressPairs(w.servers[nodeName(0)].PortIDs[0], pairs...)
		p := w.start()
		w.settle(time.Minute)
		p.end()
		node := w.node(nodeName(0), func(n *v1.Node) {
			n.Spec.PodCIDRs = w.podCIDRs(100)
			n.Spec.PodCIDR = n.Spec.PodCIDRs[0]
		})
		controller := w.alone(node)
		old, err := controller.ListRoutes(t.Context(), "")
		if err != nil || len(old) != 1 {
			t.Fatalf("got %v, %v; want the old route", old, err)
		}
		create := func() error {
			return controller.CreateRoute(t.Context(), "", "", &cloudprovider.Route{TargetNode: types.NodeName(node.Name), DestinationCIDR: node.Spec.PodCIDR})
		}
		if err := create(); !errors.Is(err, cloud.ErrQuota) {
			t.Fatalf("the new pair beside the old: got %v, want that there is no room", err)
		}
		if err := controller.DeleteRoute(t.Context(), "", old[0]); err != nil {
			t.Fatalf("the old pair: %v", err)
		}
		if err := create(); err != nil {
			t.Fatalf("the new pair: %v", err)
		}
		w.wantRoutes()
		w.wantPairs(others...)
	})
}

// Ports that others change all the time still get their pair, and keep theirs.
func TestPairsMergeWithThoseOfOthers(t *testing.T) {
	onBoth(t, func(t *testing.T, neutron worldOption) {
		w := newWorld(t, neutron)
		w.join(0, 3)
		for i := range 3 {
			w.cloud.SetAddressPairs(w.servers[nodeName(i)].PortIDs[0], simulator.AddressPairState{IPAddress: "10.0.99.1"})
		}
		p := w.start()
		defer p.end()
		pass(360 * time.Millisecond) // the port list is read, the writes are under way or about to be
		for i := range 3 {
			w.cloud.SetAddressPairs(w.servers[nodeName(i)].PortIDs[0], simulator.AddressPairState{IPAddress: "10.0.99.2"})
		}
		w.settle(time.Minute)
		pass(time.Minute)
		w.wantPairs("10.0.99.2")
	})
}

// A pair that covers the pod CIDR, set by hand for the whole cluster, is enough.
func TestACoveringPairIsEnough(t *testing.T) {
	onBoth(t, func(t *testing.T, neutron worldOption) {
		w := newWorld(t, neutron)
		w.join(0, 3)
		for i := range 3 {
			w.cloud.SetAddressPairs(w.servers[nodeName(i)].PortIDs[0], simulator.AddressPairState{IPAddress: clusterCIDR4})
		}
		p := w.start()
		defer p.end()
		w.settle(time.Minute)
		w.wantRoutes()
		atMost(t, "port writes", w.portWrites(), 0)
	})
}

func TestTheRouterIsFound(t *testing.T) {
	t.Run("one", func(t *testing.T) {
		onBoth(t, func(t *testing.T, neutron worldOption) {
			w := newWorld(t, neutron, findsRouter)
			w.cloud.AddRouter(simulator.RouterSpec{Name: "elsewhere"})
			w.join(0, 2)
			p := w.start()
			defer p.end()
			w.settle(time.Minute)
			w.wantRoutes()
			if said := eventsWith(p, "RouterFound"); len(said) != 1 || !strings.Contains(said[0], w.router) {
				t.Errorf("got events %q, want one that names router %s", said, w.router)
			}
		})
	})
	t.Run("nodes come later", func(t *testing.T) {
		onBoth(t, func(t *testing.T, neutron worldOption) {
			w := newWorld(t, neutron, findsRouter)
			p := w.start()
			defer p.end()
			pass(time.Minute)
			w.join(0, 2)
			w.settle(time.Minute)
			w.wantRoutes()
		})
	})
	t.Run("none, several, then one", func(t *testing.T) {
		onBoth(t, func(t *testing.T, neutron worldOption) {
			w := newWorld(t, neutron, findsRouter)
			w.cloud.DetachSubnet(w.router, w.net.SubnetIDs[0])
			w.join(0, 2)
			p := w.start()
			defer p.end()
			pass(15 * time.Second)
			wantError(t, p, "none has an interface", w.net.SubnetIDs[0], "[Route] router-id=")
			w.cloud.AttachSubnet(w.router, w.net.SubnetIDs[0])
			w.settle(time.Minute)
			w.wantRoutes()
		})
	})
	t.Run("several", func(t *testing.T) {
		onBoth(t, func(t *testing.T, neutron worldOption) {
			w := newWorld(t, neutron, findsRouter, dualStack)
			w.cloud.DetachSubnet(w.router, w.net.SubnetIDs[1])
			second := w.cloud.AddRouter(simulator.RouterSpec{Name: "second", SubnetIDs: w.net.SubnetIDs[1:]})
			w.join(0, 2)
			p := w.start()
			defer p.end()
			pass(15 * time.Second)
			wantError(t, p, w.router, second, "[Route] router-id=")
			atMost(t, "writes", w.cloud.Count("PUT *"), 0)
		})
	})
}

func wantError(t *testing.T, p *process, parts ...string) {
	t.Helper()
	_, err := p.controller.ListRoutes(t.Context(), "kubernetes")
	if err == nil {
		t.Error("listing routes: got no error")
		return
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("the error does not say %q: %v", part, err)
		}
	}
}

func eventsWith(p *process, reason string) []string {
	synctest.Wait()
	var found []string
	for _, e := range p.said() {
		if strings.Contains(e, reason) {
			found = append(found, e)
		}
	}
	return found
}
