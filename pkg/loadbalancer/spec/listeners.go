package spec

import (
	"cmp"
	"slices"
	"strings"

	"underlay/internal/owner"
	"underlay/pkg/loadbalancer/tree"
)

// listeners gives each port its listener, pool, members and monitor.
func (r *resolver) listeners() {
	var all []tree.Listener
	for i := range r.ports {
		p := &r.ports[i]
		if !r.capable(p) {
			continue
		}
		l := tree.Listener{Name: p.listenerName, Protocol: p.listener, Port: p.key.Port, Settings: r.settings(p)}
		l.Pool = &tree.Pool{Name: p.poolName, Protocol: p.pool, Settings: r.poolSettings(p), Monitor: p.healthMonitor(r.checkPort, r.can)}
		r.watch(p, l.Pool.Monitor)
		l.Pool.Members = r.members.of(p, l.Pool.Monitor)
		if r.can.Tags() {
			l.Tags, l.Pool.Tags = []string{r.name}, []string{r.name}
		}
		r.keepNames(&l)
		all = append(all, l)
	}
	all = append(all, r.metricsListener()...)
	slices.SortFunc(all, func(a, b tree.Listener) int { return a.Key().Compare(b.Key()) })
	for i := 1; i < len(all); i++ {
		if all[i].Key() == all[i-1].Key() {
			r.reject("spec.ports", all[i].Key().String(), "is there twice", "Octavia has one listener for each port over TCP, UDP and SCTP; use another port")
		}
	}
	r.desired.Balancer.Listeners = all
}

// keepNames leaves names that parts of the Service already have, and the tags of
// a pool that has none: they tell people the same, and each change of one would
// be a call that stops Octavia from doing others.
func (r *resolver) keepNames(l *tree.Listener) {
	if r.facts.Balancer == nil {
		return
	}
	actual := r.facts.Balancer.Listener(l.Key())
	if actual == nil || !slices.Contains(actual.Tags, r.name) && !strings.HasSuffix(actual.Name, "_"+r.name) {
		return
	}
	l.Name = cmp.Or(actual.Name, l.Name)
	if l.Pool == nil || actual.Pool == nil {
		return
	}
	others := func(p portWish) bool { return p.key != l.Key() && p.poolName == actual.Pool.Name }
	if actual.Pool.Name != "" && !slices.ContainsFunc(r.ports, others) { // no two pools of a tree have one name
		l.Pool.Name = actual.Pool.Name
	}
	if len(actual.Pool.Tags) == 0 && actual.Pool.Protocol == l.Pool.Protocol {
		l.Pool.Tags = nil
	}
}

// capable refuses a port whose protocols cannot be had.
func (r *resolver) capable(p *portWish) bool {
	before := len(r.problems)
	where := "port " + cmp.Or(p.port.Name, p.key.String())
	if p.key.Transport == tree.SCTP && !r.can.SCTP() {
		r.reject(where, "SCTP", "needs Octavia 2.23, but this is "+r.here(), "remove the port")
	}
	if p.pool == tree.ProxyV2 && r.can.Layer7() && !r.can.ProxyV2() {
		r.impossible(proxyProtocol, p.asks[proxyProtocol])
	}
	if !r.can.Layer7() && (p.listener != p.key.Transport || p.pool != p.key.Transport) {
		asked := false
		for _, name := range []string{tlsContainer, forwardedFor, proxyProtocol} {
			if key := p.asks[name]; key != "" {
				r.impossible(name, key)
				asked = true
			}
		}
		if !asked {
			r.reject(where, string(p.listener), "cannot be had from the provider "+r.can.Provider+", which passes TCP, UDP and SCTP on", "choose protocol tcp, or another provider")
		}
	}
	return len(r.problems) == before
}

// limits are the settings that this API or provider may not have. What guards
// traffic is refused, all else is left out.
var limits = []struct {
	name  string
	able  func(tree.Capabilities) bool
	guard bool
	clear func(*tree.ListenerSettings)
}{
	{clientData, tree.Capabilities.Timeouts, false, func(s *tree.ListenerSettings) { s.TimeoutClientData = nil }},
	{memberConnect, tree.Capabilities.Timeouts, false, func(s *tree.ListenerSettings) { s.TimeoutMemberConnect = nil }},
	{memberData, tree.Capabilities.Timeouts, false, func(s *tree.ListenerSettings) { s.TimeoutMemberData = nil }},
	{tcpInspect, tree.Capabilities.Timeouts, false, func(s *tree.ListenerSettings) { s.TimeoutTCPInspect = nil }},
	{alpnProtocols, tree.Capabilities.ALPN, false, func(s *tree.ListenerSettings) { s.ALPNProtocols = nil }},
	{tlsVersions, tree.Capabilities.TLSVersions, true, func(s *tree.ListenerSettings) { s.TLSVersions = nil }},
	{tlsCiphers, tree.Capabilities.TLSCiphers, true, func(s *tree.ListenerSettings) { s.TLSCiphers = nil }},
	{hstsMaxAge, tree.Capabilities.HSTS, true, func(s *tree.ListenerSettings) { s.HSTS = nil }},
}

func (r *resolver) settings(p *portWish) tree.ListenerSettings {
	s := p.settings
	for _, l := range limits {
		if l.able(r.can) {
			continue
		}
		l.clear(&s)
		if key := p.asks[l.name]; key != "" && l.guard {
			r.impossible(l.name, key)
		} else {
			r.unsupported(l.name, key)
		}
	}
	s.AllowedCIDRs = r.allowed()
	return s
}

// allowed is where clients of a listener may come from, nil where the listener
// cannot say. Ranges that nothing enforces are refused.
func (r *resolver) allowed() []string {
	switch {
	case r.guarded() && r.can.AllowedCIDRs():
		return []string{}
	case r.can.AllowedCIDRs():
		ranges := r.ranges.of(r.stacks)
		if len(ranges) == 0 {
			r.reject(r.ranges.key, "", "has no range of an IP family that the load balancer has, so that nobody could come in", "write ranges of that family")
		}
		return texts(ranges)
	case r.ranges.restricted(r.stacks) && !r.groupEnforces():
		r.reject(r.ranges.key, "", "cannot be enforced: it needs "+needs(sourceRanges)+", but this is "+r.here(), "remove it, or choose another provider with lb-provider")
	}
	return nil
}

// groupEnforces: the nodes' managed security group sees where clients come from.
func (r *resolver) groupEnforces() bool {
	return r.can.Provider == tree.OVN && r.config.ManageSecurityGroups
}

func (r *resolver) poolSettings(p *portWish) tree.PoolSettings {
	method, persistence := r.method(p), p.persistence
	s := tree.PoolSettings{Method: &method, Persistence: &persistence}
	if p.tlsToMembers == nil {
		return s
	}
	if r.can.MemberTLS() {
		s.TLSEnabled = p.tlsToMembers
	} else if *p.tlsToMembers {
		r.impossible(tlsToMembers, p.asks[tlsToMembers])
	}
	return s
}

// method is the wanted one, or one that the provider has: a Service may have
// another provider than cloud.conf, and a load balancer the one of another day.
func (r *resolver) method(p *portWish) string {
	const ovns, usual = "SOURCE_IP_PORT", "ROUND_ROBIN"
	wanted := p.method.value
	others := p.method.key == "" && r.config.LBProvider == tree.OVN && r.can.Provider != tree.OVN
	switch {
	case r.can.Provider == tree.OVN && wanted != ovns:
		if p.method.key != "" {
			r.notice(SettingNotSupported, "%s has no effect: the provider ovn knows SOURCE_IP_PORT only", p.method.key)
		}
		return ovns
	case wanted == ovns && (others || !r.can.SourceIPPort()):
		if p.method.key != "" {
			r.notice(SettingNotSupported, "%s has no effect: SOURCE_IP_PORT cannot be had here (this is %s), so ROUND_ROBIN is used", p.method.key, r.here())
		}
		return usual
	default:
		return wanted
	}
}

// watch tells where a monitor cannot be had, and where traffic to nodes without a
// pod is lost unseen.
func (r *resolver) watch(p *portWish, monitor *tree.Monitor) {
	if monitor == nil && p.monitor.enabled.value {
		r.notice(SettingNotSupported, "port %s has no health monitor: the provider %s has none for %s", p.key, r.can.Provider, p.key.Transport)
	}
	if r.checkPort == 0 || monitor != nil && monitor.Type == "HTTP" {
		return
	}
	why := "annotation " + p.monitor.enabled.key + " turns the health monitor off"
	if !asksKubeProxy(p.key.Transport, r.can) {
		why = "no health monitor here can ask healthCheckNodePort (this is " + r.here() + ")"
	}
	r.notice(UnwatchedTraffic, "port %s: %s, so traffic to nodes without a pod may be lost", p.key, why)
}

// metricsListener serves the load balancer's metrics.
func (r *resolver) metricsListener() []tree.Listener {
	if r.prometheus.port.value == 0 {
		return nil
	}
	if !r.can.PrometheusListener() {
		r.unsupported(promPort, r.prometheus.port.key)
		return nil
	}
	l := tree.Listener{
		Name: owner.PartName("listener", len(r.ports), r.name), Tags: []string{r.name},
		Protocol: tree.Prometheus, Port: r.prometheus.port.value,
	}
	ranges := rangesWish{prefixes: r.prometheus.ranges}
	l.Settings.AllowedCIDRs = texts(ranges.of(r.stacks))
	switch {
	case len(l.Settings.AllowedCIDRs) == 0:
		r.reject(Prefix+promRanges, "", "has no range of an IP family that the load balancer has", "write ranges of that family")
	case r.guarded() && ranges.restricted(r.stacks):
		r.reject(Prefix+promRanges, "", "cannot be used together with security groups on the virtual address", "restrict the sources in those groups and write 0.0.0.0/0 here (and ::/0), or take them off with an empty "+vipGroups)
	case r.guarded():
		l.Settings.AllowedCIDRs = []string{}
	}
	r.keepNames(&l)
	return []tree.Listener{l}
}
