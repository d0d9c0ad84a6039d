package lease_test

import (
	"context"
	"errors"
	"net/http"
	"testing"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"underlay/internal/lease"
)

func seeded(holder string) *fake.Clientset {
	return fake.NewClientset(&coordinationv1.Lease{
		ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: "ccm"},
		Spec:       coordinationv1.LeaseSpec{HolderIdentity: &holder},
	})
}

func holder(t *testing.T, c *fake.Clientset) string {
	t.Helper()
	l, err := c.CoordinationV1().Leases("kube-system").Get(t.Context(), "ccm", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return *l.Spec.HolderIdentity
}

func TestReleaseGivesUpOnlyOurOwnHold(t *testing.T) {
	const ours, other = "node-1_a", "node-1_b"
	for name, tc := range map[string]struct {
		atStart, atStop string
		want            string
		observeErr, err error
	}{
		"held to the end":             {atStart: ours, atStop: ours, want: ""},
		"lost to another process":     {atStart: ours, atStop: other, want: other, err: lease.ErrNotHeld},
		"never ours":                  {atStart: "node-2_a", atStop: "node-2_a", want: "node-2_a", observeErr: lease.ErrNotHeld, err: lease.ErrNotHeld},
		"already released by another": {atStart: ours, atStop: "", want: "", err: lease.ErrNotHeld},
	} {
		t.Run(name, func(t *testing.T) {
			c := seeded(tc.atStart)
			leases := c.CoordinationV1().Leases("kube-system")
			h := lease.NewHolder(leases, "ccm", "node-1")
			if err := h.Observe(t.Context()); !errors.Is(err, tc.observeErr) {
				t.Fatalf("Observe: got %v, want %v", err, tc.observeErr)
			}
			l, err := leases.Get(t.Context(), "ccm", metav1.GetOptions{})
			if err != nil {
				t.Fatal(err)
			}
			l.Spec.HolderIdentity = &tc.atStop
			if _, err := leases.Update(t.Context(), l, metav1.UpdateOptions{}); err != nil {
				t.Fatal(err)
			}
			if err := h.Release(t.Context()); !errors.Is(err, tc.err) {
				t.Fatalf("Release: got %v, want %v", err, tc.err)
			}
			if got := holder(t, c); got != tc.want {
				t.Errorf("holder after release: got %q, want %q", got, tc.want)
			}
		})
	}
}

func TestReleaseTriesAgainWhenTheElectorRenewsMeanwhile(t *testing.T) {
	c := seeded("node-1_a")
	h := lease.NewHolder(c.CoordinationV1().Leases("kube-system"), "ccm", "node-1")
	if err := h.Observe(t.Context()); err != nil {
		t.Fatal(err)
	}
	conflicts := 2
	c.PrependReactor("update", "leases", func(clienttesting.Action) (bool, runtime.Object, error) {
		if conflicts == 0 {
			return false, nil, nil
		}
		conflicts--
		return true, nil, apierrors.NewConflict(schema.GroupResource{Resource: "leases"}, "ccm", errors.New("renewed"))
	})
	if err := h.Release(t.Context()); err != nil {
		t.Fatalf("Release: %v", err)
	}
	if got := holder(t, c); got != "" {
		t.Errorf("holder after release: got %q, want none", got)
	}
}

// The elector goes on until the process has ended, which may take a second.
func TestTheElectorCannotTakeBackWhatWasReleased(t *testing.T) {
	c := seeded("node-1_a")
	h := lease.NewHolder(c.CoordinationV1().Leases("kube-system"), "ccm", "node-1")
	if err := h.Observe(t.Context()); err != nil {
		t.Fatal(err)
	}
	passed := 0
	transport := h.Wrap(transportFunc(func(*http.Request) (*http.Response, error) {
		passed++
		return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody}, nil
	}))
	const leases = "https://api/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/"
	send := func(method, url string) error {
		r, err := http.NewRequestWithContext(t.Context(), method, url, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := transport.RoundTrip(r)
		if err == nil {
			_ = resp.Body.Close()
		}
		return err
	}
	if err := send(http.MethodPut, leases+"ccm"); err != nil {
		t.Errorf("renewal before the release: %v", err)
	}
	if err := h.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := send(http.MethodPut, leases+"ccm"); err == nil {
		t.Error("renewal after the release went through")
	}
	for method, url := range map[string]string{http.MethodGet: leases + "ccm", http.MethodPut: leases + "another"} {
		if err := send(method, url); err != nil {
			t.Errorf("%s %s: %v", method, url, err)
		}
	}
	if passed != 3 {
		t.Errorf("got %d requests through, want 3", passed)
	}
}

type transportFunc func(*http.Request) (*http.Response, error)

func (f transportFunc) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestErrorsNameTheLease(t *testing.T) {
	c := fake.NewClientset()
	h := lease.NewHolder(c.CoordinationV1().Leases("kube-system"), "ccm", "node-1")
	if err := h.Observe(context.Background()); !apierrors.IsNotFound(err) {
		t.Errorf("Observe of a missing lease: got %v, want NotFound", err)
	}
	if err := h.Release(context.Background()); !apierrors.IsNotFound(err) {
		t.Errorf("Release of a missing lease: got %v, want NotFound", err)
	}
}
