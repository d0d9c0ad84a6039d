package instances

import (
	"context"
	"fmt"
	"slices"
	"time"

	v1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/klog/v2"
)

// OutOfServiceValue is the value of the taint node.kubernetes.io/out-of-service
// where this package set it, and not a person.
const OutOfServiceValue = "server-deleted"

// releaseTime is how long a Node whose server is gone is kept for its volumes. The
// collector of pods comes every 20 seconds, and volumes are detached right after.
const releaseTime = 2 * time.Minute

// Taints writes the taints of Nodes.
type Taints interface {
	// SetTaints replaces all taints of the Node. It fails with a Conflict when the
	// Node is not the object any more that was read.
	SetTaints(ctx context.Context, node *v1.Node, taints []v1.Taint) error
}

// outOfService is the Node's taint by which Kubernetes knows that a machine will
// not come back, nil when it has none: pods that hang there are removed, and
// volumes detached without waiting for the machine to unmount them
// (https://kubernetes.io/docs/concepts/cluster-administration/node-shutdown/#non-graceful-node-shutdown).
// It works only while the Node exists: once that is deleted, kube-controller-manager
// waits six minutes for each volume.
func outOfService(node *v1.Node) *v1.Taint {
	at := slices.IndexFunc(node.Spec.Taints, func(t v1.Taint) bool {
		return t.Key == v1.TaintNodeOutOfService && t.Effect == v1.TaintEffectNoExecute
	})
	if at < 0 {
		return nil
	}
	return &node.Spec.Taints[at]
}

// markedByUs says whether the Node has that taint from this package.
func markedByUs(node *v1.Node) bool {
	taint := outOfService(node)
	return taint != nil && taint.Value == OutOfServiceValue
}

// releasing says whether a Node out of service still has volumes, and time. All
// that it goes by stands in the Node, so that a restart or another leader changes
// nothing.
func releasing(node *v1.Node) bool {
	taint := outOfService(node)
	return taint != nil && taint.TimeAdded != nil && len(node.Status.VolumesAttached) > 0 &&
		time.Since(taint.TimeAdded.Time).Abs() < releaseTime
}

// release is asked when the Node's server is proven to be gone, and says whether
// the Node may go too. One with volumes is put out of service instead, and goes
// when they are detached or releaseTime is over.
func (i *Instances) release(ctx context.Context, node *v1.Node) (bool, error) {
	volumes := len(node.Status.VolumesAttached)
	if volumes == 0 || i.Taints == nil {
		return true, nil
	}
	log := klog.FromContext(ctx)
	if outOfService(node) != nil {
		log.Info("Node goes although volumes are attached to it; Kubernetes detaches them in six minutes", "node", node.Name, "volumes", volumes)
		return true, nil
	}
	now := metav1.Now()
	err := i.Taints.SetTaints(ctx, node, append(slices.Clone(node.Spec.Taints), v1.Taint{
		Key: v1.TaintNodeOutOfService, Value: OutOfServiceValue, Effect: v1.TaintEffectNoExecute, TimeAdded: &now,
	}))
	switch {
	case apierrors.IsForbidden(err):
		log.Error(err, "The verb patch on nodes is missing: volumes of deleted servers are detached six minutes after their nodes go", "node", node.Name, "volumes", volumes)
		return true, nil
	case err != nil:
		return false, fmt.Errorf("put node %s out of service: %w", node.Name, err)
	}
	i.event(ctx, node, reasonOutOfService,
		"The server does not exist any more. The node is out of service, so that its volumes (%d) can be attached elsewhere at once; it is removed when they are detached, in %s at the latest.",
		volumes, releaseTime)
	return false, nil
}

// Run puts Nodes back into service that are ready again, until ctx ends: nobody
// asks about those. It makes no call for others.
func (i *Instances) Run(ctx context.Context) {
	wait.UntilWithContext(ctx, func(ctx context.Context) {
		for _, node := range i.Nodes() {
			if readiness(node) != v1.ConditionTrue {
				continue
			}
			if err := i.backInService(ctx, node); err != nil {
				klog.FromContext(ctx).Error(err, "A node that is ready stays out of service; it is tried again")
			}
		}
	}, max(minGap, i.MonitorPeriod))
}

// backInService takes our taint off a Node that lives after all: Nova was wrong
// about its server. A taint that a person set stays.
func (i *Instances) backInService(ctx context.Context, node *v1.Node) error {
	if !markedByUs(node) || i.Taints == nil {
		return nil
	}
	kept := slices.DeleteFunc(slices.Clone(node.Spec.Taints), func(t v1.Taint) bool {
		return t.Key == v1.TaintNodeOutOfService && t.Value == OutOfServiceValue
	})
	if err := i.Taints.SetTaints(ctx, node, kept); err != nil {
		return fmt.Errorf("put node %s back into service: %w", node.Name, err)
	}
	i.notices.over(nodeKey(node), reasonOutOfService)
	i.event(ctx, node, reasonBackInService, "The server is there after all: the node is in service again. Its pods were ended and its volumes may have been detached.")
	return nil
}
