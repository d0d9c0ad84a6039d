package loadbalancer

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	v1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/cloud-provider/service/helpers"
	"k8s.io/klog/v2"

	"underlay/pkg/loadbalancer/tree"
)

// annotate writes on the Service which load balancer and address it has, where
// that is not there yet, and remembers the work. The id that a user wrote to share
// a load balancer stays. That it could not be written is logged: the next piece of
// work tries again.
func (c *Controller) annotate(ctx context.Context, s *subject, actual *tree.Actual, status *v1.LoadBalancerStatus) error {
	wanted := map[string]*string{}
	if b := actual.Balancer; b != nil && s.named() != b.ID {
		wanted[annotationID] = &b.ID
	}
	if address := firstAddress(status); address != "" && s.service.Annotations[annotationAddress] != address {
		wanted[annotationAddress] = &address
	}
	written := map[string]string{}
	if len(wanted) > 0 {
		if err := c.patchAnnotations(ctx, s, wanted); err != nil {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			klog.FromContext(ctx).Error(err, "The Service does not show its load balancer", "service", s.owner.String())
		} else {
			for key, value := range wanted {
				written[key] = *value
			}
		}
	}
	if len(written) == 0 {
		written = nil
	}
	c.memory.keep(s, actual, written, status)
	return nil
}

func firstAddress(status *v1.LoadBalancerStatus) string {
	for _, ingress := range status.Ingress {
		if ingress.IP != "" {
			return ingress.IP
		}
	}
	return ""
}

// unannotate takes our annotations off a Service that lives on without a load
// balancer: an id that stays would be taken for one to share later.
func (c *Controller) unannotate(ctx context.Context, s *subject) error {
	if s.service.DeletionTimestamp != nil {
		return nil
	}
	gone := map[string]*string{}
	for _, key := range []string{annotationID, annotationAddress} {
		// An id without an address of ours is the user's, for the next time.
		if _, ok := s.service.Annotations[key]; ok && s.served() {
			gone[key] = nil
		}
	}
	if len(gone) == 0 {
		return nil
	}
	return c.patchAnnotations(ctx, s, gone)
}

// patchAnnotations writes annotations, nil taking one off, unless the Service is
// gone or is another one of the same name by now.
func (c *Controller) patchAnnotations(ctx context.Context, s *subject, values map[string]*string) error {
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"uid": s.owner.UID, "annotations": values}})
	if err != nil {
		return fmt.Errorf("write patch of annotations: %w", err)
	}
	services := c.options.Kubernetes.CoreV1().Services(s.owner.Namespace)
	_, err = services.Patch(ctx, s.owner.Name, types.MergePatchType, patch, metav1.PatchOptions{})
	switch {
	case err == nil:
		klog.FromContext(ctx).V(2).Info("Annotated", "service", s.owner.String(), "annotations", slices.Sorted(maps.Keys(values)))
		return nil
	case apierrors.IsNotFound(err), apierrors.IsConflict(err):
		return nil
	default:
		return fmt.Errorf("annotate Service %s: %w", s.owner, err)
	}
}

// publish writes the status where nobody else does: after the framework's node
// sync and after a repair.
func (c *Controller) publish(ctx context.Context, s *subject, status *v1.LoadBalancerStatus) error {
	if c.memory.told(s, status) {
		return nil
	}
	services := c.options.Kubernetes.CoreV1()
	current, err := services.Services(s.owner.Namespace).Get(ctx, s.owner.Name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) || err == nil && string(current.UID) != s.owner.UID {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read Service %s: %w", s.owner, err)
	}
	if !helpers.LoadBalancerStatusEqual(&current.Status.LoadBalancer, status) {
		changed := current.DeepCopy()
		changed.Status.LoadBalancer = *status
		if _, err := helpers.PatchService(services, current, changed); err != nil {
			return fmt.Errorf("write the status of Service %s: %w", s.owner, err)
		}
	}
	c.memory.tell(s, status)
	return nil
}

func sortedKeys(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }
