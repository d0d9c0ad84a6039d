package routes_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"underlay/pkg/simulator"
)

// The names of these tests point to what users of kubernetes/cloud-provider-openstack
// met: issues of that repository by number, or defects seen when it was run.

// Two concurrent CreateRoutes of one node must not overwrite each other's pair.
func TestDefect01DualStackPairsNeverLost(t *testing.T) {
	onBoth(t, func(t *testing.T, neutron worldOption) {
		w := newWorld(t, neutron, dualStack)
		w.join(0, 20)
		p := w.start()
		defer p.end()
		w.settle(time.Minute)
		w.wantPairs()
		atMost(t, "port writes", w.portWrites(), 20)
	})
}

// A pair that is lost while its route stays is put back, whoever lost it.
func TestDefect01LostPairIsRepaired(t *testing.T) {
	onBoth(t, func(t *testing.T, neutron worldOption) {
		w := newWorld(t, neutron, dualStack)
		w.join(0, 2)
		port := w.servers[nodeName(0)].PortIDs[0]
		p := w.start()
		defer p.end()
		w.settle(time.Minute)
		w.cloud.SetAddressPairs(port, simulator.AddressPairState{IPAddress: w.podCIDRs(0)[1]},
			simulator.AddressPairState{IPAddress: "10.0.99.99", MACAddress: "fa:16:3e:11:22:33"})
		pass(time.Minute)
		want := []string{"10.0.99.99", w.podCIDRs(0)[0], w.podCIDRs(0)[1]}
		slices.Sort(want)
		if diff := cmp.Diff(want, w.pairsOf(nodeName(0))); diff != "" {
			t.Errorf("pairs (-want +got):\n%s", diff)
		}
	})
}

// Issue 3128, defect 17: routes of others on a shared router survive, outside
// the cluster CIDR and inside it.
func TestDefect17RoutesOfOthersSurvive(t *testing.T) {
	onBoth(t, func(t *testing.T, neutron worldOption) {
		w := newWorld(t, neutron)
		foreign := []simulator.RouteState{
			route("192.168.50.0/24", "10.0.0.77"),
			route("10.250.7.0/24", "10.0.0.78"),      // in the cluster CIDR, of no node of ours
			route("FD12:0000:1::/64", "10.0.200.11"), // spelled as nobody would
			route("0.0.0.0/1", "10.0.0.79"),
		}
		w.cloud.SetRoutes(w.router, foreign)
		w.join(0, 5)
		p := w.start()
		defer p.end()
		w.settle(time.Minute)
		w.wantRoutes(foreign...)
		w.leave(0, 5, true)
		pass(time.Minute)
		w.wantRoutes(foreign...)
	})
}

// Defect 18, issues 2089 and 2134: many writers of one router are one write.
func TestDefect18ParallelWritersAreOneCall(t *testing.T) {
	onBoth(t, func(t *testing.T, neutron worldOption) {
		w := newWorld(t, neutron)
		w.join(0, 100)
		p := w.start()
		defer p.end()
		w.settle(time.Minute)
		w.wantRoutes()
		atMost(t, "router writes", w.routerWrites(), 3)
		atMost(t, "calls in all", w.cloud.Count("*"), 100+20)
	})
}

// Issue 2491: where ports are not filtered, or cannot be told what to let
// through, the route is kept and nothing is written to ports.
func TestIssue2491NoPairsWhereNoneAreNeeded(t *testing.T) {
	t.Run("no extension", func(t *testing.T) {
		onBoth(t, func(t *testing.T, neutron worldOption) {
			w := newWorld(t, neutron, func(_ *world, o *simulator.Options) { o.AddressPairs = new(bool) })
			w.join(0, 3)
			p := w.start()
			defer p.end()
			w.settle(time.Minute)
			w.wantRoutes()
			atMost(t, "port writes", w.portWrites(), 0)
		})
	})
	t.Run("port security off", func(t *testing.T) {
		onBoth(t, func(t *testing.T, neutron worldOption) {
			w := newWorld(t, neutron)
			w.join(0, 3)
			w.cloud.SetPortSecurity(w.servers[nodeName(1)].PortIDs[0], false)
			p := w.start()
			defer p.end()
			w.settle(time.Minute)
			w.wantRoutes()
			atMost(t, "port writes", w.portWrites(), 2)
			pass(5 * time.Minute)
			atMost(t, "port writes later", w.portWrites(), 2)
		})
	})
	t.Run("port security turned off behind our back", func(t *testing.T) {
		onBoth(t, func(t *testing.T, neutron worldOption) {
			w := newWorld(t, neutron)
			w.join(0, 2)
			p := w.start()
			defer p.end()
			w.settle(time.Minute)
			w.cloud.SetPortSecurity(w.servers[nodeName(1)].PortIDs[0], false)
			pass(5 * time.Minute)
			w.wantRoutes()
			w.wantNetwork(v1.ConditionFalse)
			atMost(t, "port writes", w.portWrites(), 2)
		})
	})
}

// A route whose node and instance are gone is removed, also when both went
// while nobody was looking.
func TestOrphanOfAGoneInstanceIsRemoved(t *testing.T) {
	onBoth(t, func(t *testing.T, neutron worldOption) {
		w := newWorld(t, neutron)
		w.join(0, 3)
		p := w.start()
		w.settle(time.Minute)
		p.end()
		w.leave(1, 2, true)
		p = w.start()
		defer p.end()
		pass(time.Minute)
		w.wantRoutes()
		if got := w.ledger(); len(got) != 2 {
			t.Errorf("the ledger has %q, want the two routes that are left", got)
		}
	})
}

// A pod CIDR given to another node must not keep the old next hop beside the new one.
func TestReusedPodCIDRHasOneNextHop(t *testing.T) {
	onBoth(t, func(t *testing.T, neutron worldOption) {
		w := newWorld(t, neutron)
		w.join(0, 2)
		p := w.start()
		defer p.end()
		w.settle(time.Minute)
		w.leave(0, 1, true)
		heir := w.server(7)
		heir.Spec.PodCIDRs, heir.Spec.PodCIDR = w.podCIDRs(0), w.podCIDRs(0)[0]
		w.register(heir)
		w.settle(time.Minute)
		pass(20 * time.Second)
		w.wantRoutes()
		w.wantPairs()
	})
}

// The peer wrote these routes and pairs; we come later, and the node goes after that.
func TestRoutesOfThePreviousControllerAreAdopted(t *testing.T) {
	onBoth(t, func(t *testing.T, neutron worldOption) {
		w := newWorld(t, neutron)
		w.join(0, 3)
		p := w.start()
		w.settle(time.Minute)
		p.end()
		w.forgetLedger()
		w.cloud.ResetCalls()
		p = w.start()
		pass(30 * time.Second)
		atMost(t, "writes to take over what is right", w.cloud.Count("PUT *"), 0)
		p.end()
		w.leave(0, 1, true)
		p = w.start()
		defer p.end()
		pass(30 * time.Second)
		w.wantRoutes()
	})
}

func TestChangedNodeAddressReplacesTheNextHop(t *testing.T) {
	onBoth(t, func(t *testing.T, neutron worldOption) {
		w := newWorld(t, neutron)
		w.join(0, 3)
		p := w.start()
		defer p.end()
		w.settle(time.Minute)
		w.cloud.SetPortFixedIPs(w.servers[nodeName(1)].PortIDs[0], "10.0.9.9")
		w.node(nodeName(1), func(n *v1.Node) {
			n.Status.Addresses = []v1.NodeAddress{{Type: v1.NodeInternalIP, Address: "10.0.9.9"}}
		})
		pass(25 * time.Second)
		w.wantRoutes()
		w.wantPairs()
	})
}

// The Node need not say so: the port does.
func TestChangedPortAddressReplacesTheNextHop(t *testing.T) {
	onBoth(t, func(t *testing.T, neutron worldOption) {
		w := newWorld(t, neutron)
		w.join(0, 3)
		p := w.start()
		defer p.end()
		w.settle(time.Minute)
		w.cloud.SetPortFixedIPs(w.servers[nodeName(1)].PortIDs[0], "10.0.9.9")
		pass(90 * time.Second)
		w.wantRoutes()
	})
}

// A foreign live port as a second next hop of a node's pod CIDR is said, not removed.
func TestContestedPodCIDRIsSaidNotRemoved(t *testing.T) {
	onBoth(t, func(t *testing.T, neutron worldOption) {
		w := newWorld(t, neutron)
		w.join(0, 2)
		w.cloud.AddPort(simulator.PortSpec{Name: "somebody", NetworkID: w.net.ID, FixedIPs: []string{"10.0.7.7"}})
		foreign := route(w.podCIDRs(1)[0], "10.0.7.7")
		w.cloud.SetRoutes(w.router, []simulator.RouteState{foreign})
		p := w.start()
		defer p.end()
		w.settle(time.Minute)
		pass(5 * time.Minute)
		w.wantRoutes(foreign)
		said := slices.DeleteFunc(p.said(), func(e string) bool { return !strings.Contains(e, "ForeignNextHop") })
		if len(said) != 1 || !strings.Contains(said[0], "10.0.7.7") {
			t.Errorf("got events %q, want one that names 10.0.7.7", said)
		}
	})
}

// A dead next hop for a pod CIDR of ours is nobody's any more: removed.
func TestStaleNextHopOfOurPodCIDRIsRemoved(t *testing.T) {
	onBoth(t, func(t *testing.T, neutron worldOption) {
		w := newWorld(t, neutron)
		w.join(0, 2)
		w.cloud.SetRoutes(w.router, []simulator.RouteState{route(w.podCIDRs(1)[0], "10.0.7.7")})
		p := w.start()
		defer p.end()
		w.settle(time.Minute)
		w.wantRoutes()
	})
}

// Pod CIDRs are compared by string: the node's own spelling must come back.
func TestOddlySpelledPodCIDRsDoNotLoop(t *testing.T) {
	onBoth(t, func(t *testing.T, neutron worldOption) {
		w := newWorld(t, neutron, dualStack)
		node := w.server(0)
		node.Spec.PodCIDRs = []string{"10.244.0.7/24", "FD00:244:0:0001:0::/64"}
		node.Spec.PodCIDR = node.Spec.PodCIDRs[0]
		w.register(node)
		p := w.start()
		defer p.end()
		w.settle(time.Minute)
		w.cloud.ResetCalls()
		pass(5 * time.Minute)
		atMost(t, "writes", w.cloud.Count("PUT *"), 0)
		want := []simulator.RouteState{
			route("10.244.0.0/24", w.addressOf(node.Name, false)), route("fd00:244:0:1::/64", w.addressOf(node.Name, true)),
		}
		if diff := cmp.Diff(want, sortRoutes(w.cloud.Router(w.router).Routes)); diff != "" {
			t.Errorf("routes (-want +got):\n%s", diff)
		}
	})
}

// ledger is what the ConfigMap has.
func (w *world) ledger() []string {
	w.t.Helper()
	found, err := w.kube.CoreV1().ConfigMaps("kube-system").Get(w.t.Context(), "underlay-routes", metav1.GetOptions{})
	if err != nil {
		w.t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(found.Data["routes"]), "\n")
}

func (w *world) forgetLedger() {
	w.t.Helper()
	if err := w.kube.CoreV1().ConfigMaps("kube-system").Delete(w.t.Context(), "underlay-routes", metav1.DeleteOptions{}); err != nil {
		w.t.Fatal(err)
	}
}

// Defect 11: a node whose server is gone, while its Node is still there, stops
// nothing for the others. Its own route is kept.
func TestDefect11ANodeWithoutPortsHarmsNoOther(t *testing.T) {
	onBoth(t, func(t *testing.T, neutron worldOption) {
		w := newWorld(t, neutron)
		w.join(0, 3)
		p := w.start()
		defer p.end()
		w.settle(time.Minute)
		orphan := route(w.podCIDRs(1)[0], w.addressOf(nodeName(1), false))
		w.cloud.DeleteServer(w.servers[nodeName(1)].ID)
		pass(2 * time.Minute) // until a list of ports shows it
		w.join(3, 4)
		w.cloud.SetRoutes(w.router, []simulator.RouteState{orphan})
		pass(time.Minute)
		want := []simulator.RouteState{orphan}
		for _, i := range []int{0, 2, 3} {
			want = append(want, route(w.podCIDRs(i)[0], w.addressOf(nodeName(i), false)))
		}
		if diff := cmp.Diff(sortRoutes(want), sortRoutes(w.cloud.Router(w.router).Routes)); diff != "" {
			t.Errorf("routes of the router (-want +got):\n%s", diff)
		}
	})
}

// Credentials for another project show no port at all. Nothing may follow from that.
func TestAnEmptyPortListRemovesNothing(t *testing.T) {
	onBoth(t, func(t *testing.T, neutron worldOption) {
		w := newWorld(t, neutron)
		w.join(0, 5)
		p := w.start()
		w.settle(time.Minute)
		p.end()
		w.through = func(next http.RoundTripper) http.RoundTripper { return noPorts{next} }
		w.cloud.ResetCalls()
		p = w.start()
		defer p.end()
		pass(10 * time.Minute)
		w.wantRoutes()
		w.wantPairs()
		w.wantNetwork(v1.ConditionFalse)
		wantError(t, p, "none is visible", "project")
		atMost(t, "writes", w.cloud.Count("PUT *"), 0)
	})
}

// noPorts is a Neutron that lists no ports of servers.
type noPorts struct{ next http.RoundTripper }

func (n noPorts) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.Method != http.MethodGet || !strings.HasSuffix(request.URL.Path, "/ports") || request.URL.Query().Has("device_id") {
		return n.next.RoundTrip(request)
	}
	empty := httptest.NewRecorder()
	empty.Header().Set("Content-Type", "application/json")
	_, err := empty.WriteString(`{"ports":[]}`)
	return empty.Result(), err
}
