package l3agent

import (
	"fmt"
	"slices"
	"strings"

	"underlay/test/nodes/tenant"
)

// guardRules is the whole rule set of port security, loaded in one transaction: a
// port may send from its own MAC address and, with it, from its fixed IPs and its
// allowed address pairs. Everything else that comes out of the port is dropped.
// A port without port security may send anything.
func guardRules(ports []tenant.Port) string {
	ports = slices.Clone(ports)
	slices.SortFunc(ports, func(a, b tenant.Port) int { return strings.Compare(a.ID, b.ID) })
	var chains, jumps strings.Builder
	for _, port := range ports {
		if !port.PortSecurity {
			continue
		}
		tap := TapName(port.ID)
		fmt.Fprintf(&jumps, "    iifname %q jump %s\n", tap, tap)
		fmt.Fprintf(&chains, "  chain %s {\n", tap)
		for _, source := range sources(port) {
			fmt.Fprintf(&chains, "    ether saddr %s ip saddr %s accept\n", source.MAC, source.Address)
			fmt.Fprintf(&chains, "    ether saddr %s arp saddr ip %s accept\n", source.MAC, source.Address)
		}
		chains.WriteString("    counter drop\n  }\n")
	}
	// "add" makes the table exist, so that "delete" cannot fail.
	return "add table bridge port_security\ndelete table bridge port_security\ntable bridge port_security {\n" + chains.String() +
		"  chain prerouting {\n    type filter hook prerouting priority filter\n" + jumps.String() + "  }\n}\n"
}

// sources are the IPv4 addresses and prefixes that a port may send from.
func sources(port tenant.Port) []tenant.Pair {
	var all []tenant.Pair
	for _, ip := range port.FixedIPs {
		all = append(all, tenant.Pair{Address: ip.Address, MAC: port.MAC})
	}
	for _, pair := range port.Pairs {
		if pair.MAC == "" {
			pair.MAC = port.MAC
		}
		all = append(all, pair)
	}
	all = slices.DeleteFunc(all, func(pair tenant.Pair) bool { return strings.Contains(pair.Address, ":") })
	slices.SortFunc(all, func(a, b tenant.Pair) int { return strings.Compare(a.Address+a.MAC, b.Address+b.MAC) })
	return all
}
