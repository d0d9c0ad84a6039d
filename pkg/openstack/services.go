package openstack

import "underlay/pkg/openstack/session"

// The services in use (https://service-types.openstack.org).
var (
	network = session.Service{Kind: "network", Aliases: []string{"networking"}, Version: "v2.0", Refine: neutronClass}
	compute = session.Service{Kind: "compute", Version: "v2.1", Scoped: true, Minor: newestNova, Oldest: 1}
	// Octavia serves the same under v2; v2.0 is the older name.
	balancing = session.Service{
		Kind: "load-balancer", Version: "v2.0", Refine: octaviaClass,
		Advice: "ask the cloud's operator for Octavia, or set enabled=false in [LoadBalancer]",
	}
)

// newestNova is the newest minor version of the compute API that matters here
// (https://docs.openstack.org/nova/latest/reference/api-microversion-history.html):
//
//	2.47  the server carries its flavor's name
//	2.69  servers of an unreachable cell stay in the list, with status UNKNOWN and little else
//	2.90  the host name is shown to everyone
//
// Nothing that we read changed after 2.90. A cloud that ends earlier is spoken to
// in its latest version: we miss what that version lacks, and nothing else.
const newestNova = 90
