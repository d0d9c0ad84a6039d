package cloudprovider

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
)

// TestTaintsAreWrittenToTheNodeThatWasRead: the API server refuses the patch where
// the node has changed, or is another one.
func TestTaintsAreWrittenToTheNodeThatWasRead(t *testing.T) {
	node := &v1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: "n1", UID: "uid-1", ResourceVersion: "7"},
		Spec:       v1.NodeSpec{Taints: []v1.Taint{{Key: "a", Effect: v1.TaintEffectNoSchedule}}},
	}
	for name, tt := range map[string]struct {
		taints []v1.Taint
		want   any
	}{
		"one more": {append(node.Spec.Taints, v1.Taint{Key: "b", Effect: v1.TaintEffectNoExecute}), []any{
			map[string]any{"key": "a", "effect": "NoSchedule"}, map[string]any{"key": "b", "effect": "NoExecute"},
		}},
		"none": {nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			cluster := fake.NewClientset(node)
			if err := (nodeTaints{cluster.CoreV1().Nodes()}).SetTaints(t.Context(), node, tt.taints); err != nil {
				t.Fatal(err)
			}
			calls := cluster.Actions()
			if len(calls) != 1 {
				t.Fatalf("calls %v, want one", calls)
			}
			var got any
			if err := json.Unmarshal(calls[0].(clienttesting.PatchAction).GetPatch(), &got); err != nil {
				t.Fatal(err)
			}
			want := map[string]any{
				"metadata": map[string]any{"uid": "uid-1", "resourceVersion": "7"}, "spec": map[string]any{"taints": tt.want},
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
