package openstack

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"slices"

	"underlay/pkg/loadbalancer/tree"
	"underlay/pkg/openstack/session"
)

// Operations on security groups (https://docs.openstack.org/api-ref/network/v2/#security-groups-security-groups).
// Neutron knows one group by many names and refuses the same rule twice; only
// deletes may be repeated.
var (
	opGroupList   = session.Operation{Name: "security_group_list", Method: http.MethodGet}
	opGroupCreate = session.Operation{Name: "security_group_create", Method: http.MethodPost}
	opGroupDelete = session.Operation{Name: "security_group_delete", Method: http.MethodDelete, Idempotent: true}
	opRulesCreate = session.Operation{Name: "security_group_rule_create", Method: http.MethodPost}
	opRuleDelete  = session.Operation{Name: "security_group_rule_delete", Method: http.MethodDelete, Idempotent: true}
)

// neutronGroup is what we read of a security group.
type neutronGroup struct {
	ID          string         `json:"id"`
	Name        string         `json:"name"`
	Description string         `json:"description"`
	Tags        told[[]string] `json:"tags"`
	Rules       []neutronRule  `json:"security_group_rules"`
	Revision    int            `json:"revision_number"`
}

var groupFields = []string{"id", "name", "description", "tags", "security_group_rules", "revision_number"}

type neutronRule struct {
	ID           string `json:"id"`
	GroupID      string `json:"security_group_id"`
	Direction    string `json:"direction"`
	EtherType    string `json:"ethertype"`
	Protocol     string `json:"protocol"`
	PortMin      int    `json:"port_range_min"`
	PortMax      int    `json:"port_range_max"`
	RemotePrefix string `json:"remote_ip_prefix"`
	RemoteGroup  string `json:"remote_group_id"`
	Description  string `json:"description"`
}

// protocolNames are the protocols that may be given by number
// (https://docs.openstack.org/api-ref/network/v2/#security-group-rules-security-group-rules).
var protocolNames = map[string]string{"6": "tcp", "17": "udp", "132": "sctp"}

func (r neutronRule) forTree() tree.Rule {
	out := tree.Rule{ID: r.ID, GroupID: r.GroupID, Description: r.Description, RuleMatch: tree.RuleMatch{
		Direction: r.Direction, EtherType: r.EtherType, Protocol: r.Protocol, PortMin: r.PortMin, PortMax: r.PortMax,
		RemotePrefix: canonicalPrefix(r.RemotePrefix), RemoteGroupID: r.RemoteGroup,
	}}
	if name, known := protocolNames[r.Protocol]; known {
		out.Protocol = name
	}
	return out
}

func (g neutronGroup) forTree() tree.SecurityGroup {
	out := tree.SecurityGroup{
		ID: g.ID, Name: g.Name, Description: g.Description, Tags: sorted(g.Tags), Revision: g.Revision,
		Rules: make([]tree.Rule, 0, len(g.Rules)),
	}
	for _, rule := range g.Rules {
		out.Rules = append(out.Rules, rule.forTree())
	}
	slices.SortFunc(out.Rules, func(a, b tree.Rule) int { return cmp.Compare(a.ID, b.ID) })
	return out
}

// SecurityGroups keeps the contract of loadbalancer.Groups.
func (c *Client) SecurityGroups(ctx context.Context, name string) ([]tree.SecurityGroup, error) {
	query := url.Values{"fields": groupFields}
	if name != "" {
		query.Set("name", name)
	}
	found, err := session.Collect[neutronGroup](ctx, c.session, session.Listing{
		Op: opGroupList, Of: network, Path: []string{"security-groups"}, Query: query, Own: true,
	})
	if err != nil {
		return nil, err
	}
	out := make([]tree.SecurityGroup, 0, len(found))
	for _, group := range found {
		out = append(out, group.forTree())
	}
	slices.SortFunc(out, func(a, b tree.SecurityGroup) int { return cmp.Compare(a.ID, b.ID) })
	return out, nil
}

// CreateSecurityGroup keeps the contract of loadbalancer.Groups. Neutron puts
// rules into it that let everything out.
func (c *Client) CreateSecurityGroup(ctx context.Context, name, description string) (tree.SecurityGroup, error) {
	var said struct {
		Group neutronGroup `json:"security_group"`
	}
	err := c.session.Send(ctx, session.Request{
		Op: opGroupCreate, Of: network, Path: []string{"security-groups"}, Into: &said,
		Body: body{"security_group": body{"name": name, "description": description}},
	})
	if err != nil {
		return tree.SecurityGroup{}, err
	}
	return said.Group.forTree(), nil
}

// DeleteSecurityGroup keeps the contract of loadbalancer.Groups.
func (c *Client) DeleteSecurityGroup(ctx context.Context, id string) error {
	return c.session.Send(ctx, session.Request{Op: opGroupDelete, Of: network, Path: []string{"security-groups", id}})
}

// CreateRules keeps the contract of loadbalancer.Groups. No rules are no call.
func (c *Client) CreateRules(ctx context.Context, groupID, description string, rules []tree.RuleMatch) error {
	if len(rules) == 0 {
		return nil
	}
	wish := make([]body, 0, len(rules))
	for _, rule := range rules {
		wish = append(wish, newRule(groupID, description, rule))
	}
	return c.session.Send(ctx, session.Request{
		Op: opRulesCreate, Of: network, Path: []string{"security-group-rules"}, Body: body{"security_group_rules": wish},
	})
}

func newRule(groupID, description string, rule tree.RuleMatch) body {
	out := body{"security_group_id": groupID, "direction": rule.Direction}
	setText(out, "ethertype", rule.EtherType)
	setText(out, "description", description)
	setText(out, "protocol", rule.Protocol)
	setText(out, "remote_ip_prefix", rule.RemotePrefix)
	setText(out, "remote_group_id", rule.RemoteGroupID)
	if rule.PortMin != 0 || rule.PortMax != 0 {
		out["port_range_min"], out["port_range_max"] = rule.PortMin, rule.PortMax
	}
	return out
}

// DeleteRule keeps the contract of loadbalancer.Groups.
func (c *Client) DeleteRule(ctx context.Context, id string) error {
	return c.session.Send(ctx, session.Request{Op: opRuleDelete, Of: network, Path: []string{"security-group-rules", id}})
}
