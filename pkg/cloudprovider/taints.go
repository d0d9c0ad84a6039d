package cloudprovider

import (
	"context"
	"encoding/json"
	"fmt"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	corev1 "k8s.io/client-go/kubernetes/typed/core/v1"
)

// nodeTaints is instances.Taints.
type nodeTaints struct{ nodes corev1.NodeInterface }

// SetTaints replaces the taints of the Node as it was read: of a Node that has
// changed since, or of another one of its name, it changes nothing. One call.
func (t nodeTaints) SetTaints(ctx context.Context, node *v1.Node, taints []v1.Taint) error {
	patch, err := json.Marshal(map[string]any{
		"metadata": map[string]any{"uid": node.UID, "resourceVersion": node.ResourceVersion},
		"spec":     map[string]any{"taints": taints},
	})
	if err != nil {
		return fmt.Errorf("encode taints: %w", err)
	}
	_, err = t.nodes.Patch(ctx, node.Name, types.MergePatchType, patch, metav1.PatchOptions{})
	return err
}
