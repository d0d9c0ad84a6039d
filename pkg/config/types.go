package config

import "time"

// Config is a whole cloud.conf after reading, defaulting and validating.
// Every field is documented where its key is declared (keys.go).
type Config struct {
	Global Global
	// Clouds are the [Global "name"] sections (several clouds, for CSI).
	Clouds              map[string]*Global
	Networking          Networking
	Route               Route
	Metadata            Metadata
	LoadBalancer        LoadBalancer
	LoadBalancerClasses map[string]*LoadBalancerClass
	BlockStorage        BlockStorage
}

// Global says how to reach Keystone and as whom.
type Global struct {
	AuthURL, Region                                        string
	UserID, Username, Password                             string
	TenantID, TenantName, TenantDomainID, TenantDomainName string
	UserDomainID, UserDomainName, DomainID, DomainName     string
	TrustID, TrusteeID, TrusteePassword                    string
	Token                                                  string
	ApplicationCredentialID, ApplicationCredentialName     string
	ApplicationCredentialSecret                            string
	EndpointType                                           string // public, internal or admin
	CAFile, CertFile, KeyFile                              string
	TLSInsecure                                            bool
	UseClouds                                              bool
	CloudsFile, Cloud                                      string
	// WatchFiles are all files whose content went into these credentials; a
	// change of any of them means: read the configuration again.
	WatchFiles []string
}

// Networking says which addresses of a server a Node shows.
type Networking struct {
	IPv6SupportDisabled  bool
	PublicNetworkNames   []string
	InternalNetworkNames []string
	AddressSortOrder     []string // CIDRs
}

// Route configures pod routes.
type Route struct {
	// Present is true when the file has a [Route] section, even an empty one:
	// then a missing RouterID means "find the router on the nodes' subnet".
	Present  bool
	RouterID string
}

// Metadata configures where a node's metadata is read, and request timeouts.
type Metadata struct {
	SearchOrder    []string
	RequestTimeout time.Duration
}

// LoadBalancer configures Octavia load balancers.
type LoadBalancer struct {
	Enabled                                             bool
	LBVersion, LBProvider, LBMethod                     string
	SubnetID, MemberSubnetID, NetworkID                 string
	FloatingNetworkID, FloatingSubnetID, FloatingSubnet string
	FloatingSubnetTags                                  string
	CreateMonitor                                       bool
	MonitorDelay, MonitorTimeout                        time.Duration
	MonitorMaxRetries, MonitorMaxRetriesDown            int
	ManageSecurityGroups, InternalLB                    bool
	NodeSelector                                        string
	CascadeDelete                                       bool
	FlavorID, AvailabilityZone                          string
	MaxSharedLB                                         int
	EnableIngressHostname                               bool
	IngressHostnameSuffix                               string
	DefaultTLSContainerRef, ContainerStore              string
	ProviderRequiresSerialAPICalls                      bool
	// Tags, separated by commas, are put on every load balancer.
	Tags           string
	UseAppProtocol bool
}

// LoadBalancerClass is one [LoadBalancerClass "name"].
type LoadBalancerClass struct {
	FloatingNetworkID, FloatingSubnetID, FloatingSubnet, FloatingSubnetTags string
	NetworkID, SubnetID, MemberSubnetID                                     string
	LBProvider, LBMethod, FlavorID, AvailabilityZone, Tags                  string
}

// BlockStorage configures the CSI driver.
type BlockStorage struct {
	NodeVolumeAttachLimit    int
	RescanOnResize           bool
	IgnoreVolumeAZ           bool
	IgnoreVolumeMicroversion bool
}
