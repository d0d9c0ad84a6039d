package simulator

import (
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// What a listener may be: _validate_create_listener and _validate_listener_PUT
// in octavia/api/v2/controllers/listener.py, and octavia/common/validate.py.

// lbTLSDefaults are those of a listener or pool that speaks TLS and does not say how.
var lbTLSDefaults = map[string]any{
	"tls_ciphers": "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256:DHE-RSA-AES256-GCM-SHA384:" +
		"DHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-AES128-GCM-SHA256:DHE-RSA-AES256-SHA256:" +
		"DHE-RSA-AES128-SHA256:ECDHE-RSA-AES256-SHA384:ECDHE-RSA-AES128-SHA256",
	"tls_versions":   []any{"TLSv1.2", "TLSv1.3"},
	"alpn_protocols": []any{"h2", "http/1.1", "http/1.0"},
}

func (o *octavia) fillTLS(in lbBody) {
	for name, value := range lbTLSDefaults {
		if in[name] == nil {
			in[name] = value
		}
	}
}

var lbHTTPHeaders = []string{
	"X-Forwarded-For", "X-Forwarded-Port", "X-Forwarded-Proto", "X-Forwarded-IP", "X-Client-IP", "X-Real-IP",
}

var lbTLSHeaders = []string{
	"X-SSL-Client-Verify", "X-SSL-Client-Has-Cert", "X-SSL-Client-DN", "X-SSL-Client-CN", "X-SSL-Issuer",
	"X-SSL-Client-SHA1", "X-SSL-Client-Not-Before", "X-SSL-Client-Not-After",
}

func checkHeaders(in lbBody, protocol string, update bool) error {
	sent, _ := in["insert_headers"].(map[string]any)
	if len(sent) == 0 {
		return nil
	}
	if protocol != "HTTP" && protocol != "TERMINATED_HTTPS" {
		return lbInvalidOption("insert-headers", "a "+protocol+" protocol listener.")
	}
	var tls []any
	for _, name := range slices.Sorted(maps.Keys(sent)) {
		if slices.Contains(lbTLSHeaders, name) {
			tls = append(tls, name)
		} else if !slices.Contains(lbHTTPHeaders, name) {
			names := pythonRepr(anyOf(slices.Sorted(maps.Keys(sent))))
			if !update {
				names = "dict_keys(" + names + ")"
			}
			return lbInvalidOption(names, "insert_headers")
		}
	}
	if tls != nil && protocol != "TERMINATED_HTTPS" {
		return lbInvalidOption(pythonRepr(tls), protocol+" protocol listener.")
	}
	return nil
}

// anyOf is a list of texts as decoded JSON has it.
func anyOf(texts []string) []any {
	out := make([]any, len(texts))
	for i, text := range texts {
		out[i] = text
	}
	return out
}

// hasCertificates tells whether a body refers to certificates of servers; those of
// clients Octavia looks for under a name that they do not have.
func hasCertificates(in lbBody) bool {
	return in.text("default_tls_container_ref") != "" || len(in.texts("sni_container_refs")) > 0
}

// plainDatagrams: what runs on UDP and SCTP knows neither TLS nor headers.
func plainDatagrams(in lbBody, protocol string) bool {
	if protocol != "UDP" && protocol != "SCTP" {
		return true
	}
	headers, _ := in["insert_headers"].(map[string]any)
	return !hasCertificates(in) && len(headers) == 0
}

// terminatesTLS tells whether a listener ends TLS connections itself.
func terminatesTLS(in lbBody, protocol string) bool {
	return protocol == "TERMINATED_HTTPS" || protocol == "PROMETHEUS" && hasCertificates(in)
}

func (o *octavia) checkNewListener(b *loadBalancer, in lbBody, protocol string) error {
	terminates := terminatesTLS(in, protocol)
	return firstError(
		func() error { return checkHeaders(in, protocol, false) },
		func() error {
			if plainDatagrams(in, protocol) {
				return nil
			}
			return lbInvalid("%s protocol listener does not support TLS.", protocol)
		},
		func() error { return checkCertificates(in, protocol, terminates) },
		func() error { return checkClients(in, nil) },
		func() error { return o.checkRefs(in) },
		func() error { return b.checkFree(in.number("protocol_port"), protocol) },
		func() error { return b.checkCIDRs(in) },
		func() error {
			if !terminates {
				return nil
			}
			return checkTLS(in)
		},
		func() error { return checkHSTS(in, nil, protocol) },
	)
}

func checkCertificates(in lbBody, protocol string, terminates bool) error {
	base, name := hasCertificates(in), protocol
	if protocol == "PROMETHEUS" {
		name = "PROMETHEUS with TLS"
	}
	switch {
	case !terminates && base:
		return lbInvalid("Certificate container references are not allowed on %s protocol listeners.", protocol)
	case !base && in.text("client_ca_tls_container_ref") != "":
		return lbInvalid("An SNI or default certificate container reference must be provided with a client CA container reference.")
	case terminates && !base:
		return lbInvalid("An SNI or default certificate container reference must be provided for %s protocol listeners.", name)
	}
	return nil
}

// checkClients: who asks clients for certificates knows whose; old is the
// listener before a change, nil for a new one.
func checkClients(in, old lbBody) error {
	authentication, ca := in.text("client_authentication"), in.text("client_ca_tls_container_ref")
	if ca == "" {
		ca = old.text("client_ca_tls_container_ref")
	}
	switch {
	case ca != "":
		return nil
	case authentication != "" && authentication != "NONE":
		return lbInvalid("Client authentication setting %s requires a client CA container reference.", authentication)
	case in.text("client_crl_container_ref") != "":
		return lbInvalid("A client authentication CA reference is required to specify a client authentication revocation list.")
	}
	return nil
}

// checkFree: a port is used once for TCP, once for UDP and once for SCTP.
func (b *loadBalancer) checkFree(port int, protocol string) error {
	for _, l := range b.listeners {
		used := l.values.text("protocol")
		if l.values.number("protocol_port") == port && lbL4[used] == lbL4[protocol] {
			return octaviaErrorf(http.StatusConflict,
				"Another Listener on this Load Balancer is already using protocol %s and protocol_port %d", used, port)
		}
	}
	return nil
}

// checkCIDRs: each has the IP version of one of the addresses.
func (b *loadBalancer) checkCIDRs(in lbBody) error {
	cidrs := in.texts("allowed_cidrs")
	if len(cidrs) > 0 && len(b.values.texts("vip_sg_ids")) > 0 {
		return lbInvalid("Allowed CIDRs are not allowed when using custom VIP Security Groups.")
	}
	for _, cidr := range cidrs {
		if !b.has(isIPv6(cidr)) {
			vips := []any{b.vip.address}
			for _, v := range b.additional {
				vips = append(vips, v.address)
			}
			return lbInvalid("CIDR %s IP version incompatible with all VIPs %s IP version.", cidr, pythonRepr(vips))
		}
	}
	return nil
}

func checkTLS(in lbBody) error {
	known := []string{"SSLv3", "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"}
	if versions, given := in["tls_versions"].([]any); given {
		if len(versions) == 0 {
			return lbInvalid("Empty TLS version list. Either specify at least one TLS version or remove this parameter " +
				"to use the default.")
		}
		wrong := slices.DeleteFunc(in.texts("tls_versions"), func(v string) bool { return slices.Contains(known, v) })
		if len(wrong) > 0 {
			return lbInvalid("Invalid TLS versions: %s", strings.Join(wrong, ", "))
		}
	}
	if protocols, given := in["alpn_protocols"].([]any); given && len(protocols) == 0 {
		return lbInvalid("Empty ALPN protocol list. Either specify at least one ALPN protocol or remove this parameter " +
			"to use the default.")
	}
	return nil
}

// checkHSTS checks a new listener, or a change of an old one.
func checkHSTS(in, old lbBody, protocol string) error {
	_, given := in["hsts_max_age"].(int)
	_, before := old["hsts_max_age"].(int)
	wants := in.on("hsts_include_subdomains") || in.on("hsts_preload")
	switch {
	case wants && !given && old == nil:
		return lbInvalid("HSTS configuration options hsts_include_subdomains and hsts_preload only make sense " +
			"if hsts_max_age is set as well.")
	case wants && !given && !before:
		return lbInvalid("Cannot enable hsts_include_subdomains or hsts_preload if hsts_max_age was not set as well.")
	case given && protocol != "TERMINATED_HTTPS":
		return lbInvalid("The HSTS feature can only be used for listeners using the TERMINATED_HTTPS protocol.")
	}
	return nil
}

func (o *octavia) checkChangedListener(l *lbListener, in lbBody, protocol string) error {
	return firstError(
		func() error {
			if plainDatagrams(in, protocol) {
				return nil
			}
			return lbInvalid("%s protocol listener does not support TLS or header insertion.", protocol)
		},
		func() error {
			if terminatesTLS(in, protocol) || !hasCertificates(in) {
				return nil
			}
			return lbInvalid("Certificate container references are not allowed on %s protocol listeners.", protocol)
		},
		func() error { return checkClients(in, l.values) },
		func() error { return checkHeaders(in, protocol, true) },
		func() error { return o.checkRefs(in) },
		func() error { return l.lb.checkCIDRs(in) },
		func() error { return checkTLS(in) },
		func() error { return checkHSTS(in, l.values, protocol) },
	)
}

// checkRefs: the certificates are in Barbican.
func (o *octavia) checkRefs(in lbBody) error {
	refs := in.texts("sni_container_refs")
	if ref := in.text("default_tls_container_ref"); ref != "" {
		refs = append(refs, ref)
	}
	if err := o.checkBundles(refs); err != nil {
		return err
	}
	return o.checkSecrets(in.text("client_ca_tls_container_ref"), in.text("client_crl_container_ref"))
}

func (o *octavia) checkBundles(refs []string) error {
	var bad []any
	for _, ref := range refs {
		switch err := o.cloud.barbican.certificate(ref); {
		case err == nil:
		case errors.Is(err, errUnreadableBundle):
			return err
		default:
			bad = append(bad, ref)
		}
	}
	if bad != nil {
		return octaviaErrorf(http.StatusBadRequest, "Could not retrieve certificate: %s", pythonRepr(bad))
	}
	return nil
}

// checkSecrets: plain secrets are in Barbican; "" is none.
func (o *octavia) checkSecrets(refs ...string) error {
	var bad []any
	for _, ref := range refs {
		if ref != "" && !o.cloud.barbican.holds(ref) {
			bad = append(bad, ref)
		}
	}
	if bad != nil {
		return octaviaErrorf(http.StatusBadRequest, "Could not retrieve certificate: %s", pythonRepr(bad))
	}
	return nil
}
