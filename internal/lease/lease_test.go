package lease_test

import (
	"context"
	"errors"
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
