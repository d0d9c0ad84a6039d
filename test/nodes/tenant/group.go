package tenant

import (
	"context"
	"fmt"
	"net/http"
)

// Group is a security group with its rules.
type Group struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Rules []Rule `json:"security_group_rules"`
}

// Rule lets something in, or out. Empty fields let everything of their kind.
type Rule struct {
	ID          string `json:"id,omitempty"`
	GroupID     string `json:"security_group_id"`
	Direction   string `json:"direction"`
	EtherType   string `json:"ethertype"`
	Protocol    string `json:"protocol,omitempty"`
	PortMin     int    `json:"port_range_min,omitempty"`
	PortMax     int    `json:"port_range_max,omitempty"`
	RemoteCIDR  string `json:"remote_ip_prefix,omitempty"`
	RemoteGroup string `json:"remote_group_id,omitempty"`
}

// Groups are all security groups that the project sees.
func (c *Client) Groups(ctx context.Context) ([]Group, error) {
	var list struct {
		Groups []Group `json:"security_groups"`
	}
	if err := c.call(ctx, http.MethodGet, network, "/v2.0/security-groups", nil, &list); err != nil {
		return nil, fmt.Errorf("list security groups: %w", err)
	}
	return list.Groups, nil
}

// MakeGroup makes a security group that lets its own members in, and whoever comes
// from some ranges. What goes out is free, as Neutron makes it.
func (c *Client) MakeGroup(ctx context.Context, name string, from ...string) (string, error) {
	var made struct {
		Group Group `json:"security_group"`
	}
	body := object{"security_group": object{"name": name}}
	if err := c.call(ctx, http.MethodPost, network, "/v2.0/security-groups", body, &made); err != nil {
		return "", fmt.Errorf("make security group %s: %w", name, err)
	}
	id := made.Group.ID
	rules := []Rule{{RemoteGroup: id}}
	for _, cidr := range from {
		rules = append(rules, Rule{RemoteCIDR: cidr})
	}
	for _, rule := range rules {
		rule.GroupID, rule.Direction, rule.EtherType = id, "ingress", "IPv4"
		if err := c.AddRule(ctx, rule); err != nil {
			return id, err
		}
	}
	return id, nil
}

// AddRule adds a rule to the group that it names.
func (c *Client) AddRule(ctx context.Context, rule Rule) error {
	rule.ID = ""
	if err := c.call(ctx, http.MethodPost, network, "/v2.0/security-group-rules", object{"security_group_rule": rule}, nil); err != nil {
		return fmt.Errorf("add a security group's rule: %w", err)
	}
	return nil
}

// DeleteRule removes a rule.
func (c *Client) DeleteRule(ctx context.Context, id string) error {
	if err := c.call(ctx, http.MethodDelete, network, "/v2.0/security-group-rules/"+id, nil, nil); err != nil {
		return fmt.Errorf("delete a security group's rule: %w", err)
	}
	return nil
}

// DeleteGroup removes a security group that no port has.
func (c *Client) DeleteGroup(ctx context.Context, id string) error {
	if err := c.call(ctx, http.MethodDelete, network, "/v2.0/security-groups/"+id, nil, nil); err != nil && !IsNotFound(err) {
		return fmt.Errorf("delete a security group: %w", err)
	}
	return nil
}

// SetGroups replaces the security groups of a port.
func (c *Client) SetGroups(ctx context.Context, portID string, groups ...string) error {
	body := object{"port": object{"security_groups": groups}}
	if err := c.call(ctx, http.MethodPut, network, "/v2.0/ports/"+portID, body, nil); err != nil {
		return fmt.Errorf("set a port's security groups: %w", err)
	}
	return nil
}
