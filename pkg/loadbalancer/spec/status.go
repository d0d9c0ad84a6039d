package spec

import (
	"net/netip"
	"slices"
	"strings"

	v1 "k8s.io/api/core/v1"

	"underlay/pkg/loadbalancer/tree"
)

// Status is what the Service shows: the addresses at which it can be reached, in
// the order of its IP families. It is empty while the Service has no address
// that it wants to show; in particular an external Service does not show the
// private address that a floating IP is going to stand for.
func (w Wish) Status(desired tree.Desired, actual tree.Actual) *v1.LoadBalancerStatus {
	if actual.Balancer == nil {
		return &v1.LoadBalancerStatus{}
	}
	if w.hostname != "" {
		return &v1.LoadBalancerStatus{Ingress: []v1.LoadBalancerIngress{{Hostname: w.hostname}}}
	}
	status := &v1.LoadBalancerStatus{}
	for _, address := range w.shown(desired, actual) {
		status.Ingress = append(status.Ingress, w.ingress(address))
	}
	return status
}

// shown are the addresses: a floating IP in place of the IPv4 address it is for.
func (w Wish) shown(desired tree.Desired, actual tree.Actual) []string {
	var all []string
	for _, vip := range append([]tree.VIP{actual.Balancer.VIP}, actual.Balancer.AdditionalVIPs...) {
		if vip.Address == "" {
			continue
		}
		address := vip.Address
		if familyOfText(address) == v1.IPv4Protocol && !w.internal {
			public := floatingAddress(actual)
			if public == "" && desired.FloatingIP != nil && actual.Owned {
				return nil
			}
			if public != "" {
				address = public
			}
		}
		all = append(all, address)
	}
	slices.SortStableFunc(all, func(a, b string) int { return w.rank(a) - w.rank(b) })
	return all
}

// rank is the place of an address's family in the Service.
func (w Wish) rank(address string) int {
	if i := slices.Index(w.families, familyOfText(address)); i >= 0 {
		return i
	}
	return len(w.families)
}

// floatingAddress is the floating IP on the VIP port, or "".
func floatingAddress(actual tree.Actual) string {
	for _, ip := range actual.FloatingIPs {
		if ip.PortID != "" && ip.PortID == actual.Balancer.VIP.PortID {
			return ip.Address
		}
	}
	return ""
}

// ingress shows one address. With the PROXY protocol, traffic from within the
// cluster has to go through the load balancer too, or members would miss its
// header: kube-proxy is told so, or gets a host name that it cannot cut short.
func (w Wish) ingress(address string) v1.LoadBalancerIngress {
	proxied := slices.ContainsFunc(w.ports, func(p portWish) bool { return p.pool == tree.Proxy || p.pool == tree.ProxyV2 })
	if proxied && w.config.EnableIngressHostname && w.ipMode == "" {
		return v1.LoadBalancerIngress{Hostname: dnsLabel(address) + "." + strings.TrimPrefix(w.config.IngressHostnameSuffix, ".")}
	}
	mode := v1.LoadBalancerIPModeVIP
	if w.ipMode == "proxy" || proxied && w.ipMode == "" {
		mode = v1.LoadBalancerIPModeProxy
	}
	return v1.LoadBalancerIngress{IP: address, IPMode: &mode}
}

// dnsLabel writes an address as such host names want it: IPv6 in full, with
// hyphens, since a DNS name has no colons and begins with no hyphen.
func dnsLabel(text string) string {
	address, err := netip.ParseAddr(text)
	if err != nil || address.Is4() {
		return text
	}
	return strings.ReplaceAll(address.StringExpanded(), ":", "-")
}
