package simulator

import (
	"net/http"
	"slices"
	"strings"
)

// What each provider can do: octavia/api/drivers/amphora_driver/v2/driver.py
// and ovn_octavia_provider/driver.py.

const (
	providerAmphora = "amphora"
	providerOctavia = "octavia"
	providerOVN     = "ovn"
)

// lbProviders are those that are enabled; the first is the default.
var lbProviders = []struct{ name, description string }{
	{providerAmphora, "The Octavia Amphora driver."},
	{providerOctavia, "Deprecated alias of the Octavia Amphora driver."},
	{providerOVN, "Octavia OVN driver."},
}

// chooseProvider takes the body's or the flavor's, which must not differ.
func chooseProvider(in lbBody, flavor *lbFlavor) (string, error) {
	chosen := in.text("provider")
	switch {
	case flavor != nil && chosen != "" && chosen != flavor.profile.provider:
		return "", octaviaErrorf(http.StatusBadRequest, "Flavor '%s' is not compatible with provider '%s'", flavor.ID, chosen)
	case flavor != nil:
		chosen = flavor.profile.provider
	case chosen == "":
		chosen = lbProviders[0].name
	}
	for _, p := range lbProviders {
		if p.name == chosen {
			return chosen, nil
		}
	}
	return "", octaviaErrorf(http.StatusBadRequest, "Provider '%s' is not enabled.", chosen)
}

// checkOptions asks the driver about the metadata of a flavor and of an availability
// zone, neither of which is ever empty here. The ovn driver leaves both questions to
// its base class, which takes nothing (octavia_lib/api/drivers/provider_base.py,
// validate_flavor and validate_availability_zone).
func (b *loadBalancer) checkOptions(in lbBody, flavor *lbFlavor) error {
	if b.provider != providerOVN {
		return nil
	}
	switch {
	case flavor != nil:
		return lbNotImplemented(b.provider, "This provider does not support validating flavors.")
	case in.text("availability_zone") != "":
		return lbNotImplemented(b.provider, "This provider does not support validating availability zones.")
	}
	return nil
}

// checkListener is the driver's word on a listener.
func (b *loadBalancer) checkListener(in lbBody, protocol string) error {
	if b.provider != providerOVN {
		return nil
	}
	switch {
	case !ovnProtocol(protocol):
		return lbUnsupported(b.provider, "OVN provider does not support %s protocol", protocol)
	case len(in.texts("allowed_cidrs")) > 0:
		return lbUnsupported(b.provider, "OVN provider does not support allowed_cidrs option")
	}
	return nil
}

func ovnProtocol(protocol string) bool {
	return slices.Contains([]string{"TCP", "UDP", "SCTP"}, protocol)
}

// checkPool is the driver's word on a pool; an algorithm of "" is not about to change.
func (b *loadBalancer) checkPool(protocol, algorithm string) error {
	switch {
	case b.provider != providerOVN && algorithm == "SOURCE_IP_PORT":
		return lbUnsupported(b.provider, "Amphora provider does not support %s algorithm.", algorithm)
	case b.provider != providerOVN:
		return nil
	case !ovnProtocol(protocol):
		return lbUnsupported(b.provider, "OVN provider does not support %s protocol", protocol)
	case algorithm != "" && algorithm != "SOURCE_IP_PORT":
		return lbUnsupported(b.provider, "OVN provider does not support %s algorithm", algorithm)
	}
	return nil
}

// checkMember is the driver's word on a member, new or changed.
func (o *octavia) checkMember(p *lbPool, in lbBody, address, subnetID string) error {
	mixed := !p.lb.has(isIPv6(address))
	if p.lb.provider == providerOVN {
		return o.checkOVNMember(p, in, address, subnetID, mixed)
	}
	protocol := p.values.text("protocol")
	if mixed && len(p.listeners()) > 0 && slices.Contains([]string{"UDP", "SCTP"}, protocol) {
		return lbUnsupported(p.lb.provider, "This provider doesn't support mixing IPv4 and IPv6 addresses for its VIP "+
			"and members in %s load balancers.", protocol)
	}
	return nil
}

// has tells whether a load balancer has an address of an IP version.
func (b *loadBalancer) has(ipv6 bool) bool {
	v4, v6 := b.families()
	if ipv6 {
		return v6
	}
	return v4
}

func (o *octavia) checkOVNMember(p *lbPool, in lbBody, address, subnetID string, mixed bool) error {
	s := o.cloud.neutron.subnets.rows[p.lb.vip.subnetID]
	switch {
	case in["monitor_port"] != nil || in["monitor_address"] != nil:
		return lbUnsupported(p.lb.provider, "OVN Load Balancer does not support different member monitor address or port.")
	case mixed:
		return lbUnsupported(p.lb.provider, "OVN provider does not support mixing IPv4/IPv6 configuration "+
			"within the same Load Balancer.")
	case subnetID == "" && (s == nil || !s.CIDR.Contains(parseAddress(address))):
		return lbUnsupported(p.lb.provider, "Subnet is required, or Loadbalancer associated with Pool must have a subnet, "+
			"for Member creation with OVN Provider Driver if it is not the same as LB VIP subnet")
	}
	return nil
}

// checkMonitor is the driver's word on a new health monitor.
func (b *loadBalancer) checkMonitor(kind string) error {
	types := []string{"TCP", "UDP-CONNECT"}
	if b.provider == providerOVN && !slices.Contains(types, kind) {
		return lbUnsupported(b.provider, "OVN provider does not support %s health monitor type. Supported types: %s",
			kind, strings.Join(types, ", "))
	}
	return nil
}

// checkPolicy is the driver's word on an L7 policy.
func (l *lbListener) checkPolicy() error {
	protocol := l.values.text("protocol")
	switch {
	case l.lb.provider == providerOVN:
		return lbNotImplemented(l.lb.provider, "This provider does not support creating l7policies.")
	case protocol != "HTTP" && protocol != "TERMINATED_HTTPS":
		return lbUnsupported(l.lb.provider, "%s protocol listeners do not support L7 policies", protocol)
	}
	return nil
}
