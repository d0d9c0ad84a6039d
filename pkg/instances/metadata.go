package instances

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	v1 "k8s.io/api/core/v1"
	cloudprovider "k8s.io/cloud-provider"
	cloudproviderapi "k8s.io/cloud-provider/api"
	"k8s.io/klog/v2"
)

// InstanceMetadata describes the Node's server. It wraps
// cloudprovider.InstanceNotFound when there is none.
//
// A Node that is not ours is left alone, in the two ways that the framework
// offers (controllers/node/node_controller.go): while it is uninitialized, nil
// without an error makes syncNode skip it, so that whoever it belongs to
// initializes it; afterwards nil would panic UpdateNodeStatus, and metadata
// without addresses makes it skip the Node.
func (i *Instances) InstanceMetadata(ctx context.Context, node *v1.Node) (*cloudprovider.InstanceMetadata, error) {
	i.sweep()
	if err := i.ours(node); err != nil {
		i.leaveAlone(ctx, node, err)
		if uninitialized(node) {
			return nil, nil
		}
		return &cloudprovider.InstanceMetadata{ProviderID: node.Spec.ProviderID}, nil
	}
	server, age, err := i.locate(ctx, node)
	if err != nil {
		return nil, fmt.Errorf("find the server of node %s: %w", node.Name, err)
	}
	i.notices.over(nodeKey(node), reasonUnmatched, reasonAmbiguous)
	i.remember(node, server)
	if server.Status == statusUnknown {
		return i.obscured(node, server)
	}
	nics, err := i.nics(ctx, server, age)
	if err != nil {
		return nil, fmt.Errorf("read the addresses of node %s: %w", node.Name, err)
	}
	return i.describe(ctx, node, server, nics)
}

// locate finds the server: in the shared list; if it is not there or not ready,
// in a newer one; at last, by provider ID, with a GET, since a list may lack
// what exists. It says how old a port list may be to go with the server.
func (i *Instances) locate(ctx context.Context, node *v1.Node) (*Server, time.Duration, error) {
	var found *Server
	var unclear error
	for attempt, age := range []time.Duration{listAge, newerList(node)} {
		listed, err := i.servers.Get(ctx, age)
		if err != nil {
			return nil, 0, err
		}
		if found, unclear = listed.find(node); unclear != nil {
			continue
		}
		if attempt == 0 && namesake(node, found) {
			continue
		}
		if found != nil && settled(found) {
			return found, age, nil
		}
	}
	if unclear != nil {
		return nil, 0, i.unclear(ctx, node, unclear)
	}
	if found != nil {
		return found, recheckAge, nil
	}
	if node.Spec.ProviderID == "" {
		i.event(ctx, node, reasonUnmatched,
			"No server of the project has system UUID %q or the name %q. The node is kept.",
			node.Status.NodeInfo.SystemUUID, node.Name)
		return nil, 0, fmt.Errorf("by system UUID %q and by name: %w", node.Status.NodeInfo.SystemUUID, cloudprovider.InstanceNotFound)
	}
	found, err := i.single(ctx, node)
	return found, recheckAge, err
}

// single reads the server of a Node with a provider ID.
func (i *Instances) single(ctx context.Context, node *v1.Node) (*Server, error) {
	ids, err := i.identify(ctx, node)
	if err != nil {
		return nil, err
	}
	seen, err := i.sightAny(ctx, ids)
	if err != nil {
		return nil, err
	}
	if seen.server == nil {
		return nil, fmt.Errorf("by %s: %w", node.Spec.ProviderID, cloudprovider.InstanceNotFound)
	}
	return seen.server, nil
}

// unclear tells of several servers with one name.
func (i *Instances) unclear(ctx context.Context, node *v1.Node, err error) error {
	var ambiguous *ambiguousError
	if errors.As(err, &ambiguous) {
		i.event(ctx, node, reasonAmbiguous, "%d servers have this node's name: %s. None is chosen.",
			len(ambiguous.ids), strings.Join(ambiguous.ids, ", "))
	}
	return err
}

// obscured is the answer for a server of which Nova shows only the id: what
// the Node shows stands; a new one has to wait.
func (i *Instances) obscured(node *v1.Node, server *Server) (*cloudprovider.InstanceMetadata, error) {
	if uninitialized(node) {
		return nil, fmt.Errorf("read server %s of node %s: its cell cannot be reached", server.ID, node.Name)
	}
	return &cloudprovider.InstanceMetadata{ProviderID: i.providerID(server)}, nil
}

// nics are the server's interfaces by a port list at most maxAge old.
func (i *Instances) nics(ctx context.Context, server *Server, maxAge time.Duration) ([]nic, error) {
	ports, err := i.ports.Get(ctx, maxAge)
	if err != nil {
		return nil, err
	}
	servers, err := i.servers.Get(ctx, listAge)
	if err != nil {
		return nil, err
	}
	return ports.nics(server, servers), nil
}

// describe makes the metadata. A Node is not initialized without an address:
// nothing would tell that one is missing.
func (i *Instances) describe(ctx context.Context, node *v1.Node, server *Server, nics []nic) (*cloudprovider.InstanceMetadata, error) {
	shown := addresses(server, nics, i.choice)
	if !hasIP(shown) {
		i.event(ctx, node, reasonNoAddress, "Server %s (%s, %s) has no address that the node may show.", server.Name, server.ID, server.Status)
		if uninitialized(node) {
			return nil, fmt.Errorf("initialize node %s: server %s has no address to show (status %s)", node.Name, server.ID, server.Status)
		}
		shown = nil
	} else {
		i.notices.over(nodeKey(node), reasonNoAddress)
		i.checkNodeIP(ctx, node, shown)
		shown = withHostname(shown, node, server)
	}
	klog.FromContext(ctx).V(4).Info("Described node", "node", node.Name, "server", server.ID, "addresses", shown)
	return &cloudprovider.InstanceMetadata{
		ProviderID:    i.providerID(server),
		InstanceType:  labelValue(server.FlavorName),
		NodeAddresses: shown,
		Zone:          labelValue(server.Zone),
		Region:        labelValue(i.Region),
	}, nil
}

// providerID is what a Node on the server is given.
func (i *Instances) providerID(server *Server) string {
	id := ProviderID{Server: server.ID}
	if i.RegionalProviderID {
		id.Region = i.Region
	}
	return id.String()
}

// withHostname adds Nova's hostname, else the server's name, as the Hostname
// address when neither the server's metadata nor the kubelet gives one. The
// kubelet's own is never replaced: the API server's default order of
// preference for reaching kubelets begins with Hostname.
func withHostname(addrs []v1.NodeAddress, node *v1.Node, server *Server) []v1.NodeAddress {
	named := func(a v1.NodeAddress) bool { return a.Type == v1.NodeHostName }
	if slices.ContainsFunc(addrs, named) || slices.ContainsFunc(node.Status.Addresses, named) {
		return addrs
	}
	name := server.Hostname
	if name == "" {
		name = server.Name
	}
	return append(addrs, v1.NodeAddress{Type: v1.NodeHostName, Address: name})
}

// checkNodeIP tells of a kubelet --node-ip that the server does not have. The
// framework refuses it, and says so only in its log.
func (i *Instances) checkNodeIP(ctx context.Context, node *v1.Node, shown []v1.NodeAddress) {
	provided := node.Annotations[cloudproviderapi.AnnotationAlphaProvidedIPAddr]
	for _, ip := range elements([]string{provided}) {
		has := slices.ContainsFunc(shown, func(a v1.NodeAddress) bool { return sameIP(a.Address, ip) })
		if !has {
			i.event(ctx, node, reasonForeignNodeIP, "The kubelet's --node-ip %s is none of the server's addresses: %s.", ip, ipList(shown))
			return
		}
	}
	i.notices.over(nodeKey(node), reasonForeignNodeIP)
}
