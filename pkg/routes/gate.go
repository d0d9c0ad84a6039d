package routes

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	v1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	corev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/util/retry"
	"k8s.io/klog/v2"
)

// The reasons that the framework's route controller gives, so that it takes the
// condition for its own: it lifts it when the routes are there.
const (
	noRouteCreated = "NoRouteCreated"
	routeCreated   = "RouteCreated"
)

// Gate keeps pods off a new node until its routes exist. Nothing in the
// framework does: NetworkUnavailable is first set after a reconcile of routes,
// and until then an initialised node looks ready (kubernetes/kubernetes#70526).
type Gate struct{ nodes corev1.NodeInterface }

// NewGate makes a Gate over client.
func NewGate(client kubernetes.Interface) *Gate { return &Gate{nodes: client.CoreV1().Nodes()} }

var gateBackoff = wait.Backoff{Steps: 5, Duration: 50 * time.Millisecond, Factor: 2, Jitter: 0.5}

// Close marks a node whose NetworkUnavailable was never set: the condition
// becomes True and the node gets the taint that belongs to it. It must be called
// while the node still has the taint node.cloudprovider.kubernetes.io/uninitialized,
// that is from InstanceMetadata, so that there is no moment between. The
// framework's route controller sets the condition to False when all routes of
// the node are there, and kube-controller-manager then lifts the taint.
//
// A node whose condition was set before is left alone. Close may be repeated.
func (g *Gate) Close(ctx context.Context, node *v1.Node) error {
	current := node
	err := retry.OnError(gateBackoff, isConflict, func() error {
		err := g.hold(ctx, current)
		if isConflict(err) {
			fresh, getErr := g.nodes.Get(ctx, node.Name, metav1.GetOptions{})
			if getErr != nil {
				return getErr
			}
			current = fresh
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("keep pods off node %s until its routes exist: %w", node.Name, err)
	}
	return nil
}

// Open says that all routes of the node are there, in the framework's own words
// (controllers/route/route_controller.go, updateNetworkingCondition), so that it
// finds nothing left to say. kube-controller-manager then lifts the taint.
func (g *Gate) Open(ctx context.Context, node *v1.Node) error {
	current, err := g.nodes.Get(ctx, node.Name, metav1.GetOptions{})
	if err != nil {
		return fmt.Errorf("open node %s: %w", node.Name, err)
	}
	if isOpen(current) {
		return nil
	}
	if current.UID != node.UID || !slices.Equal(current.Spec.PodCIDRs, node.Spec.PodCIDRs) {
		return fmt.Errorf("open node %s: it is another node by now", node.Name)
	}
	_, err = g.patch(ctx, current, conditionPatch(current, v1.ConditionFalse, routeCreated, "RouteController created a route"), "status")
	if err != nil {
		return fmt.Errorf("open node %s: %w", node.Name, err)
	}
	return nil
}

// isOpen says whether the node's routes were said to be there.
func isOpen(node *v1.Node) bool {
	return slices.ContainsFunc(node.Status.Conditions, func(c v1.NodeCondition) bool {
		return c.Type == v1.NodeNetworkUnavailable && c.Status == v1.ConditionFalse && c.Reason == routeCreated
	})
}

// hold sets the condition, then the taint: kube-controller-manager removes the
// taint of a node that has no such condition.
func (g *Gate) hold(ctx context.Context, node *v1.Node) error {
	i := slices.IndexFunc(node.Status.Conditions, func(c v1.NodeCondition) bool { return c.Type == v1.NodeNetworkUnavailable })
	if i >= 0 && node.Status.Conditions[i].Status != v1.ConditionTrue {
		return nil
	}
	if i < 0 {
		marked, err := g.patch(ctx, node, conditionPatch(node, v1.ConditionTrue, noRouteCreated, "The node's pod routes do not exist yet"), "status")
		if err != nil {
			return err
		}
		klog.FromContext(ctx).Info("Node waits for its routes", "node", node.Name)
		node = marked
	}
	taint := v1.Taint{Key: v1.TaintNodeNetworkUnavailable, Effect: v1.TaintEffectNoSchedule}
	if slices.ContainsFunc(node.Spec.Taints, func(t v1.Taint) bool { return t.MatchTaint(&taint) }) {
		return nil
	}
	_, err := g.patch(ctx, node, taintPatch(node, taint))
	return err
}

// patch applies only to the very node that was looked at, by its
// resourceVersion: the route controller may have set the condition meanwhile.
func (g *Gate) patch(ctx context.Context, node *v1.Node, change any, subresource ...string) (*v1.Node, error) {
	body, err := json.Marshal(change)
	if err != nil {
		return nil, err
	}
	return g.nodes.Patch(ctx, node.Name, types.StrategicMergePatchType, body, metav1.PatchOptions{}, subresource...)
}

type object map[string]any

// guarded makes a patch fail with Conflict when the node is another by now. The
// UID is not enough, since the same Node object changes.
func guarded(node *v1.Node, key string, change any) object {
	metadata := object{"uid": node.UID}
	if node.ResourceVersion != "" {
		metadata["resourceVersion"] = node.ResourceVersion
	}
	return object{"metadata": metadata, key: change}
}

func conditionPatch(node *v1.Node, status v1.ConditionStatus, reason, message string) object {
	now := metav1.Now()
	return guarded(node, "status", object{"conditions": []v1.NodeCondition{{
		Type:               v1.NodeNetworkUnavailable,
		Status:             status,
		Reason:             reason,
		Message:            message,
		LastHeartbeatTime:  now,
		LastTransitionTime: now,
	}}})
}

// taintPatch carries all taints: the list has no merge key, a patch replaces it.
func taintPatch(node *v1.Node, taint v1.Taint) object {
	return guarded(node, "spec", object{"taints": append(slices.Clone(node.Spec.Taints), taint)})
}

func isConflict(err error) bool { return apierrors.IsConflict(err) }
