package instances

import (
	"context"
	"errors"
	"fmt"

	v1 "k8s.io/api/core/v1"
	cloudproviderapi "k8s.io/cloud-provider/api"
)

// ours says nil for a Node that may be on a server of this region, else why
// it is not. Only provider IDs decide it, so it needs no call.
func (i *Instances) ours(node *v1.Node) error {
	if node.Spec.ProviderID == "" {
		return nil
	}
	id, err := ParseProviderID(node.Spec.ProviderID)
	if err != nil {
		return err
	}
	if id.Region != "" && id.Region != i.Region {
		return fmt.Errorf("region %q, this is %q: %w", id.Region, i.Region, errOtherRegion)
	}
	if id.Region != "" || !i.RegionalProviderID {
		return nil
	}
	// Several regions, and an ID from before: the region is on the Node.
	if label := node.Labels[v1.LabelTopologyRegion]; label != "" && label != labelValue(i.Region) {
		return fmt.Errorf("region %q by its label, this is %q: %w", label, i.Region, errOtherRegion)
	}
	return nil
}

// identify gives the ids that the Node's server may have, so that their
// absence would mean that it is gone; none when that is not known. The Node is
// ours. A provider ID needs no call; else one shared list may be read.
func (i *Instances) identify(ctx context.Context, node *v1.Node) ([]string, error) {
	if node.Spec.ProviderID == "" {
		server, err := i.match(ctx, node)
		var several *ambiguousError
		if errors.As(err, &several) {
			return nil, nil // one of them exists, whichever it is
		}
		if err != nil {
			return nil, err
		}
		if server != nil {
			i.remember(node, server)
		}
	}
	if id := i.knownServer(node); id != "" {
		return []string{id}, nil
	}
	return i.serverIDs(node, i.weigh(i.Nodes())), nil
}

// match finds the server of a Node without a provider ID in the shared list, and
// in a newer one where only its name is there.
func (i *Instances) match(ctx context.Context, node *v1.Node) (*Server, error) {
	listed, err := i.servers.Get(ctx, listAge)
	if err != nil {
		return nil, err
	}
	server, err := listed.find(node)
	if err != nil || !namesake(node, server) {
		return server, err
	}
	if listed, err = i.servers.Get(ctx, newerList(node)); err != nil {
		return nil, err
	}
	return listed.find(node)
}

// serverIDs is identify by what is known without any list.
func (i *Instances) serverIDs(node *v1.Node, e evidence) []string {
	if id := i.knownServer(node); id != "" {
		return []string{id}
	}
	if node.Spec.ProviderID == "" && e.trusts(node) {
		return systemServerIDs(node.Status.NodeInfo.SystemUUID)
	}
	return nil
}

// knownServer is the id of the Node's server by provider ID, or as matched
// before; "" when not known or not ours.
func (i *Instances) knownServer(node *v1.Node) string {
	if node.Spec.ProviderID == "" {
		i.mu.Lock()
		defer i.mu.Unlock()
		return i.matched[nodeKey(node)]
	}
	if i.ours(node) != nil {
		return ""
	}
	id, err := ParseProviderID(node.Spec.ProviderID)
	if err != nil {
		return ""
	}
	return id.Server
}

// remember keeps the match of a Node without a provider ID.
func (i *Instances) remember(node *v1.Node, server *Server) {
	if node.Spec.ProviderID != "" {
		return
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.matched[nodeKey(node)] = server.ID
}

// uninitialized says whether the Node still waits for its cloud provider.
func uninitialized(node *v1.Node) bool {
	for _, taint := range node.Spec.Taints {
		if taint.Key == cloudproviderapi.TaintExternalCloudProvider {
			return true
		}
	}
	return false
}

// readiness is the status of the Node's Ready condition, "" when it has none.
func readiness(node *v1.Node) v1.ConditionStatus {
	for _, c := range node.Status.Conditions {
		if c.Type == v1.NodeReady {
			return c.Status
		}
	}
	return ""
}
