package loadbalancer

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"underlay/pkg/loadbalancer/tree"
)

// provablyOurs says whether a load balancer with the generated name is this
// cluster's: it carries our mark; or it carries none and has the legacy name,
// which holds the Service's UID, or it has members and all of them are our nodes,
// or the Service's annotation and its status both tell of it.
func (c *Controller) provablyOurs(ctx context.Context, k *look, s *subject, b *tree.Balancer, all []tree.Balancer) (bool, error) {
	if uid := marked(b); uid != "" {
		return uid == s.cluster.UID, nil
	}
	if b.Name == s.legacy {
		return true, nil
	}
	whole := *b
	if err := c.whole(ctx, k, &whole); err != nil {
		return false, err
	}
	if leadsToUs(&whole, nodeAddresses(c.allNodes(s)), s.name) {
		return true, nil
	}
	if s.named() != b.ID {
		return false, nil
	}
	return toldOf(ctx, k, s, b, all)
}

// toldOf says whether the Service's status shows an address of the load balancer.
// A copy of a Service brings its annotations along, but never its status. A status
// of host names alone, which tell no address, will do while the Service has no load
// balancer with our mark.
func toldOf(ctx context.Context, k *look, s *subject, b *tree.Balancer, all []tree.Balancer) (bool, error) {
	shown := map[string]bool{}
	for _, ingress := range s.service.Status.LoadBalancer.Ingress {
		if address, err := netip.ParseAddr(ingress.IP); err == nil {
			shown[address.Unmap().String()] = true
		}
	}
	if len(shown) == 0 {
		marks := func(b *tree.Balancer) bool { return s.bearsNameOf(b) && marked(b) == s.cluster.UID }
		return len(s.service.Status.LoadBalancer.Ingress) > 0 && pick(all, marks) == nil, nil
	}
	for _, vip := range append([]tree.VIP{b.VIP}, b.AdditionalVIPs...) {
		if shown[vip.Address] {
			return true, nil
		}
	}
	addresses, err := k.addresses.Get(ctx, k.age(false))
	if err != nil {
		return false, fmt.Errorf("list floating IPs: %w", err)
	}
	return slices.ContainsFunc(addresses, func(ip tree.FloatingIP) bool {
		return ip.PortID != "" && ip.PortID == b.VIP.PortID && shown[ip.Address]
	}), nil
}

// leadsToUs: the Service's pools have members, and every one is an address of
// ours. Somebody else's load balancer of the same name leads to other nodes.
func leadsToUs(b *tree.Balancer, ours map[string]bool, name string) bool {
	members := 0
	for _, pool := range poolsOf(b) {
		if !slices.Contains(pool.Tags, name) && !strings.HasSuffix(pool.Name, "_"+name) {
			continue
		}
		for i := range pool.Members {
			if !ours[pool.Members[i].Address] {
				return false
			}
			members++
		}
	}
	return members > 0
}
