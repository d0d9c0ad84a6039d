package attachments

import (
	"context"
	"errors"
	"fmt"

	v1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/klog/v2"
)

const (
	// driver is the attacher whose attachments are ours to delete.
	driver = "cinder.csi.openstack.org"
	// nodeIDKey is where external-attacher notes for which node id it attached,
	// which is the server's with this driver
	// (kubernetes-csi/external-attacher, pkg/controller/csi_handler.go, prepareVANodeID).
	nodeIDKey = "csi.alpha.kubernetes.io/node-id"
	// pageSize bounds what one answer holds, and so the memory.
	pageSize = 500
)

// find lists the VolumeAttachments once for all losses that need it, and keeps
// those that are theirs. It makes no call when none needs it.
func (c *Controller) find(ctx context.Context, batch []*loss) error {
	wanted := map[string][]*loss{}
	for _, l := range batch {
		if !l.found {
			l.held = nil
			wanted[l.node.Name] = append(wanted[l.node.Name], l)
		}
	}
	if len(wanted) == 0 {
		return nil
	}
	options := metav1.ListOptions{Limit: pageSize}
	for {
		page, err := c.page(ctx, options)
		if err != nil {
			return err
		}
		for i := range page.Items {
			for _, l := range wanted[page.Items[i].Spec.NodeName] {
				l.take(&page.Items[i])
			}
		}
		if options.Continue = page.Continue; options.Continue == "" {
			break
		}
	}
	for _, losses := range wanted {
		for _, l := range losses {
			l.found = true
		}
	}
	return nil
}

func (c *Controller) page(ctx context.Context, options metav1.ListOptions) (*storagev1.VolumeAttachmentList, error) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	page, err := c.Kubernetes.StorageV1().VolumeAttachments().List(ctx, options)
	if err != nil {
		return nil, fmt.Errorf("list VolumeAttachments: %w", err)
	}
	return page, nil
}

// take keeps an attachment of the Cinder driver to the lost server.
func (l *loss) take(a *storagev1.VolumeAttachment) {
	if a.Spec.Attacher != driver || a.Spec.NodeName != l.node.Name || a.Annotations[nodeIDKey] != l.server || a.DeletionTimestamp != nil {
		return
	}
	kept := attachment{name: a.Name, uid: a.UID, version: a.ResourceVersion}
	if volume := a.Spec.Source.PersistentVolumeName; volume != nil {
		kept.volume = *volume
	}
	l.held = append(l.held, kept)
}

// podsGone says whether no pod of the Node needs a volume any more. Those that
// have ended need none.
func (c *Controller) podsGone(ctx context.Context, node string) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	running := fields.AndSelectors(
		fields.OneTermEqualSelector("spec.nodeName", node),
		fields.OneTermNotEqualSelector("status.phase", string(v1.PodSucceeded)),
		fields.OneTermNotEqualSelector("status.phase", string(v1.PodFailed)),
	)
	// From the API server's memory, which finds the pods of a node at once. If it
	// is behind, a pod that is gone is still there, and is asked for again.
	pods, err := c.Kubernetes.CoreV1().Pods(metav1.NamespaceAll).List(ctx, metav1.ListOptions{FieldSelector: running.String(), ResourceVersion: "0"})
	if err != nil {
		return false, fmt.Errorf("list pods of node %s: %w", node, err)
	}
	return len(pods.Items) == 0, nil
}

// deleteAll deletes the attachments as they were listed; one that was changed
// since is listed again first. All are tried.
func (c *Controller) deleteAll(ctx context.Context, l *loss) error {
	var left []attachment
	var problems []error
	for _, a := range l.held {
		err := c.delete(ctx, a)
		switch {
		case apierrors.IsForbidden(err):
			return err
		case err == nil:
			c.say(ctx, l, a)
		case apierrors.IsConflict(err):
			l.found = false
			problems = append(problems, err)
		case !apierrors.IsNotFound(err):
			left = append(left, a)
			problems = append(problems, err)
		}
	}
	l.held = left
	return errors.Join(problems...)
}

func (c *Controller) delete(ctx context.Context, a attachment) error {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	as := metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &a.uid, ResourceVersion: &a.version}}
	if err := c.Kubernetes.StorageV1().VolumeAttachments().Delete(ctx, a.name, as); err != nil {
		return fmt.Errorf("delete VolumeAttachment %s: %w", a.name, err)
	}
	return nil
}

// say tells of one deleted attachment.
func (c *Controller) say(ctx context.Context, l *loss, a attachment) {
	meters.deleted.Inc()
	klog.FromContext(ctx).Info("Deleted the attachment of a volume to a server that is gone",
		"volumeAttachment", a.name, "persistentVolume", a.volume, "node", l.node.Name, "server", l.server)
	if c.Events != nil {
		c.Events.Event(l.node, eventDeleted.Type, eventDeleted.Reason, fmt.Sprintf(
			"Server %s is gone: deleted VolumeAttachment %s, so that PersistentVolume %s can be attached elsewhere.", l.server, a.name, a.volume))
	}
}
