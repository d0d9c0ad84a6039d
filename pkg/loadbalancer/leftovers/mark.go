package leftovers

import (
	"regexp"
	"slices"
	"strings"

	"underlay/internal/owner"
	"underlay/pkg/loadbalancer/tree"
)

// Whose says whose leftovers are meant. Either field may be empty, not both.
type Whose struct {
	// UID is the identity: the UID of the kube-system namespace.
	UID string
	// Name also takes what has no identity, but is named as a cluster with this
	// --cluster-name names it.
	Name string
}

// mark is what an object says of its owner: identities, and the cluster's name.
type mark struct {
	uids []string
	name string
}

// of says that the object is that cluster's.
func (m mark) of(w Whose) bool {
	if len(m.uids) > 0 {
		return w.UID != "" && slices.Contains(m.uids, w.UID)
	}
	return w.Name != "" && m.name == w.Name
}

// key names the cluster in lists: the identity where there is one.
func (m mark) key() Whose {
	if len(m.uids) == 1 {
		return Whose{UID: m.uids[0]}
	}
	return Whose{Name: m.name}
}

// The names that kubernetes/cloud-provider-openstack gives, and this project too:
// neither a namespace nor a Service has an underscore in its name, so that what
// stands before the last two parts is the cluster.
// Source: pkg/openstack/loadbalancer.go and loadbalancer_service.go there.
var (
	serviceName = regexp.MustCompile(`^` + owner.ServicePrefix + `(.+)_[^_]+_[^_]+$`)
	partName    = regexp.MustCompile(`^(?:listener|pool|monitor)_\d+_(` + owner.ServicePrefix + `.+)$`)
	legacyName  = regexp.MustCompile(`^a[0-9a-f]{31}$`)
	described   = regexp.MustCompile(`^(?:Kubernetes|Floating IP for Kubernetes|Security group for Kubernetes) external service [^ /]+/[^ /]+ from cluster (.+?)(?: \[[^\]]*\])?$`)
	peersGroup  = regexp.MustCompile(`^Security Group for [^ /]+/[^ /]+ Service LoadBalancer in cluster (.+)$`)
)

// clusterOf is the cluster's name in that of a load balancer, "" when it cannot be told.
func clusterOf(balancer string) string {
	if len(balancer) >= owner.MaxName {
		return "" // cut: the last parts may not be what they seem
	}
	if match := serviceName.FindStringSubmatch(balancer); match != nil {
		return match[1]
	}
	return ""
}

// clusterIn is the cluster's name in a description.
func clusterIn(description string) string {
	for _, form := range []*regexp.Regexp{described, peersGroup} {
		if match := form.FindStringSubmatch(description); match != nil {
			return match[1]
		}
	}
	return ""
}

// identities are the clusters in tags, else in the description.
func identities(tags []string, description string) []string {
	var uids []string
	for _, tag := range tags {
		if uid := owner.TaggedCluster([]string{tag}); uid != "" {
			uids = append(uids, uid)
		}
	}
	if uid := owner.DescribedCluster(description); uid != "" && len(uids) == 0 {
		uids = append(uids, uid)
	}
	slices.Sort(uids)
	return slices.Compact(uids)
}

func markOfBalancer(b *tree.Balancer) mark {
	name := clusterOf(b.Name)
	if name == "" {
		name = clusterIn(b.Description)
	}
	return mark{uids: identities(b.Tags, b.Description), name: name}
}

func markOfFloatingIP(f *tree.FloatingIP) mark {
	if !strings.HasPrefix(f.Description, owner.FloatingIPPrefix) {
		return mark{}
	}
	return mark{uids: identities(nil, f.Description), name: clusterIn(f.Description)}
}

// keptBy is the mark of a floating IP that a Service left to the project.
func keptBy(f *tree.FloatingIP) mark {
	if !strings.HasPrefix(f.Description, owner.KeptPrefix) {
		return mark{}
	}
	return mark{uids: identities(nil, f.Description)}
}

func markOfGroup(g *tree.SecurityGroup) mark {
	if !strings.HasPrefix(g.Name, "lb-sg-") {
		return mark{}
	}
	return mark{uids: identities(nil, g.Description), name: clusterIn(g.Description)}
}

// holders are the names of the Services that a listener or pool serves, by its
// tags or, where none says, by its name.
func holders(tags []string, name string) []string {
	var held []string
	for _, tag := range tags {
		if strings.HasPrefix(tag, owner.ServicePrefix) {
			held = append(held, tag)
		}
	}
	if len(held) == 0 && len(name) < owner.MaxName {
		if match := partName.FindStringSubmatch(name); match != nil {
			held = append(held, match[1])
		}
	}
	return held
}
