package routes

import (
	"context"
	"fmt"

	v1 "k8s.io/api/core/v1"

	"underlay/internal/signal"
)

// The events of this package.
var (
	eventRouterFound = signal.Event{
		Reason: "RouterFound", Type: v1.EventTypeNormal, Object: "Node",
		Meaning: "[Route] has no router-id; the one router on the nodes' subnets carries the pod routes. Said on the first node by name.",
		Advice:  "None. Write router-id into cloud.conf if the choice shall never change.",
	}
	eventRouteLimit = signal.Event{
		Reason: "RouteLimitReached", Type: v1.EventTypeWarning, Object: "Node",
		Meaning: "The router has no room for the node's route. The message has the numbers: routes on the router, of them this cluster's, needed, refused, and the limit where the cloud tells it.",
		Advice:  "Raise max_routes in neutron.conf (from 2026.2 on the quota router_route), remove routes that nobody needs, or run fewer nodes. It is tried again when a route is freed, and every five minutes.",
	}
	eventPairLimit = signal.Event{
		Reason: "AddressPairLimitReached", Type: v1.EventTypeWarning, Object: "Node",
		Meaning: "The node's port has as many allowed address pairs as Neutron permits, so pod traffic is dropped there.",
		Advice:  "Remove pairs from the port that nobody needs, allow one range that covers the cluster CIDR, raise max_allowed_address_pair in neutron.conf, or turn port security off on the port.",
	}
	eventForeignNextHop = signal.Event{
		Reason: "ForeignNextHop", Type: v1.EventTypeWarning, Object: "Node",
		Meaning: "The router has a second route for the node's pod CIDR, and a live port that is no node's holds its next hop: part of the node's pod traffic goes there. It is not removed, because it may be somebody's intent.",
		Advice:  "Remove the route that the message names, or give this cluster another cluster CIDR.",
	}
)

// Events are all events of this package.
var Events = []signal.Event{eventRouterFound, eventRouteLimit, eventPairLimit, eventForeignNextHop}

// say records an event on a node that is known; see signal.Voice.
func (c *Controller) say(node *v1.Node, e signal.Event, topic, message string) {
	if node != nil {
		c.voice.Say(node, e, topic, message)
	}
}

func (c *Controller) sayRouterFound(nodes []*v1.Node) {
	first := nodes[0]
	for _, node := range nodes {
		if node.Name < first.Name {
			first = node
		}
	}
	c.say(first, eventRouterFound, c.found, fmt.Sprintf(
		"Pod routes go to router %s, the only one on the nodes' subnets", c.found))
}

// sayLimit tells each node whose route found no room.
func (c *Controller) sayLimit(_ context.Context, err *LimitError, refused []pair) {
	v := c.latest.Load()
	if v == nil {
		return
	}
	told := map[string]bool{}
	for _, p := range refused {
		if node := v.wanted[p]; !told[node] {
			told[node] = true
			c.say(v.nodes[node], eventRouteLimit, fmt.Sprint(err.RouterID, err.Present, err.Limit), err.Error())
		}
	}
}

func (c *Controller) sayPairsExhausted(_ context.Context, node string, port Port, err error) {
	if v := c.latest.Load(); v != nil {
		c.say(v.nodes[node], eventPairLimit, fmt.Sprint(port.ID, len(port.AddressPairs)), fmt.Sprintf(
			"Port %s has %s and no room for the node's pod CIDRs: %v", port.ID, count(len(port.AddressPairs), "address pair"), err))
	}
}

func (c *Controller) sayContests(v *view) {
	for _, t := range v.assessment.contests {
		c.say(v.nodes[t.node], eventForeignNextHop, fmt.Sprint(t.route), fmt.Sprintf(
			"Router %s also routes %s to %s, an address of port %s, which is no node's; pods of this node lose traffic to it",
			v.actual.Router.ID, t.route.Destination, t.route.NextHop, t.portID))
	}
}

// missing are the pairs that the latest plan adds.
func (c *Controller) missing() []pair {
	v := c.latest.Load()
	if v == nil {
		return nil
	}
	var pairs []pair
	for i, w := range v.desired.Wants {
		if !v.assessment.states[i].routed {
			pairs = append(pairs, w.pair())
		}
	}
	return pairs
}

// census counts the routes of this cluster on the router, and those it needs.
func (c *Controller) census(router Router) (own, wanted int) {
	v := c.latest.Load()
	if v == nil {
		return 0, 0
	}
	actual := v.actual
	actual.Router = router
	return assess(&v.desired, &actual).own, len(v.desired.Wants)
}
