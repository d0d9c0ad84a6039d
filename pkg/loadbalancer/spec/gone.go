package spec

import (
	"strings"

	"underlay/pkg/loadbalancer/tree"
)

// Gone is what a Service wants that is deleted, or is no load balancer any more:
// nothing, but that a port which the user made stays. It never fails, since whatever the annotations say must not keep a
// Service from going. Where keep-floatingip cannot be understood the address is
// kept: one that was given away may be lost for ever.
func Gone(in Input) tree.Desired {
	service := serviceOf(in.Service)
	keep := strings.TrimSpace(in.Service.Annotations[Prefix+keepFloatingIP])
	port, _ := parseUUID(strings.TrimSpace(in.Service.Annotations[Prefix+portID]))
	return tree.Desired{
		Balancer: tree.Balancer{VIP: tree.VIP{PortID: port}},
		Cluster:  in.Cluster, Service: service, BalancerName: in.Cluster.BalancerName(service), Gone: true,
		MaxShared: in.Config.MaxSharedLB, CascadeDelete: in.Config.CascadeDelete,
		KeepFloatingIP: keep != "" && keep != "false",
		Serial:         in.Config.ProviderRequiresSerialAPICalls,
	}
}
