package leftovers

import (
	"slices"
	"strings"

	"underlay/internal/owner"
	"underlay/pkg/loadbalancer/plan"
	"underlay/pkg/loadbalancer/tree"
)

// parts is what is on a load balancer, by whose it is.
type parts struct {
	listeners []tree.Listener
	pools     []tree.Pool
	services  []string // ours, by the names of their load balancers
	others    []string // Services of other clusters
}

func (p parts) hasOurs() bool { return len(p.services) > 0 }

// partsOf tells the Services on a load balancer. A name says only the cluster's
// name: where that is not asked for, the names on a load balancer of the cluster
// itself tell it.
func (f *finder) partsOf(b *tree.Balancer) parts {
	var p parts
	ours := f.names(b)
	note := func(names []string) (all bool) {
		all = len(names) > 0
		for _, name := range names {
			if slices.Contains(ours, clusterOf(name)) || name == b.Name && markOfBalancer(b).of(f.whose) {
				p.services = append(p.services, name)
				continue
			}
			p.others, all = append(p.others, name), false
		}
		return all
	}
	note(holders(b.Tags, ""))
	for _, l := range f.Listeners {
		if l.BalancerID == b.ID && note(holders(l.Tags, l.Name)) {
			p.listeners = append(p.listeners, l)
		}
	}
	for _, pool := range f.Pools {
		if pool.BalancerID == b.ID && note(holders(pool.Tags, pool.Name)) {
			p.pools = append(p.pools, pool)
		}
	}
	p.services, p.others = unique(p.services), unique(p.others)
	return p
}

// names are the cluster names that mean the cluster on this load balancer.
func (f *finder) names(b *tree.Balancer) []string {
	m := markOfBalancer(b)
	var names []string
	if f.whose.Name != "" && (len(m.uids) == 0 || m.of(f.whose)) {
		names = append(names, f.whose.Name)
	}
	if m.of(f.whose) && len(m.uids) <= 1 {
		names = append(names, soleName(m.name, b.Tags)...)
	}
	return names
}

// soleName is the cluster's name or, where the load balancer does not say it,
// the only one in its tags.
func soleName(name string, tags []string) []string {
	if name != "" {
		return []string{name}
	}
	var names []string
	for _, tag := range holders(tags, "") {
		names = append(names, clusterOf(tag))
	}
	if names = unique(names); len(names) != 1 || names[0] == "" {
		return nil
	}
	return names
}

// leave takes the cluster's listeners, pools and tags off a load balancer that
// others use as well.
func (f *finder) leave(b *tree.Balancer, p parts) {
	why := "others use it"
	if len(p.others) > 0 {
		why = "it serves " + strings.Join(p.others, ", ")
	}
	job := Job{BalancerID: b.ID, Tags: b.Tags}
	for _, l := range p.listeners {
		job.Steps = append(job.Steps, plan.DeleteListener{ID: l.ID, Key: l.Key(), Why: "on the shared load balancer " + label(b)})
	}
	for _, pool := range p.pools {
		job.Steps = append(job.Steps, plan.DeletePool{ID: pool.ID, Name: pool.Name, Why: "on the shared load balancer " + label(b)})
	}
	tags := slices.DeleteFunc(slices.Clone(b.Tags), func(tag string) bool {
		return slices.Contains(p.services, tag) || f.whose.UID != "" && tag == (owner.Cluster{UID: f.whose.UID}).Tag()
	})
	if len(tags) < len(b.Tags) {
		job.Steps = append(job.Steps, plan.UpdateLoadBalancer{ID: b.ID, Label: label(b), Tags: tags, Why: "the cluster leaves it"})
	}
	f.keep("load balancer "+label(b), why)
	if len(job.Steps) > 0 {
		f.found.Balancers = append(f.found.Balancers, job)
	}
}

func unique(names []string) []string {
	slices.Sort(names)
	return slices.Compact(names)
}
