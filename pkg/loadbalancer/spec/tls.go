package spec

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"underlay/pkg/config"
	"underlay/pkg/loadbalancer/tree"
)

// tlsNames are the annotations that only a listener that ends TLS can honour.
var tlsNames = []string{sniContainers, tlsVersions, tlsCiphers, alpnProtocols, hstsMaxAge, hstsSubdomains, hstsPreload}

// tls reads the settings of a listener that ends TLS.
func (p *portWish) tls(s scope, conf config.LoadBalancer) {
	cert := s.text(tlsContainer, conf.DefaultTLSContainerRef)
	if p.listener != tree.TerminatedHTTPS {
		if cert.own && cert.value != "" && p.listener.Transport() == tree.TCP {
			s.reject(cert.key, cert.value, "needs a port that is terminated-https", "set the port's protocol, or remove it")
		}
		for _, name := range tlsNames {
			if f, ok := s.find(name); ok && f.own {
				s.reject(f.key, f.text, "needs a port that is terminated-https", "set the port's protocol, or remove it")
			}
		}
		return
	}
	sni := s.list(sniContainers)
	p.certificates(s, conf, cert, sni)
	if versions := s.list(tlsVersions); len(versions.value) > 0 {
		slices.Sort(versions.value)
		p.settings.TLSVersions, p.asks[tlsVersions] = slices.Compact(versions.value), versions.key
	}
	if ciphers := s.text(tlsCiphers, ""); ciphers.value != "" {
		if !cipherList.MatchString(ciphers.value) {
			s.reject(ciphers.key, ciphers.value, "is not a list of ciphers", "write names in OpenSSL's notation, separated by colons")
		}
		p.settings.TLSCiphers, p.asks[tlsCiphers] = &ciphers.value, ciphers.key
	}
	if alpn := s.list(alpnProtocols); len(alpn.value) > 0 {
		p.settings.ALPNProtocols, p.asks[alpnProtocols] = alpn.value, alpn.key
	}
	p.hsts(s)
}

var cipherList = regexp.MustCompile(`^[A-Za-z0-9_+!@=.:-]+$`)

// certificates sets the references; at least one is needed.
func (p *portWish) certificates(s scope, conf config.LoadBalancer, cert setting[string], sni setting[[]string]) {
	const advice = "write it as https://barbican.example.com/v1/containers/UUID, or with /secrets/"
	if cert.value != "" {
		p.settings.DefaultTLSContainerRef = &cert.value
		if !validRef(cert.value, conf.ContainerStore) {
			s.reject(cmp.Or(cert.key, "[LoadBalancer] "+tlsContainer), cert.value, "is not the reference of a Barbican container or secret", advice)
		}
	}
	p.settings.SNIContainerRefs = []string{}
	for _, ref := range sni.value {
		p.settings.SNIContainerRefs = append(p.settings.SNIContainerRefs, ref)
		if !validRef(ref, conf.ContainerStore) {
			s.reject(sni.key, ref, "is not the reference of a Barbican container or secret", advice)
		}
	}
	slices.Sort(p.settings.SNIContainerRefs)
	p.settings.SNIContainerRefs = slices.Compact(p.settings.SNIContainerRefs)
	p.asks[tlsContainer] = cmp.Or(cert.key, sni.key, "[LoadBalancer] "+tlsContainer)
	if cert.value == "" && len(sni.value) == 0 {
		key := s.enum(protocol, "").key
		if key == "" {
			key = "appProtocol"
		}
		s.reject(key, "terminated-https", "needs a certificate", "name it with default-tls-container-ref")
	}
}

func (p *portWish) hsts(s scope) {
	age := s.integer(hstsMaxAge, 0)
	sub, preload := s.boolean(hstsSubdomains, false), s.boolean(hstsPreload, false)
	p.settings.HSTS = &tree.HSTS{MaxAge: age.value, IncludeSubdomains: sub.value, Preload: preload.value}
	if age.value > 0 {
		p.asks[hstsMaxAge] = age.key
		return
	}
	for _, on := range []setting[bool]{sub, preload} {
		if on.value {
			s.reject(on.key, "true", "needs hsts-max-age", "write hsts-max-age too, such as 31536000")
		}
	}
}

// validRef checks the reference of a certificate in Barbican: its last two parts
// are "containers" or "secrets" and an id.
func validRef(ref string, store string) bool {
	if store != "barbican" {
		return true
	}
	parts := strings.Split(ref, "/")
	if len(parts) < 2 {
		return false
	}
	_, ok := parseUUID(parts[len(parts)-1])
	kind := parts[len(parts)-2]
	return ok && (kind == "containers" || kind == "secrets")
}

// checkTLSUsed rejects TLS settings of a Service no port of which ends TLS: who
// wrote them believes that one does.
func (w *Wish) checkTLSUsed(r *reader) {
	if slices.ContainsFunc(w.ports, func(p portWish) bool { return p.listener == tree.TerminatedHTTPS }) {
		return
	}
	for _, name := range tlsNames {
		if f, ok := r.service().find(name); ok && f.text != "" {
			r.reject(f.key, f.text, "has no effect: no port of the Service is terminated-https", "name a certificate with default-tls-container-ref, or remove it")
		}
	}
}
