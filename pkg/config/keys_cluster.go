package config

var networkingSection = func() Section {
	s := Section{
		Name:    "Networking",
		Meaning: "Which addresses of a server its Node shows.",
		Synonyms: map[string]string{
			"public-network-names": "public-network-name", "internal-network-names": "internal-network-name",
			"private-network-name": "internal-network-name", "external-network-name": "public-network-name",
		},
		Keys: []Key{
			{Name: "ipv6-support-disabled", Kind: Bool, Default: "false", UsedBy: Controller,
				Meaning: "Leave IPv6 addresses out.",
				field:   at(func(n *Networking) any { return &n.IPv6SupportDisabled })},
			{Name: "public-network-name", Kind: Names, UsedBy: Controller,
				Meaning: "Name of a Neutron network whose addresses are the node's ExternalIP, even if it is named as internal too.",
				field:   at(func(n *Networking) any { return &n.PublicNetworkNames })},
			{Name: "internal-network-name", Kind: Names, UsedBy: Controller,
				Meaning: "Name of a Neutron network whose addresses are the node's InternalIP; fixed addresses elsewhere are then left out, unless their network is public.",
				field:   at(func(n *Networking) any { return &n.InternalNetworkNames })},
			{Name: "address-sort-order", Kind: CIDRs, UsedBy: Controller,
				Meaning: "Order of a node's addresses: those in the first prefix come first, and so on; the others follow.",
				field:   at(func(n *Networking) any { return &n.AddressSortOrder })},
		},
	}
	s.holder, s.names = only(func(c *Config) *Networking { return &c.Networking })
	return s
}()

var routeSection = func() Section {
	s := Section{
		Name: "Route",
		Meaning: "Pod routes on a Neutron router. The section turns them on, even when it is empty; without it there are none. " +
			"They need `--cluster-cidr` too.",
		Synonyms: map[string]string{"router": "router-id", "routerid": "router-id"},
		Keys: []Key{
			{Name: "router-id", Kind: UUID, UsedBy: Controller,
				Meaning: "The router that gets the routes. Left out: the router on the nodes' subnet is found.",
				field:   at(func(r *Route) any { return &r.RouterID })},
		},
	}
	s.holder, s.names = only(func(c *Config) *Route { return &c.Route })
	return s
}()

var metadataSection = func() Section {
	s := Section{
		Name:    "Metadata",
		Meaning: "Where a node learns about itself, and how long a request may take.",
		Keys: []Key{
			{Name: "search-order", Kind: Words, Default: "configDrive,metadataService", UsedBy: both,
				Values:  []string{"configDrive", "metadataService"},
				Meaning: "Where a node's metadata is looked for, and in which order.",
				field:   at(func(m *Metadata) any { return &m.SearchOrder })},
			{Name: "request-timeout", Kind: Duration, Default: "60s", UsedBy: both,
				Meaning: "The longest that one HTTP request to any OpenStack service may take.",
				field:   at(func(m *Metadata) any { return &m.RequestTimeout })},
		},
	}
	s.holder, s.names = only(func(c *Config) *Metadata { return &c.Metadata })
	return s
}()

const cinderRetired = "the Cinder API is found by itself, and only v3 exists"

var blockStorageSection = func() Section {
	s := Section{
		Name:    "BlockStorage",
		Meaning: "Cinder volumes, for the CSI driver.",
		Keys: []Key{
			{Name: "node-volume-attach-limit", Kind: Int, Default: "256", UsedBy: CSI,
				Meaning: "How many volumes a node may have attached: 1 to 256.",
				field:   at(func(b *BlockStorage) any { return &b.NodeVolumeAttachLimit })},
			{Name: "rescan-on-resize", Kind: Bool, Default: "false", UsedBy: CSI,
				Meaning: "Ask the kernel to look at the size of the device again before the file system grows.",
				field:   at(func(b *BlockStorage) any { return &b.RescanOnResize })},
			{Name: "ignore-volume-az", Kind: Bool, Default: "false", UsedBy: CSI,
				Meaning: "Do not tie a volume to the nodes of its availability zone: for clouds whose zones of Nova and Cinder have different names.",
				field:   at(func(b *BlockStorage) any { return &b.IgnoreVolumeAZ })},
			{Name: "ignore-volume-microversion", Kind: Bool, Default: "false", UsedBy: CSI,
				Meaning: "Use no Cinder microversion, for very old clouds. Volumes in use cannot grow then.",
				field:   at(func(b *BlockStorage) any { return &b.IgnoreVolumeMicroversion })},
			{Name: "bs-version", UsedBy: CSI, Retired: cinderRetired},
			{Name: "trust-device-path", UsedBy: CSI, Retired: "a volume's device is always found by its serial number, never by the path that Nova names"},
		},
	}
	s.holder, s.names = only(func(c *Config) *BlockStorage { return &c.BlockStorage })
	return s
}()
