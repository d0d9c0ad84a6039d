package config

import (
	"maps"
	"slices"
)

// The key names that more than one rule refers to.
const (
	methodKey   = "lb-method"
	providerKey = "lb-provider"
)

var loadBalancerSection = func() Section {
	s := Section{
		Name:    "LoadBalancer",
		Meaning: "Octavia load balancers for Services of type LoadBalancer. Most keys have an annotation that overrides them for one Service.",
		Synonyms: map[string]string{
			"provider": providerKey, "method": methodKey, "lb-algorithm": methodKey,
			"floating-ip-network-id": "floating-network-id", "external-network-id": "floating-network-id",
			"internal": "internal-lb", "create-health-monitor": "create-monitor",
		},
		Keys: slices.Concat(balancerKeys, vipKeys, monitorKeys, serviceKeys, retiredBalancerKeys),
	}
	s.holder, s.names = only(func(c *Config) *LoadBalancer { return &c.LoadBalancer })
	return s
}()

var balancerKeys = []Key{
	{Name: "enabled", Kind: Bool, Default: "true", UsedBy: Controller,
		Meaning: "Serve Services of type LoadBalancer at all.",
		field:   at(func(l *LoadBalancer) any { return &l.Enabled })},
	{Name: "lb-version", Kind: Enum, Values: []string{"v2"}, Open: true, UsedBy: Controller,
		Meaning: "Version of the load balancer API. Only `v2` exists; best left out.",
		field:   at(func(l *LoadBalancer) any { return &l.LBVersion })},
	{Name: providerKey, Kind: Enum, Default: "amphora", UsedBy: Controller,
		Values: []string{"amphora", "amphorav2", "octavia", "ovn", "f5"}, Open: true,
		Meaning: "Octavia provider driver. Any name that the cloud lists is accepted; these are known to work.",
		field:   at(func(l *LoadBalancer) any { return &l.LBProvider })},
	{Name: methodKey, Kind: Enum, Default: "ROUND_ROBIN", UsedBy: Controller,
		Values:  []string{"ROUND_ROBIN", "LEAST_CONNECTIONS", "SOURCE_IP", "SOURCE_IP_PORT"},
		Meaning: "How a pool chooses a member. The provider `ovn` knows `SOURCE_IP_PORT` only, which is then used by itself.",
		field:   at(func(l *LoadBalancer) any { return &l.LBMethod })},
	{Name: "flavor-id", Kind: UUID, UsedBy: Controller, Needs: "Octavia 2.6",
		Meaning: "Octavia flavor of new load balancers.",
		field:   at(func(l *LoadBalancer) any { return &l.FlavorID })},
	{Name: "availability-zone", Kind: Text, UsedBy: Controller, Needs: "Octavia 2.14",
		Meaning: "Octavia availability zone of new load balancers.",
		field:   at(func(l *LoadBalancer) any { return &l.AvailabilityZone })},
	{Name: "tags", Kind: Text, UsedBy: Controller, Needs: "Octavia 2.5",
		Meaning: "Tags of new load balancers, separated by commas, beside those that say whose they are.",
		field:   at(func(l *LoadBalancer) any { return &l.Tags })},
	{Name: "provider-requires-serial-api-calls", Kind: Bool, Default: "false", UsedBy: Controller,
		Meaning: "Create listeners and pools one by one instead of with the load balancer, for providers that need it.",
		field:   at(func(l *LoadBalancer) any { return &l.ProviderRequiresSerialAPICalls })},
	{Name: "cascade-delete", Kind: Bool, Default: "true", UsedBy: Controller,
		Meaning: "Delete a load balancer with all that is in it in one call.",
		field:   at(func(l *LoadBalancer) any { return &l.CascadeDelete })},
}

var vipKeys = []Key{
	{Name: "subnet-id", Kind: UUID, UsedBy: Controller,
		Meaning: "Subnet of the virtual address, and of the members unless `member-subnet-id` says otherwise. Left out: the subnet of a node's port.",
		field:   at(func(l *LoadBalancer) any { return &l.SubnetID })},
	{Name: "member-subnet-id", Kind: UUID, UsedBy: Controller,
		Meaning: "Subnet of the members.",
		field:   at(func(l *LoadBalancer) any { return &l.MemberSubnetID })},
	{Name: "network-id", Kind: UUID, UsedBy: Controller,
		Meaning: "Network of the virtual address, where any of its subnets will do.",
		field:   at(func(l *LoadBalancer) any { return &l.NetworkID })},
	{Name: "floating-network-id", Kind: UUID, UsedBy: Controller,
		Meaning: "External network that floating IPs come from. Left out: the first external network with an IPv4 subnet.",
		field:   at(func(l *LoadBalancer) any { return &l.FloatingNetworkID })},
	{Name: "floating-subnet-id", Kind: UUID, UsedBy: Controller,
		Meaning: "Subnet that floating IPs come from. Wins over the two keys below.",
		field:   at(func(l *LoadBalancer) any { return &l.FloatingSubnetID })},
	{Name: "floating-subnet", Kind: Pattern, UsedBy: Controller,
		Meaning: "Names of the subnets that floating IPs come from: a glob, or a regular expression after `~`; `!` in front negates.",
		field:   at(func(l *LoadBalancer) any { return &l.FloatingSubnet })},
	{Name: "floating-subnet-tags", Kind: Text, UsedBy: Controller,
		Meaning: "Tags of the subnets that floating IPs come from, separated by commas: any of them, all of them after `&`; `!` in front negates.",
		field:   at(func(l *LoadBalancer) any { return &l.FloatingSubnetTags })},
	{Name: "internal-lb", Kind: Bool, Default: "false", UsedBy: Controller,
		Meaning: "Give no load balancer a floating IP.",
		field:   at(func(l *LoadBalancer) any { return &l.InternalLB })},
}

var monitorKeys = []Key{
	{Name: "create-monitor", Kind: Bool, Default: "false", UsedBy: Controller,
		Meaning: "Let Octavia check the health of the members.",
		field:   at(func(l *LoadBalancer) any { return &l.CreateMonitor })},
	{Name: "monitor-delay", Kind: Duration, Default: "5s", WholeSeconds: true, UsedBy: Controller,
		Meaning: "Time between two checks of a member.",
		field:   at(func(l *LoadBalancer) any { return &l.MonitorDelay })},
	{Name: "monitor-timeout", Kind: Duration, Default: "3s", WholeSeconds: true, UsedBy: Controller,
		Meaning: "Time after which a check has failed. Not longer than `monitor-delay`.",
		field:   at(func(l *LoadBalancer) any { return &l.MonitorTimeout })},
	{Name: "monitor-max-retries", Kind: Int, Default: "1", Min: 1, Max: 10, UsedBy: Controller,
		Meaning: "Checks in a row that make a member healthy.",
		field:   at(func(l *LoadBalancer) any { return &l.MonitorMaxRetries })},
	{Name: "monitor-max-retries-down", Kind: Int, Default: "3", Min: 1, Max: 10, UsedBy: Controller,
		Meaning: "Failed checks in a row that take a member out.",
		field:   at(func(l *LoadBalancer) any { return &l.MonitorMaxRetriesDown })},
}

var serviceKeys = []Key{
	{Name: "manage-security-groups", Kind: Bool, Default: "false", UsedBy: Controller,
		Meaning: "Open the NodePorts on the nodes' ports with a security group for each Service.",
		field:   at(func(l *LoadBalancer) any { return &l.ManageSecurityGroups })},
	{Name: "node-selector", Kind: Labels, UsedBy: Controller,
		Meaning: "Labels that a node must have, all of them, to become a member.",
		field:   at(func(l *LoadBalancer) any { return &l.NodeSelector })},
	{Name: "max-shared-lb", Kind: Int, Default: "2", Min: 1, UsedBy: Controller, Needs: "Octavia 2.5",
		Meaning: "How many Services may share one load balancer.",
		field:   at(func(l *LoadBalancer) any { return &l.MaxSharedLB })},
	{Name: "enable-ingress-hostname", Kind: Bool, Default: "false", UsedBy: Controller,
		Meaning: "With PROXY protocol, show a host name instead of the address in the Service's status, so that pods go through the load balancer too.",
		field:   at(func(l *LoadBalancer) any { return &l.EnableIngressHostname })},
	{Name: "ingress-hostname-suffix", Kind: Domain, Default: "nip.io", UsedBy: Controller,
		Meaning: "What follows the address in that host name.",
		field:   at(func(l *LoadBalancer) any { return &l.IngressHostnameSuffix })},
	{Name: "default-tls-container-ref", Kind: Text, UsedBy: Controller,
		Meaning: "The certificate that terminates TLS: the reference of a Barbican container or secret.",
		field:   at(func(l *LoadBalancer) any { return &l.DefaultTLSContainerRef })},
	{Name: "use-app-protocol", Kind: Bool, Default: "false", UsedBy: Controller,
		Meaning: "Let `appProtocol` of a Service's port choose the protocol of its listener, where no annotation does.",
		field:   at(func(l *LoadBalancer) any { return &l.UseAppProtocol })},
	{Name: "container-store", Kind: Enum, Default: "barbican", Values: []string{"barbican", "external"}, UsedBy: Controller,
		Meaning: "Who keeps TLS containers. With `external` the reference is passed on without looking.",
		field:   at(func(l *LoadBalancer) any { return &l.ContainerStore })},
}

var retiredBalancerKeys = []Key{
	{Name: "use-octavia", UsedBy: Controller, Retired: "Octavia is always used; Neutron's own load balancers are gone from OpenStack"},
	{Name: "node-security-group", UsedBy: Controller, Retired: "the groups are found by themselves with manage-security-groups=true"},
}

var loadBalancerClassSection = Section{
	Name:   "LoadBalancerClass",
	Naming: MustName,
	Meaning: "`[LoadBalancerClass \"name\"]` is a choice of networks, and of the kind of load balancer, that a Service takes with the annotation " +
		"`loadbalancer.openstack.org/class: name`. What a class leaves out comes from `[LoadBalancer]`.",
	holder: func(c *Config, name string) any {
		if c.LoadBalancerClasses == nil {
			c.LoadBalancerClasses = map[string]*LoadBalancerClass{}
		}
		if c.LoadBalancerClasses[name] == nil {
			c.LoadBalancerClasses[name] = &LoadBalancerClass{}
		}
		return c.LoadBalancerClasses[name]
	},
	names: func(c *Config) []string { return slices.Sorted(maps.Keys(c.LoadBalancerClasses)) },
	Keys: []Key{
		{Name: "subnet-id", Kind: UUID, UsedBy: Controller, Meaning: "As in `[LoadBalancer]`.",
			field: at(func(l *LoadBalancerClass) any { return &l.SubnetID })},
		{Name: "member-subnet-id", Kind: UUID, UsedBy: Controller, Meaning: "As in `[LoadBalancer]`.",
			field: at(func(l *LoadBalancerClass) any { return &l.MemberSubnetID })},
		{Name: "network-id", Kind: UUID, UsedBy: Controller, Meaning: "As in `[LoadBalancer]`.",
			field: at(func(l *LoadBalancerClass) any { return &l.NetworkID })},
		{Name: "floating-network-id", Kind: UUID, UsedBy: Controller, Meaning: "As in `[LoadBalancer]`.",
			field: at(func(l *LoadBalancerClass) any { return &l.FloatingNetworkID })},
		{Name: "floating-subnet-id", Kind: UUID, UsedBy: Controller, Meaning: "As in `[LoadBalancer]`.",
			field: at(func(l *LoadBalancerClass) any { return &l.FloatingSubnetID })},
		{Name: "floating-subnet", Kind: Pattern, UsedBy: Controller, Meaning: "As in `[LoadBalancer]`.",
			field: at(func(l *LoadBalancerClass) any { return &l.FloatingSubnet })},
		{Name: "floating-subnet-tags", Kind: Text, UsedBy: Controller, Meaning: "As in `[LoadBalancer]`.",
			field: at(func(l *LoadBalancerClass) any { return &l.FloatingSubnetTags })},
		{Name: providerKey, Kind: Enum, UsedBy: Controller, Meaning: "As in `[LoadBalancer]`.",
			Values: []string{"amphora", "amphorav2", "octavia", "ovn", "f5"}, Open: true,
			field: at(func(l *LoadBalancerClass) any { return &l.LBProvider })},
		{Name: methodKey, Kind: Enum, UsedBy: Controller, Meaning: "As in `[LoadBalancer]`.",
			Values: []string{"ROUND_ROBIN", "LEAST_CONNECTIONS", "SOURCE_IP", "SOURCE_IP_PORT"},
			field:  at(func(l *LoadBalancerClass) any { return &l.LBMethod })},
		{Name: "flavor-id", Kind: UUID, UsedBy: Controller, Needs: "Octavia 2.6", Meaning: "As in `[LoadBalancer]`.",
			field: at(func(l *LoadBalancerClass) any { return &l.FlavorID })},
		{Name: "availability-zone", Kind: Text, UsedBy: Controller, Needs: "Octavia 2.14", Meaning: "As in `[LoadBalancer]`.",
			field: at(func(l *LoadBalancerClass) any { return &l.AvailabilityZone })},
		{Name: "tags", Kind: Text, UsedBy: Controller, Needs: "Octavia 2.5", Meaning: "As in `[LoadBalancer]`.",
			field: at(func(l *LoadBalancerClass) any { return &l.Tags })},
	},
}
