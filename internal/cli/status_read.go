package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	v1 "k8s.io/api/core/v1"

	"underlay/internal/cloud"
	"underlay/internal/owner"
	"underlay/pkg/instances"
	"underlay/pkg/loadbalancer"
	"underlay/pkg/loadbalancer/spec"
	"underlay/pkg/loadbalancer/tree"
	"underlay/pkg/routes"
)

// balancing is all load balancers of the project with their parts; members are
// read for those that are shown.
type balancing struct {
	balancers []tree.Balancer
	listeners []tree.Listener
	members   map[string]map[string][]tree.Member // by load balancer, then pool
}

// serviceStatuses reads three lists, and the status of each load balancer that a
// Service has.
func (o *clusterOptions) serviceStatuses(ctx context.Context, s *scene) ([]serviceStatus, error) {
	services := slices.DeleteFunc(slices.Clone(s.services), func(service *v1.Service) bool {
		return service.Spec.Type != v1.ServiceTypeLoadBalancer || service.Spec.LoadBalancerClass != nil
	})
	all := []serviceStatus{}
	if len(services) == 0 || !s.config.LoadBalancer.Enabled {
		return all, nil
	}
	b := &balancing{members: map[string]map[string][]tree.Member{}}
	var err error
	if b.balancers, err = s.cloud.LoadBalancers(ctx, loadbalancer.BalancerQuery{}); err != nil {
		return nil, fmt.Errorf("list load balancers: %w", err)
	}
	if b.listeners, err = s.cloud.Listeners(ctx, ""); err != nil {
		return nil, fmt.Errorf("list listeners: %w", err)
	}
	for _, service := range services {
		one := serviceStatus{Service: service.Namespace + "/" + service.Name, Addresses: addressesOf(service), Listeners: []string{}}
		who := owner.Service{Namespace: service.Namespace, Name: service.Name, UID: string(service.UID)}
		if found := b.find(service, owner.Cluster{Name: o.clusterName, UID: s.uid}, who); found != nil {
			if err := b.read(ctx, s.cloud, found); err != nil {
				return nil, err
			}
			b.describe(&one, found, owner.Cluster{Name: o.clusterName, UID: s.uid}.BalancerName(who))
		}
		all = append(all, one)
	}
	slices.SortFunc(all, func(x, y serviceStatus) int { return strings.Compare(x.Service, y.Service) })
	return all, nil
}

func addressesOf(service *v1.Service) []string {
	addresses := []string{}
	for _, ingress := range service.Status.LoadBalancer.Ingress {
		addresses = append(addresses, cmp.Or(ingress.Hostname, ingress.IP))
	}
	return addresses
}

// find finds the load balancer of a Service: the one that its annotation names,
// else the one that carries its name as a tag, else the one of that name.
func (b *balancing) find(service *v1.Service, c owner.Cluster, who owner.Service) *tree.Balancer {
	id, name := spec.BalancerID(service), c.BalancerName(who)
	ours := func(x *tree.Balancer) bool {
		uid := cmp.Or(owner.TaggedCluster(x.Tags), owner.DescribedCluster(x.Description))
		return uid == "" || uid == c.UID
	}
	for _, fits := range []func(x *tree.Balancer) bool{
		func(x *tree.Balancer) bool { return id != "" && x.ID == id },
		func(x *tree.Balancer) bool { return slices.Contains(x.Tags, name) && ours(x) },
		func(x *tree.Balancer) bool {
			return (x.Name == name || x.Name == owner.LegacyBalancerName(who)) && ours(x)
		},
	} {
		for i := range b.balancers {
			if fits(&b.balancers[i]) {
				return &b.balancers[i]
			}
		}
	}
	return nil
}

func (b *balancing) read(ctx context.Context, c loadbalancer.Balancers, of *tree.Balancer) error {
	if b.members[of.ID] != nil {
		return nil
	}
	members, err := c.StatusMembers(ctx, of.ID)
	if err != nil && !errors.Is(err, cloud.ErrNotFound) {
		return fmt.Errorf("read the status of load balancer %s: %w", of.ID, err)
	}
	b.members[of.ID] = members
	return nil
}

// describe fills in what the load balancer has for the Service of that name.
func (b *balancing) describe(one *serviceStatus, of *tree.Balancer, name string) {
	one.Balancer, one.Provisioning, one.Operating = of.ID, string(of.Provisioning), string(of.Operating)
	var keys []tree.Key
	for i := range b.listeners {
		l := &b.listeners[i]
		marked := slices.Contains(l.Tags, name) || strings.HasSuffix(l.Name, "_"+name)
		if l.BalancerID != of.ID || !marked && (of.Name != name || held(l)) {
			continue
		}
		keys = append(keys, l.Key())
		if l.Pool == nil {
			continue
		}
		for _, m := range b.members[of.ID][l.Pool.ID] {
			one.Members++
			if m.Operating == tree.Online || m.Operating == tree.NoMonitor {
				one.Healthy++
			}
		}
	}
	slices.SortFunc(keys, tree.Key.Compare)
	for _, key := range keys {
		one.Listeners = append(one.Listeners, key.String())
	}
}

// held says that the listener says of itself whose it is.
func held(l *tree.Listener) bool {
	return strings.Contains(l.Name, "_"+owner.ServicePrefix) ||
		slices.ContainsFunc(l.Tags, func(tag string) bool { return strings.HasPrefix(tag, owner.ServicePrefix) })
}

// nodeStatuses looks for the route to each pod CIDR on the router of cloud.conf
// or, where it names none, on the routers of the project.
func nodeStatuses(ctx context.Context, s *scene) ([]nodeStatus, error) {
	all := []nodeStatus{}
	if len(s.nodes) == 0 {
		return all, nil
	}
	routers, err := findRouters(ctx, s.cloud, s.config.Route.RouterID)
	if err != nil {
		return nil, err
	}
	var present []routes.Route
	for _, router := range routers {
		present = append(present, router.Routes...)
	}
	ports, err := s.cloud.Ports(ctx, time.Minute)
	if err != nil {
		return nil, fmt.Errorf("list ports: %w", err)
	}
	for _, node := range s.nodes {
		own := addressesOfNode(node, ports)
		cidrs := node.Spec.PodCIDRs
		if len(cidrs) == 0 {
			cidrs = []string{node.Spec.PodCIDR}
		}
		for _, cidr := range cidrs {
			one := nodeStatus{Node: node.Name, Ready: isReady(node), CIDR: cidr}
			one.NextHop, one.OK = routeTo(cidr, own, present)
			all = append(all, one)
		}
	}
	slices.SortStableFunc(all, func(x, y nodeStatus) int { return strings.Compare(x.Node, y.Node) })
	return all, nil
}

// addressesOfNode are those that the Node shows and those of its server's ports:
// the router need not reach the former.
func addressesOfNode(node *v1.Node, ports []routes.Port) map[netip.Addr]bool {
	own := map[netip.Addr]bool{}
	add := func(text string) {
		if addr, err := netip.ParseAddr(text); err == nil {
			own[addr] = true
		}
	}
	for _, a := range node.Status.Addresses {
		if a.Type == v1.NodeInternalIP {
			add(a.Address)
		}
	}
	id, err := instances.ParseProviderID(node.Spec.ProviderID)
	if err != nil {
		return own
	}
	for _, port := range ports {
		if port.DeviceID != id.Server {
			continue
		}
		for _, ip := range port.FixedIPs {
			add(ip.Address)
		}
	}
	return own
}

// routeTo finds the next hop of a CIDR: that of the right route where there is
// one. It leads to the node with these addresses.
func routeTo(cidr string, own map[netip.Addr]bool, present []routes.Route) (hop string, ok bool) {
	want, err := netip.ParsePrefix(cidr)
	if err != nil {
		return "", false
	}
	for _, route := range present {
		prefix, err := netip.ParsePrefix(route.Destination)
		if err != nil || prefix.Masked() != want.Masked() {
			continue
		}
		hop = route.NextHop
		if addr, err := netip.ParseAddr(hop); err == nil && own[addr] {
			return hop, true
		}
	}
	return hop, false
}
