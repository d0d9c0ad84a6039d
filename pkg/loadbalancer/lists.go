package loadbalancer

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"underlay/internal/cloud"
	"underlay/internal/snapshot"
	"underlay/pkg/loadbalancer/tree"
)

const (
	// listAge is how old a whole list may be for one who comes while others read too.
	listAge = 5 * time.Second
	// startAge is the same for a Service of which this process knows nothing yet:
	// hundreds wait for their turn after a start, and most need nothing. Where
	// something is to be done, it is looked at again first.
	startAge = time.Minute
	// monitorAge is how old the list of monitors may be for a pool never seen before.
	monitorAge = time.Minute
	// portAge is how old the shared list of ports may be.
	portAge = 30 * time.Second
	// portAgeKnown is the same where only the subnets of nodes that it has are asked for.
	portAgeKnown = time.Hour
)

// lists reads what Octavia and Neutron hold, for one load balancer or for many
// at once. Who looks alone gets filtered reads; those who look at the same time
// share the whole project's lists, as does the first look of a process, which
// others follow.
//
// A list that began before this process last wrote to a load balancer does not
// count for that one.
type lists struct {
	cloud   Cloud
	looking atomic.Int32
	warm    atomic.Bool

	balancers *snapshot.Shared[[]tree.Balancer]
	listeners *snapshot.Shared[map[string][]tree.Listener] // by load balancer
	pools     *snapshot.Shared[map[string][]tree.Pool]     // by load balancer
	addresses *snapshot.Shared[[]tree.FloatingIP]
	groups    *snapshot.Shared[[]tree.SecurityGroup]
	monitors  *snapshot.Shared[map[string]tree.Monitor] // by id

	mu     sync.Mutex
	writes map[string]time.Time // by load balancer id or Service key
}

func newLists(c Cloud) *lists {
	l := &lists{cloud: c, writes: map[string]time.Time{}}
	l.balancers = snapshot.New(func(ctx context.Context) ([]tree.Balancer, error) {
		return c.LoadBalancers(ctx, BalancerQuery{})
	})
	l.listeners = snapshot.New(func(ctx context.Context) (map[string][]tree.Listener, error) {
		all, err := c.Listeners(ctx, "")
		return groupBy(all, func(x *tree.Listener) string { return x.BalancerID }), err
	})
	l.pools = snapshot.New(func(ctx context.Context) (map[string][]tree.Pool, error) {
		all, err := c.Pools(ctx, "")
		return groupBy(all, func(x *tree.Pool) string { return x.BalancerID }), err
	})
	l.addresses = snapshot.New(func(ctx context.Context) ([]tree.FloatingIP, error) { return c.FloatingIPs(ctx, "") })
	l.groups = snapshot.New(func(ctx context.Context) ([]tree.SecurityGroup, error) { return c.SecurityGroups(ctx, "") })
	l.monitors = snapshot.New(func(ctx context.Context) (map[string]tree.Monitor, error) {
		all, err := c.Monitors(ctx)
		byID := make(map[string]tree.Monitor, len(all))
		for i := range all {
			byID[all[i].ID] = all[i]
		}
		return byID, err
	})
	return l
}

func groupBy[T any](all []T, key func(*T) string) map[string][]T {
	groups := map[string][]T{}
	for i := range all {
		groups[key(&all[i])] = append(groups[key(&all[i])], all[i])
	}
	return groups
}

// look is one caller's reading: filtered, or out of the whole lists.
type look struct {
	*lists
	alone bool
	// old says that whole lists may be older than those by which anything is changed.
	old bool
	// since is when a whole list must have begun at the earliest.
	since time.Time
}

// begin starts a look; end must follow. keys are the ids and Service keys whose
// writes must be seen.
func (l *lists) begin(keys ...string) (k *look, end func()) {
	alone := l.looking.Add(1) == 1 && l.warm.Swap(true)
	return &look{lists: l, alone: alone, since: l.after(time.Now().Add(-listAge), keys...)}, func() { l.looking.Add(-1) }
}

// beginOld is begin for one of whom nothing is known: whole lists may be old.
func (l *lists) beginOld(keys ...string) (k *look, end func()) {
	k, end = l.begin(keys...)
	if !k.alone {
		k.old, k.since = true, l.after(time.Now().Add(-startAge), keys...)
	}
	return k, end
}

// beginMany is begin for one of many, which shares the whole project's lists.
func (l *lists) beginMany(keys ...string) (k *look, end func()) {
	k, end = l.begin(keys...)
	k.alone = false
	return k, end
}

// beginWhole starts a look at everything as it is from now on, which all parts
// of the look share.
func (l *lists) beginWhole() (k *look, end func()) {
	l.looking.Add(1)
	l.warm.Store(true)
	return &look{lists: l, since: time.Now().Add(-time.Nanosecond)}, func() { l.looking.Add(-1) }
}

// age is how old a whole list may be; with fresh, one who looks alone reads anew.
func (k *look) age(fresh bool) time.Duration {
	if k.alone && fresh {
		return 0
	}
	return max(time.Since(k.since), 0)
}

// wrote notes a write, before and after which lists differ.
func (l *lists) wrote(keys ...string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	for old, at := range l.writes {
		if now.Sub(at) > time.Minute {
			delete(l.writes, old)
		}
	}
	for _, key := range keys {
		if key != "" {
			l.writes[key] = now
		}
	}
}

// changed says whether something was written to the key after a time.
func (l *lists) changed(key string, since time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.writes[key].After(since)
}

// after is the earliest time from which a list has all that was written to the keys.
func (l *lists) after(earliest time.Time, keys ...string) time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, key := range keys {
		if at, ok := l.writes[key]; ok && !at.Before(earliest) {
			earliest = at.Add(time.Nanosecond)
		}
	}
	return earliest
}

// byID finds a load balancer; nil when there is none.
func (k *look) byID(ctx context.Context, id string) (*tree.Balancer, error) {
	if !k.alone {
		all, err := k.balancers.Get(ctx, k.age(false))
		if err != nil {
			return nil, err
		}
		return pick(all, func(b *tree.Balancer) bool { return b.ID == id }), nil
	}
	found, err := k.cloud.LoadBalancers(ctx, BalancerQuery{ID: id})
	if errors.Is(err, cloud.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return pick(found, func(b *tree.Balancer) bool { return b.ID == id }), nil
}

// all lists every load balancer of the project, without what hangs on them.
func (k *look) all(ctx context.Context, fresh bool) ([]tree.Balancer, error) {
	return k.balancers.Get(ctx, k.age(fresh))
}

// pick copies the first that matches, so that the caller may change it.
func pick(all []tree.Balancer, match func(*tree.Balancer) bool) *tree.Balancer {
	for i := range all {
		if match(&all[i]) && all[i].Provisioning != tree.Deleted {
			found := all[i]
			return &found
		}
	}
	return nil
}

// parts reads the listeners and pools of a load balancer and joins them: each
// listener with its default pool, and the pools that are no listener's.
func (k *look) parts(ctx context.Context, b *tree.Balancer) error {
	listeners, err := k.listenersOf(ctx, b.ID)
	if err != nil {
		return err
	}
	pools, err := k.poolsOf(ctx, b.ID)
	if err != nil {
		return err
	}
	b.Listeners, b.Pools = joinParts(listeners, pools)
	return nil
}

func (k *look) listenersOf(ctx context.Context, balancerID string) ([]tree.Listener, error) {
	if k.alone {
		return k.cloud.Listeners(ctx, balancerID)
	}
	all, err := k.listeners.Get(ctx, k.age(false))
	return all[balancerID], err
}

func (k *look) poolsOf(ctx context.Context, balancerID string) ([]tree.Pool, error) {
	if k.alone {
		return k.cloud.Pools(ctx, balancerID)
	}
	all, err := k.pools.Get(ctx, k.age(false))
	return all[balancerID], err
}

// joinParts copies what it is given.
func joinParts(listeners []tree.Listener, pools []tree.Pool) ([]tree.Listener, []tree.Pool) {
	byID := make(map[string]*tree.Pool, len(pools))
	for i := range pools {
		pool := pools[i]
		byID[pool.ID] = &pool
	}
	used := map[string]bool{}
	joined := slices.Clone(listeners)
	for i := range joined {
		if joined[i].Pool == nil {
			continue
		}
		id := joined[i].Pool.ID
		joined[i].Pool = nil
		if pool := byID[id]; pool != nil {
			used[id] = true
			joined[i].Pool = pool
		}
	}
	slices.SortFunc(joined, func(a, b tree.Listener) int { return a.Key().Compare(b.Key()) })
	var free []tree.Pool
	for _, pool := range pools {
		if !used[pool.ID] {
			free = append(free, *byID[pool.ID])
		}
	}
	slices.SortFunc(free, func(a, b tree.Pool) int {
		if a.ID < b.ID {
			return -1
		}
		return 1
	})
	return joined, free
}
