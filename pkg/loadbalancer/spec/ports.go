package spec

import (
	"cmp"
	"slices"
	"strconv"

	v1 "k8s.io/api/core/v1"

	"underlay/internal/owner"
	"underlay/pkg/config"
	"underlay/pkg/loadbalancer/tree"
)

// portWish is what one port of the Service wants: everything that Octavia could
// do for it. Resolve takes out what it cannot do here.
type portWish struct {
	port           v1.ServicePort
	key            tree.Key
	listener, pool tree.Protocol
	listenerName   string
	poolName       string
	monitorName    string
	settings       tree.ListenerSettings
	method         setting[string]
	persistence    tree.Persistence
	tlsToMembers   *bool
	monitor        monitorWish
	// asks are the settings that somebody asked for, by name, and where.
	asks map[string]string
}

func (w *Wish) readPorts(r *reader, in Input, class *config.LoadBalancerClass) {
	name := w.cluster.BalancerName(w.service)
	if len(in.Service.Spec.Ports) == 0 {
		r.reject("spec.ports", "", "the Service has no port", "write at least one")
	}
	for i, port := range in.Service.Spec.Ports {
		s := scope{r, tokens(in.Service, port)}
		p := portWish{
			port: port, asks: map[string]string{},
			listenerName: owner.PartName("listener", i, name), poolName: owner.PartName("pool", i, name), monitorName: owner.PartName("monitor", i, name),
			method:  s.enum(method, cmp.Or(class.LBMethod, in.Config.LBMethod)),
			monitor: s.monitor(in.Config),
		}
		if in.Service.Spec.SessionAffinity == v1.ServiceAffinityClientIP {
			p.persistence.Type = "SOURCE_IP"
		}
		p.choose(s, in.Config)
		p.timeouts(s)
		p.tls(s, in.Config)
		p.key = tree.Key{Transport: p.listener.Transport(), Port: int(port.Port)}
		w.ports = append(w.ports, p)
	}
	w.checkTLSUsed(r)
	if in.Service.Spec.ExternalTrafficPolicy == v1.ServiceExternalTrafficPolicyLocal {
		w.checkPort = int(in.Service.Spec.HealthCheckNodePort)
	}
}

// tokens are how annotations may name a port: its name, and its number unless
// another port has that for a name.
func tokens(service *v1.Service, port v1.ServicePort) []string {
	var all []string
	if port.Name != "" {
		all = append(all, port.Name)
	}
	number := strconv.Itoa(int(port.Port))
	named := slices.ContainsFunc(service.Spec.Ports, func(p v1.ServicePort) bool { return p.Name == number })
	if !named {
		all = append(all, number)
	}
	return all
}

// checkToken rejects an annotation for a port that the Service does not have.
func (r *reader) checkToken(service *v1.Service, key, token string) {
	var known []string
	for _, port := range service.Spec.Ports {
		known = append(known, tokens(service, port)...)
	}
	if !slices.Contains(known, token) && len(known) > 0 {
		slices.Sort(known)
		r.reject(key, "", "the Service has no port "+strconv.Quote(clip(token)), "write "+alternatives(slices.Compact(known)))
	}
}

// timeouts reads what every listener has.
func (p *portWish) timeouts(s scope) {
	for _, t := range []struct {
		name      string
		field     **int
		otherwise int
	}{
		{connLimit, &p.settings.ConnectionLimit, -1},
		{clientData, &p.settings.TimeoutClientData, 50000},
		{memberConnect, &p.settings.TimeoutMemberConnect, 5000},
		{memberData, &p.settings.TimeoutMemberData, 50000},
		{tcpInspect, &p.settings.TimeoutTCPInspect, 0},
	} {
		got := s.integer(t.name, t.otherwise)
		*t.field = &got.value
		if got.key != "" && got.value != t.otherwise {
			p.asks[t.name] = got.key
		}
	}
}
