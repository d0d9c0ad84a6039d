package loadbalancer

import (
	"context"
	"slices"
	"sync"
	"time"

	"underlay/pkg/loadbalancer/tree"
)

// poolBook remembers the members and the monitor of each pool, so that looking
// at a load balancer with nothing to do costs no call a pool. What it knows
// holds as long as the pool's list entry says the same: updated_at moves with
// every change of the pool, of a member or of the monitor.
type poolBook struct {
	cloud    Balancers
	monitors func(ctx context.Context) (map[string]tree.Monitor, error)

	mu   sync.Mutex
	byID map[string]*poolNote
}

// poolNote is what is known of one pool.
type poolNote struct {
	updatedAt string
	memberIDs []string
	monitorID string
	// fresh: this process wrote it, and the next list entry of the quiet pool
	// tells the three values above.
	fresh bool

	members []tree.Member
	monitor *tree.Monitor
	// known says of both whether they are known at all.
	membersKnown, monitorKnown bool
	// readAt is when all of it was last read whole; zero: only the status tree was.
	readAt time.Time
}

func newPoolBook(cloud Balancers, monitors func(context.Context) (map[string]tree.Monitor, error)) *poolBook {
	return &poolBook{cloud: cloud, monitors: monitors, byID: map[string]*poolNote{}}
}

// fill sets members and monitors of a load balancer's pools, with calls only for
// those that are new or have changed.
func (b *poolBook) fill(ctx context.Context, balancer *tree.Balancer) error {
	pools := poolsOf(balancer)
	var strange []*tree.Pool
	for _, pool := range pools {
		note := b.note(pool)
		if note == nil {
			strange = append(strange, pool)
		}
	}
	if err := b.meet(ctx, balancer.ID, strange); err != nil {
		return err
	}
	for _, pool := range pools {
		if err := b.fillPool(ctx, pool); err != nil {
			return err
		}
	}
	return nil
}

func poolsOf(balancer *tree.Balancer) []*tree.Pool {
	var pools []*tree.Pool
	for i := range balancer.Listeners {
		if balancer.Listeners[i].Pool != nil {
			pools = append(pools, balancer.Listeners[i].Pool)
		}
	}
	for i := range balancer.Pools {
		pools = append(pools, &balancer.Pools[i])
	}
	return pools
}

// note finds what is known of a pool, after comparing it with the list entry:
// what does not hold any more is forgotten, but not that the pool is known.
func (b *poolBook) note(pool *tree.Pool) *poolNote {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := b.byID[pool.ID]
	if n == nil {
		return nil
	}
	same := n.updatedAt == pool.UpdatedAt && n.monitorID == pool.MonitorID && slices.Equal(n.memberIDs, pool.MemberIDs)
	switch {
	case same:
	case n.fresh && pool.Provisioning != tree.Active:
		return n // our own write is still under way
	case n.fresh && n.fits(pool):
		n.bind(pool)
	default:
		*n = poolNote{readAt: n.readAt}
		n.bind(pool)
	}
	return n
}

// fits says whether what was written can be what the list entry shows.
func (n *poolNote) fits(pool *tree.Pool) bool {
	return (!n.membersKnown || len(n.members) == len(pool.MemberIDs)) &&
		(!n.monitorKnown || (n.monitor != nil) == (pool.MonitorID != ""))
}

func (n *poolNote) bind(pool *tree.Pool) {
	n.updatedAt, n.monitorID, n.memberIDs = pool.UpdatedAt, pool.MonitorID, slices.Clone(pool.MemberIDs)
	n.fresh = false
	if n.monitor != nil {
		monitor := *n.monitor
		monitor.ID = pool.MonitorID
		n.monitor = &monitor
	}
}

// meet learns the members of pools never seen before: of several by one read of
// the status tree, whose members have no weights; the repair pass reads those later.
func (b *poolBook) meet(ctx context.Context, balancerID string, strange []*tree.Pool) error {
	var members map[string][]tree.Member
	if len(strange) > 1 {
		var err error
		if members, err = b.cloud.StatusMembers(ctx, balancerID); err != nil {
			return err
		}
	}
	for _, pool := range strange {
		n := &poolNote{}
		n.bind(pool)
		if of, ok := members[pool.ID]; ok && len(of) == len(pool.MemberIDs) {
			n.members, n.membersKnown = sortMembers(of), true
		}
		b.mu.Lock()
		b.byID[pool.ID] = n
		b.mu.Unlock()
		if pool.MonitorID == "" {
			continue
		}
		all, err := b.monitors(ctx)
		if err != nil {
			return err
		}
		if monitor, ok := all[pool.MonitorID]; ok {
			b.change(pool.ID, func(n *poolNote) { n.monitor, n.monitorKnown = &monitor, true })
		}
	}
	return nil
}

func (b *poolBook) change(id string, edit func(n *poolNote)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if n := b.byID[id]; n != nil {
		edit(n)
	}
}

// get copies a note.
func (b *poolBook) get(id string) poolNote {
	b.mu.Lock()
	defer b.mu.Unlock()
	if n := b.byID[id]; n != nil {
		return *n
	}
	return poolNote{}
}

// fillPool sets members and monitor of one pool, reading what is not known.
func (b *poolBook) fillPool(ctx context.Context, pool *tree.Pool) error {
	n := b.get(pool.ID)
	if !n.membersKnown {
		members, err := b.readMembers(ctx, pool)
		if err != nil {
			return err
		}
		n.members = members
	}
	if !n.monitorKnown && pool.MonitorID != "" {
		monitor, err := b.cloud.Monitor(ctx, pool.MonitorID)
		if err != nil {
			return err
		}
		n.monitor = &monitor
		b.change(pool.ID, func(n *poolNote) { n.monitor, n.monitorKnown = &monitor, true })
	}
	pool.Members = slices.Clone(n.members)
	if pool.Members == nil {
		pool.Members = []tree.Member{}
	}
	if pool.MonitorID != "" && n.monitor != nil {
		monitor := *n.monitor
		pool.Monitor = &monitor
	}
	return nil
}

// readMembers reads the members of a pool whole; without any, that needs no call.
func (b *poolBook) readMembers(ctx context.Context, pool *tree.Pool) ([]tree.Member, error) {
	members := []tree.Member{}
	if len(pool.MemberIDs) > 0 {
		read, err := b.cloud.Members(ctx, pool.ID)
		if err != nil {
			return nil, err
		}
		members = sortMembers(read)
	}
	b.change(pool.ID, func(n *poolNote) {
		n.members, n.membersKnown, n.readAt = members, true, time.Now()
	})
	return members, nil
}

// deepen reads the members of the pools that were longest not read whole, most at most.
func (b *poolBook) deepen(ctx context.Context, pools []*tree.Pool, most int) error {
	type item struct {
		pool *tree.Pool
		at   time.Time
	}
	var due []item
	for _, pool := range pools {
		if n := b.get(pool.ID); len(pool.MemberIDs) > 0 && !n.fresh && time.Since(n.readAt) > time.Hour {
			due = append(due, item{pool, n.readAt})
		}
	}
	slices.SortStableFunc(due, func(a, b item) int { return a.at.Compare(b.at) })
	for _, d := range due[:min(most, len(due))] {
		if _, err := b.readMembers(ctx, d.pool); err != nil {
			return err
		}
	}
	return nil
}

// wroteMembers notes what this process has just written.
func (b *poolBook) wroteMembers(id string, members []tree.Member) {
	b.wrote(id, func(n *poolNote) { n.members, n.membersKnown = sortMembers(members), true })
}

// wroteMonitor notes a monitor that this process made, changed or (nil) deleted.
func (b *poolBook) wroteMonitor(id string, monitor *tree.Monitor) {
	b.wrote(id, func(n *poolNote) { n.monitor, n.monitorKnown = monitor, true })
}

// wroteOther notes that the pool changed by our hand in something that is in its list entry.
func (b *poolBook) wroteOther(id string) { b.wrote(id, func(*poolNote) {}) }

func (b *poolBook) wrote(id string, edit func(n *poolNote)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := b.byID[id]
	if n == nil {
		n = &poolNote{}
		b.byID[id] = n
	}
	edit(n)
	n.fresh = true
}

// forget drops what is known of pools: a write's outcome is unknown, or they are gone.
func (b *poolBook) forget(ids ...string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, id := range ids {
		delete(b.byID, id)
	}
}

// keep forgets all pools but those.
func (b *poolBook) keep(ids map[string]bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for id, n := range b.byID {
		if !ids[id] && !n.fresh {
			delete(b.byID, id)
		}
	}
}

func sortMembers(members []tree.Member) []tree.Member {
	return slices.SortedFunc(slices.Values(members), func(a, b tree.Member) int { return a.Compare(b.Target) })
}
