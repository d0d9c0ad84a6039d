package loadbalancer

import (
	"context"
	"fmt"

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

// desire is what the Service wants, b being the load balancer that it has, with
// the facts of the cloud that it needs. It says what the Service asks for in vain.
func (c *Controller) desire(ctx context.Context, s *subject, b *tree.Balancer, e extent) (tree.Desired, error) {
	if e.leaving() {
		return spec.Gone(c.input(s)), nil
	}
	facts, err := c.facts(ctx, e.wish.Needs(), e.freshPorts)
	if err != nil {
		return tree.Desired{}, err
	}
	facts.Balancer = b
	desired, notices, err := e.wish.Resolve(facts)
	c.sayNotices(s, notices)
	return desired, err
}

// facts reads what the wish needs, most of it from caches.
func (c *Controller) facts(ctx context.Context, needs spec.Needs, freshPorts bool) (facts spec.Facts, err error) {
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
		age := portAge
		if freshPorts {
			age = 0
		}
		if facts.Ports, err = c.cloud.BalancerPorts(ctx, age); err != nil {
			return facts, fmt.Errorf("list ports: %w", err)
		}
	}
	return facts, nil
}
