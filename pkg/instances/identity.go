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
	if id, err := ParseProviderID(node.Spec.ProviderID); err == nil {
		return []string{id.Server}, nil
	}
	listed, err := i.servers.Get(ctx, listAge)
	if err != nil {
		return nil, err
	}
	server, err := listed.find(node)
	var ambiguous *ambiguousError
	switch {
	case errors.As(err, &ambiguous):
		return nil, nil // one of them exists, whichever it is
	case err != nil:
		return nil, err
	case server != nil:
		i.remember(node, server)
		return []string{server.ID}, nil
	}
	if id := i.remembered(node); id != "" {
		return []string{id}, nil
	}
	if i.trustSystemUUID(node) {
		return systemServerIDs(node.Status.NodeInfo.SystemUUID), nil
	}
	return nil, nil
}

// trustSystemUUID says whether a Node that was never matched with a server may
// be judged by its system UUID alone. This is for the Node whose server was
// deleted before anybody could match them (or before a restart): without it
// such a Node would stay for ever. A wrong "yes" would remove a Node whose
// system UUID never was a Nova UUID (bare metal, another cloud), so all must hold:
//
//   - the kubelet is silent (Ready is Unknown): what still reports, runs somewhere;
//   - no Node with a known server contradicts that here a system UUID is the
//     server's UUID;
//   - some Node confirms it, or the Node was never initialized: it waits for
//     an external cloud provider, and no pod that needs one runs there yet.
func (i *Instances) trustSystemUUID(node *v1.Node) bool {
	if readiness(node) != v1.ConditionUnknown {
		return false
	}
	confirmed := uninitialized(node)
	for _, other := range i.Nodes() {
		known, claimed := i.knownServer(other), systemServerIDs(other.Status.NodeInfo.SystemUUID)
		if known == "" || len(claimed) == 0 {
			continue
		}
		if claimed[0] != known && claimed[len(claimed)-1] != known {
			return false
		}
		confirmed = true
	}
	return confirmed
}

// knownServer is the id of the Node's server as far as it is known without any
// call: by provider ID, or matched before; "" when not known or not ours.
func (i *Instances) knownServer(node *v1.Node) string {
	if node.Spec.ProviderID == "" {
		return i.remembered(node)
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

func (i *Instances) remember(node *v1.Node, server *Server) {
	if node.Spec.ProviderID != "" {
		return
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.matched[nodeKey(node)] = server.ID
}

func (i *Instances) remembered(node *v1.Node) string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.matched[nodeKey(node)]
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
