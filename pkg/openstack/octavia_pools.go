package openstack

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strings"

	"underlay/pkg/loadbalancer"
	"underlay/pkg/loadbalancer/tree"
	"underlay/pkg/openstack/session"
)

// Operations on pools (https://docs.openstack.org/api-ref/load-balancer/v2/#pools).
var (
	opPoolList   = session.Operation{Name: "loadbalancer_pool_list", Method: http.MethodGet}
	opPoolCreate = session.Operation{Name: "loadbalancer_pool_create", Method: http.MethodPost}
	opPoolUpdate = session.Operation{Name: "loadbalancer_pool_update", Method: http.MethodPut, Idempotent: true}
	opPoolDelete = session.Operation{Name: "loadbalancer_pool_delete", Method: http.MethodDelete, Idempotent: true}
)

// octaviaPool is a pool as Octavia tells it (octavia/api/v2/types/pool.py): with
// the ids of its members in most answers, with all of them in that to a whole tree.
type octaviaPool struct {
	ID           string             `json:"id"`
	Name         string             `json:"name"`
	Tags         told[[]string]     `json:"tags"`
	Protocol     tree.Protocol      `json:"protocol"`
	Provisioning tree.Provisioning  `json:"provisioning_status"`
	Operating    tree.Operating     `json:"operating_status"`
	AdminUp      *bool              `json:"admin_state_up"`
	Method       *string            `json:"lb_algorithm"`
	Persistence  told[*persistence] `json:"session_persistence"`
	TLSEnabled   *bool              `json:"tls_enabled"`
	Members      []octaviaMember    `json:"members"`
	MonitorID    string             `json:"healthmonitor_id"`
	Monitor      *octaviaMonitor    `json:"healthmonitor"`
	Listeners    []onlyID           `json:"listeners"`
	Balancers    []onlyID           `json:"loadbalancers"`
	CreatedAt    string             `json:"created_at"`
	UpdatedAt    string             `json:"updated_at"`
}

// persistence is session_persistence.
type persistence struct {
	Type        string  `json:"type"`
	CookieName  *string `json:"cookie_name"`
	Timeout     *int    `json:"persistence_timeout"`
	Granularity *string `json:"persistence_granularity"`
}

func (p *persistence) forTree() *tree.Persistence {
	if p == nil {
		return &tree.Persistence{}
	}
	out := &tree.Persistence{Type: p.Type}
	if p.CookieName != nil {
		out.CookieName = *p.CookieName
	}
	if p.Timeout != nil {
		out.Timeout = *p.Timeout
	}
	if p.Granularity != nil {
		out.Granularity = canonicalAddress(*p.Granularity)
	}
	return out
}

// forTree leaves out members and monitor.
func (p octaviaPool) forTree(balancerID string) tree.Pool {
	out := tree.Pool{
		ID: p.ID, BalancerID: balancerID, Name: p.Name, Tags: sorted(p.Tags), Protocol: p.Protocol,
		Settings:  tree.PoolSettings{AdminUp: p.AdminUp, Method: p.Method, TLSEnabled: p.TLSEnabled},
		MonitorID: p.MonitorID, ListenerIDs: idsOf(p.Listeners), UpdatedAt: cmp.Or(p.UpdatedAt, p.CreatedAt),
		Provisioning: p.Provisioning, Operating: p.Operating,
		MemberIDs: make([]string, 0, len(p.Members)),
	}
	if out.BalancerID == "" {
		out.BalancerID = firstID(p.Balancers)
	}
	if p.Persistence.there {
		out.Settings.Persistence = p.Persistence.value.forTree()
	}
	for _, member := range p.Members {
		out.MemberIDs = append(out.MemberIDs, member.ID)
	}
	slices.Sort(out.MemberIDs)
	return out
}

// whole has members and monitor too: they are in the answer to a whole tree.
func (p octaviaPool) whole(balancerID string) tree.Pool {
	out := p.forTree(balancerID)
	out.Members = membersForTree(p.Members)
	if p.Monitor != nil {
		monitor := p.Monitor.forTree(p.ID)
		out.Monitor, out.MonitorID = &monitor, monitor.ID
	}
	return out
}

// setPool adds what is not nil.
func setPool(in body, s tree.PoolSettings) {
	setTo(in, "admin_state_up", s.AdminUp)
	setTo(in, "lb_algorithm", s.Method)
	setTo(in, "tls_enabled", s.TLSEnabled)
	switch {
	case s.Persistence == nil:
	case s.Persistence.Type == "":
		in["session_persistence"] = nil
	default:
		wish := body{"type": s.Persistence.Type}
		setText(wish, "cookie_name", s.Persistence.CookieName)
		if s.Persistence.Timeout != 0 {
			wish["persistence_timeout"] = s.Persistence.Timeout
		}
		setText(wish, "persistence_granularity", s.Persistence.Granularity)
		in["session_persistence"] = wish
	}
}

// newPool is a pool that is yet to be made, without members and monitor.
func newPool(desired tree.Pool) body {
	out := body{"protocol": desired.Protocol}
	setText(out, "name", desired.Name)
	setList(out, "tags", desired.Tags)
	setPool(out, desired.Settings)
	return out.withoutNone()
}

// newWholePool has members and monitor in it.
func newWholePool(desired tree.Pool) body {
	out := newPool(desired)
	if len(desired.Members) > 0 {
		out["members"] = newMembers(desired.Members)
	}
	if desired.Monitor != nil {
		out["healthmonitor"] = newMonitor(*desired.Monitor)
	}
	return out
}

// Pools keeps the contract of loadbalancer.Balancers.
func (c *Client) Pools(ctx context.Context, balancerID string) ([]tree.Pool, error) {
	found, err := session.Collect[octaviaPool](ctx, c.session, ofBalancer(opPoolList, balancerID, "lbaas", "pools"))
	if err != nil {
		return nil, err
	}
	out := make([]tree.Pool, 0, len(found))
	for _, pool := range found {
		out = append(out, pool.forTree(""))
	}
	slices.SortFunc(out, func(a, b tree.Pool) int { return strings.Compare(a.ID, b.ID) })
	return out, nil
}

// CreatePool keeps the contract of loadbalancer.PoolWriter.
func (c *Client) CreatePool(ctx context.Context, balancerID string, desired tree.Pool) (tree.Pool, error) {
	wish := newPool(desired)
	wish["loadbalancer_id"] = balancerID
	var said struct {
		Pool octaviaPool `json:"pool"`
	}
	err := c.sendOctavia(ctx, session.Request{
		Op: opPoolCreate, Path: []string{"lbaas", "pools"}, Parent: balancerID, Body: body{"pool": wish}, Into: &said,
	})
	if err != nil {
		return tree.Pool{}, err
	}
	return said.Pool.forTree(balancerID), nil
}

// UpdatePool keeps the contract of loadbalancer.PoolWriter.
func (c *Client) UpdatePool(ctx context.Context, id string, change loadbalancer.PoolChange) error {
	wish := body{}
	setTo(wish, "name", change.Name)
	setList(wish, "tags", change.Tags)
	setPool(wish, change.Settings)
	return c.sendOctavia(ctx, session.Request{Op: opPoolUpdate, Path: []string{"lbaas", "pools", id}, Body: body{"pool": wish}})
}

// DeletePool keeps the contract of loadbalancer.PoolWriter.
func (c *Client) DeletePool(ctx context.Context, id string) error {
	return c.sendOctavia(ctx, session.Request{Op: opPoolDelete, Path: []string{"lbaas", "pools", id}})
}
