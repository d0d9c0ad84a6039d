package spec

import (
	"time"

	"underlay/pkg/config"
	"underlay/pkg/loadbalancer/tree"
)

// monitorWish is the health check of one port's members.
type monitorWish struct {
	// enabled is the annotation, else create-monitor.
	enabled setting[bool]
	// The times are in seconds.
	delay, timeout, retries, retriesDown int
}

func (s scope) monitor(conf config.LoadBalancer) monitorWish {
	return monitorWish{
		enabled:     s.boolean(enableMonitor, conf.CreateMonitor),
		delay:       s.integer(monitorDelay, int(conf.MonitorDelay/time.Second)).value,
		timeout:     s.integer(monitorTimeout, int(conf.MonitorTimeout/time.Second)).value,
		retries:     s.integer(monitorRetries, conf.MonitorMaxRetries).value,
		retriesDown: s.integer(monitorDown, conf.MonitorMaxRetriesDown).value,
	}
}

// asksKubeProxy: the check can ask kube-proxy, by HTTP at a port of its own.
func asksKubeProxy(transport tree.Protocol, can tree.Capabilities) bool {
	if !can.MonitorPort() || !can.Layer7() {
		return false
	}
	return transport != tree.UDP || can.UDPWithHTTPMonitor()
}

// monitor gives the check, nil for none. checkPort is 0 but for a Service with
// externalTrafficPolicy=Local: such a Service is always checked where kube-proxy
// can be asked, since nodes without a pod of it lose what is sent to them; it is
// not only where an annotation says so. Open vSwitch watches TCP and UDP only.
// Source: ovn_octavia_provider/driver.py, _validate_hm_support.
func (p *portWish) healthMonitor(checkPort int, can tree.Capabilities) *tree.Monitor {
	local := checkPort > 0 && asksKubeProxy(p.key.Transport, can)
	m := p.monitor
	if !m.enabled.value && (!local || m.enabled.key != "") || can.Provider == tree.OVN && p.key.Transport == tree.SCTP {
		return nil
	}
	desired := &tree.Monitor{
		Name: p.monitorName, Type: string(p.key.Transport),
		Delay: &m.delay, Timeout: &m.timeout, MaxRetries: &m.retries, MaxRetriesDown: &m.retriesDown,
	}
	switch {
	case local:
		desired.Type = "HTTP"
		desired.HTTPMethod, desired.URLPath, desired.ExpectedCodes = pointer("GET"), pointer("/healthz"), pointer("200")
	case p.key.Transport == tree.UDP:
		desired.Type = "UDP-CONNECT"
	}
	return desired
}

func pointer[T any](value T) *T { return &value }
