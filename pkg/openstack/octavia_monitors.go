package openstack

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"underlay/pkg/loadbalancer/tree"
	"underlay/pkg/openstack/session"
)

// Operations on health monitors (https://docs.openstack.org/api-ref/load-balancer/v2/#health-monitor).
var (
	opMonitorList   = session.Operation{Name: "loadbalancer_healthmonitor_list", Method: http.MethodGet}
	opMonitorGet    = session.Operation{Name: "loadbalancer_healthmonitor_get", Method: http.MethodGet}
	opMonitorCreate = session.Operation{Name: "loadbalancer_healthmonitor_create", Method: http.MethodPost}
	opMonitorUpdate = session.Operation{Name: "loadbalancer_healthmonitor_update", Method: http.MethodPut, Idempotent: true}
	opMonitorDelete = session.Operation{Name: "loadbalancer_healthmonitor_delete", Method: http.MethodDelete, Idempotent: true}
)

// octaviaMonitor is a health monitor as Octavia tells it (octavia/api/v2/types/health_monitor.py).
type octaviaMonitor struct {
	ID             string            `json:"id"`
	Name           string            `json:"name"`
	Type           string            `json:"type"`
	Delay          *int              `json:"delay"`
	Timeout        *int              `json:"timeout"`
	MaxRetries     *int              `json:"max_retries"`
	MaxRetriesDown *int              `json:"max_retries_down"`
	HTTPMethod     *string           `json:"http_method"`
	URLPath        *string           `json:"url_path"`
	ExpectedCodes  *string           `json:"expected_codes"`
	Pools          []onlyID          `json:"pools"`
	Provisioning   tree.Provisioning `json:"provisioning_status"`
}

func (m octaviaMonitor) forTree(poolID string) tree.Monitor {
	if poolID == "" {
		poolID = firstID(m.Pools)
	}
	return tree.Monitor{
		ID: m.ID, PoolID: poolID, Name: m.Name, Type: m.Type, Delay: m.Delay, Timeout: m.Timeout,
		MaxRetries: m.MaxRetries, MaxRetriesDown: m.MaxRetriesDown,
		HTTPMethod: m.HTTPMethod, URLPath: m.URLPath, ExpectedCodes: m.ExpectedCodes, Provisioning: m.Provisioning,
	}
}

// setMonitor adds what is not nil, and the name unless it is "".
func setMonitor(in body, m tree.Monitor) {
	setText(in, "name", m.Name)
	setTo(in, "delay", m.Delay)
	setTo(in, "timeout", m.Timeout)
	setTo(in, "max_retries", m.MaxRetries)
	setTo(in, "max_retries_down", m.MaxRetriesDown)
	setTo(in, "http_method", m.HTTPMethod)
	setTo(in, "url_path", m.URLPath)
	setTo(in, "expected_codes", m.ExpectedCodes)
}

func newMonitor(desired tree.Monitor) body {
	out := body{"type": desired.Type}
	setMonitor(out, desired)
	return out
}

// Monitors keeps the contract of loadbalancer.Balancers.
func (c *Client) Monitors(ctx context.Context) ([]tree.Monitor, error) {
	found, err := session.Collect[octaviaMonitor](ctx, c.session, ofBalancer(opMonitorList, "", "lbaas", "healthmonitors"))
	if err != nil {
		return nil, err
	}
	out := make([]tree.Monitor, 0, len(found))
	for _, monitor := range found {
		out = append(out, monitor.forTree(""))
	}
	slices.SortFunc(out, func(a, b tree.Monitor) int { return strings.Compare(a.ID, b.ID) })
	return out, nil
}

// Monitor keeps the contract of loadbalancer.Balancers.
func (c *Client) Monitor(ctx context.Context, id string) (tree.Monitor, error) {
	return c.monitor(ctx, session.Request{Op: opMonitorGet, Path: []string{"lbaas", "healthmonitors", id}})
}

// CreateMonitor keeps the contract of loadbalancer.PoolWriter.
func (c *Client) CreateMonitor(ctx context.Context, poolID string, desired tree.Monitor) (tree.Monitor, error) {
	wish := newMonitor(desired)
	wish["pool_id"] = poolID
	return c.monitor(ctx, session.Request{
		Op: opMonitorCreate, Path: []string{"lbaas", "healthmonitors"}, Parent: poolID, Body: body{"healthmonitor": wish},
	})
}

// UpdateMonitor keeps the contract of loadbalancer.PoolWriter. The type is never
// written: it cannot change.
func (c *Client) UpdateMonitor(ctx context.Context, id string, change tree.Monitor) error {
	wish := body{}
	setMonitor(wish, change)
	return c.sendOctavia(ctx, session.Request{
		Op: opMonitorUpdate, Path: []string{"lbaas", "healthmonitors", id}, Body: body{"healthmonitor": wish},
	})
}

// DeleteMonitor keeps the contract of loadbalancer.PoolWriter.
func (c *Client) DeleteMonitor(ctx context.Context, id string) error {
	return c.sendOctavia(ctx, session.Request{Op: opMonitorDelete, Path: []string{"lbaas", "healthmonitors", id}})
}

// monitor makes one call that answers with a health monitor.
func (c *Client) monitor(ctx context.Context, r session.Request) (tree.Monitor, error) {
	var said struct {
		Monitor octaviaMonitor `json:"healthmonitor"`
	}
	r.Into = &said
	if err := c.sendOctavia(ctx, r); err != nil {
		return tree.Monitor{}, err
	}
	return said.Monitor.forTree(""), nil
}
