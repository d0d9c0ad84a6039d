package plan

import (
	"regexp"
	"slices"
	"strings"

	"underlay/internal/owner"
	"underlay/pkg/loadbalancer/tree"
)

// A part's name as this project and kubernetes/cloud-provider-openstack give it:
// kind, place, and the name of the Service's load balancer; that name; and the one
// that older releases of the latter gave pools.
var (
	partName = regexp.MustCompile(`^(?:listener|pool|monitor)_\d+_(.+)$`)
	// Neither a namespace nor a Service has an underscore in its name.
	generatedName = regexp.MustCompile(`^` + owner.ServicePrefix + `(.+)_[^_]+_[^_]+$`)
	oldPoolName   = regexp.MustCompile(`^(?:TCP|UDP|SCTP|HTTP|HTTPS|TERMINATED_HTTPS)_\d+_pool$`)
)

// holders are the Services that a part belongs to, by its tags or, where no tag
// says, by its name; none when neither says.
func (v *view) holders(tags []string, name string) []string {
	var held []string
	for _, tag := range tags {
		if strings.HasPrefix(tag, owner.ServicePrefix) || slices.Contains(v.names, tag) {
			held = append(held, tag)
		}
	}
	if len(held) > 0 || len(name) >= owner.MaxName {
		return held // a name that was cut no longer says whose
	}
	if match := partName.FindStringSubmatch(name); match != nil {
		return []string{match[1]}
	}
	return nil
}

// marked says that tags or name show the part to be this Service's.
func (v *view) marked(tags []string, name string) bool {
	return slices.ContainsFunc(v.holders(tags, name), v.isName)
}

func (v *view) isName(name string) bool { return slices.Contains(v.names, name) }

// mine says that the listener is this Service's: marked or, with its marks taken
// off by hand, alone in front of a marked pool on the Service's own load balancer.
func (v *view) mine(l *tree.Listener) bool {
	if v.marked(l.Tags, l.Name) {
		return true
	}
	return v.actual.Owned && len(v.holders(l.Tags, l.Name)) == 0 &&
		l.Pool != nil && v.marked(l.Pool.Tags, l.Pool.Name) && v.listenersOf(l.Pool) == 1
}

func (v *view) listenersOf(p *tree.Pool) int {
	n := 0
	for i := range v.balancer.Listeners {
		l := &v.balancer.Listeners[i]
		if l.Pool != nil && l.Pool.ID == p.ID || slices.Contains(p.ListenerIDs, l.ID) {
			n++
		}
	}
	return n
}

// usable says that the listener may serve this Service at its key: it is its
// own, or nobody's on its own load balancer.
func (v *view) usable(l *tree.Listener) bool {
	return v.mine(l) || v.actual.Owned && len(v.holders(l.Tags, l.Name)) == 0
}

// minePool says that the pool is this Service's: marked, or unmarked with a name
// of old behind a listener of the Service.
func (v *view) minePool(p *tree.Pool) bool {
	if held := v.holders(p.Tags, p.Name); len(held) > 0 {
		return slices.ContainsFunc(held, v.isName)
	}
	return oldPoolName.MatchString(p.Name) && slices.ContainsFunc(v.balancer.Listeners, func(l tree.Listener) bool {
		return v.mine(&l) && l.Pool != nil && l.Pool.ID == p.ID
	})
}

// usedByOthers says that a listener which stays as it is, not being this
// Service's, uses the pool.
func (v *view) usedByOthers(p *tree.Pool) bool {
	for i := range v.balancer.Listeners {
		l := &v.balancer.Listeners[i]
		uses := l.Pool != nil && l.Pool.ID == p.ID || slices.Contains(p.ListenerIDs, l.ID)
		if uses && !v.mine(l) && (!v.wanted(l) || !v.usable(l)) {
			return true
		}
	}
	return false
}

// wanted says that the Service wants a listener where this one is.
func (v *view) wanted(l *tree.Listener) bool {
	return slices.ContainsFunc(v.desired.Balancer.Listeners, func(want tree.Listener) bool { return want.Key() == l.Key() })
}

// findOthers lists the other Services on the load balancer, by its own tags and
// by those of its parts: one whose tag was lost is still there.
func (v *view) findOthers() {
	add := func(names []string) {
		for _, name := range names {
			if strings.HasPrefix(name, owner.ServicePrefix) && !v.isName(name) {
				v.others = append(v.others, name)
			}
		}
	}
	add(v.balancer.Tags)
	for i := range v.balancer.Listeners {
		add(v.holders(v.balancer.Listeners[i].Tags, v.balancer.Listeners[i].Name))
	}
	for _, p := range v.pools {
		add(v.holders(p.Tags, p.Name))
	}
	slices.Sort(v.others)
	v.others = slices.Compact(v.others)
}

// claimPools decides which existing pool goes on serving which listener: the
// one that serves it now, else an idle one that an unfinished change left.
// Protocols never change in place, so only a pool of the right one will do.
func (v *view) claimPools() {
	for i := range v.desired.Balancer.Listeners {
		want := &v.desired.Balancer.Listeners[i]
		if at := v.balancer.Listener(want.Key()); at != nil && v.usable(at) {
			v.claim(want, at.Pool)
		}
	}
	for i := range v.desired.Balancer.Listeners {
		want := &v.desired.Balancer.Listeners[i]
		if at := v.balancer.Listener(want.Key()); at != nil && !v.usable(at) {
			continue
		}
		for _, p := range v.idlePools() {
			if want.Pool != nil && p.Name == want.Pool.Name {
				v.claim(want, p)
			}
		}
	}
}

func (v *view) claim(want *tree.Listener, p *tree.Pool) {
	if want.Pool == nil || p == nil || v.claims[want.Key()] != nil || v.claimed[p.ID] {
		return
	}
	if p.Protocol == want.Pool.Protocol && v.minePool(p) {
		v.claims[want.Key()], v.claimed[p.ID] = p, true
	}
}

// idlePools are those that are no listener's default pool, the fullest first.
func (v *view) idlePools() []*tree.Pool {
	var idle []*tree.Pool
	for _, p := range v.pools {
		if !slices.ContainsFunc(v.balancer.Listeners, func(l tree.Listener) bool { return l.Pool != nil && l.Pool.ID == p.ID }) {
			idle = append(idle, p)
		}
	}
	slices.SortStableFunc(idle, func(x, y *tree.Pool) int { return len(y.MemberIDs) - len(x.MemberIDs) })
	return idle
}

// formerCluster is the --cluster-name under which this cluster made the load
// balancer, "" where it cannot be told: parts that Services were given at that time
// carry it, those of Services that only share the load balancer too.
func (v *view) formerCluster(b *tree.Balancer) string {
	if !v.made(b) || len(b.Name) >= owner.MaxName {
		return ""
	}
	if match := generatedName.FindStringSubmatch(b.Name); match != nil {
		return match[1]
	}
	return ""
}

// made says that this cluster made the load balancer, by its tag or, where the
// API has no tags, by its description.
func (v *view) made(b *tree.Balancer) bool {
	uid := owner.TaggedCluster(b.Tags)
	if b.Tags == nil {
		uid = owner.DescribedCluster(b.Description)
	}
	return uid != "" && uid == v.desired.Cluster.UID
}
