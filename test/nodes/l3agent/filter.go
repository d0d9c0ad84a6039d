package l3agent

import (
	"fmt"
	"slices"
	"strings"

	"underlay/test/nodes/tenant"
)

// filterRules is the whole rule set of security groups, loaded in one transaction:
// what comes to a port must be let in by a rule of one of its groups. A port without
// port security takes anything, and so does one with a group that the project does
// not see: that of an amphora, which filters for itself.
//
// Neutron remembers connections. Not every kernel can do that in a bridge, so here a
// TCP segment that does not begin a connection is let in, and answers over UDP are not.
func filterRules(ports []tenant.Port, groups []tenant.Group) string {
	ports = slices.Clone(ports)
	slices.SortFunc(ports, func(a, b tenant.Port) int { return strings.Compare(a.ID, b.ID) })
	var chains, jumps strings.Builder
	for _, port := range ports {
		rules, known := portRules(port, groups)
		if !port.PortSecurity || !known {
			continue
		}
		tap := TapName(port.ID)
		fmt.Fprintf(&jumps, "    oifname %q jump %s\n", tap, tap)
		fmt.Fprintf(&chains, "  chain %s {\n    ether type arp accept\n    tcp flags & (syn | ack) != syn accept\n", tap)
		for _, rule := range rules {
			for _, match := range matches(rule, ports) {
				fmt.Fprintf(&chains, "    %s accept\n", match)
			}
		}
		chains.WriteString("    counter drop\n  }\n")
	}
	return "add table bridge security_groups\ndelete table bridge security_groups\ntable bridge security_groups {\n" + chains.String() +
		"  chain postrouting {\n    type filter hook postrouting priority filter\n" + jumps.String() + "  }\n}\n"
}

// portRules are the rules of all groups of a port; false when one is not seen.
func portRules(port tenant.Port, groups []tenant.Group) (rules []tenant.Rule, known bool) {
	for _, id := range port.Groups {
		at := slices.IndexFunc(groups, func(g tenant.Group) bool { return g.ID == id })
		if at < 0 {
			return nil, false
		}
		rules = append(rules, groups[at].Rules...)
	}
	slices.SortFunc(rules, func(a, b tenant.Rule) int { return strings.Compare(a.ID, b.ID) })
	return rules, true
}

// matches are what a rule lets in, as nft matches it. A group stands for what its
// ports may send from.
func matches(rule tenant.Rule, ports []tenant.Port) []string {
	if rule.Direction != "ingress" || rule.EtherType != "IPv4" {
		return nil
	}
	what := "ether type ip"
	switch {
	case rule.Protocol == "":
	case rule.PortMin > 0:
		what = fmt.Sprintf("%s dport %d-%d", rule.Protocol, rule.PortMin, rule.PortMax)
	default:
		what = "ip protocol " + rule.Protocol
	}
	switch {
	case rule.RemoteGroup != "":
		var all []string
		for _, port := range ports {
			if !slices.Contains(port.Groups, rule.RemoteGroup) {
				continue
			}
			for _, source := range sources(port) {
				all = append(all, "ip saddr "+source.Address+" "+what)
			}
		}
		return all
	case rule.RemoteCIDR != "" && !strings.HasSuffix(rule.RemoteCIDR, "/0"):
		return []string{"ip saddr " + rule.RemoteCIDR + " " + what}
	}
	return []string{what}
}
