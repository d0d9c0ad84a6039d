package l3agent

import (
	"fmt"
	"slices"
	"strings"

	"underlay/test/nodes/tenant"
)

// floatingRules is the whole rule set of the router's floating IPs: what comes to
// one goes to the address that it stands for, which sees who sent it, and what that
// address sends to the outside comes from the floating IP. Nothing else of the
// tenant network is reached from outside.
func floatingRules(all []tenant.FloatingIP, outside string) string {
	all = slices.Clone(all)
	slices.SortFunc(all, func(a, b tenant.FloatingIP) int { return strings.Compare(a.Address, b.Address) })
	var in, out strings.Builder
	for _, ip := range all {
		if ip.Fixed == "" {
			continue // it leads nowhere
		}
		fmt.Fprintf(&in, "    ip daddr %s dnat to %s\n", ip.Address, ip.Fixed)
		fmt.Fprintf(&out, "    ip saddr %s oifname %q snat to %s\n", ip.Fixed, outside, ip.Address)
	}
	return "add table ip floating\ndelete table ip floating\ntable ip floating {\n" +
		"  chain prerouting {\n    type nat hook prerouting priority dstnat\n" + in.String() + "  }\n" +
		"  chain postrouting {\n    type nat hook postrouting priority srcnat\n" + out.String() + "  }\n" +
		"  chain forward {\n    type filter hook forward priority filter\n" +
		fmt.Sprintf("    iifname %q ct state new ct status & dnat == 0 drop\n", outside) + "  }\n}\n"
}
