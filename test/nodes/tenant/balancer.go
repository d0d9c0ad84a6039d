package tenant

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Balancing is Octavia's type in the catalog.
const Balancing = "load-balancer"

// Balancer is a load balancer with all that is in it.
type Balancer struct {
	ID        string `json:"id"`
	Address   string `json:"vip_address"`
	PortID    string `json:"vip_port_id"`
	Status    string `json:"provisioning_status"`
	Updated   string `json:"updated_at"`
	AdminUp   bool   `json:"admin_state_up"`
	Listeners []Listener
	Pools     []Pool
}

// Listener is a port of a load balancer.
type Listener struct {
	ID       string   `json:"id"`
	Protocol string   `json:"protocol"`
	Port     int      `json:"protocol_port"`
	PoolID   string   `json:"default_pool_id"`
	Allowed  []string `json:"allowed_cidrs"`
	AdminUp  bool     `json:"admin_state_up"`
	// Insert are headers to add, "true" or "false".
	Insert map[string]string `json:"insert_headers"`
}

// Pool is a set of members and how one of them is chosen.
type Pool struct {
	ID          string `json:"id"`
	Protocol    string `json:"protocol"`
	Algorithm   string `json:"lb_algorithm"`
	Persistence *struct {
		Type string `json:"type"`
	} `json:"session_persistence"`
	MonitorID string   `json:"healthmonitor_id"`
	Serving   []Member `json:"serving"` // Octavia's own "members" are ids only
	Monitor   *Monitor `json:"monitor"`
}

// Member is one server of a pool.
type Member struct {
	ID             string `json:"id"`
	Address        string `json:"address"`
	Port           int    `json:"protocol_port"`
	Weight         int    `json:"weight"`
	MonitorAddress string `json:"monitor_address"`
	MonitorPort    int    `json:"monitor_port"`
	AdminUp        bool   `json:"admin_state_up"`
}

// Monitor is how members are checked; times are in seconds.
type Monitor struct {
	ID      string `json:"id"`
	Type    string `json:"type"`
	Delay   int    `json:"delay"`
	Timeout int    `json:"timeout"`
	Rise    int    `json:"max_retries"`
	Fall    int    `json:"max_retries_down"`
	Method  string `json:"http_method"`
	Path    string `json:"url_path"`
	Codes   string `json:"expected_codes"`
	AdminUp bool   `json:"admin_state_up"`
}

// Has says whether the cloud has a service.
func (c *Client) Has(service string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.endpoints[service] != ""
}

// Balancers are the load balancers of a network, without what is in them.
func (c *Client) Balancers(ctx context.Context, networkID string) ([]Balancer, error) {
	var list struct{ LoadBalancers []Balancer }
	if err := c.call(ctx, http.MethodGet, Balancing, "/v2/lbaas/loadbalancers?vip_network_id="+networkID, nil, &list); err != nil {
		return nil, fmt.Errorf("list load balancers: %w", err)
	}
	return list.LoadBalancers, nil
}

// ReadBalancer reads what is in a load balancer.
func (c *Client) ReadBalancer(ctx context.Context, b *Balancer) error {
	var listeners struct{ Listeners []Listener }
	var pools struct{ Pools []Pool }
	query := "?" + url.Values{"loadbalancer_id": {b.ID}}.Encode()
	err := errors.Join(
		c.call(ctx, http.MethodGet, Balancing, "/v2/lbaas/listeners"+query, nil, &listeners),
		c.call(ctx, http.MethodGet, Balancing, "/v2/lbaas/pools"+query, nil, &pools))
	for i := range pools.Pools {
		err = errors.Join(err, c.readPool(ctx, &pools.Pools[i]))
	}
	if err != nil {
		return fmt.Errorf("read load balancer %s: %w", b.ID, err)
	}
	b.Listeners, b.Pools = listeners.Listeners, pools.Pools
	return nil
}

func (c *Client) readPool(ctx context.Context, pool *Pool) error {
	var members struct{ Members []Member }
	if err := c.call(ctx, http.MethodGet, Balancing, "/v2/lbaas/pools/"+pool.ID+"/members", nil, &members); err != nil {
		return err
	}
	slices.SortFunc(members.Members, func(a, b Member) int { return strings.Compare(a.ID, b.ID) })
	pool.Serving = members.Members
	if pool.MonitorID == "" {
		return nil
	}
	var monitor struct{ HealthMonitor *Monitor }
	err := c.call(ctx, http.MethodGet, Balancing, "/v2/lbaas/healthmonitors/"+pool.MonitorID, nil, &monitor)
	pool.Monitor = monitor.HealthMonitor
	return err
}

// RemoveBalancers deletes all load balancers of a network with what is in them,
// and waits until they are gone. One that is being changed is waited for first.
// Ports that Octavia leaves in the network go last.
func (c *Client) RemoveBalancers(ctx context.Context, networkID string) error {
	for {
		left, err := c.Balancers(ctx, networkID)
		if err != nil {
			return err
		}
		if len(left) == 0 {
			return c.removeStrays(ctx, networkID)
		}
		for _, b := range left {
			if strings.HasPrefix(b.Status, "PENDING_") {
				continue
			}
			err := c.call(ctx, http.MethodDelete, Balancing, "/v2/lbaas/loadbalancers/"+b.ID+"?cascade=true", nil, nil)
			if err != nil && !IsNotFound(err) && !isConflict(err) { // Octavia has begun to change it
				return fmt.Errorf("delete load balancer %s: %w", b.ID, err)
			}
		}
		if err := pause(ctx, 500*time.Millisecond); err != nil {
			return fmt.Errorf("delete load balancers: %w", err)
		}
	}
}

// removeStrays deletes what Octavia forgets in a network without load balancers: the
// port by which an amphora reached its members ("octavia-lb-member-…",
// octavia/controller/worker/v2/tasks/network_tasks.py) stays where no hypervisor unplugs it.
func (c *Client) removeStrays(ctx context.Context, networkID string) error {
	var answer struct{ Ports []struct{ ID, Name string } }
	if err := c.call(ctx, http.MethodGet, network, "/v2.0/ports?fields=id&fields=name&network_id="+networkID, nil, &answer); err != nil {
		return fmt.Errorf("list ports that load balancers left: %w", err)
	}
	for _, port := range answer.Ports {
		if !strings.HasPrefix(port.Name, "octavia-lb-") {
			continue
		}
		if err := c.call(ctx, http.MethodDelete, network, "/v2.0/ports/"+port.ID, nil, nil); err != nil && !IsNotFound(err) {
			return fmt.Errorf("delete port %s: %w", port.Name, err)
		}
	}
	return nil
}
