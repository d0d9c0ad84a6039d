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
	"net/http"
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
	released bool // or about to be
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

// Wrap makes the transport of the elector's client one through which the Lease
// cannot be written once Release has begun: the elector cannot be stopped, and
// would take the Lease again at its next renewal. It has the shape of
// rest.Config.Wrap's argument.
func (h *Holder) Wrap(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		h.mu.Lock()
		released := h.released
		h.mu.Unlock()
		if released && r.Method == http.MethodPut && strings.HasSuffix(r.URL.Path, "/leases/"+h.name) {
			return nil, fmt.Errorf("renew lease %s: %w", h.name, errReleased)
		}
		return next.RoundTrip(r)
	})
}

var errReleased = errors.New("it has been released, the process is stopping")

type roundTripper func(*http.Request) (*http.Response, error)

// RoundTrip is http.RoundTripper.
func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// Release gives the Lease up if this process still holds it, else ErrNotHeld.
// The process must stop soon afterwards: it no longer renews (see Wrap), and
// must not go on as if it led.
// The fields are those that client-go's own release writes
// (tools/leaderelection/leaderelection.go).
func (h *Holder) Release(ctx context.Context) error {
	h.mu.Lock()
	identity := h.identity
	h.released = true
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
