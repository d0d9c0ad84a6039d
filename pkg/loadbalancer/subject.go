package loadbalancer

import (
	"net/netip"
	"slices"

	v1 "k8s.io/api/core/v1"

	"underlay/internal/owner"
	"underlay/pkg/loadbalancer/spec"
)

// The annotations that the controller writes, and by which a user names a load
// balancer to share.
const (
	annotationID      = "loadbalancer.openstack.org/load-balancer-id"
	annotationAddress = "loadbalancer.openstack.org/load-balancer-address"
)

// subject is the Service that a piece of work is about.
type subject struct {
	service *v1.Service
	nodes   []*v1.Node
	owner   owner.Service
	cluster owner.Cluster
	// name is the generated name of its load balancer, legacy the older one.
	name, legacy string
	// hadGroups: it has security groups, whether they are managed or not any more.
	hadGroups bool
	// known is the id of its load balancer as this process last saw it, or "".
	known string
}

func newSubject(cluster owner.Cluster, service *v1.Service, nodes []*v1.Node) *subject {
	who := owner.Service{Namespace: service.Namespace, Name: service.Name, UID: string(service.UID)}
	return &subject{
		service: service, nodes: nodes, owner: who, cluster: cluster,
		name: cluster.BalancerName(who), legacy: owner.LegacyBalancerName(who),
	}
}

// key is the lock and the memory of the Service.
func (s *subject) key() string { return "service " + s.owner.String() }

// named is the id of the load balancer that the annotation names, as the APIs
// write ids, or "".
func (s *subject) named() string { return spec.BalancerID(s.service) }

// served says whether the Service ever had an address that we gave it.
func (s *subject) served() bool {
	return len(s.service.Status.LoadBalancer.Ingress) > 0 || s.service.Annotations[annotationAddress] != ""
}

// foreignAnnotations are all annotations but those that the controller writes.
func foreignAnnotations(service *v1.Service) map[string]string {
	all := make(map[string]string, len(service.Annotations))
	for key, value := range service.Annotations {
		if key != annotationID && key != annotationAddress {
			all[key] = value
		}
	}
	return all
}

// nodeAddresses are the addresses of nodes, canonical: all, or those of some kinds.
func nodeAddresses(nodes []*v1.Node, kinds ...v1.NodeAddressType) map[string]bool {
	addresses := map[string]bool{}
	for _, node := range nodes {
		for _, a := range node.Status.Addresses {
			if len(kinds) > 0 && !slices.Contains(kinds, a.Type) {
				continue
			}
			if ip, err := netip.ParseAddr(a.Address); err == nil {
				addresses[ip.Unmap().String()] = true
			}
		}
	}
	return addresses
}
