package tree

import (
	"cmp"
	"fmt"
)

// Protocol is a listener's or a pool's protocol, in Octavia's spelling.
type Protocol string

// The protocols of listeners and pools.
// Source: octavia/common/constants.py and the compatibility matrix in
// https://docs.openstack.org/api-ref/load-balancer/v2/#protocol-combinations-listener-pool
const (
	TCP             Protocol = "TCP"
	UDP             Protocol = "UDP"
	SCTP            Protocol = "SCTP"
	HTTP            Protocol = "HTTP"
	HTTPS           Protocol = "HTTPS"
	TerminatedHTTPS Protocol = "TERMINATED_HTTPS"
	Prometheus      Protocol = "PROMETHEUS"
	Proxy           Protocol = "PROXY"
	ProxyV2         Protocol = "PROXYV2"
)

// Transport is the layer-4 protocol below: TCP, UDP or SCTP.
func (p Protocol) Transport() Protocol {
	if p == UDP || p == SCTP {
		return p
	}
	return TCP
}

// Key identifies a listener within a load balancer: Octavia keeps one for each
// layer-4 protocol and port.
type Key struct {
	Transport Protocol // TCP, UDP or SCTP
	Port      int
}

// String is "TCP/443".
func (k Key) String() string { return fmt.Sprintf("%s/%d", k.Transport, k.Port) }

// Compare orders keys by port, then transport.
func (k Key) Compare(other Key) int {
	return cmp.Or(cmp.Compare(k.Port, other.Port), cmp.Compare(k.Transport, other.Transport))
}

// Listener is an Octavia listener. Protocol and Port are immutable: another
// protocol means another listener.
// API: https://docs.openstack.org/api-ref/load-balancer/v2/#listeners
type Listener struct {
	ID, BalancerID, Name string
	// Tags are sorted; nil where the API is older than 2.5. A listener of ours
	// carries the name of its Service's load balancer (owner.Cluster.BalancerName).
	Tags     []string
	Protocol Protocol
	Port     int
	Settings ListenerSettings
	// Pool is the default pool. Nil: none (a PROMETHEUS listener).
	Pool *Pool

	Provisioning Provisioning
	Operating    Operating
}

// Key identifies the listener within its load balancer.
func (l *Listener) Key() Key { return Key{Transport: l.Protocol.Transport(), Port: l.Port} }

// ListenerSettings is what may change on a listener. Nil: not ours to say, or
// unknown to this API version or provider.
type ListenerSettings struct {
	AdminUp *bool
	// ConnectionLimit: -1 is none.
	ConnectionLimit *int
	// The timeouts are in milliseconds (API 2.1).
	TimeoutClientData, TimeoutMemberConnect, TimeoutMemberData, TimeoutTCPInspect *int
	// AllowedCIDRs are canonical and sorted (API 2.12).
	AllowedCIDRs []string
	// InsertHeaders: "X-Forwarded-For": "true" and the like; HTTP and TERMINATED_HTTPS only.
	InsertHeaders map[string]string
	// The TLS settings belong to TERMINATED_HTTPS. Refs are Barbican hrefs.
	DefaultTLSContainerRef *string
	SNIContainerRefs       []string // sorted
	TLSVersions            []string // sorted (API 2.17)
	TLSCiphers             *string  // OpenSSL list (API 2.15)
	ALPNProtocols          []string // in order of preference (API 2.20)
	HSTS                   *HSTS    // API 2.27
}

// HSTS is HTTP Strict Transport Security. MaxAge is in seconds; 0 turns it off.
type HSTS struct {
	MaxAge                     int
	IncludeSubdomains, Preload bool
}
