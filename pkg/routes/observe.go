package routes

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"time"

	v1 "k8s.io/api/core/v1"

	"underlay/internal/cloud"
	"underlay/internal/step"
)

const (
	// listAge is how old a port list may be for ListRoutes. The guard reads one
	// every guardPeriod, so ListRoutes reads its own only when the guard is not
	// running, or for a node that the list does not explain.
	listAge = 2 * time.Minute
	// freshAge is how old an answer may be to count as new.
	freshAge = 2 * time.Second
)

// look says how fresh an observation must be.
type look struct {
	ports  time.Duration // greatest age of the port list
	router bool          // read the router; else as last seen
}

var (
	lookAtRouter = look{ports: listAge, router: true}
	lookAtPorts  = look{ports: 0}
	lookAtCache  = look{ports: listAge}
)

// nodeCIDR names a pod CIDR as the framework does: in the node's own spelling.
type nodeCIDR struct{ node, cidr string }

// view is one observation and what follows from it. It is read only.
type view struct {
	desired    Desired
	actual     Actual
	assessment *assessment

	nodes    map[string]*v1.Node
	wants    map[nodeCIDR]int // index into desired.Wants
	problems map[nodeCIDR]error
	wanted   map[pair]string           // → node
	ensure   map[string][]netip.Prefix // by port: all prefixes that it must let through
}

func newView(nodes []*v1.Node, desired Desired, actual Actual) *view {
	v := &view{
		desired:  desired,
		actual:   actual,
		nodes:    make(map[string]*v1.Node, len(nodes)),
		wants:    make(map[nodeCIDR]int, len(desired.Wants)),
		problems: make(map[nodeCIDR]error, len(desired.Problems)),
		wanted:   make(map[pair]string, len(desired.Wants)),
		ensure:   make(map[string][]netip.Prefix, len(desired.Wants)),
	}
	v.assessment = assess(&v.desired, &v.actual)
	for _, node := range nodes {
		v.nodes[node.Name] = node
	}
	for i, w := range desired.Wants {
		v.wants[nodeCIDR{w.Node, w.CIDR}] = i
		v.wanted[w.pair()] = w.Node
		v.ensure[w.PortID] = append(v.ensure[w.PortID], w.Prefix)
	}
	for _, p := range desired.Problems {
		v.problems[nodeCIDR{p.Node, p.CIDR}] = p.Err
	}
	return v
}

func (v *view) has(key nodeCIDR) bool {
	_, want := v.wants[key]
	return want || v.problems[key] != nil
}

// blind says that nothing is to be concluded from the port list: it has no port
// of any node, and yet the router has routes for their pod CIDRs.
func (v *view) blind() bool { return v.desired.visible == 0 && v.assessment.kept > 0 }

// observe reads what the look asks for and compares. It gives nil when there is
// nothing to look at yet: no router is named and no node is there to find it by.
func (c *Controller) observe(ctx context.Context, l look) (*view, error) {
	return c.observeUntil(ctx, l, func(*view) bool { return false })
}

// observeUntil observes unless another caller's observation, finished while
// this one waited, is enough.
func (c *Controller) observeUntil(ctx context.Context, l look, enough func(*view) bool) (*view, error) {
	if err := c.observing.take(ctx); err != nil {
		return nil, err
	}
	defer c.observing.pass()
	if v := c.latest.Load(); v != nil && enough(v) {
		return v, nil
	}
	s, err := c.begin(ctx, l)
	if err != nil || s == nil {
		return nil, err
	}
	v := s.view(c.ranges)
	if refreshed, err := c.refresh(ctx, s, v); err != nil {
		return nil, err
	} else if refreshed {
		v = s.view(c.ranges)
	}
	c.explained = v.puzzles()
	if v.blind() {
		return nil, fmt.Errorf("look at the ports of %s: none is visible, but the router has routes to them: "+
			"are these credentials for the nodes' project? Nothing is changed meanwhile: %w", count(len(s.nodes), "node"), cloud.ErrUnavailable)
	}
	c.latest.Store(v)
	record(v)
	return v, nil
}

// Plan says what a reconcile would do now, without doing it.
func (c *Controller) Plan(ctx context.Context) ([]step.Step, error) {
	v, err := c.observe(ctx, lookAtRouter)
	if err != nil || v == nil {
		return nil, err
	}
	return plan(&v.desired, &v.actual), nil
}

// sight is what an observation reads.
type sight struct {
	nodes    []*v1.Node
	features Features
	written  map[pair]bool
	ports    *portIndex
	attached attachment
	router   Router
}

func (s *sight) view(ranges []netip.Prefix) *view {
	desired := spec(s.nodes, ranges, s.ports, s.attached)
	return newView(s.nodes, desired, Actual{
		Router: s.router, FilterPorts: s.features.AddressPairs, Written: s.written,
		attached: s.attached, ports: s.ports,
	})
}

func (c *Controller) begin(ctx context.Context, l look) (*sight, error) {
	s := &sight{nodes: c.nodes()}
	var err error
	if s.features, err = c.routers.Features(ctx); err != nil {
		return nil, fmt.Errorf("read what the network service can do: %w", err)
	}
	if !s.features.Routes {
		return nil, fmt.Errorf("write routes: the network service has no extension extraroute: %w", cloud.ErrUnsupported)
	}
	if s.written, err = c.book.read(ctx); err != nil {
		return nil, err
	}
	if s.ports, err = c.listPorts(ctx, l.ports); err != nil {
		return nil, err
	}
	id, err := c.routerID(ctx, s)
	if err != nil || id == "" {
		return nil, err
	}
	c.table.use(id)
	if s.router, err = c.readRouter(ctx, id, l); err != nil {
		return nil, err
	}
	if s.attached, _, err = c.reach.read(ctx, id, false); err != nil {
		return nil, err
	}
	return s, nil
}

func (c *Controller) readRouter(ctx context.Context, id string, l look) (Router, error) {
	read := c.table.seen
	if l.router {
		read = c.table.read
	}
	router, err := read(ctx)
	switch {
	case errors.Is(err, cloud.ErrNotFound) && c.configured != "":
		return Router{}, fmt.Errorf("read router %s, which [Route] router-id names: %w", id, err)
	case errors.Is(err, cloud.ErrNotFound):
		c.found = "" // looked for again the next time
		return Router{}, fmt.Errorf("read router %s, which was found on the nodes' subnets and has vanished: %w", id, err)
	case err != nil:
		return Router{}, fmt.Errorf("read router %s: %w", id, err)
	}
	return router, nil
}

func (c *Controller) listPorts(ctx context.Context, maxAge time.Duration) (*portIndex, error) {
	if c.relist.Swap(false) {
		maxAge = 0
	}
	ports, err := c.portAPI.Ports(ctx, maxAge)
	if err != nil {
		return nil, fmt.Errorf("list ports: %w", err)
	}
	return indexPorts(c.pairs.learn(ports, maxAge)), nil
}

// refresh reads again what does not explain the nodes: the port list for nodes
// that are new to it, and before pairs are removed from ports that may be gone
// with their servers; the router's subnets for nodes that are on none of them.
func (c *Controller) refresh(ctx context.Context, s *sight, v *view) (refreshed bool, err error) {
	if c.surprised(v) {
		if s.ports, err = c.listPorts(ctx, 0); err != nil {
			return false, err
		}
		refreshed = true
	}
	if slices.ContainsFunc(v.desired.Problems, func(p Problem) bool { return !p.Early }) {
		var fresh bool
		if s.attached, fresh, err = c.reach.read(ctx, s.router.ID, true); err != nil {
			return false, err
		}
		refreshed = refreshed || fresh
	}
	return refreshed, nil
}

// surprised says whether the port list is worth reading again: for what it did
// not explain the last time, the guard's next list is early enough.
func (c *Controller) surprised(v *view) bool {
	for key := range v.puzzles() {
		if !c.explained[key] {
			return true
		}
	}
	return false
}

// puzzles are what a newer port list might show otherwise: nodes that the list
// does not explain, and ports that leftovers are to be taken off.
func (v *view) puzzles() map[string]bool {
	keys := maps.Clone(v.desired.unknown)
	for _, l := range v.assessment.leftovers {
		if len(l.ports) > 0 {
			keys[l.String()] = true
		}
	}
	return keys
}
