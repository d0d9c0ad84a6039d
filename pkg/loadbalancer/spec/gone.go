package spec

import (
	"underlay/pkg/loadbalancer/tree"
)

// Gone is what a Service wants that is deleted, or is no load balancer any more:
// nothing. It never fails, since whatever the annotations say must not keep a
// Service from going. Where keep-floatingip cannot be understood the address is
// kept: one that was given away may be lost for ever.
func Gone(in Input) tree.Desired {
	service := serviceOf(in.Service)
	keep, written := in.Service.Annotations[Prefix+keepFloatingIP]
	return tree.Desired{
		Cluster: in.Cluster, Service: service, BalancerName: in.Cluster.BalancerName(service), Gone: true,
		MaxShared: in.Config.MaxSharedLB, CascadeDelete: in.Config.CascadeDelete,
		KeepFloatingIP: written && keep != "false",
		Serial:         in.Config.ProviderRequiresSerialAPICalls,
	}
}
