package routes_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	cloudproviderapi "k8s.io/cloud-provider/api"

	"underlay/pkg/simulator"
)

// soon is when a node that joins alone has its routes and is open: what gathers
// others, one port list and two writes.
const soon = time.Second

func TestANodeThatJoinsIsRoutedAndOpenWithinASecond(t *testing.T) {
	onBoth(t, func(t *testing.T, neutron worldOption) {
		w := newWorld(t, neutron, dualStack)
		w.join(0, 3)
		p := w.start()
		defer p.end()
		w.settle(time.Minute)
		pass(15 * time.Second) // past whatever the start left to do
		pass(time.Until(time.Now().Truncate(reconcile).Add(reconcile + 2*time.Second)))
		w.cloud.ResetCalls()
		w.join(3, 4)
		pass(soon)
		w.wantRoutes()
		w.wantPairs()
		w.wantNetwork(v1.ConditionFalse)
		pass(30 * time.Second)
		atMost(t, "router writes", w.routerWrites(), 1)
		atMost(t, "port writes", w.portWrites(), 1)
		atMost(t, "port lists", w.cloud.Count("GET /v2.0/ports"), 2)
	})
}

func TestANodeThatLeavesLosesItsRouteWithinASecond(t *testing.T) {
	onBoth(t, func(t *testing.T, neutron worldOption) {
		w := newWorld(t, neutron)
		w.join(0, 3)
		p := w.start()
		defer p.end()
		w.settle(time.Minute)
		pass(15 * time.Second)
		pass(time.Until(time.Now().Truncate(reconcile).Add(reconcile + 2*time.Second)))
		w.leave(1, 2, true)
		pass(soon)
		w.wantRoutes()
	})
}

// Nodes that come one after the other cost no more writes than those that come at once.
func TestBudgetOf200NodesThatTrickleIn(t *testing.T) {
	onBoth(t, func(t *testing.T, neutron worldOption) {
		w := newWorld(t, neutron)
		p := w.start()
		defer p.end()
		for i := range 200 {
			w.join(i, i+1)
			pass(60 * time.Millisecond)
		}
		w.settle(time.Minute)
		w.wantRoutes()
		w.wantPairs()
		atMost(t, "router writes", w.routerWrites(), 5)
		atMost(t, "port writes", w.portWrites(), 200)
	})
}

// A node that is being initialised when the framework asks for its route is no
// reason for a warning.
func TestANodeBeingInitialisedIsNoFailure(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t)
		node := w.server(0)
		providerID, addresses := node.Spec.ProviderID, node.Status.Addresses
		node.Spec.ProviderID, node.Status.Addresses, node.Status.NodeInfo.SystemUUID = "", nil, ""
		node.Spec.Taints = []v1.Taint{{Key: cloudproviderapi.TaintExternalCloudProvider, Effect: v1.TaintEffectNoSchedule}}
		w.register(node)
		p := w.start()
		defer p.end()
		pass(2 * time.Second)
		w.node(node.Name, func(n *v1.Node) {
			n.Spec.ProviderID, n.Spec.Taints, n.Status.Addresses = providerID, nil, addresses
		})
		pass(3 * time.Second)
		w.wantRoutes()
		w.wantNetwork(v1.ConditionFalse)
		if said := p.warnings(); len(said) > 0 {
			t.Errorf("events about a node that only needed a moment: %v", said)
		}
	})
}

// A node that is never initialised is said to be so, and holds up no other.
func TestANodeThatIsNeverInitialisedHoldsUpNoOther(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t)
		w.register(func() *v1.Node {
			n := w.server(0)
			n.Spec.ProviderID, n.Status.Addresses, n.Status.NodeInfo.SystemUUID = "", nil, ""
			n.Spec.Taints = []v1.Taint{{Key: cloudproviderapi.TaintExternalCloudProvider, Effect: v1.TaintEffectNoSchedule}}
			return n
		}())
		p := w.start()
		defer p.end()
		pass(time.Minute)
		w.join(1, 2)
		pass(soon)
		if got := networkUnavailable(w.node(nodeName(1), nil)); got != v1.ConditionFalse {
			t.Errorf("the other node's NetworkUnavailable is %q, want False", got)
		}
		if got := networkUnavailable(w.node(nodeName(0), nil)); got != v1.ConditionTrue {
			t.Errorf("the waiting node's NetworkUnavailable is %q, want True", got)
		}
	})
}

// While the informer delivers its first list, it shows some of the nodes: the others' routes stay.
func TestRoutesOfNodesThatAreStillBeingListedStay(t *testing.T) {
	onBoth(t, func(t *testing.T, neutron worldOption) {
		w := newWorld(t, neutron)
		w.join(0, 3)
		p := w.start()
		w.settle(time.Minute)
		p.end()
		first := w.node(nodeName(0), nil)
		controller := w.alone(first)
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { controller.Run(ctx) })
		controller.NodeHandler().OnAdd(first, true)
		pass(10 * time.Second)
		w.wantRoutes()
		w.wantPairs()
		stop()
		running.Wait()
	})
}

// What fails in the quick way is tried again by the reconcile, which says why.
func TestAFailedQuickWriteIsTakenUpByTheReconcile(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t)
		w.join(0, 2)
		p := w.start()
		defer p.end()
		w.settle(time.Minute)
		w.cloud.AddFault(simulator.Fault{Match: "PUT /v2.0/routers/*", Nth: 1, Times: 1, Kind: simulator.FailBefore, Status: 400, Type: "InvalidRoutes"})
		w.join(2, 3)
		w.settle(2 * time.Minute)
		w.wantRoutes()
		w.wantPairs()
	})
}

// warnings are the framework's own events about routes that it could not make.
func (p *process) warnings() []string {
	synctest.Wait()
	var found []string
	list, err := p.w.kube.CoreV1().Events("").List(p.w.t.Context(), metav1.ListOptions{})
	if err != nil {
		p.w.t.Fatal(err)
	}
	for _, e := range list.Items {
		if e.Type == v1.EventTypeWarning {
			found = append(found, e.Reason+": "+e.Message)
		}
	}
	return append(found, slices.DeleteFunc(p.said(), func(e string) bool { return !strings.HasPrefix(e, "Warning") })...)
}
