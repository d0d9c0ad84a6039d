package spec

// The annotations on addresses and networks, and on the load balancer as a whole.

// The names of annotations that are read in more than one place, or that
// messages refer to.
const (
	subnetID        = "subnet-id"
	networkID       = "network-id"
	memberSubnetID  = "member-subnet-id"
	portID          = "port-id"
	additionalID    = "additional-subnet-id"
	balancerIP      = "load-balancer-ip"
	internalLB      = "service.beta.kubernetes.io/openstack-internal-load-balancer"
	sourceRanges    = "service.beta.kubernetes.io/load-balancer-source-ranges"
	floatNetworkID  = "floating-network-id"
	floatSubnetID   = "floating-subnet-id"
	floatSubnet     = "floating-subnet"
	floatSubnetTags = "floating-subnet-tags"
	keepFloatingIP  = "keep-floatingip"
	portDescription = "port-description"
	hostname        = "hostname"
	ipMode          = "ip-mode"
	class           = "class"
	provider        = "lb-provider"
	flavorID        = "flavor-id"
	zone            = "availability-zone"
	tags            = "tags"
	vipGroups       = "vip-security-group-ids"
	balancerID      = "load-balancer-id"
	promPort        = "prometheus-port"
	promRanges      = "prometheus-source-ranges"
)

var addressAnnotations = []Annotation{
	{Name: internalLB, Whole: true, Kind: Bool, Default: "`internal-lb`", Peer: true,
		Meaning: "Give the Service no floating IP. Where `internal-lb` is true, no Service can have one."},
	{Name: balancerIP, Kind: Addresses,
		Meaning: "The addresses that the Service wants, at most one for each IP family. The IPv4 address of an external Service is a floating IP, every other one the virtual address itself. " +
			"Wins over `spec.loadBalancerIP`, which Kubernetes has deprecated and which means the same for one address."},
	{Name: subnetID, Kind: UUID, Default: "class, `subnet-id`, else the subnet of a node", Peer: true,
		Meaning: "Subnet of the virtual address. For an external Service with a class, the subnet of the class wins. Counts when the load balancer is made."},
	{Name: networkID, Kind: UUID, Default: "class, `network-id`", Peer: true,
		Meaning: "Network of the virtual address, where any of its subnets will do. For an external Service with a class, the network of the class wins. Counts when the load balancer is made."},
	{Name: additionalID, Kind: UUID, Default: "a subnet of the other IP family in the same network", Needs: "Octavia 2.26",
		Meaning: "Subnet of the second virtual address of a dual-stack Service, in the network of the first. Counts when the load balancer is made."},
	{Name: portID, Kind: UUID, Peer: true,
		Meaning: "A Neutron port that becomes the virtual address; subnet and network are then not used. Counts when the load balancer is made."},
	{Name: memberSubnetID, Kind: UUID, Default: "class, `member-subnet-id`, `subnet-id`, else that of the virtual address", Peer: true,
		Meaning: "Subnet in which the load balancer reaches the nodes."},
	{Name: floatNetworkID, Kind: UUID, Default: "class, `floating-network-id`, else the first external network with an IPv4 subnet", Peer: true,
		Meaning: "External network that the floating IP comes from. That of a class wins."},
	{Name: floatSubnetID, Kind: UUID, Default: "class, `floating-subnet-id`", Peer: true,
		Meaning: "Subnet that the floating IP comes from. Wins over the two below; what a class says about subnets wins over all three."},
	{Name: floatSubnet, Kind: Pattern, Default: "class, `floating-subnet`", Peer: true,
		Meaning: "Names of the subnets that the floating IP may come from, tried in turn until one gives an address: a glob, or a regular expression after `~`; `!` in front negates."},
	{Name: floatSubnetTags, Kind: List, Default: "class, `floating-subnet-tags`", Peer: true,
		Meaning: "Tags of the subnets that the floating IP may come from: any of them, all of them after `&`; `!` in front negates."},
	{Name: keepFloatingIP, Kind: Bool, Default: "`false`", Peer: true,
		Meaning: "Leave the floating IP in the project, detached, when the Service goes or becomes internal. The next Service of its name uses it again; nothing deletes it any more."},
	{Name: portDescription, Kind: Text,
		Meaning: "Description of the port of the virtual address, the one that carries the floating IP."},
	{Name: hostname, Kind: Hostname, Peer: true,
		Meaning: "Host name that the Service's status shows instead of the addresses."},
	{Name: ipMode, Kind: Enum, Values: []string{"vip", "proxy"}, Default: "`proxy` with the PROXY protocol, else `vip`",
		Meaning: "How clients within the cluster reach the address. With `vip` kube-proxy sends them to the pods directly, past the load balancer; `proxy` is for Services that " +
			"need what the load balancer does, such as ending TLS."},
}

var sharingAnnotations = []Annotation{
	{Name: class, Kind: Text, Peer: true,
		Meaning: "A `[LoadBalancerClass \"name\"]` of cloud.conf."},
	{Name: balancerID, Kind: UUID, Peer: true,
		Meaning: "The load balancer that serves the Service. The controller writes it. Written by hand on a new Service it names a load balancer to share with other Services, of up to `max-shared-lb` in all."},
	{Name: "load-balancer-address", Kind: Text, Peer: true, Written: true,
		Meaning: "The address of the Service, written by the controller for other programs."},
	{Name: provider, Kind: Text, Default: "class, `lb-provider`",
		Meaning: "Octavia provider driver. Counts when the load balancer is made."},
	{Name: flavorID, Kind: UUID, Default: "class, `flavor-id`", Peer: true, Needs: "Octavia 2.6, not `ovn`",
		Meaning: "Octavia flavor. Counts when the load balancer is made."},
	{Name: zone, Kind: Text, Default: "class, `availability-zone`", Peer: true, Needs: "Octavia 2.14, not `ovn`",
		Meaning: "Octavia availability zone. Counts when the load balancer is made."},
	{Name: tags, Kind: List, Default: "class, `tags`", Peer: true, Needs: "Octavia 2.5",
		Meaning: "Tags of the load balancer, beside those that say whose it is."},
	{Name: sourceRanges, Whole: true, Kind: CIDRs, Default: "everywhere", Peer: true, Needs: "Octavia 2.12; with `ovn`: `manage-security-groups`",
		Meaning: "Where clients may come from. Used while `spec.loadBalancerSourceRanges` is empty."},
	{Name: vipGroups, Kind: UUIDs, Needs: "Octavia 2.29, not `ovn`",
		Meaning: "Security groups of your own on the port of the virtual address. They take the place of source ranges, which Octavia does not allow beside them. Empty: none; without the annotation those that are there stay."},
	{Name: promPort, Kind: Int, Min: 1, Max: 65535, Needs: "Octavia 2.25, not `ovn`",
		Meaning: "Port at which the load balancer serves its own metrics to Prometheus, at `/metrics`. Needs `prometheus-source-ranges`."},
	{Name: promRanges, Kind: CIDRs, Needs: "Octavia 2.25, not `ovn`",
		Meaning: "Where those metrics may be read from; `0.0.0.0/0` is everywhere, and all that can be said beside `vip-security-group-ids`, which restrict then."},
}
