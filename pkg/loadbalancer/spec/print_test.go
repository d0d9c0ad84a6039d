package spec_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"underlay/pkg/loadbalancer/tree"
)

// names stand for the ids of the world in dialogues.
var names = strings.NewReplacer(
	nodesNet, "<net nodes>", nodesV4, "<subnet nodes>", nodesV6, "<subnet nodes-v6>", publicNet, "<net public>",
	publicV4, "<subnet public-a>", otherV4, "<subnet other>",
)

// printDesired writes a desired tree for people.
func printDesired(out *strings.Builder, d tree.Desired) {
	var b strings.Builder
	fmt.Fprintf(&b, "load balancer %s (%s)\n", d.Balancer.Name, d.Balancer.Description)
	fmt.Fprintf(&b, "  %s\n", filled("provider", d.Balancer.Provider, "flavor", d.Balancer.FlavorID, "zone", d.Balancer.AvailabilityZone,
		"tags", strings.Join(d.Balancer.Tags, " "), "groups", strings.Join(d.Balancer.VIPSecurityGroupIDs, " ")))
	for _, vip := range append([]tree.VIP{d.Balancer.VIP}, d.Balancer.AdditionalVIPs...) {
		fmt.Fprintf(&b, "  address: %s\n", filled("", vip.Address, "subnet", vip.SubnetID, "network", vip.NetworkID, "port", vip.PortID))
	}
	for i := range d.Balancer.Listeners {
		printListener(&b, &d.Balancer.Listeners[i])
	}
	if f := d.FloatingIP; f != nil {
		fmt.Fprintf(&b, "floating IP: %s (%s)\n", filled("", f.Address, "network", f.NetworkID, "subnets", strings.Join(f.SubnetIDs, " "), "port described", strings.TrimPrefix(at(f.PortDescription), "-")), f.Description)
	}
	if g := d.SecurityGroup; g != nil {
		fmt.Fprintf(&b, "security group %s on %s (%s)\n", g.Name, strings.Join(g.PortIDs, " "), g.Description)
		for _, r := range g.Rules {
			fmt.Fprintf(&b, "  %s %s %s %d-%d from %s\n", r.Direction, r.EtherType, r.Protocol, r.PortMin, r.PortMax, r.RemotePrefix)
		}
	}
	out.WriteString(names.Replace(b.String()))
}

func printListener(b *strings.Builder, l *tree.Listener) {
	s := l.Settings
	fmt.Fprintf(b, "  listener %s %s (%s) %s\n", l.Key(), l.Protocol, l.Name, filled("tags", strings.Join(l.Tags, " ")))
	var hsts string
	if s.HSTS != nil {
		hsts = fmt.Sprintf("%+v", *s.HSTS)
	}
	inserted := slices.Sorted(maps.Keys(s.InsertHeaders))
	fmt.Fprintf(b, "    %s\n", filled("limit", at(s.ConnectionLimit),
		"timeouts", strings.Join([]string{at(s.TimeoutClientData), at(s.TimeoutMemberConnect), at(s.TimeoutMemberData), at(s.TimeoutTCPInspect)}, "/"),
		"from", strings.Join(s.AllowedCIDRs, " "), "headers", strings.Join(inserted, " "), "certificate", strings.TrimPrefix(at(s.DefaultTLSContainerRef), "-"),
		"sni", strings.Join(s.SNIContainerRefs, " "), "versions", strings.Join(s.TLSVersions, " "), "ciphers", strings.TrimPrefix(at(s.TLSCiphers), "-"),
		"alpn", strings.Join(s.ALPNProtocols, " "), "hsts", hsts))
	if l.Pool == nil {
		return
	}
	p := l.Pool
	fmt.Fprintf(b, "    pool %s (%s) %s\n", p.Protocol, p.Name, filled("method", at(p.Settings.Method), "persistence", p.Settings.Persistence.Type,
		"tls", strings.TrimPrefix(at(p.Settings.TLSEnabled), "-"), "tags", strings.Join(p.Tags, " ")))
	if m := p.Monitor; m != nil {
		fmt.Fprintf(b, "      monitor %s (%s) every %ss for %ss, %s up, %s down %s\n", m.Type, m.Name, at(m.Delay), at(m.Timeout), at(m.MaxRetries), at(m.MaxRetriesDown),
			strings.Trim(at(m.HTTPMethod)+" "+at(m.URLPath)+" "+at(m.ExpectedCodes), " -"))
	}
	for _, m := range p.Members {
		fmt.Fprintf(b, "      member %s:%d %s\n", m.Address, m.Port, filled("", m.Name, "subnet", strings.TrimPrefix(at(m.SubnetID), "-"), "weight", at(m.Weight), "monitored at", strings.TrimPrefix(at(m.MonitorPort), "-")))
	}
}

// filled writes pairs of a name and a value, those that have one.
func filled(pairs ...string) string {
	var parts []string
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			parts = append(parts, strings.TrimSpace(pairs[i]+" "+pairs[i+1]))
		}
	}
	return strings.Join(parts, ", ")
}
