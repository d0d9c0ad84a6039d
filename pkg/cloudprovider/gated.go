package cloudprovider

import (
	"context"
	"fmt"

	v1 "k8s.io/api/core/v1"
	cloudprovider "k8s.io/cloud-provider"
	cloudproviderapi "k8s.io/cloud-provider/api"

	"underlay/pkg/routes"
)

// gatedInstances closes a new node's network before it is initialised: the
// framework lifts the "uninitialized" taint with the metadata that it gets
// here, and pods could land before the node's route exists
// (kubernetes/kubernetes#70526).
type gatedInstances struct {
	cloudprovider.InstancesV2
	gate *routes.Gate
}

// InstanceMetadata marks an uninitialised node NetworkUnavailable first.
func (g gatedInstances) InstanceMetadata(ctx context.Context, node *v1.Node) (*cloudprovider.InstanceMetadata, error) {
	metadata, err := g.InstancesV2.InstanceMetadata(ctx, node)
	if err != nil || metadata == nil || !uninitialised(node) {
		return metadata, err
	}
	if err := g.gate.Close(ctx, node); err != nil {
		return nil, fmt.Errorf("mark node %s unavailable until its route exists: %w", node.Name, err)
	}
	return metadata, nil
}

func uninitialised(node *v1.Node) bool {
	for _, t := range node.Spec.Taints {
		if t.Key == cloudproviderapi.TaintExternalCloudProvider {
			return true
		}
	}
	return false
}
