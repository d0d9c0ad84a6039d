package loadbalancer

import (
	"context"
	"fmt"

	v1 "k8s.io/api/core/v1"

	"underlay/pkg/loadbalancer/spec"
	"underlay/pkg/loadbalancer/tree"
)

// read understands the Service.
func (c *Controller) read(s *subject) (*spec.Wish, error) {
	wish, err := spec.Read(c.input(s))
	if err != nil {
		return nil, err
	}
	return &wish, nil
}

func (c *Controller) input(s *subject) spec.Input {
	return spec.Input{
		Service: s.service, Nodes: s.nodes, Config: c.config, Classes: c.classes, Cluster: s.cluster, ClusterCIDRs: c.ranges,
	}
}

// desire is what the Service wants of the load balancer that it has, with the
// facts of the cloud that this needs, and what it asks for in vain.
func (c *Controller) desire(ctx context.Context, s *subject, found claim, e extent) (tree.Desired, []spec.Notice, error) {
	if e.leaving() {
		return spec.Gone(c.input(s)), nil, nil
	}
	needs := e.wish.Needs()
	if found.balancer != nil {
		needs.Port = "" // it has its address
	}
	facts, err := c.facts(ctx, needs, s, e.freshPorts)
	if err != nil {
		return tree.Desired{}, nil, err
	}
	facts.Balancer, facts.Shared = found.balancer, found.balancer != nil && !found.owned
	desired, notices, err := e.wish.Resolve(facts)
	if facts.Shared {
		desired.Shared = found.balancer.ID
	}
	return desired, notices, err
}

// facts reads what the wish needs, most of it from caches.
func (c *Controller) facts(ctx context.Context, needs spec.Needs, s *subject, freshPorts bool) (facts spec.Facts, err error) {
	if facts.Version, err = c.cloud.APIVersion(ctx); err != nil {
		return facts, fmt.Errorf("read the API version of Octavia: %w", err)
	}
	if needs.ExternalNetworks {
		if facts.ExternalNetworks, err = c.cloud.ExternalNetworks(ctx); err != nil {
			return facts, fmt.Errorf("list external networks: %w", err)
		}
	}
	if needs.Subnets {
		if facts.Subnets, err = c.cloud.Subnets(ctx); err != nil {
			return facts, fmt.Errorf("list subnets: %w", err)
		}
	}
	if needs.Ports {
		if facts.Ports, err = c.nodePorts(ctx, s, needs.Port, freshPorts); err != nil {
			return facts, fmt.Errorf("list ports: %w", err)
		}
	}
	return facts, nil
}

// nodePorts lists the ports, by which a node's subnet is known. That does not
// change while the node lives, so an old list will do that has all nodes, and the
// port that the user made, where the Service names one.
func (c *Controller) nodePorts(ctx context.Context, s *subject, users string, fresh bool) ([]tree.Port, error) {
	if fresh {
		return c.cloud.BalancerPorts(ctx, 0)
	}
	ports, err := c.cloud.BalancerPorts(ctx, portAgeKnown)
	if err != nil {
		return nil, err
	}
	missing := nodeAddresses(s.nodes, v1.NodeInternalIP) // no port has a floating IP for its own
	seen := users == ""
	for i := range ports {
		seen = seen || ports[i].ID == users
		for _, fixed := range ports[i].FixedIPs {
			delete(missing, fixed.Address)
		}
	}
	if len(missing) > 0 || !seen {
		return c.cloud.BalancerPorts(ctx, listAge)
	}
	return ports, nil
}
