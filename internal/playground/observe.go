package playground

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	cloudproviderapi "k8s.io/cloud-provider/api"
)

// Observation is one look at the world, from both sides.
type Observation struct {
	// Nodes are the machines that ever joined and whose Node or server is there, in the order of joining.
	Nodes []Node
	// Routes are the router's, by destination.
	Routes []Route
	// Foreign are the routes of others, as they were written.
	Foreign []Route
}

// Node is a machine as the cloud and Kubernetes see it.
type Node struct {
	Name, ServerID string
	// Booted: the cloud has the server.
	Booted bool
	// ServerAddresses are the server's addresses in the cloud.
	ServerAddresses []string
	// Pairs are the allowed address pairs, inside the cluster CIDRs, of its port.
	Pairs []string

	// Registered: Kubernetes has the Node. All below is the Node's.
	Registered bool
	// Initialized: the cloud controller manager has taken the taint away.
	Initialized      bool
	ProviderID       string
	InternalIPs      []string
	PodCIDRs         []string
	Ready            bool
	NetworkAvailable bool // the condition NetworkUnavailable is there and False
}

// Route is one static route of the router.
type Route struct {
	Destination, NextHop string
	// Node is the name of the node whose pod CIDR the destination is, or was
	// last; "" for none.
	Node string
	// Ours: the destination is inside the cluster CIDRs, and nobody else's.
	Ours bool
}

// Observe looks at the world: at Kubernetes first, and at the cloud later.
func (p *Playground) Observe(ctx context.Context) (Observation, error) {
	list, err := p.Client.CoreV1().Nodes().List(ctx, metav1.ListOptions{LabelSelector: nodeLabel})
	if err != nil {
		return Observation{}, fmt.Errorf("list nodes: %w", err)
	}
	byName := map[string]*corev1.Node{}
	for i := range list.Items {
		byName[list.Items[i].Name] = &list.Items[i]
	}
	sight, err := p.openstack.Observe(ctx)
	if err != nil {
		return Observation{}, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	seen := Observation{Foreign: slices.Clone(p.foreign)}
	for _, member := range p.members {
		node := p.look(member, byName[member.Name], sight.Ports[member.PortID])
		if !node.Booted && !node.Registered {
			continue
		}
		seen.Nodes = append(seen.Nodes, node)
		for _, cidr := range node.PodCIDRs {
			p.owners[cidr] = node.Name
		}
	}
	for _, route := range sight.Routes {
		if !slices.Contains(seen.Foreign, route) {
			route.Node, route.Ours = p.owners[route.Destination], p.inClusterCIDRs(route.Destination)
		}
		seen.Routes = append(seen.Routes, route)
	}
	slices.SortFunc(seen.Routes, func(a, b Route) int {
		return cmp.Or(ComparePrefixes(a.Destination, b.Destination), cmp.Compare(a.NextHop, b.NextHop))
	})
	return seen, nil
}

// look joins what the cloud and Kubernetes say of one machine; node may be nil.
// The lock is held.
func (p *Playground) look(member *Member, node *corev1.Node, port Port) Node {
	seen := Node{Name: member.Name, ServerID: member.ServerID, Booted: !member.left}
	if seen.Booted {
		seen.ServerAddresses = port.Addresses
		for _, pair := range port.Pairs {
			if p.inClusterCIDRs(pair) {
				seen.Pairs = append(seen.Pairs, pair)
			}
		}
	}
	// A machine that joined again under the same name has another server.
	if node == nil || node.Status.NodeInfo.SystemUUID != member.ServerID {
		return seen
	}
	seen.Registered, seen.Initialized = true, true
	for _, taint := range node.Spec.Taints {
		if taint.Key == cloudproviderapi.TaintExternalCloudProvider {
			seen.Initialized = false
		}
	}
	seen.ProviderID, seen.PodCIDRs = node.Spec.ProviderID, node.Spec.PodCIDRs
	for _, address := range node.Status.Addresses {
		if address.Type == corev1.NodeInternalIP {
			seen.InternalIPs = append(seen.InternalIPs, address.Address)
		}
	}
	seen.Ready = hasCondition(node, corev1.NodeReady, corev1.ConditionTrue)
	seen.NetworkAvailable = hasCondition(node, corev1.NodeNetworkUnavailable, corev1.ConditionFalse)
	return seen
}

func hasCondition(node *corev1.Node, kind corev1.NodeConditionType, status corev1.ConditionStatus) bool {
	return slices.ContainsFunc(node.Status.Conditions, func(condition corev1.NodeCondition) bool {
		return condition.Type == kind && condition.Status == status
	})
}
