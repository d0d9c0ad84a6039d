package loadbalancer

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	v1 "k8s.io/api/core/v1"

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
	leads, err := c.leadsToUs(ctx, s, &whole)
	if err != nil || leads || s.named() != b.ID {
		return leads, err
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

// leadsToUs: the Service's pools have members, and every one is a node of ours.
// Somebody else's load balancer of the same name leads to other nodes, which may
// have the same addresses in a network of their own.
func (c *Controller) leadsToUs(ctx context.Context, s *subject, b *tree.Balancer) (bool, error) {
	var members []tree.Member
	for _, pool := range poolsOf(b) {
		if slices.Contains(pool.Tags, s.name) || strings.HasSuffix(pool.Name, "_"+s.name) {
			members = append(members, pool.Members...)
		}
	}
	nodes := c.allNodes(s)
	ours := nodeAddresses(nodes)
	if len(members) == 0 || slices.ContainsFunc(members, func(m tree.Member) bool { return !ours[m.Address] }) {
		return false, nil
	}
	ports, err := c.cloud.BalancerPorts(ctx, portAgeKnown)
	if err != nil {
		return false, fmt.Errorf("list ports: %w", err)
	}
	subnets, err := c.cloud.Subnets(ctx)
	if err != nil {
		return false, fmt.Errorf("list subnets: %w", err)
	}
	homes := homesOf(nodes, ports)
	return !slices.ContainsFunc(members, func(m tree.Member) bool { return elsewhereAt(m, b, homes, subnets) }), nil
}

// homesOf are the subnets of the nodes' addresses, as far as their ports are seen.
func homesOf(nodes []*v1.Node, ports []tree.Port) map[string][]string {
	servers := map[string]bool{}
	for _, node := range nodes {
		id := node.Spec.ProviderID
		servers[id[strings.LastIndex(id, "/")+1:]] = true
	}
	homes := map[string][]string{}
	for i := range ports {
		if ports[i].DeviceID == "" || !servers[ports[i].DeviceID] {
			continue
		}
		for _, ip := range ports[i].FixedIPs {
			homes[ip.Address] = append(homes[ip.Address], ip.SubnetID)
		}
	}
	return homes
}

// elsewhereAt says that the member has its address in a subnet in which our node
// that has this address is not. A subnet without the address tells nothing: the
// member is reached through a router.
func elsewhereAt(m tree.Member, b *tree.Balancer, homes map[string][]string, subnets []tree.Subnet) bool {
	id := b.VIP.SubnetID
	if m.SubnetID != nil && *m.SubnetID != "" {
		id = *m.SubnetID
	}
	home := homes[m.Address]
	if len(home) == 0 || slices.Contains(home, id) {
		return false
	}
	address, err := netip.ParseAddr(m.Address)
	return err == nil && slices.ContainsFunc(subnets, func(s tree.Subnet) bool {
		prefix, err := netip.ParsePrefix(s.CIDR)
		return s.ID == id && err == nil && prefix.Contains(address)
	})
}
