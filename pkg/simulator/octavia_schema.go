package simulator

import (
	"math"
	"slices"
	"sync"
)

// The attributes of Octavia's objects, as octavia/api/v2/types/*.py declare
// them, with the version that brought each (octavia's api-ref and release notes).

var (
	lbName   = lbText(255)
	lbTags   = lbSorted(lbList(lbText(255)))
	lbMillis = lbInt(0, 24*24*60*60*1000)
	lbPort   = lbInt(1, 65535)
	lbCipher = lbText(2048)
	lbTLS    = lbList(lbText(32))
	lbALPN   = lbList(lbALPNProtocol)
)

func lbALPNProtocol(_ int, v any) (any, error) {
	switch text, _ := v.(string); text {
	case "h2", "http/1.1", "http/1.0":
		return text, nil
	}
	return nil, lbBadValue("Value should be a valid ALPN protocol ID")
}

// lbDescribed are the attributes that several kinds have.
func lbDescribed(own ...lbField) lbSchema {
	return append(lbSchema{
		{name: "name", use: lbAll, check: lbName, blank: ""},
		{name: "admin_state_up", use: lbAll, check: lbBool, def: true},
		{name: "tags", use: lbAll, since: 5, check: lbTags, blank: []any{}},
		{name: "project_id", use: lbPost, check: lbText(36)},
		{name: "tenant_id", use: lbPost, check: lbText(36)},
	}, own...)
}

// The schemas are made once: they hold compiled patterns. Nobody may change them.
var (
	loadBalancerSchema  = sync.OnceValue(newLoadBalancerSchema)
	additionalVIPSchema = sync.OnceValue(newAdditionalVIPSchema)
	listenerSchema      = sync.OnceValue(newListenerSchema)
	poolSchema          = sync.OnceValue(newPoolSchema)
	pooledSchema        = sync.OnceValue(newPooledSchema)
	persistenceSchema   = sync.OnceValue(newPersistenceSchema)
	memberSchema        = sync.OnceValue(newMemberSchema)
	monitorSchema       = sync.OnceValue(newMonitorSchema)
	policySchema        = sync.OnceValue(newPolicySchema)
	treePolicySchema    = sync.OnceValue(newTreePolicySchema)
	ruleSchema          = sync.OnceValue(newRuleSchema)
)

func newLoadBalancerSchema() lbSchema {
	return lbDescribed(
		lbField{name: "description", use: lbPost | lbPut | lbShow, check: lbName, blank: ""},
		lbField{name: "vip_address", use: lbPost, check: lbAddress},
		lbField{name: "vip_port_id", use: lbPost, check: lbUUID},
		lbField{name: "vip_subnet_id", use: lbPost, check: lbUUID},
		lbField{name: "vip_network_id", use: lbPost, check: lbUUID},
		lbField{name: "vip_qos_policy_id", use: lbPost | lbPut | lbShow, since: 1, check: lbUUID},
		lbField{name: "vip_sg_ids", use: lbPost | lbPut | lbShow, since: 29, check: lbList(lbUUID), blank: []any{}},
		lbField{name: "additional_vips", use: lbPost, since: 26, check: lbList(lbObject(additionalVIPSchema, lbPost))},
		lbField{name: "listeners", use: lbPost, check: lbList(lbObject(listenerSchema, lbTree))},
		lbField{name: "pools", use: lbPost, check: lbList(lbObject(pooledSchema, lbTree))},
		lbField{name: "provider", use: lbPost, check: lbText(64)},
		lbField{name: "flavor_id", use: lbPost | lbShow, check: lbUUID, since: 6},
		lbField{name: "availability_zone", use: lbPost | lbShow, since: 14, check: lbName},
		lbField{name: "vip_vnic_type", use: lbShow, since: 28, blank: "normal"},
	)
}

func newAdditionalVIPSchema() lbSchema {
	return lbSchema{
		{name: "subnet_id", use: lbPost | lbMust, check: lbUUID},
		{name: "ip_address", use: lbPost, check: lbAddress},
	}
}

// lbSince are the versions that brought words of enumerations.
var lbSince = map[string]int{
	"PROXYV2": 22, "SCTP": 23, "PROMETHEUS": 25, "SOURCE_IP_PORT": 13,
}

func newListenerSchema() lbSchema {
	protocol := lbEnum([]string{"HTTP", "HTTPS", "PROMETHEUS", "SCTP", "TCP", "TERMINATED_HTTPS", "UDP"}, lbSince)
	authentication := lbEnum([]string{"MANDATORY", "NONE", "OPTIONAL"}, nil)
	const most = math.MaxInt32
	return lbDescribed(
		lbField{name: "description", use: lbAll, check: lbName, blank: ""},
		lbField{name: "protocol", use: lbAnew | lbShow | lbMust, check: protocol},
		lbField{name: "protocol_port", use: lbAnew | lbShow | lbMust, check: lbPort},
		lbField{name: "loadbalancer_id", use: lbPost | lbMust, check: lbUUID},
		lbField{name: "connection_limit", use: lbAll, check: lbInt(-1, most), def: -1},
		lbField{name: "default_tls_container_ref", use: lbAll, check: lbName},
		lbField{name: "sni_container_refs", use: lbAll, check: lbSorted(lbList(lbName)), blank: []any{}},
		lbField{name: "default_pool_id", use: lbAnew | lbPut, check: lbUUID},
		lbField{name: "default_pool", use: lbAnew, check: lbObject(pooledSchema, lbTree)},
		lbField{name: "l7policies", use: lbAnew, check: lbList(lbObject(treePolicySchema, lbTree))},
		lbField{name: "insert_headers", use: lbAll, check: lbDict, blank: map[string]any{}},
		lbField{name: "timeout_client_data", use: lbAll, since: 1, check: lbMillis, def: 50000},
		lbField{name: "timeout_member_connect", use: lbAll, since: 1, check: lbMillis, def: 5000},
		lbField{name: "timeout_member_data", use: lbAll, since: 1, check: lbMillis, def: 50000},
		lbField{name: "timeout_tcp_inspect", use: lbAll, since: 1, check: lbMillis, def: 0},
		lbField{name: "client_ca_tls_container_ref", use: lbAll, since: 8, check: lbName},
		lbField{name: "client_authentication", use: lbAll, since: 8, check: authentication, def: "NONE"},
		lbField{name: "client_crl_container_ref", use: lbAll, since: 8, check: lbName},
		lbField{name: "allowed_cidrs", use: lbAll, since: 12, check: lbSet(lbList(lbCIDR))},
		lbField{name: "tls_ciphers", use: lbAll, since: 15, check: lbCipher},
		lbField{name: "tls_versions", use: lbAll, since: 17, check: lbTLS},
		lbField{name: "alpn_protocols", use: lbAll, since: 20, check: lbALPN},
		lbField{name: "hsts_max_age", use: lbAll, since: 27, check: lbInt(0, most)},
		lbField{name: "hsts_include_subdomains", use: lbAll, since: 27, check: lbBool, def: false},
		lbField{name: "hsts_preload", use: lbAll, since: 27, check: lbBool, def: false},
	)
}

// newPoolSchema is a pool by itself.
func newPoolSchema() lbSchema {
	algorithm := lbEnum([]string{"LEAST_CONNECTIONS", "ROUND_ROBIN", "SOURCE_IP", "SOURCE_IP_PORT"}, lbSince)
	return lbDescribed(
		lbField{name: "description", use: lbAll, check: lbName, blank: ""},
		lbField{name: "protocol", use: lbAnew | lbShow | lbMust, check: lbPoolProtocol},
		lbField{name: "lb_algorithm", use: lbAll | lbMust, check: algorithm},
		lbField{name: "listener_id", use: lbPost, check: lbUUID},
		lbField{name: "loadbalancer_id", use: lbPost, check: lbUUID},
		lbField{name: "session_persistence", use: lbAnew, check: lbObject(persistenceSchema, lbPost)},
		lbField{name: "session_persistence", use: lbPut, check: lbObject(persistenceSchema, lbPut)},
		lbField{name: "healthmonitor", use: lbAnew, check: lbObject(monitorSchema, lbTree)},
		lbField{name: "members", use: lbAnew, check: lbList(lbObject(memberSchema, lbTree))},
		lbField{name: "tls_container_ref", use: lbAll, since: 8, check: lbName},
		lbField{name: "ca_tls_container_ref", use: lbAll, since: 8, check: lbName},
		lbField{name: "crl_container_ref", use: lbAll, since: 8, check: lbName},
		lbField{name: "tls_enabled", use: lbAll, since: 8, check: lbBool, def: false},
		lbField{name: "tls_ciphers", use: lbAll, since: 15, check: lbCipher},
		lbField{name: "tls_versions", use: lbAll, since: 18, check: lbTLS},
		lbField{name: "alpn_protocols", use: lbAll, since: 24, check: lbALPN},
	)
}

var lbPoolProtocol = lbEnum([]string{"HTTP", "HTTPS", "PROXY", "PROXYV2", "SCTP", "TCP", "UDP"}, lbSince)

// newPooledSchema is a pool within a tree, where a name alone refers to another pool.
func newPooledSchema() lbSchema {
	schema := slices.Clone(poolSchema())
	for i := range schema {
		schema[i].use &^= lbMust
	}
	return schema
}

func newPersistenceSchema() lbSchema {
	kind := lbEnum([]string{"APP_COOKIE", "HTTP_COOKIE", "SOURCE_IP"}, nil)
	return lbSchema{
		{name: "type", use: lbPost | lbPut | lbMust, check: kind},
		{name: "cookie_name", use: lbPost | lbPut, check: lbPattern(255, `^[^\s,;\\]+$`)},
		{name: "persistence_timeout", use: lbPost | lbPut, since: 1, check: lbInt(math.MinInt32, math.MaxInt32)},
		{name: "persistence_granularity", use: lbPost | lbPut, since: 1, check: lbAddress},
	}
}

func newMemberSchema() lbSchema {
	return lbDescribed(
		lbField{name: "address", use: lbAnew | lbShow | lbMust, check: lbAddress},
		lbField{name: "protocol_port", use: lbAnew | lbShow | lbMust, check: lbPort},
		lbField{name: "weight", use: lbAll, check: lbInt(0, 256), def: 1},
		lbField{name: "backup", use: lbAll, since: 1, check: lbBool, def: false},
		lbField{name: "subnet_id", use: lbAnew | lbShow, check: lbUUID},
		lbField{name: "monitor_port", use: lbAll, check: lbPort},
		lbField{name: "monitor_address", use: lbAll, check: lbAddress},
		lbField{name: "request_sriov", use: lbAnew, since: 30, check: lbBool},
		lbField{name: "vnic_type", use: lbShow, since: 30, blank: "normal"},
	)
}

// lbMonitorTypes are all types of health monitors.
var lbMonitorTypes = []string{"HTTP", "HTTPS", "PING", "SCTP", "TCP", "TLS-HELLO", "UDP-CONNECT"}

func newMonitorSchema() lbSchema {
	methods := []string{"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"}
	const label = `[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?`
	return lbDescribed(
		lbField{name: "type", use: lbAnew | lbShow | lbMust, check: lbEnum(lbMonitorTypes, lbSince)},
		lbField{name: "delay", use: lbAll | lbMust, check: lbInt(0, math.MaxInt32)},
		lbField{name: "timeout", use: lbAll | lbMust, check: lbInt(0, math.MaxInt32)},
		lbField{name: "max_retries", use: lbAll | lbMust, check: lbInt(1, 10)},
		lbField{name: "max_retries_down", use: lbAll, check: lbInt(1, 10), def: 3},
		lbField{name: "http_method", use: lbAll, check: lbEnum(methods, nil)},
		lbField{name: "url_path", use: lbAll, check: lbPath},
		lbField{name: "expected_codes", use: lbAll, check: lbPattern(64, `^(\d{3}(\s*,\s*\d{3})*)$|^(\d{3}-\d{3})$`)},
		lbField{name: "pool_id", use: lbPost | lbMust, check: lbUUID},
		lbField{name: "http_version", use: lbAll, since: 10, check: lbHTTPVersion},
		lbField{name: "domain_name", use: lbAll, since: 10, check: lbPattern(255, `^`+label+`(\.`+label+`)*\.?$`)},
	)
}

func newPolicySchema() lbSchema {
	actions := lbEnum([]string{"REDIRECT_PREFIX", "REDIRECT_TO_POOL", "REDIRECT_TO_URL", "REJECT"}, nil)
	return lbDescribed(
		lbField{name: "description", use: lbAll, check: lbName, blank: ""},
		lbField{name: "action", use: lbAll | lbMust, check: actions},
		lbField{name: "listener_id", use: lbPost | lbMust, check: lbUUID},
		lbField{name: "position", use: lbAll, check: lbInt(1, math.MaxInt32), def: math.MaxInt32},
		lbField{name: "redirect_pool_id", use: lbAnew | lbPut, check: lbUUID},
		lbField{name: "redirect_url", use: lbAll, check: lbURL},
		lbField{name: "redirect_prefix", use: lbAll, check: lbURL},
		lbField{name: "redirect_http_code", use: lbAll, since: 9, check: lbInt(301, 308)},
		lbField{name: "rules", use: lbAnew, check: lbList(lbObject(ruleSchema, lbTree))},
	)
}

// newTreePolicySchema is a policy within a tree, which may bring the pool that it leads to.
func newTreePolicySchema() lbSchema {
	return append(slices.Clone(policySchema()), lbField{name: "redirect_pool", use: lbTree, check: lbObject(pooledSchema, lbTree)})
}

func newRuleSchema() lbSchema {
	kinds := lbEnum([]string{
		"COOKIE", "FILE_TYPE", "HEADER", "HOST_NAME", "PATH", "SSL_CONN_HAS_CERT", "SSL_DN_FIELD", "SSL_VERIFY_RESULT",
	}, nil)
	compare := lbEnum([]string{"CONTAINS", "ENDS_WITH", "EQUAL_TO", "REGEX", "STARTS_WITH"}, nil)
	return lbSchema{
		{name: "admin_state_up", use: lbAll, check: lbBool, def: true},
		{name: "tags", use: lbAll, since: 5, check: lbTags, blank: []any{}},
		{name: "project_id", use: lbPost, check: lbText(36)},
		{name: "tenant_id", use: lbPost, check: lbText(36)},
		{name: "type", use: lbAll | lbMust, check: kinds},
		{name: "compare_type", use: lbAll | lbMust, check: compare},
		{name: "key", use: lbAll, check: lbName},
		{name: "value", use: lbAll | lbMust, check: lbName},
		{name: "invert", use: lbAll, check: lbBool, def: false},
	}
}
