package leftovers

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// Cluster is one cluster that has something in a project.
type Cluster struct {
	// UID is "" for one that left names alone.
	UID string
	// Names are the --cluster-names in what it made; usually one.
	Names                          []string
	Balancers, FloatingIPs, Groups int
}

// Clusters lists the clusters that have something in the project: those with an
// identity first, each by name.
func Clusters(p Project) []Cluster {
	found := map[Whose]*Cluster{}
	note := func(m mark, count func(*Cluster)) {
		keys := []Whose{m.key()}
		if len(m.uids) > 1 {
			keys = nil
			for _, uid := range m.uids {
				keys = append(keys, Whose{UID: uid})
			}
		}
		for _, key := range keys {
			if key == (Whose{}) {
				continue
			}
			c := found[key]
			if c == nil {
				c = &Cluster{UID: key.UID}
				found[key] = c
			}
			if m.name != "" && len(keys) == 1 {
				c.Names = append(c.Names, m.name)
			}
			count(c)
		}
	}
	for i := range p.Balancers {
		note(markOfBalancer(&p.Balancers[i]), func(c *Cluster) { c.Balancers++ })
	}
	for i := range p.FloatingIPs {
		note(markOfFloatingIP(&p.FloatingIPs[i]), func(c *Cluster) { c.FloatingIPs++ })
	}
	for i := range p.Groups {
		note(markOfGroup(&p.Groups[i]), func(c *Cluster) { c.Groups++ })
	}
	var all []Cluster
	for c := range maps.Values(found) {
		c.Names = unique(c.Names)
		all = append(all, *c)
	}
	slices.SortFunc(all, func(a, b Cluster) int {
		return cmp.Or(cmp.Compare(anonymous(a), anonymous(b)), slices.Compare(a.Names, b.Names), strings.Compare(a.UID, b.UID))
	})
	return all
}

func anonymous(c Cluster) int {
	if c.UID == "" {
		return 1
	}
	return 0
}
