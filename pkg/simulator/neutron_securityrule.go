package simulator

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Security group rules as neutron/db/securitygroups_db.py and
// neutron/extensions/securitygroup.py have them.

// securityRule lets traffic pass; a nil pointer is null.
type securityRule struct {
	attributes
	GroupID, Direction, EtherType string
	Protocol                      *string
	PortMin, PortMax              *int
	RemotePrefix, RemoteGroup     *string
}

func (n *neutron) securityRuleKind() *kind[*securityRule] {
	k := &kind[*securityRule]{
		n: n, singular: "security_group_rule", plural: "security_group_rules", path: "security-group-rules",
		quota: "security_group_rule", extension: "security-group",
		notFound: "SecurityGroupRuleNotFound", notFoundMessage: "Security group rule %s does not exist",
		bulk: n.bulkRules, create: n.createRule, drop: n.dropRule,
	}
	const set = inPost | inFilter
	k.attributes = standard(
		attribute[*securityRule]{name: "security_group_id", use: set, value: func(v *securityRule) any { return v.GroupID }},
		attribute[*securityRule]{name: "direction", use: set, value: func(v *securityRule) any { return v.Direction }},
		attribute[*securityRule]{name: "ethertype", use: set, value: func(v *securityRule) any { return v.EtherType }},
		attribute[*securityRule]{name: "protocol", use: set | mayBeNull, value: func(v *securityRule) any { return deref(v.Protocol) }},
		attribute[*securityRule]{
			name: "port_range_min", use: set | mayBeNull,
			value: func(v *securityRule) any { return deref(v.PortMin) },
		},
		attribute[*securityRule]{
			name: "port_range_max", use: set | mayBeNull,
			value: func(v *securityRule) any { return deref(v.PortMax) },
		},
		attribute[*securityRule]{
			name: "remote_ip_prefix", use: set | mayBeNull,
			value: func(v *securityRule) any { return deref(v.RemotePrefix) },
		},
		attribute[*securityRule]{
			name: "remote_group_id", use: set | mayBeNull,
			value: func(v *securityRule) any { return deref(v.RemoteGroup) },
		},
	)
	return k
}

// deref is the value, or null.
func deref[V any](p *V) any {
	if p == nil {
		return nil
	}
	return *p
}

type ruleBody struct {
	common
	GroupID      *string `json:"security_group_id"`
	Direction    *string `json:"direction"`
	EtherType    *string `json:"ethertype"`
	Protocol     *any    `json:"protocol"`
	PortMin      *int    `json:"port_range_min"`
	PortMax      *int    `json:"port_range_max"`
	RemotePrefix *string `json:"remote_ip_prefix"`
	RemoteGroup  *string `json:"remote_group_id"`
}

// addRule adds a rule to its group, whose revision rises with it.
func (n *neutron) addRule(v *securityGroup, r *securityRule) *securityRule {
	r.GroupID, r.ProjectID = v.ID, v.ProjectID
	n.rules.add(r)
	v.rules = append(v.rules, r)
	v.touch()
	return r
}

func (n *neutron) dropRule(r *securityRule) {
	n.rules.take(r)
	if v, found := n.groups.rows[r.GroupID]; found {
		v.rules = slices.DeleteFunc(v.rules, func(o *securityRule) bool { return o == r })
		v.touch()
	}
}

func (n *neutron) createRule(c caller, b body) (*securityRule, error) {
	var in ruleBody
	if err := b.require("security_group_id", "direction"); err != nil {
		return nil, err
	}
	if err := b.decode(&in); err != nil {
		return nil, err
	}
	if _, err := in.start(c); err != nil {
		return nil, err
	}
	r, err := in.rule()
	if err != nil {
		return nil, err
	}
	v, found := n.groups.rows[*in.GroupID]
	if !found || !c.owns(v) {
		return nil, n.groups.missing(*in.GroupID)
	}
	if r.RemoteGroup != nil {
		if remote, found := n.groups.rows[*r.RemoteGroup]; !found || !c.owns(remote) {
			return nil, n.groups.missing(*r.RemoteGroup)
		}
	}
	for _, other := range v.rules {
		if r.key() == other.key() {
			return nil, conflict("SecurityGroupRuleExists", "Security group rule already exists. Rule id is %s.", other.ID)
		}
	}
	return n.addRule(v, r), nil
}

// bulkRules: the rules of one request are of one group, and differ.
func (n *neutron) bulkRules(list []body) error {
	group, seen := "", map[string]bool{}
	for _, b := range list {
		var in ruleBody
		if err := b.require("security_group_id", "direction"); err != nil {
			return err
		}
		if err := b.decode(&in); err != nil {
			return err
		}
		if group != "" && group != *in.GroupID {
			return invalid("SecurityGroupNotSingleGroupRules", "Only allowed to update rules for one security profile at a time")
		}
		group = *in.GroupID
		r, err := in.rule()
		if err != nil {
			return err
		}
		if seen[r.key()] {
			return conflict("DuplicateSecurityGroupRuleInPost", "Duplicate Security Group Rule in POST.")
		}
		seen[r.key()] = true
	}
	return nil
}

// rule is the rule of a body, validated as far as it goes without others.
func (in ruleBody) rule() (*securityRule, error) {
	r := &securityRule{
		Direction: *in.Direction, EtherType: "IPv4", PortMin: in.PortMin, PortMax: in.PortMax,
		RemotePrefix: in.RemotePrefix, RemoteGroup: in.RemoteGroup,
	}
	in.describe(&r.attributes)
	if r.Direction != "ingress" && r.Direction != "egress" {
		return nil, invalidInput("direction", "'%s' is not in ['ingress', 'egress']", r.Direction)
	}
	if in.EtherType != nil {
		r.EtherType = map[string]string{"ipv4": "IPv4", "ipv6": "IPv6"}[strings.ToLower(*in.EtherType)]
		if r.EtherType == "" {
			return nil, invalid("SecurityGroupRuleInvalidEtherType", "Security group rule for ethertype '%s' not supported. "+
				"Allowed values are ['IPv4', 'IPv6'].", *in.EtherType)
		}
	}
	if err := r.setProtocol(in.Protocol); err != nil {
		return nil, err
	}
	if err := r.checkPorts(); err != nil {
		return nil, err
	}
	if r.RemotePrefix != nil && r.RemoteGroup != nil {
		return nil, invalid("SecurityGroupMultipleRemoteEntites",
			"Only one of remote_ip_prefix or remote_group_id or remote_address_group_id may be provided.")
	}
	return r, r.checkPrefix()
}

// protocols are the names that have a number (neutron_lib/constants.py IP_PROTOCOL_MAP).
var protocols = map[string]int{
	"ah": 51, "dccp": 33, "egp": 8, "esp": 50, "gre": 47, "icmp": 1, "icmpv6": 58, "igmp": 2, "ipip": 4,
	"ipv6-encap": 41, "ipv6-frag": 44, "ipv6-icmp": 58, "ipv6-nonxt": 59, "ipv6-opts": 60, "ipv6-route": 43,
	"ospf": 89, "pgm": 113, "rsvp": 46, "sctp": 132, "tcp": 6, "udp": 17, "udplite": 136, "vrrp": 112,
}

// setProtocol takes a name or a number.
func (r *securityRule) setProtocol(sent *any) error {
	if sent == nil || *sent == nil {
		return nil
	}
	name := strings.ToLower(fmt.Sprint(*sent))
	if !isProtocol(name) {
		return invalid("SecurityGroupRuleInvalidProtocol", "Security group rule protocol %s not supported. "+
			"Only protocol values and integer representations [0 to 255] are supported.", name)
	}
	if r.EtherType == "IPv6" {
		name = protocol6(name)
	} else if strings.HasPrefix(name, "ipv6-") || name == "icmpv6" || name == "58" {
		return invalid("SecurityGroupEthertypeConflictWithProtocol",
			"Invalid ethertype %s for protocol %s.", r.EtherType, name)
	}
	r.Protocol = &name
	return nil
}

func isProtocol(name string) bool {
	if _, known := protocols[name]; known {
		return true
	}
	number, err := strconv.Atoi(name)
	return err == nil && number >= 0 && number <= 255
}

// protocol6 is a protocol in IPv6, which has its own ICMP.
func protocol6(name string) string {
	switch name {
	case "icmp", "icmpv6":
		return "ipv6-icmp"
	case "1":
		return "58"
	}
	return name
}

func (r *securityRule) protocolNumber() int {
	if r.Protocol == nil {
		return -1
	}
	if number, found := protocols[*r.Protocol]; found {
		return number
	}
	number, err := strconv.Atoi(*r.Protocol)
	if err != nil {
		return -1
	}
	return number
}

func (r *securityRule) checkPorts() error {
	if r.PortMin == nil && r.PortMax == nil {
		return nil
	}
	switch r.protocolNumber() {
	case -1:
		return invalid("SecurityGroupProtocolRequiredWithPorts", "Must also specify protocol if port range is given.")
	case protocols["icmp"], protocols["ipv6-icmp"]:
		if r.PortMin == nil {
			return invalid("SecurityGroupMissingIcmpType", "ICMP code (port-range-max) %d is provided but ICMP type "+
				"(port-range-min) is missing.", *r.PortMax)
		}
		for _, value := range []*int{r.PortMin, r.PortMax} {
			if value != nil && (*value < 0 || *value > 255) {
				return invalid("SecurityGroupInvalidIcmpValue", "Invalid value for ICMP type or code %d. It must be 0 to 255.", *value)
			}
		}
		return nil
	case protocols["tcp"], protocols["udp"], protocols["sctp"], protocols["dccp"], protocols["udplite"]:
		return r.checkPortRange()
	}
	return invalid("SecurityGroupInvalidProtocolForPort",
		"Ports cannot be specified for protocol %d. Ports are only supported for DCCP, SCTP, TCP, UDP, UDPLITE.", r.protocolNumber())
}

func (r *securityRule) checkPortRange() error {
	for _, value := range []*int{r.PortMin, r.PortMax} {
		if value != nil && (*value <= 0 || *value > 65535) {
			return invalid("SecurityGroupInvalidPortValue", "Invalid value for port %d", *value)
		}
	}
	if r.PortMin == nil || r.PortMax == nil || *r.PortMin > *r.PortMax {
		return invalid("SecurityGroupInvalidPortRange", "For TCP/UDP protocols, port_range_min must be <= port_range_max")
	}
	return nil
}

// checkPrefix takes an address or a range of the rule's family; the spelling is
// kept, but for an address, which becomes a range.
func (r *securityRule) checkPrefix() error {
	if r.RemotePrefix == nil {
		return nil
	}
	sent := *r.RemotePrefix
	if address, err := netip.ParseAddr(sent); err == nil {
		sent = netip.PrefixFrom(address, address.BitLen()).String()
	}
	cidr, err := netip.ParsePrefix(sent)
	if err != nil {
		return invalid("InvalidCIDR", "Invalid CIDR %s given as IP prefix.", sent)
	}
	if cidr.Addr().Is4() != (r.EtherType == "IPv4") {
		return invalid("SecurityGroupRuleParameterConflict", "Conflicting value ethertype %s for CIDR %s", r.EtherType, sent)
	}
	r.RemotePrefix = &sent
	return nil
}

// key is what makes two rules of a group duplicates.
func (r *securityRule) key() string {
	prefix := deref(r.RemotePrefix)
	if prefix == "0.0.0.0/0" || prefix == "::/0" {
		prefix = nil
	}
	return fmt.Sprint(r.Direction, r.EtherType, r.protocolNumber(), deref(r.PortMin), deref(r.PortMax), prefix, deref(r.RemoteGroup))
}
