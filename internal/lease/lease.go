// Package lease gives up a leader-election Lease on a clean stop, so that a
// successor starts at once instead of waiting for the lease to expire.
//
// k8s.io/cloud-provider runs its leader election on a context that nothing
// cancels and picks its identity itself (app/controllermanager.go,
// leaderElectAndRun), so the process reads its identity from the Lease at the
// moment at which it is told that it leads.
package lease

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	coordinationclient "k8s.io/client-go/kubernetes/typed/coordination/v1"
	"k8s.io/client-go/util/retry"
)

// ErrNotHeld says that the Lease is not held by this process.
var ErrNotHeld = errors.New("lease is not held by this process")

// Holder is this process's hold on one Lease. The zero identity holds nothing.
type Holder struct {
	leases coordinationclient.LeaseInterface
	name   string
	// hostPrefix is "<hostname>_": what the framework's identities begin with.
	hostPrefix string

	mu       sync.Mutex
	identity string
}

// NewHolder makes a Holder for the Lease name, whose holders on this machine
// call themselves "<hostname>_<random>".
func NewHolder(leases coordinationclient.LeaseInterface, name, hostname string) *Holder {
	return &Holder{leases: leases, name: name, hostPrefix: hostname + "_"}
}

// Observe notes who holds the Lease now. Call it only while this process is
// known to lead. ErrNotHeld when the holder is on another machine.
func (h *Holder) Observe(ctx context.Context) error {
	l, err := h.leases.Get(ctx, h.name, metav1.GetOptions{})
	if err != nil {
		return fmt.Errorf("get lease %s: %w", h.name, err)
	}
	identity := holderOf(l)
	if !strings.HasPrefix(identity, h.hostPrefix) {
		return fmt.Errorf("observe lease %s held by %q: %w", h.name, identity, ErrNotHeld)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.identity = identity
	return nil
}

// Release gives the Lease up if this process still holds it, else ErrNotHeld.
// The process must stop at once afterwards: its elector, which cannot be
// stopped, would take the Lease again at its next renewal.
// The fields are those that client-go's own release writes
// (tools/leaderelection/leaderelection.go).
func (h *Holder) Release(ctx context.Context) error {
	h.mu.Lock()
	identity := h.identity
	h.mu.Unlock()
	return retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		l, err := h.leases.Get(ctx, h.name, metav1.GetOptions{})
		if err != nil {
			return fmt.Errorf("get lease %s: %w", h.name, err)
		}
		if identity == "" || holderOf(l) != identity {
			return ErrNotHeld
		}
		now := metav1.NewMicroTime(time.Now())
		released := l.DeepCopy()
		released.Spec.HolderIdentity = new(string)
		released.Spec.LeaseDurationSeconds = new(int32(1))
		released.Spec.AcquireTime, released.Spec.RenewTime = &now, &now
		_, err = h.leases.Update(ctx, released, metav1.UpdateOptions{})
		return err
	})
}

func holderOf(l *coordinationv1.Lease) string {
	if l.Spec.HolderIdentity == nil {
		return ""
	}
	return *l.Spec.HolderIdentity
}
