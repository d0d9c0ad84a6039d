package routes

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/klog/v2"

	"underlay/internal/cloud"
)

// reachRest is the least time between two reads of the router's subnets for
// the sake of a next hop that is on none of them.
const reachRest = 30 * time.Second

// reach remembers which subnets a router is attached to.
type reach struct {
	api RouterAPI

	reading  turn // guards what follows
	routerID string
	attached attachment
	at       time.Time // of the last read
	doubted  time.Time // when a next hop was last a reason to read
}

func newReach(api RouterAPI) *reach { return &reach{api: api, reading: newTurn()} }

// read gives the router's subnets: at most two calls, and none when they are
// known. Doubt, that is a next hop on none of them, is a reason to read again,
// but not twice within reachRest. It says whether it read now.
func (r *reach) read(ctx context.Context, routerID string, doubt bool) (attached attachment, fresh bool, err error) {
	if err := r.reading.take(ctx); err != nil {
		return attachment{}, false, err
	}
	defer r.reading.pass()
	if r.routerID == routerID {
		again := doubt && time.Since(r.at) >= freshAge && time.Since(r.doubted) >= reachRest
		if !again {
			return r.attached, false, nil
		}
		r.doubted = time.Now()
	}
	interfaces, err := r.api.Interfaces(ctx, routerID)
	if err != nil {
		return attachment{}, false, fmt.Errorf("read the subnets of router %s: %w", routerID, err)
	}
	r.routerID, r.attached, r.at = routerID, attach(interfaces), time.Now()
	return r.attached, true, nil
}

// attachedNow reads the router's subnets again, unless that was just done.
func (c *Controller) attachedNow(ctx context.Context) (attachment, error) {
	c.table.mu.Lock()
	id := c.table.id
	c.table.mu.Unlock()
	attached, _, err := c.reach.read(ctx, id, true)
	return attached, err
}

// routerID says which router carries the routes: the configured one, else the
// one router on the subnets of the nodes. "" without an error means that there
// is no node yet to find it by. Called with observing held.
func (c *Controller) routerID(ctx context.Context, s *sight) (string, error) {
	if c.configured != "" {
		return c.configured, nil
	}
	if c.found != "" {
		return c.found, nil
	}
	if len(s.nodes) == 0 {
		return "", nil
	}
	subnets := subnetsOf(s.nodes, s.ports)
	if len(subnets) == 0 { // the list may be older than the nodes
		var err error
		if s.ports, err = c.listPorts(ctx, freshAge); err != nil {
			return "", err
		}
		subnets = subnetsOf(s.nodes, s.ports)
	}
	if len(subnets) == 0 {
		return "", fmt.Errorf("find the router of %s: none of their Neutron ports is visible to these credentials; "+
			"name the router: [Route] router-id=…", count(len(s.nodes), "node"))
	}
	ids, err := c.routers.RoutersOn(ctx, subnets)
	if err != nil {
		return "", fmt.Errorf("find the router of the nodes' subnets: %w", err)
	}
	switch len(ids) {
	case 0:
		return "", fmt.Errorf("find the router: none has an interface on the nodes' subnets %s: attach one, or name it: [Route] router-id=…: %w",
			strings.Join(subnets, ", "), cloud.ErrNotFound)
	case 1:
		c.found = ids[0]
		klog.FromContext(ctx).Info("Found the router on the nodes' subnets", "router", c.found, "subnets", subnets)
		c.sayRouterFound(s.nodes)
		return c.found, nil
	default:
		return "", fmt.Errorf("find the router: %d have an interface on the nodes' subnets %s: say which one carries pod routes: [Route] router-id= one of %s",
			len(ids), strings.Join(subnets, ", "), strings.Join(ids, ", "))
	}
}

// subnetsOf are the subnets of the nodes' ports, sorted.
func subnetsOf(nodes []*v1.Node, ports *portIndex) []string {
	var subnets []string
	for _, node := range nodes {
		for _, port := range portsOf(node, internalIPs(node), ports, attachment{}) {
			for _, fixed := range port.FixedIPs {
				subnets = append(subnets, fixed.SubnetID)
			}
		}
	}
	slices.Sort(subnets)
	return slices.Compact(subnets)
}
