package routes_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	v1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"underlay/pkg/routes"
)

var uninitialised = v1.Taint{Key: "node.cloudprovider.kubernetes.io/uninitialized", Value: "true", Effect: v1.TaintEffectNoSchedule}

func newNode(conditions ...v1.NodeCondition) *v1.Node {
	return &v1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: "new", UID: "uid-new", ResourceVersion: "7"},
		Spec:       v1.NodeSpec{Taints: []v1.Taint{uninitialised}},
		Status:     v1.NodeStatus{Conditions: append([]v1.NodeCondition{{Type: v1.NodeReady, Status: v1.ConditionTrue}}, conditions...)},
	}
}

func keys(taints []v1.Taint) []string {
	var all []string
	for _, taint := range taints {
		all = append(all, taint.Key+":"+string(taint.Effect))
	}
	return all
}

func get(t *testing.T, kube *fake.Clientset) *v1.Node {
	t.Helper()
	node, err := kube.CoreV1().Nodes().Get(t.Context(), "new", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return node
}

func condition(node *v1.Node, kind v1.NodeConditionType) v1.NodeCondition {
	for _, c := range node.Status.Conditions {
		if c.Type == kind {
			return c
		}
	}
	return v1.NodeCondition{}
}

var held = []string{"node.cloudprovider.kubernetes.io/uninitialized:NoSchedule", "node.kubernetes.io/network-unavailable:NoSchedule"}

func TestTheGateHoldsANewNode(t *testing.T) {
	kube := fake.NewClientset(newNode())
	gate := routes.NewGate(kube)
	for range 3 { // it may be repeated
		if err := gate.Close(t.Context(), get(t, kube)); err != nil {
			t.Fatal(err)
		}
	}
	node := get(t, kube)
	if diff := cmp.Diff(held, keys(node.Spec.Taints)); diff != "" {
		t.Errorf("taints (-want +got):\n%s", diff)
	}
	got, ready := condition(node, v1.NodeNetworkUnavailable), condition(node, v1.NodeReady)
	if got.Status != v1.ConditionTrue || got.Reason != "NoRouteCreated" {
		t.Errorf("got condition %+v, want NetworkUnavailable=True/NoRouteCreated", got)
	}
	if len(node.Status.Conditions) != 2 || ready.Status != v1.ConditionTrue {
		t.Errorf("other conditions changed: %+v", node.Status.Conditions)
	}
	patches := 0
	for _, action := range kube.Actions() {
		if action.GetVerb() == "patch" {
			patches++
		}
	}
	if patches != 2 {
		t.Errorf("made %d patches, want 2: the condition and the taint", patches)
	}
}

func TestTheGateLeavesANodeWithRoutesAlone(t *testing.T) {
	kube := fake.NewClientset(newNode(v1.NodeCondition{Type: v1.NodeNetworkUnavailable, Status: v1.ConditionFalse, Reason: "RouteCreated"}))
	if err := routes.NewGate(kube).Close(t.Context(), get(t, kube)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(held[:1], keys(get(t, kube).Spec.Taints)); diff != "" {
		t.Errorf("taints (-want +got):\n%s", diff)
	}
}

// A crash between condition and taint is finished the next time.
func TestTheGateFinishesWhatACrashLeft(t *testing.T) {
	kube := fake.NewClientset(newNode(v1.NodeCondition{Type: v1.NodeNetworkUnavailable, Status: v1.ConditionTrue, Reason: "NoRouteCreated"}))
	if err := routes.NewGate(kube).Close(t.Context(), get(t, kube)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(held, keys(get(t, kube).Spec.Taints)); diff != "" {
		t.Errorf("taints (-want +got):\n%s", diff)
	}
}

// The route controller was faster: the node that the gate was given is old.
func TestTheGateSeesThatTheNodeChanged(t *testing.T) {
	old := newNode()
	kube := fake.NewClientset(newNode(v1.NodeCondition{Type: v1.NodeNetworkUnavailable, Status: v1.ConditionFalse, Reason: "RouteCreated"}))
	refused := conflicts(kube, 1)
	if err := routes.NewGate(kube).Close(t.Context(), old); err != nil {
		t.Fatal(err)
	}
	if *refused != 1 {
		t.Errorf("%d patches were refused, want 1", *refused)
	}
	node := get(t, kube)
	if got := condition(node, v1.NodeNetworkUnavailable).Status; got != v1.ConditionFalse {
		t.Errorf("NetworkUnavailable is %s, want False", got)
	}
	if diff := cmp.Diff(held[:1], keys(node.Spec.Taints)); diff != "" {
		t.Errorf("taints (-want +got):\n%s", diff)
	}
}

func TestTheGateSaysWhenItCannotHold(t *testing.T) {
	t.Run("conflicts without end", func(t *testing.T) {
		kube := fake.NewClientset(newNode())
		conflicts(kube, 1000)
		if err := routes.NewGate(kube).Close(t.Context(), get(t, kube)); !apierrors.IsConflict(errors.Unwrap(err)) {
			t.Errorf("got %v, want the conflict", err)
		}
	})
	t.Run("the node is gone", func(t *testing.T) {
		kube := fake.NewClientset()
		if err := routes.NewGate(kube).Close(t.Context(), newNode()); !apierrors.IsNotFound(errors.Unwrap(err)) {
			t.Errorf("got %v, want not found", err)
		}
	})
}

// The framework takes the condition for its own and lifts it.
func TestTheFrameworkOpensTheGate(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t)
		node := w.server(0)
		w.register(node)
		if err := routes.NewGate(w.kube).Close(t.Context(), node); err != nil {
			t.Fatal(err)
		}
		w.wantNetwork(v1.ConditionTrue)
		p := w.start()
		defer p.end()
		w.settle(15 * time.Second)
	})
}

// conflicts refuses the next n patches as the API server does for an old resourceVersion.
func conflicts(kube *fake.Clientset, n int) *int {
	refused := new(int)
	kube.PrependReactor("patch", "nodes", func(clienttesting.Action) (bool, runtime.Object, error) {
		if *refused == n {
			return false, nil, nil
		}
		*refused++
		return true, nil, apierrors.NewConflict(schema.GroupResource{Resource: "nodes"}, "new", errors.New("the object has been modified"))
	})
	return refused
}
