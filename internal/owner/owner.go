// Package owner says whose a cloud object is: the names, tags and descriptions
// by which a cluster marks what it made, and by which it knows it again.
//
// A cluster is identified by the UID of its kube-system namespace: it is unique,
// never changes, and survives a new --cluster-name. Names are for people, and
// are those that kubernetes/cloud-provider-openstack gives, so that a cluster
// can move here and back; names alone never prove ownership.
package owner

import (
	"fmt"
	"strings"
)

const (
	// MaxName is the longest name, description and tag that Octavia and Neutron keep.
	MaxName = 255
	// ServicePrefix begins the name of every load balancer made for a Service,
	// and the tag of every Service on one.
	ServicePrefix = "kube_service_"
	// FloatingIPPrefix begins the description of every floating IP made for a
	// Service. One that does not begin so is never deleted.
	FloatingIPPrefix = "Floating IP for Kubernetes external service "
	// KeptPrefix begins the description of a floating IP that a Service was told to
	// keep when it went. It belongs to the project: the next Service of the name
	// uses it again, and nobody deletes it.
	KeptPrefix = "Floating IP kept for Kubernetes external service "

	clusterTagPrefix = "underlay_cluster_"
)

// Cluster is the identity of one Kubernetes cluster.
type Cluster struct {
	// Name is --cluster-name: a part of names, not of identity.
	Name string
	// UID is the UID of the kube-system namespace.
	UID string
}

// Service is a Service as far as names are concerned.
type Service struct{ Namespace, Name, UID string }

// String is namespace/name.
func (s Service) String() string { return s.Namespace + "/" + s.Name }

// Tag marks an object as this cluster's, where the API has tags.
func (c Cluster) Tag() string { return clusterTagPrefix + c.UID }

// TaggedCluster is the UID in an object's tags, or "" when none says.
func TaggedCluster(tags []string) string {
	for _, tag := range tags {
		if uid, ok := strings.CutPrefix(tag, clusterTagPrefix); ok {
			return uid
		}
	}
	return ""
}

// BalancerName names the load balancer of a Service; the same text is the tag
// of that Service on a load balancer that it uses.
func (c Cluster) BalancerName(s Service) string {
	return Cut(fmt.Sprintf("%s%s_%s_%s", ServicePrefix, c.Name, s.Namespace, s.Name))
}

// LegacyBalancerName is the name that Kubernetes gave before names carried the
// cluster: "a" and the Service's UID without dashes, 32 characters in all.
func LegacyBalancerName(s Service) string {
	name := "a" + strings.ReplaceAll(s.UID, "-", "")
	return name[:min(len(name), 32)]
}

// PartName names the part of a load balancer that serves one port: kind is
// "listener", "pool" or "monitor", index the port's place in the Service.
func PartName(kind string, index int, balancer string) string {
	return Cut(fmt.Sprintf("%s_%d_%s", kind, index, balancer))
}

// SecurityGroupName names the managed security group of a Service.
func SecurityGroupName(s Service) string {
	return Cut(fmt.Sprintf("lb-sg-%s-%s-%s", s.UID, s.Namespace, s.Name))
}

// BalancerDescription describes a load balancer to people, and carries the
// identity where the API has no tags.
func (c Cluster) BalancerDescription(s Service) string {
	return c.describe("Kubernetes external service ", s)
}

// FloatingIPDescription describes a floating IP and carries its owner: Neutron
// takes no tags when a floating IP is made, but takes a description.
func (c Cluster) FloatingIPDescription(s Service) string {
	return c.describe(FloatingIPPrefix, s)
}

// MadeFloatingIP says whether a floating IP with this description was made for the
// Service of this cluster, whatever the cluster's name was then.
func (c Cluster) MadeFloatingIP(s Service, description string) bool {
	return c.described(FloatingIPPrefix, s, description)
}

// KeptFloatingIPDescription describes a floating IP that the Service keeps.
func (c Cluster) KeptFloatingIPDescription(s Service) string {
	return c.describe(KeptPrefix, s)
}

// KeptFloatingIP says whether a floating IP with this description was kept for the
// Service of this cluster, whatever the cluster's name was then.
func (c Cluster) KeptFloatingIP(s Service, description string) bool {
	return c.described(KeptPrefix, s, description)
}

func (c Cluster) described(prefix string, s Service, description string) bool {
	rest, ok := strings.CutPrefix(description, prefix+s.String()+" ")
	return ok && c.UID != "" && DescribedCluster(rest) == c.UID
}

// SecurityGroupDescription describes a security group and carries its owner.
func (c Cluster) SecurityGroupDescription(s Service) string {
	return c.describe("Security group for Kubernetes external service ", s)
}

// describe keeps namespace, name and identity whole: only the cluster's name is cut.
func (c Cluster) describe(prefix string, s Service) string {
	head := prefix + s.String() + " from cluster "
	tail := " [" + c.Tag() + "]"
	room := max(MaxName-len(head)-len(tail), 0)
	return head + cut(c.Name, room) + tail
}

// DescribedCluster is the UID in a description made here, or "" when it has none.
func DescribedCluster(description string) string {
	_, rest, ok := strings.Cut(description, "["+clusterTagPrefix)
	if !ok {
		return ""
	}
	uid, _, ok := strings.Cut(rest, "]")
	if !ok {
		return ""
	}
	return uid
}

// Cut shortens a name to what the APIs keep, without splitting a character.
func Cut(name string) string { return cut(name, MaxName) }

func cut(name string, most int) string {
	if len(name) <= most {
		return name
	}
	return strings.ToValidUTF8(name[:most], "")
}
