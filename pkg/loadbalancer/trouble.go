package loadbalancer

import (
	"fmt"
	"sync"
	"time"

	"k8s.io/cloud-provider/api"

	"underlay/pkg/loadbalancer/tree"
)

const (
	// repairGap is the time from the first attempt to mend a load balancer in
	// ERROR to the second; it doubles up to repairGapMax.
	repairGap    = 5 * time.Minute
	repairGapMax = 2 * time.Hour
	// repairMemory is after how long without an attempt a load balancer is like new.
	repairMemory = 6 * time.Hour
)

// trouble rations the attempts to mend load balancers in ERROR, so that a cloud
// which cannot make one is not asked in a loop: one attempt at once, then with
// growing gaps. The first is a failover where the cloud allows that, which keeps
// everything; all others make the load balancer anew.
type trouble struct {
	mu    sync.Mutex
	byKey map[string]*attempts
	// denied: the cloud does not let us fail over.
	denied bool
}

type attempts struct {
	count       int
	last, until time.Time
}

func newTrouble() *trouble { return &trouble{byKey: map[string]*attempts{}} }

// admit says how a load balancer in ERROR may be mended now (Desired.Rebuild),
// or gives an error that says when it may be. Others it lets pass.
func (t *trouble) admit(s *subject, desired *tree.Desired, b *tree.Balancer) error {
	if b == nil || b.Provisioning != tree.Failed || desired.Gone {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	a := t.byKey[s.key()]
	if a != nil && time.Since(a.last) > repairMemory {
		delete(t.byKey, s.key())
		a = nil
	}
	if a == nil {
		desired.Rebuild = t.denied
		return nil
	}
	if wait := time.Until(a.until); wait > 0 {
		text := fmt.Sprintf("load balancer %s (%s) is in ERROR after %d attempts to mend it; the next one is in %s", b.Name, b.ID, a.count, wait.Round(time.Second))
		return api.NewRetryError(text, wait)
	}
	desired.Rebuild = true
	return nil
}

// tried notes an attempt to mend b. One that the cloud denied does not count,
// unless nothing else can be tried.
func (t *trouble) tried(s *subject, desired *tree.Desired, b *tree.Balancer, denied bool) {
	if b == nil || b.Provisioning != tree.Failed || desired.Gone {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if denied && !desired.Rebuild {
		t.denied = true
		return
	}
	a := t.byKey[s.key()]
	if a == nil {
		a = &attempts{}
		t.byKey[s.key()] = a
	}
	gap := min(repairGap<<min(a.count, 10), repairGapMax)
	a.count++
	a.last = time.Now()
	a.until = a.last.Add(gap)
}

// forget drops what is known of a Service that is gone.
func (t *trouble) forget(s *subject) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.byKey, s.key())
}
