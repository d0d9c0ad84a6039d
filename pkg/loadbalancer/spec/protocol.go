package spec

import (
	"strings"

	"underlay/pkg/config"
	"underlay/pkg/loadbalancer/tree"
)

// protocols are the listener protocols by their spelling in annotations.
var protocols = map[string]tree.Protocol{
	"tcp": tree.TCP, "udp": tree.UDP, "sctp": tree.SCTP, "http": tree.HTTP, "https": tree.HTTPS,
	"terminated-https": tree.TerminatedHTTPS,
}

// headers are the annotations that insert a header.
var headers = []struct{ name, header string }{
	{forwardedFor, "X-Forwarded-For"}, {forwardedPort, "X-Forwarded-Port"}, {forwardedProto, "X-Forwarded-Proto"},
}

// layer7 is what the annotations ask of a listener beyond passing bytes on.
type layer7 struct {
	explicit setting[string]
	cert     setting[string]
	proxy    setting[string]
	headers  []setting[string] // the value is the header
}

// choose settles the protocols of listener and pool.
//
//	the port's own protocol annotation        → that
//	its own certificate, its own headers      → TERMINATED_HTTPS, HTTP
//	appProtocol, where it is to be heard      → as appProtocols says
//	a certificate for the Service             → TERMINATED_HTTPS
//	headers for the Service                   → HTTP
//	nothing                                   → the port's own
//
// UDP and SCTP ports are always what they are.
func (p *portWish) choose(s scope, conf config.LoadBalancer) {
	transport := tree.Protocol(p.port.Protocol)
	if transport == "" {
		transport = tree.TCP
	}
	app := s.boolean(useAppProtocol, conf.UseAppProtocol).value
	ask := s.layer7(conf)
	if wanted, ok := protocols[ask.explicit.value]; ok && wanted.Transport() != transport {
		s.reject(ask.explicit.key, ask.explicit.value, "does not fit a port whose protocol is "+string(transport), "choose one that runs over "+string(transport)+", or change the port")
		ask.explicit.value = ""
	}
	p.listener, p.pool = transport, transport
	if transport != tree.TCP {
		s.rejectLayer7(ask, "is only for TCP ports")
		return
	}
	p.listener = ask.protocol(p.appProtocol(app, ask.cert.value != ""))
	p.pool = p.listener
	if p.listener == tree.HTTP || p.listener == tree.TerminatedHTTPS {
		p.pool = tree.HTTP
		p.insert(s, ask)
	} else {
		s.rejectLayer7(layer7{headers: ask.headers}, "needs a listener that reads requests")
	}
	switch ask.proxy.value {
	case "true", "v1":
		p.pool, p.asks[proxyProtocol] = tree.Proxy, ask.proxy.key
	case "v2":
		p.pool, p.asks[proxyProtocol] = tree.ProxyV2, ask.proxy.key
	}
	p.tlsToPool(s)
}

func (s scope) layer7(conf config.LoadBalancer) layer7 {
	ask := layer7{
		explicit: s.enum(protocol, ""),
		cert:     s.text(tlsContainer, conf.DefaultTLSContainerRef),
		proxy:    s.enum(proxyProtocol, "false"),
	}
	for _, h := range headers {
		if on := s.boolean(h.name, false); on.value {
			ask.headers = append(ask.headers, setting[string]{h.header, on.key, on.own})
		}
	}
	return ask
}

func (l layer7) ownHeader() bool {
	for _, h := range l.headers {
		if h.own {
			return true
		}
	}
	return false
}

// protocol is the listener's of a TCP port; app is what appProtocol says, or "".
func (l layer7) protocol(app tree.Protocol) tree.Protocol {
	switch {
	case l.explicit.value != "":
		return protocols[l.explicit.value]
	case l.cert.own && l.cert.value != "":
		return tree.TerminatedHTTPS
	case l.ownHeader() && l.cert.value == "":
		return tree.HTTP
	case app != "":
		return app
	case l.cert.value != "":
		return tree.TerminatedHTTPS
	case len(l.headers) > 0:
		return tree.HTTP
	default:
		return tree.TCP
	}
}

// appProtocol understands the standard names; "" for all others.
// Source: k8s.io/api/core/v1, ServicePort.AppProtocol.
func (p *portWish) appProtocol(heard, cert bool) tree.Protocol {
	if !heard || p.port.AppProtocol == nil {
		return ""
	}
	switch strings.ToLower(*p.port.AppProtocol) {
	case "http", "kubernetes.io/ws":
		return tree.HTTP
	case "https", "kubernetes.io/wss":
		if cert {
			return tree.TerminatedHTTPS
		}
		return tree.HTTPS
	case "tcp", "tls", "ssl", "grpc", "grpcs", "kubernetes.io/h2c":
		return tree.TCP
	default:
		return ""
	}
}

// insert sets the headers of a listener that reads requests.
func (p *portWish) insert(s scope, ask layer7) {
	p.settings.InsertHeaders = map[string]string{}
	for _, h := range ask.headers {
		p.settings.InsertHeaders[h.value] = "true"
		p.asks[forwardedFor] = h.key
		if ask.proxy.value != "false" {
			s.reject(h.key, "true", "cannot be used together with "+ask.proxy.key, "turn one of them off, for the port or for the Service")
		}
	}
}

// rejectLayer7 rejects what was asked for this very port and cannot be on it.
func (s scope) rejectLayer7(ask layer7, message string) {
	const advice = "remove it, or write it for another port"
	for _, h := range ask.headers {
		if h.own {
			s.reject(h.key, "true", message, advice)
		}
	}
	if ask.cert.own && ask.cert.value != "" {
		s.reject(ask.cert.key, ask.cert.value, message, advice)
	}
	if ask.proxy.own && ask.proxy.value != "false" {
		s.reject(ask.proxy.key, ask.proxy.value, message, advice)
	}
}

// tlsToPool has the load balancer speak TLS to the members.
func (p *portWish) tlsToPool(s scope) {
	on := s.boolean(tlsToMembers, false)
	if p.pool == tree.HTTP {
		p.tlsToMembers = &on.value
		if on.value {
			p.asks[tlsToMembers] = on.key
		}
		return
	}
	if on.own && on.value {
		s.reject(on.key, "true", "is only for ports that are http or terminated-https", "set the port's protocol, or remove it")
	}
}
