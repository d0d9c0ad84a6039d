package routes

import (
	"errors"
	"net/netip"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
)

var configMaps = schema.GroupResource{Resource: "configmaps"}

// versioned is a fake clientset that guards ConfigMaps by resourceVersion, as
// the API server does and client-go's tracker does not.
func versioned() *fake.Clientset {
	kube := fake.NewClientset()
	version := 0
	kube.PrependReactor("*", "configmaps", func(action clienttesting.Action) (bool, runtime.Object, error) {
		written, ok := action.(interface{ GetObject() runtime.Object })
		if !ok {
			return false, nil, nil
		}
		object := written.GetObject().(*v1.ConfigMap)
		if action.GetVerb() == "update" && object.ResourceVersion != strconv.Itoa(version) {
			return true, nil, apierrors.NewConflict(configMaps, object.Name, errors.New("the object has been modified"))
		}
		if action.GetVerb() == "create" && version > 0 {
			return false, nil, nil // the tracker says that it exists
		}
		version++
		object.ResourceVersion = strconv.Itoa(version)
		return false, nil, nil
	})
	return kube
}

func forbidding(verbs ...string) *fake.Clientset {
	kube := fake.NewClientset()
	for _, verb := range verbs {
		kube.PrependReactor(verb, "configmaps", func(clienttesting.Action) (bool, runtime.Object, error) {
			return true, nil, apierrors.NewForbidden(configMaps, LedgerName, errors.New("RBAC"))
		})
	}
	return kube
}

func pairFor(prefix, hop string) pair {
	return pair{netip.MustParsePrefix(prefix), netip.MustParseAddr(hop)}
}

var (
	routeA = pairFor("10.244.1.0/24", "10.0.0.1")
	routeB = pairFor("10.244.2.0/24", "10.0.0.2")
	routeC = pairFor("fd00:244::/64", "fd00:10::3")
)

func read(t *testing.T, l Ledger) []string {
	t.Helper()
	routes, err := l.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, r := range routes {
		texts = append(texts, r.Destination+" via "+r.NextHop)
	}
	return texts
}

func texts(pairs ...pair) []string {
	var all []string
	for _, p := range pairs {
		all = append(all, p.String())
	}
	return all
}

func TestTheLedgerOutlivesTheProcess(t *testing.T) {
	kube := versioned()
	first := newBook(NewConfigMapLedger(kube))
	if err := first.update(t.Context(), []pair{routeC, routeA, routeB}, nil); err != nil {
		t.Fatal(err)
	}
	if err := first.update(t.Context(), nil, []pair{routeB}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(texts(routeA, routeC), read(t, NewConfigMapLedger(kube))); diff != "" {
		t.Errorf("after a restart (-want +got):\n%s", diff)
	}
	found, err := kube.CoreV1().ConfigMaps("kube-system").Get(t.Context(), "underlay-routes", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if want := "10.244.1.0/24 10.0.0.1\nfd00:244::/64 fd00:10::3\n"; found.Data["routes"] != want {
		t.Errorf("got %q, want %q", found.Data["routes"], want)
	}
	if found.Labels["app.kubernetes.io/managed-by"] != "underlay" {
		t.Errorf("got labels %v, want an owner", found.Labels)
	}
}

func TestTheLedgerIsSavedOnlyWhenItChanges(t *testing.T) {
	kube := versioned()
	book := newBook(NewConfigMapLedger(kube))
	for range 5 {
		if err := book.update(t.Context(), []pair{routeA, routeB}, []pair{routeC}); err != nil {
			t.Fatal(err)
		}
	}
	writes := 0
	for _, action := range kube.Actions() {
		if action.GetVerb() != "get" {
			writes++
		}
	}
	if writes != 1 {
		t.Errorf("wrote %d times, want once", writes)
	}
}

func TestTwoLeadersLoseNoEntry(t *testing.T) {
	kube := versioned()
	old, next := newBook(NewConfigMapLedger(kube)), newBook(NewConfigMapLedger(kube))
	for _, b := range []*book{old, next} {
		if _, err := b.read(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := old.update(t.Context(), []pair{routeA}, nil); err != nil {
		t.Fatal(err)
	}
	if err := next.update(t.Context(), []pair{routeB}, nil); err != nil { // both would create it
		t.Fatal(err)
	}
	if err := old.update(t.Context(), []pair{routeC}, nil); err != nil { // an old resourceVersion
		t.Fatal(err)
	}
	if diff := cmp.Diff(texts(routeA, routeB, routeC), read(t, NewConfigMapLedger(kube))); diff != "" {
		t.Errorf("ledger (-want +got):\n%s", diff)
	}
}

func TestALedgerDeletedByHandComesBackWhole(t *testing.T) {
	kube := fake.NewClientset()
	book := newBook(NewConfigMapLedger(kube))
	if err := book.update(t.Context(), []pair{routeA}, nil); err != nil {
		t.Fatal(err)
	}
	if err := kube.CoreV1().ConfigMaps(LedgerNamespace).Delete(t.Context(), LedgerName, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := book.update(t.Context(), []pair{routeB}, nil); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(texts(routeA, routeB), read(t, NewConfigMapLedger(kube))); diff != "" {
		t.Errorf("ledger (-want +got):\n%s", diff)
	}
}

func TestAForbiddenLedgerLivesInMemory(t *testing.T) {
	for name, kube := range map[string]*fake.Clientset{"read": forbidding("get"), "write": forbidding("create", "update")} {
		t.Run(name, func(t *testing.T) {
			ledger := NewConfigMapLedger(kube)
			book := newBook(ledger)
			if err := book.update(t.Context(), []pair{routeA}, nil); err != nil {
				t.Fatal(err)
			}
			if err := book.update(t.Context(), []pair{routeB}, nil); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(texts(routeA, routeB), read(t, ledger)); diff != "" {
				t.Errorf("ledger (-want +got):\n%s", diff)
			}
			if got := len(kube.Actions()); got > 2 {
				t.Errorf("asked the API server %d times, want no more after it forbade", got)
			}
		})
	}
}

func TestAnUnreadableLedgerStopsWriting(t *testing.T) {
	kube := fake.NewClientset()
	kube.PrependReactor("get", "configmaps", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, nil, apierrors.NewInternalError(errors.New("etcd is down"))
	})
	err := newBook(NewConfigMapLedger(kube)).update(t.Context(), []pair{routeA}, nil)
	if err == nil || !strings.Contains(err.Error(), "etcd is down") {
		t.Errorf("got %v, want the API server's error", err)
	}
}

func TestLinesThatAreNoRoutesAreIgnored(t *testing.T) {
	kube := fake.NewClientset(&v1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: LedgerNamespace, Name: LedgerName},
		Data:       map[string]string{"routes": "# a note\n\n10.244.1.0/24 10.0.0.1\nnonsense\nten.ten 1.2.3.4\n"},
	})
	pairs, err := newBook(NewConfigMapLedger(kube)).read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]bool{routeA.String(): true}, names(pairs)); diff != "" {
		t.Errorf("entries (-want +got):\n%s", diff)
	}
}

func names(pairs map[pair]bool) map[string]bool {
	all := map[string]bool{}
	for p := range pairs {
		all[p.String()] = true
	}
	return all
}
