package openstack

import (
	"context"
	"net/http"
	"slices"

	"underlay/pkg/loadbalancer/tree"
	"underlay/pkg/openstack/session"
)

// Operations on members (https://docs.openstack.org/api-ref/load-balancer/v2/#members).
var (
	opMemberList = session.Operation{Name: "loadbalancer_member_list", Method: http.MethodGet}
	opMembersSet = session.Operation{Name: "loadbalancer_members_update", Method: http.MethodPut, Idempotent: true}
	opStatusGet  = session.Operation{Name: "loadbalancer_status_get", Method: http.MethodGet}
)

// octaviaMember is a member as Octavia tells it (octavia/api/v2/types/member.py).
type octaviaMember struct {
	ID           string            `json:"id"`
	Name         string            `json:"name"`
	Address      string            `json:"address"`
	Port         int               `json:"protocol_port"`
	SubnetID     told[string]      `json:"subnet_id"`
	Weight       *int              `json:"weight"`
	MonitorPort  told[int]         `json:"monitor_port"`
	Backup       *bool             `json:"backup"`
	AdminUp      *bool             `json:"admin_state_up"`
	Provisioning tree.Provisioning `json:"provisioning_status"`
	Operating    tree.Operating    `json:"operating_status"`
}

// membersForTree are members sorted by target.
func membersForTree(members []octaviaMember) []tree.Member {
	out := make([]tree.Member, 0, len(members))
	for _, m := range members {
		out = append(out, tree.Member{
			Target: tree.Target{Address: canonicalAddress(m.Address), Port: m.Port},
			ID:     m.ID, Name: m.Name, SubnetID: m.SubnetID.pointer(), Weight: m.Weight, MonitorPort: m.MonitorPort.pointer(),
			Backup: m.Backup, AdminUp: m.AdminUp, Provisioning: m.Provisioning, Operating: m.Operating,
		})
	}
	slices.SortFunc(out, func(a, b tree.Member) int { return a.Compare(b.Target) })
	return out
}

// Members keeps the contract of loadbalancer.Balancers.
func (c *Client) Members(ctx context.Context, poolID string) ([]tree.Member, error) {
	found, err := session.Collect[octaviaMember](ctx, c.session, session.Listing{
		Op: opMemberList, Of: balancing, Path: []string{"lbaas", "pools", poolID, "members"},
	})
	if err != nil {
		return nil, err
	}
	return membersForTree(found), nil
}

// StatusMembers keeps the contract of loadbalancer.Balancers.
func (c *Client) StatusMembers(ctx context.Context, balancerID string) (map[string][]tree.Member, error) {
	type pool struct {
		ID      string          `json:"id"`
		Members []octaviaMember `json:"members"`
	}
	var said struct {
		Statuses struct {
			Balancer struct {
				Pools     []pool `json:"pools"`
				Listeners []struct {
					Pools []pool `json:"pools"`
				} `json:"listeners"`
			} `json:"loadbalancer"`
		} `json:"statuses"`
	}
	err := c.sendOctavia(ctx, session.Request{Op: opStatusGet, Path: []string{"lbaas", "loadbalancers", balancerID, "status"}, Into: &said})
	if err != nil {
		return nil, err
	}
	all := said.Statuses.Balancer.Pools
	for _, listener := range said.Statuses.Balancer.Listeners {
		all = append(all, listener.Pools...)
	}
	out := map[string][]tree.Member{}
	for _, p := range all {
		out[p.ID] = membersForTree(p.Members) // a pool of two listeners is told twice
	}
	return out, nil
}

// SetMembers keeps the contract of loadbalancer.PoolWriter. What is nil in a
// member becomes Octavia's default, in members that are there already too:
// weight 1, its own port for the monitor (octavia/api/v2/types/member.py,
// MemberPOST). The name stays when it is "".
func (c *Client) SetMembers(ctx context.Context, poolID string, members []tree.Member) error {
	wish := newMembers(members)
	for i, member := range members {
		if member.MonitorPort != nil && *member.MonitorPort == 0 {
			wish[i]["monitor_port"] = nil // the member's own again
		}
	}
	return c.sendOctavia(ctx, session.Request{
		Op: opMembersSet, Path: []string{"lbaas", "pools", poolID, "members"}, Body: body{"members": wish},
	})
}

func newMembers(members []tree.Member) []body {
	out := make([]body, 0, len(members))
	for _, m := range members {
		member := body{"address": m.Address, "protocol_port": m.Port}
		setText(member, "name", m.Name)
		if m.SubnetID != nil {
			setText(member, "subnet_id", *m.SubnetID)
		}
		setTo(member, "weight", m.Weight)
		if m.MonitorPort != nil && *m.MonitorPort != 0 {
			member["monitor_port"] = *m.MonitorPort
		}
		setTo(member, "backup", m.Backup)
		setTo(member, "admin_state_up", m.AdminUp)
		out = append(out, member)
	}
	return out
}
