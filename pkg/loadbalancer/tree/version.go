package tree

import "fmt"

// Version is an Octavia API version, such as 2.26.
type Version struct{ Major, Minor int }

// String is "2.26".
func (v Version) String() string { return fmt.Sprintf("%d.%d", v.Major, v.Minor) }

// AtLeast says whether the API has what came with 2.minor.
func (v Version) AtLeast(minor int) bool {
	return v.Major > 2 || v.Major == 2 && v.Minor >= minor
}

// Capabilities is what a load balancer can do here: the API's version and the
// provider's own limits together. A feature is used only where both allow it.
type Capabilities struct {
	Version  Version
	Provider string // "amphora", "ovn", …
}

// OVN is the provider that balances in Open vSwitch, layer 4 only.
// Source: ovn-octavia-provider, ovn_octavia_provider/driver.py.
const OVN = "ovn"

// The features, each by the API version that brought it, and by provider.
// Source: octavia/api/root_controller.py lists what came when.

// Timeouts of listeners (2.1).
func (c Capabilities) Timeouts() bool { return c.Version.AtLeast(1) && c.Provider != OVN }

// Tags on every object (2.5).
func (c Capabilities) Tags() bool { return c.Version.AtLeast(5) }

// Flavors (2.6).
func (c Capabilities) Flavors() bool { return c.Version.AtLeast(6) && c.Provider != OVN }

// MemberTLS is for pools that speak TLS to their members (2.8).
func (c Capabilities) MemberTLS() bool { return c.Version.AtLeast(8) && c.Provider != OVN }

// AdditiveMembers is a batch of members that only adds and changes (2.11).
func (c Capabilities) AdditiveMembers() bool { return c.Version.AtLeast(11) }

// AllowedCIDRs on listeners (2.12).
func (c Capabilities) AllowedCIDRs() bool { return c.Version.AtLeast(12) && c.Provider != OVN }

// SourceIPPort is the algorithm SOURCE_IP_PORT (2.13), the only one of ovn, which
// amphorae refuse.
// Source: octavia/api/drivers/amphora_driver/v2/driver.py, _validate_pool_algorithm.
func (c Capabilities) SourceIPPort() bool {
	switch c.Provider {
	case "amphora", "amphorav2", "octavia":
		return false
	}
	return c.Version.AtLeast(13)
}

// AvailabilityZones (2.14).
func (c Capabilities) AvailabilityZones() bool { return c.Version.AtLeast(14) && c.Provider != OVN }

// TLSCiphers on listeners (2.15).
func (c Capabilities) TLSCiphers() bool { return c.Version.AtLeast(15) && c.Provider != OVN }

// UDPWithHTTPMonitor is a UDP pool watched by HTTP or TCP (2.16).
func (c Capabilities) UDPWithHTTPMonitor() bool { return c.Version.AtLeast(16) && c.Provider != OVN }

// TLSVersions on listeners (2.17).
func (c Capabilities) TLSVersions() bool { return c.Version.AtLeast(17) && c.Provider != OVN }

// ALPN on listeners (2.20).
func (c Capabilities) ALPN() bool { return c.Version.AtLeast(20) && c.Provider != OVN }

// ProxyV2 pools (2.22).
func (c Capabilities) ProxyV2() bool { return c.Version.AtLeast(22) && c.Provider != OVN }

// SCTP listeners and pools (2.23).
func (c Capabilities) SCTP() bool { return c.Version.AtLeast(23) }

// PrometheusListener (2.25).
func (c Capabilities) PrometheusListener() bool { return c.Version.AtLeast(25) && c.Provider != OVN }

// AdditionalVIPs (2.26).
func (c Capabilities) AdditionalVIPs() bool { return c.Version.AtLeast(26) }

// HSTS on listeners (2.27).
func (c Capabilities) HSTS() bool { return c.Version.AtLeast(27) && c.Provider != OVN }

// VIPSecurityGroups (2.29).
func (c Capabilities) VIPSecurityGroups() bool { return c.Version.AtLeast(29) && c.Provider != OVN }

// Layer7 is HTTP, TERMINATED_HTTPS, PROXY, insert_headers.
func (c Capabilities) Layer7() bool { return c.Provider != OVN }

// MonitorPort says that a member may be watched at another port.
func (c Capabilities) MonitorPort() bool { return c.Provider != OVN }
