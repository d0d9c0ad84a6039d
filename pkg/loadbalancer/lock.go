package loadbalancer

import (
	"context"
	"sync"
)

// locks orders work by key: the framework runs UpdateLoadBalancer beside
// EnsureLoadBalancer for one Service, the repair pass runs beside both, and
// several Services can share a load balancer, which takes one change at a time.
// Who waits for a key can give up.
type locks struct {
	mu   sync.Mutex
	keys map[string]*keyLock
}

type keyLock struct {
	turn  chan struct{} // holds one while the key is taken
	users int           // holder and waiters; guarded by locks.mu
}

func newLocks() *locks { return &locks{keys: map[string]*keyLock{}} }

// take waits for the key, or until ctx ends; release gives it back. Keys are
// taken in the order Service, then load balancer, so that nobody waits in a ring.
func (l *locks) take(ctx context.Context, key string) (release func(), err error) {
	k := l.enter(key)
	select {
	case k.turn <- struct{}{}:
		return func() {
			<-k.turn
			l.leave(key, k)
		}, nil
	case <-ctx.Done():
		l.leave(key, k)
		return nil, context.Cause(ctx)
	}
}

// tryTake takes the key if nobody has it.
func (l *locks) tryTake(key string) (release func(), ok bool) {
	k := l.enter(key)
	select {
	case k.turn <- struct{}{}:
		return func() {
			<-k.turn
			l.leave(key, k)
		}, true
	default:
		l.leave(key, k)
		return nil, false
	}
}

func (l *locks) enter(key string) *keyLock {
	l.mu.Lock()
	defer l.mu.Unlock()
	k := l.keys[key]
	if k == nil {
		k = &keyLock{turn: make(chan struct{}, 1)}
		l.keys[key] = k
	}
	k.users++
	return k
}

func (l *locks) leave(key string, k *keyLock) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if k.users--; k.users == 0 {
		delete(l.keys, key)
	}
}
