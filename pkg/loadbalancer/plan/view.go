package plan

import (
	"cmp"
	"slices"
	"strings"

	"underlay/internal/owner"
	"underlay/pkg/loadbalancer/tree"
)

// view is one Service and its load balancer seen together: sorted, and with an
// answer to whose each part is.
type view struct {
	desired tree.Desired
	actual  tree.Actual
	// balancer is nil where there is none to work with; going is one that is on
	// its way out, with its VIP port perhaps still there.
	balancer, going *tree.Balancer
	// names are those under which parts of the load balancer are this Service's.
	names []string
	// others are the other Services on the load balancer, by name, sorted.
	others []string
	// pools are all of the load balancer, listeners' and idle ones, sorted by ID.
	pools []*tree.Pool
	// claims are the existing pools that go on serving a key; claimed are their ids.
	claims  map[tree.Key]*tree.Pool
	claimed map[string]bool
}

func look(desired tree.Desired, actual tree.Actual) *view {
	v := &view{desired: desired, actual: actual, claims: map[tree.Key]*tree.Pool{}, claimed: map[string]bool{}}
	v.sort()
	v.names = []string{desired.BalancerName, owner.LegacyBalancerName(desired.Service)}
	b := actual.Balancer
	if b == nil {
		return v
	}
	if b.Provisioning == tree.PendingDelete || b.Provisioning == tree.Deleted {
		v.going = b
		return v
	}
	v.balancer = sortedBalancer(b)
	if actual.Owned && v.formerName(b.Name) {
		v.names = append(v.names, b.Name)
	}
	if former := v.formerCluster(b); former != "" {
		v.names = append(v.names, owner.Cluster{Name: former}.BalancerName(desired.Service))
	}
	v.collectPools()
	v.findOthers()
	v.claimPools()
	return v
}

// formerName says whether the name is one that this Service's load balancer had
// under another --cluster-name. Neither namespaces nor names hold "_".
func (v *view) formerName(name string) bool {
	s := v.desired.Service
	return strings.HasPrefix(name, owner.ServicePrefix) && strings.HasSuffix(name, "_"+s.Namespace+"_"+s.Name)
}

// sort brings the lists in order, in copies: the input stays as it is.
func (v *view) sort() {
	d, a := &v.desired, &v.actual
	d.Balancer.Listeners = slices.Clone(d.Balancer.Listeners)
	for i := range d.Balancer.Listeners {
		l := &d.Balancer.Listeners[i]
		if l.Pool != nil {
			pool := *l.Pool
			pool.Members = v.sendable(pool.Members)
			l.Pool = &pool
		}
	}
	slices.SortFunc(d.Balancer.Listeners, compareListeners)
	a.FloatingIPs = slices.SortedFunc(slices.Values(a.FloatingIPs), func(x, y tree.FloatingIP) int { return cmp.Compare(x.ID, y.ID) })
	a.SecurityGroups = slices.SortedFunc(slices.Values(a.SecurityGroups), func(x, y tree.SecurityGroup) int { return cmp.Compare(x.ID, y.ID) })
	a.Ports = slices.SortedFunc(slices.Values(a.Ports), func(x, y tree.Port) int { return cmp.Compare(x.ID, y.ID) })
	a.Former = slices.SortedFunc(slices.Values(a.Former), func(x, y tree.Balancer) int { return cmp.Compare(x.ID, y.ID) })
}

// sendable sorts members and drops what the provider cannot do.
func (v *view) sendable(members []tree.Member) []tree.Member {
	members = slices.Clone(members)
	slices.SortFunc(members, compareMembers)
	if !v.desired.Capabilities.MonitorPort() {
		for i := range members {
			members[i].MonitorPort = nil
		}
	}
	return members
}

func sortedBalancer(b *tree.Balancer) *tree.Balancer {
	sorted := *b
	sorted.Listeners = slices.Clone(b.Listeners)
	slices.SortFunc(sorted.Listeners, compareListeners)
	return &sorted
}

func compareListeners(x, y tree.Listener) int {
	return cmp.Or(x.Key().Compare(y.Key()), cmp.Compare(x.ID, y.ID))
}

func compareMembers(x, y tree.Member) int { return x.Compare(y.Target) }

// collectPools gathers every pool once.
func (v *view) collectPools() {
	add := func(p *tree.Pool) {
		if p != nil && !slices.ContainsFunc(v.pools, func(q *tree.Pool) bool { return q.ID == p.ID }) {
			v.pools = append(v.pools, p)
		}
	}
	for i := range v.balancer.Listeners {
		add(v.balancer.Listeners[i].Pool)
	}
	for i := range v.balancer.Pools {
		add(&v.balancer.Pools[i])
	}
	slices.SortFunc(v.pools, func(x, y *tree.Pool) int { return cmp.Compare(x.ID, y.ID) })
}

// fresh says that the load balancer is still to be made, now or again.
func (v *view) fresh() bool { return v.balancer == nil || v.rebuild() }

// rebuild says that the load balancer is to be deleted and made again: it is in
// ERROR, this Service's own, and serves no other Service.
func (v *view) rebuild() bool {
	return v.balancer != nil && v.balancer.Provisioning == tree.Failed && v.desired.Rebuild && !v.desired.Gone &&
		v.actual.Owned && len(v.others) == 0
}

// vipPort is the port that floating IPs go on: of a load balancer that is still
// to be made, the one that the user made for it, or "".
func (v *view) vipPort() string {
	if v.fresh() {
		return v.desired.Balancer.VIP.PortID
	}
	return v.balancer.VIP.PortID
}

// label names the load balancer for people.
func (v *view) label() string { return label(v.balancer) }

func label(b *tree.Balancer) string { return cmp.Or(b.Name, b.ID) }
