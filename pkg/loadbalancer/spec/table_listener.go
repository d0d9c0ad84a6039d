package spec

// The annotations on listeners, TLS, pools and monitors. All of them may be
// written for one port.

const (
	protocol       = "protocol"
	useAppProtocol = "use-app-protocol"
	forwardedFor   = "x-forwarded-for"
	forwardedPort  = "x-forwarded-port"
	forwardedProto = "x-forwarded-proto"
	proxyProtocol  = "proxy-protocol"
	connLimit      = "connection-limit"
	clientData     = "timeout-client-data"
	memberConnect  = "timeout-member-connect"
	memberData     = "timeout-member-data"
	tcpInspect     = "timeout-tcp-inspect"
	tlsContainer   = "default-tls-container-ref"
	sniContainers  = "sni-container-refs"
	tlsVersions    = "tls-versions"
	tlsCiphers     = "tls-ciphers"
	alpnProtocols  = "alpn-protocols"
	hstsMaxAge     = "hsts-max-age"
	hstsSubdomains = "hsts-include-subdomains"
	hstsPreload    = "hsts-preload"
	tlsToMembers   = "tls-to-members"
	method         = "lb-method"
	nodeSelector   = "node-selector"
	enableMonitor  = "enable-health-monitor"
	monitorDelay   = "health-monitor-delay"
	monitorTimeout = "health-monitor-timeout"
	monitorRetries = "health-monitor-max-retries"
	monitorDown    = "health-monitor-max-retries-down"
)

// year is the longest timeout that Octavia takes, in milliseconds.
// Source: octavia/common/constants.py, MAX_TIMEOUT.
const year = 365 * 24 * 60 * 60 * 1000

// The protocols as annotations spell them.
var protocolValues = []string{"tcp", "udp", "sctp", "http", "https", "terminated-https"}

var listenerAnnotations = []Annotation{
	{Name: protocol, Kind: Enum, Values: protocolValues, PerPort: true, OnlyPort: true, Default: "what the other annotations ask for, else the port's own",
		Meaning: "What the listener understands. `http` reads requests, `terminated-https` ends TLS with the port's certificate and passes HTTP on, `https` passes TLS on without looking, " +
			"`tcp`, `udp` and `sctp` pass everything on. It must fit the port's `protocol`."},
	{Name: useAppProtocol, Kind: Bool, Default: "`use-app-protocol`",
		Meaning: "Let `appProtocol` of a port choose, where no annotation of the port does: `http` and `kubernetes.io/ws` are `http`; `https` and `kubernetes.io/wss` are `terminated-https` " +
			"with a certificate and `https` without; `tcp`, `tls`, `ssl`, `grpc`, `grpcs` and `kubernetes.io/h2c` are `tcp`. Others change nothing."},
	{Name: forwardedFor, Kind: Bool, PerPort: true, Default: "`false`", Peer: true, Needs: "not `ovn`",
		Meaning: "Add the client's address to requests as `X-Forwarded-For`. TCP ports without a protocol of their own become `http`."},
	{Name: forwardedPort, Kind: Bool, PerPort: true, Default: "`false`", Needs: "not `ovn`",
		Meaning: "Add the listener's port as `X-Forwarded-Port`. TCP ports without a protocol of their own become `http`."},
	{Name: forwardedProto, Kind: Bool, PerPort: true, Default: "`false`", Needs: "not `ovn`",
		Meaning: "Add `http` or `https` as `X-Forwarded-Proto`. TCP ports without a protocol of their own become `http`."},
	{Name: proxyProtocol, Kind: Enum, Values: []string{"true", "false", "v1", "v2"}, PerPort: true, Default: "`false`", Peer: true, Needs: "not `ovn`; `v2`: Octavia 2.22",
		Meaning: "Tell the members the client's address with the PROXY protocol, version 1 (`true`, `v1`) or 2 (`v2`). UDP and SCTP ports are left as they are. Not together with `x-forwarded-…` on one port."},
	{Name: connLimit, Kind: Int, Min: -1, PerPort: true, Default: "-1", Peer: true,
		Meaning: "Connections that a listener takes at a time; -1 is no limit."},
	{Name: clientData, Kind: Int, Max: year, PerPort: true, Default: "50000", Peer: true, Needs: "Octavia 2.1, not `ovn`",
		Meaning: "Milliseconds without data from the client after which a connection ends."},
	{Name: memberConnect, Kind: Int, Max: year, PerPort: true, Default: "5000", Peer: true, Needs: "Octavia 2.1, not `ovn`",
		Meaning: "Milliseconds to connect to a member."},
	{Name: memberData, Kind: Int, Max: year, PerPort: true, Default: "50000", Peer: true, Needs: "Octavia 2.1, not `ovn`",
		Meaning: "Milliseconds without data from the member after which a connection ends."},
	{Name: tcpInspect, Kind: Int, Max: year, PerPort: true, Default: "0", Peer: true, Needs: "Octavia 2.1, not `ovn`",
		Meaning: "Milliseconds to wait for more packets when content is inspected."},
}

var tlsAnnotations = []Annotation{
	{Name: tlsContainer, Kind: Text, PerPort: true, Default: "`default-tls-container-ref`", Peer: true, Needs: "not `ovn`",
		Meaning: "The certificate: the reference of a Barbican container or secret. TCP ports without a protocol of their own become `terminated-https`. Empty: none, whatever cloud.conf says."},
	{Name: sniContainers, Kind: List, PerPort: true, Needs: "not `ovn`",
		Meaning: "Further certificates, of which the client's SNI chooses: references like the one above."},
	{Name: tlsVersions, Kind: List, Values: []string{"SSLv3", "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"}, PerPort: true, Default: "Octavia's", Needs: "Octavia 2.17, not `ovn`",
		Meaning: "TLS versions that clients may speak."},
	{Name: tlsCiphers, Kind: Text, PerPort: true, Default: "Octavia's", Needs: "Octavia 2.15, not `ovn`",
		Meaning: "Ciphers in OpenSSL's notation, separated by colons."},
	{Name: alpnProtocols, Kind: List, Values: []string{"h2", "http/1.1", "http/1.0"}, PerPort: true, Default: "Octavia's", Needs: "Octavia 2.20, not `ovn`",
		Meaning: "Protocols that ALPN offers, the preferred one first."},
	{Name: hstsMaxAge, Kind: Int, PerPort: true, Default: "0", Needs: "Octavia 2.27, not `ovn`",
		Meaning: "Seconds for which browsers are told to use HTTPS only (HTTP Strict Transport Security); 0 does not tell them."},
	{Name: hstsSubdomains, Kind: Bool, PerPort: true, Default: "`false`", Needs: "Octavia 2.27, not `ovn`",
		Meaning: "HSTS holds for all subdomains too. Needs `hsts-max-age`."},
	{Name: hstsPreload, Kind: Bool, PerPort: true, Default: "`false`", Needs: "Octavia 2.27, not `ovn`",
		Meaning: "Browsers may carry the domain in their HSTS lists. Needs `hsts-max-age`."},
	{Name: tlsToMembers, Kind: Bool, PerPort: true, Default: "`false`", Needs: "Octavia 2.8, not `ovn`",
		Meaning: "Speak TLS to the members too, on ports that are `http` or `terminated-https`."},
}

var poolAnnotations = []Annotation{
	{Name: method, Kind: Enum, Values: methods, PerPort: true, Default: "class, `lb-method`", Peer: true,
		Meaning: "How the pool chooses a member. `ovn` knows `SOURCE_IP_PORT` only, which is then used by itself."},
	{Name: nodeSelector, Kind: Labels, Default: "`node-selector`", Peer: true,
		Meaning: "Labels that a node must have, all of them, to become a member: `name=value`, or a name alone. Empty: all nodes."},
}

var methods = []string{"ROUND_ROBIN", "LEAST_CONNECTIONS", "SOURCE_IP", "SOURCE_IP_PORT"}

var monitorAnnotations = []Annotation{
	{Name: enableMonitor, Kind: Bool, PerPort: true, Default: "`create-monitor`; `true` with `externalTrafficPolicy: Local`", Peer: true,
		Meaning: "Let Octavia check the health of the members. With `externalTrafficPolicy: Local` the check asks kube-proxy whether the node has a pod of the Service."},
	{Name: monitorDelay, Kind: Int, Min: 1, PerPort: true, Default: "`monitor-delay`", Peer: true,
		Meaning: "Seconds between two checks of a member."},
	{Name: monitorTimeout, Kind: Int, Min: 1, PerPort: true, Default: "`monitor-timeout`", Peer: true,
		Meaning: "Seconds after which a check has failed."},
	{Name: monitorRetries, Kind: Int, Min: 1, Max: 10, PerPort: true, Default: "`monitor-max-retries`", Peer: true,
		Meaning: "Checks in a row that make a member healthy."},
	{Name: monitorDown, Kind: Int, Min: 1, Max: 10, PerPort: true, Default: "`monitor-max-retries-down`", Peer: true,
		Meaning: "Failed checks in a row that take a member out."},
}
