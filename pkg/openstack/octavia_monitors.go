package openstack

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"underlay/pkg/loadbalancer/tree"
)

// Operations on health monitors (https://docs.openstack.org/api-ref/load-balancer/v2/#health-monitor).
var (
	opMonitorList   = operation{name: "loadbalancer_healthmonitor_list", method: http.MethodGet}
	opMonitorGet    = operation{name: "loadbalancer_healthmonitor_get", method: http.MethodGet}
	opMonitorCreate = operation{name: "loadbalancer_healthmonitor_create", method: http.MethodPost}
	opMonitorUpdate = operation{name: "loadbalancer_healthmonitor_update", method: http.MethodPut, idempotent: true}
	opMonitorDelete = operation{name: "loadbalancer_healthmonitor_delete", method: http.MethodDelete, idempotent: true}
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
	found, err := collect[octaviaMonitor](ctx, c, ofBalancer(opMonitorList, "", "lbaas", "healthmonitors"))
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
	return c.monitor(ctx, request{op: opMonitorGet, path: []string{"lbaas", "healthmonitors", id}})
}

// CreateMonitor keeps the contract of loadbalancer.PoolWriter.
func (c *Client) CreateMonitor(ctx context.Context, poolID string, desired tree.Monitor) (tree.Monitor, error) {
	wish := newMonitor(desired)
	wish["pool_id"] = poolID
	return c.monitor(ctx, request{
		op: opMonitorCreate, path: []string{"lbaas", "healthmonitors"}, parent: poolID, body: body{"healthmonitor": wish},
	})
}

// UpdateMonitor keeps the contract of loadbalancer.PoolWriter. The type is never
// written: it cannot change.
func (c *Client) UpdateMonitor(ctx context.Context, id string, change tree.Monitor) error {
	wish := body{}
	setMonitor(wish, change)
	return c.sendOctavia(ctx, request{
		op: opMonitorUpdate, path: []string{"lbaas", "healthmonitors", id}, body: body{"healthmonitor": wish},
	})
}

// DeleteMonitor keeps the contract of loadbalancer.PoolWriter.
func (c *Client) DeleteMonitor(ctx context.Context, id string) error {
	return c.sendOctavia(ctx, request{op: opMonitorDelete, path: []string{"lbaas", "healthmonitors", id}})
}

// monitor makes one call that answers with a health monitor.
func (c *Client) monitor(ctx context.Context, r request) (tree.Monitor, error) {
	var said struct {
		Monitor octaviaMonitor `json:"healthmonitor"`
	}
	r.into = &said
	if err := c.sendOctavia(ctx, r); err != nil {
		return tree.Monitor{}, err
	}
	return said.Monitor.forTree(""), nil
}
