package playground

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"underlay/internal/kube"
)

// nodeLabel marks the Nodes that a playground has made.
const nodeLabel = "underlay/playground"

// Member is a machine: a server in Nova, with one port, and a Node.
type Member struct {
	Name string
	Machine
	Node *kube.HollowNode
	// left is true once the server is gone.
	left bool
}

// Join boots a server and has it register itself as a Node.
func (p *Playground) Join(ctx context.Context, name string) (*Member, error) {
	machine, err := p.openstack.Boot(ctx, name)
	if err != nil {
		return nil, err
	}
	node, err := kube.JoinNode(ctx, p.Client, kube.NodeSpec{
		Name: name, SystemUUID: machine.ServerID, Labels: map[string]string{nodeLabel: "true"}, Heartbeat: p.opts.Heartbeat,
	})
	if err != nil {
		return nil, err
	}
	member := &Member{Name: name, Machine: machine, Node: node}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.members = append(p.members, member)
	return member, nil
}

// Leave shuts a machine down and deletes its server, as a cluster autoscaler
// does. Its Node is the controllers' to remove.
func (p *Playground) Leave(ctx context.Context, name string) error {
	member := p.Member(name)
	if member == nil {
		return fmt.Errorf("leave: no node %s", name)
	}
	if err := member.Node.Shutdown(ctx); err != nil && !apierrors.IsNotFound(err) {
		return err
	}
	if err := p.openstack.Delete(ctx, member.Machine); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	member.left = true
	return nil
}

// Member finds a machine that has not left; nil when there is none.
func (p *Playground) Member(name string) *Member {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, member := range p.members {
		if member.Name == name && !member.left {
			return member
		}
	}
	return nil
}

// AddForeignRoute writes a route by hand that is somebody else's: from then on
// the world is right only while the router has it.
func (p *Playground) AddForeignRoute(ctx context.Context, destination, nexthop string) error {
	p.mu.Lock()
	p.foreign = append(p.foreign, Route{Destination: destination, NextHop: nexthop})
	p.mu.Unlock()
	return p.openstack.AddRoute(ctx, destination, nexthop)
}

// refuseForeignNodes protects a cluster of the user's own: the simulated cloud
// does not know its nodes, and the controllers would remove them. Nodes that an
// earlier playground left behind are removed.
func (p *Playground) refuseForeignNodes(ctx context.Context) error {
	nodes, err := p.Client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return fmt.Errorf("list the cluster's nodes: %w", err)
	}
	var foreign []string
	for _, node := range nodes.Items {
		if node.Labels[nodeLabel] == "" {
			foreign = append(foreign, node.Name)
		}
	}
	if len(foreign) > 0 {
		return fmt.Errorf("the cluster has nodes of its own (%s), which the simulated cloud does not know: use a control plane without nodes",
			strings.Join(foreign[:min(len(foreign), 3)], ", "))
	}
	return deleteNodes(ctx, p.Client)
}

func deleteNodes(ctx context.Context, client kubernetes.Interface) error {
	err := client.CoreV1().Nodes().DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{LabelSelector: nodeLabel})
	if err != nil {
		return fmt.Errorf("delete the playground's nodes: %w", err)
	}
	return nil
}

// inClusterCIDRs says whether a destination, or an address pair, is the
// business of this cluster's routes.
func (p *Playground) inClusterCIDRs(text string) bool {
	prefix, err := netip.ParsePrefix(text)
	if err != nil {
		return false
	}
	return slices.ContainsFunc(p.opts.ClusterCIDRs, func(cidr netip.Prefix) bool {
		return cidr.Contains(prefix.Addr()) && cidr.Bits() <= prefix.Bits()
	})
}
