package routes

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	cloudprovider "k8s.io/cloud-provider"
	"k8s.io/klog/v2"

	"underlay/internal/signal"
)

// Options says what a Controller works with. Events may be nil.
type Options struct {
	Router RouterAPI
	Ports  PortAPI
	// RouterID is [Route] router-id; "" means: find the router on the nodes' subnets.
	RouterID string
	// ClusterCIDRs are --cluster-cidr. Only destinations inside are ever touched.
	ClusterCIDRs []netip.Prefix
	// Nodes lists all nodes from an informer's cache. They must not be modified.
	Nodes  func() []*v1.Node
	Ledger Ledger
	Events signal.Recorder
	// Gate opens a node as soon as its routes are there; nil leaves that to the framework.
	Gate *Gate
}

// Controller keeps one route a pod CIDR on the router and the address pairs
// that let the nodes' ports carry pod traffic. It is the cloudprovider.Routes
// of the framework's route controller, which calls ListRoutes every ten seconds
// and then CreateRoute and DeleteRoute from up to 200 goroutines.
type Controller struct {
	routers    RouterAPI
	portAPI    PortAPI
	configured string
	ranges     []netip.Prefix
	nodes      func() []*v1.Node

	book  *book
	table *table
	pairs *portPairs
	reach *reach
	voice *signal.Voice
	gate  *Gate

	newcomers newcomers
	nudges    chan struct{} // holds one when nodes have changed
	listed    chan struct{} // closed by the first ListRoutes
	listing   sync.Once
	observing turn   // one observation at a time; guards found and explained
	found     string // the router found on the nodes' subnets
	explained map[string]bool
	relist    atomic.Bool // a port that a list had is gone
	latest    atomic.Pointer[view]
}

var _ cloudprovider.Routes = (*Controller)(nil)

// New makes a Controller. It makes no call: the cloud may be down at start.
func New(o Options) *Controller {
	ranges := make([]netip.Prefix, len(o.ClusterCIDRs))
	for i, prefix := range o.ClusterCIDRs {
		ranges[i] = canonicalPrefix(prefix)
	}
	c := &Controller{
		routers:    o.Router,
		portAPI:    o.Ports,
		configured: o.RouterID,
		ranges:     ranges,
		nodes:      o.Nodes,
		book:       newBook(o.Ledger),
		reach:      newReach(o.Router),
		voice:      signal.NewVoice(o.Events),
		gate:       o.Gate,
		nudges:     make(chan struct{}, 1),
		listed:     make(chan struct{}),
		observing:  newTurn(),
	}
	c.pairs = newPortPairs(o.Ports, c.sayPairsExhausted)
	c.table = newTable(o.Router, c.book, tableHooks{
		missing:  c.missing,
		attached: c.attachedNow,
		limited:  c.sayLimit,
		census:   c.census,
	})
	return c
}

// ListRoutes lists the routes of this cluster in one read of the router. A
// route is listed with its node only when all of it is right: destination, next
// hop, and the pair on the port. What lacks anything is left out, so that the
// framework calls CreateRoute, which puts right only what is wrong. What no node
// wants is listed without a node, so that the framework calls DeleteRoute.
//
// EnableNodeAddresses stays false: with it the framework would compare all node
// addresses and replace a route when any of them changes. Here the next hop is
// computed from the ports, and a stale one is a leftover beside the right one.
func (c *Controller) ListRoutes(ctx context.Context, _ string) ([]*cloudprovider.Route, error) {
	c.listing.Do(func() { close(c.listed) })
	v, err := c.observe(ctx, lookAtRouter)
	if err != nil {
		return nil, fmt.Errorf("list routes: %w", err)
	}
	if v == nil {
		return nil, nil
	}
	c.sayContests(v)
	if a := v.assessment; len(a.unrecorded)+len(a.settled) > 0 {
		err := c.table.group.Do(ctx, change{ledger: &ledgerChange{enter: a.unrecorded, strike: a.settled}})
		if err != nil {
			klog.FromContext(ctx).Error(err, "The ledger of routes is behind the router for now")
		}
	}
	return v.list(), nil
}

// CreateRoute puts a node's route on the router and the pairs of all its pod
// CIDRs on its port, as far as they are missing. It needs neither name hint nor
// cluster name. While nodes are being initialised it waits a little, since the
// framework asks for all nodes that have a pod CIDR.
func (c *Controller) CreateRoute(ctx context.Context, _, _ string, route *cloudprovider.Route) error {
	c.awaitInitialised(ctx)
	v, want, err := c.want(ctx, nodeCIDR{string(route.TargetNode), route.DestinationCIDR})
	if err != nil {
		return err
	}
	return c.put(ctx, v, want)
}

// DeleteRoute takes a leftover route off the router, and its pair off the port
// if that still exists. It needs neither the node nor the instance. A route that
// a node wants by now is kept.
func (c *Controller) DeleteRoute(ctx context.Context, _ string, route *cloudprovider.Route) error {
	leftovers, err := c.leftovers(ctx, route)
	if err == nil {
		err = c.takeOff(ctx, leftovers)
	}
	if err != nil {
		return fmt.Errorf("delete route %s: %w", route.Name, err)
	}
	return nil
}

// want finds what a node's pod CIDR needs; a node that came after the last
// observation is looked at now.
func (c *Controller) want(ctx context.Context, key nodeCIDR) (*view, Want, error) {
	knows := func(v *view) bool { return v.has(key) && !c.outdated(v, key) }
	v := c.latest.Load()
	if v == nil || !knows(v) {
		var err error
		if v, err = c.observeUntil(ctx, lookAtCache, knows); err != nil {
			return nil, Want{}, fmt.Errorf("create route %s of node %s: %w", key.cidr, key.node, err)
		}
	}
	if v == nil {
		return nil, Want{}, fmt.Errorf("create route %s of node %s: there is no such node", key.cidr, key.node)
	}
	if err := v.problems[key]; err != nil {
		return nil, Want{}, err
	}
	i, ok := v.wants[key]
	if !ok {
		return nil, Want{}, fmt.Errorf("create route %s of node %s: the node has no such pod CIDR", key.cidr, key.node)
	}
	return v, v.desired.Wants[i], nil
}

// outdated says whether a problem of the view is that of a node which has
// changed since.
func (c *Controller) outdated(v *view, key nodeCIDR) bool {
	if v.problems[key] == nil {
		return false
	}
	current := c.node(key.node)
	return current != nil && (v.nodes[key.node] == nil || identity(current) != identity(v.nodes[key.node]))
}

// node asks the informer; nil when there is no such node.
func (c *Controller) node(name string) *v1.Node {
	for _, node := range c.nodes() {
		if node.Name == name {
			return node
		}
	}
	return nil
}

// leftovers finds what DeleteRoute is to remove: what ListRoutes named and no
// node wants. A route that was a node's when it was listed, and whose node has
// gone since, is looked at again: its port may have gone too.
func (c *Controller) leftovers(ctx context.Context, route *cloudprovider.Route) ([]leftover, error) {
	prefix, err := parsePrefix(route.DestinationCIDR)
	if err != nil {
		return nil, err
	}
	hops := hopsOf(route)
	current := func(v *view) bool {
		return !slices.ContainsFunc(hops, func(hop netip.Addr) bool {
			node, wanted := v.wanted[pair{prefix, hop}]
			return wanted && !c.stillWanted(node, prefix)
		})
	}
	v := c.latest.Load()
	if v == nil || !current(v) {
		if v, err = c.observeUntil(ctx, lookAtCache, current); err != nil || v == nil {
			return nil, err
		}
	}
	var found []leftover
	for _, l := range v.assessment.leftovers {
		if l.prefix == prefix && (len(hops) == 0 || slices.Contains(hops, l.hop)) {
			found = append(found, l)
		}
	}
	return found, nil
}

// stillWanted asks the informer, which may be ahead of the last observation.
func (c *Controller) stillWanted(name string, prefix netip.Prefix) bool {
	node := c.node(name)
	if node == nil {
		return false
	}
	return slices.ContainsFunc(node.Spec.PodCIDRs, func(cidr string) bool {
		own, err := parsePrefix(cidr)
		return err == nil && own == prefix
	})
}

// list renders a view for the framework, each route with its next hop, by which
// DeleteRoute finds it again.
func (v *view) list() []*cloudprovider.Route {
	routes := make([]*cloudprovider.Route, 0, len(v.desired.Wants)+len(v.assessment.leftovers))
	add := func(node, cidr string, p pair) {
		routes = append(routes, &cloudprovider.Route{
			Name:                p.String(),
			TargetNode:          types.NodeName(node),
			DestinationCIDR:     cidr,
			TargetNodeAddresses: []v1.NodeAddress{{Type: v1.NodeInternalIP, Address: p.hop.String()}},
		})
	}
	for i, w := range v.desired.Wants {
		if v.assessment.states[i].healthy() {
			add(w.Node, w.CIDR, w.pair())
		}
	}
	for _, l := range v.assessment.leftovers {
		add("", l.prefix.String(), l.pair)
	}
	return routes
}

func hopsOf(route *cloudprovider.Route) []netip.Addr {
	var hops []netip.Addr
	for _, a := range route.TargetNodeAddresses {
		if addr, err := parseAddr(a.Address); err == nil {
			hops = append(hops, addr)
		}
	}
	return hops
}
