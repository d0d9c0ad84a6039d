package attachments

import (
	"context"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/klog/v2"
)

// What a loss still waits for; both are looked at again.
var (
	errPods   = errors.New("its pods are still there")
	errServer = errors.New("its server exists")
)

// round takes each loss a step further, and puts back those that are not done.
func (c *Controller) round(ctx context.Context, batch []*loss) {
	listed := c.find(ctx, batch)
	for _, l := range batch {
		if ctx.Err() != nil {
			return
		}
		if time.Since(l.since) >= patience {
			c.giveUp(ctx, l)
			continue
		}
		err := listed
		if l.found {
			err = c.release(ctx, l)
		}
		c.settle(ctx, l, err)
	}
}

// release deletes the attachments of one loss, if all allows it:
//
//   - No Node has its name. Another machine may bear it by now, or the same one
//     be back.
//   - Its pods are gone. As long as Kubernetes knows a pod that needs the volume
//     there, it attaches it to the lost Node anew and waits its six minutes for that
//     (pkg/controller/volume/attachdetach/reconciler, attachDesiredVolumes).
//   - Nova does not know its server.
//
// nil means that there is nothing more to do.
func (c *Controller) release(ctx context.Context, l *loss) error {
	if len(l.held) == 0 || c.back(ctx, l) {
		return nil
	}
	if gone, err := c.podsGone(ctx, l.node.Name); err != nil {
		return err
	} else if !gone {
		return errPods
	}
	gone, err := c.Servers.ServerGone(ctx, l.server)
	if err != nil {
		return fmt.Errorf("ask whether server %s is gone: %w", l.server, err)
	}
	if !gone {
		return errServer
	}
	if c.back(ctx, l) {
		return nil
	}
	return c.deleteAll(ctx, l)
}

// back says whether a Node has the name of the lost one.
func (c *Controller) back(ctx context.Context, l *loss) bool {
	if !c.NodeExists(l.node.Name) {
		return false
	}
	klog.FromContext(ctx).Info("A node of this name is there again; nothing is detached", "node", l.node.Name, "server", l.server)
	return true
}

// settle ends a loss, or queues it again: for its pods soon, after a failure
// later and later. Where a right is missing it is given up at once.
func (c *Controller) settle(ctx context.Context, l *loss, err error) {
	log := klog.FromContext(ctx).WithValues("node", l.node.Name, "server", l.server)
	l.reason = err
	switch {
	case err == nil:
		c.queue.Forget(l)
	case apierrors.IsForbidden(err):
		c.queue.Forget(l)
		c.sayRefused(log, err)
	case ctx.Err() != nil: // the process ends; Kubernetes does the rest
	case errors.Is(err, errPods):
		log.V(2).Info("The attachments of a deleted node wait", "reason", err.Error())
		c.queue.AddAfter(l, podPeriod)
	case errors.Is(err, errServer):
		log.V(2).Info("The attachments of a deleted node stay", "reason", err.Error())
		c.queue.AddRateLimited(l)
	default:
		log.Info("The attachments of a deleted node are looked at again later", "err", err)
		c.queue.AddRateLimited(l)
	}
}

// giveUp ends a loss that took too long.
func (c *Controller) giveUp(ctx context.Context, l *loss) {
	c.queue.Forget(l)
	klog.FromContext(ctx).Info("The attachments of a deleted node are left to Kubernetes",
		"node", l.node.Name, "server", l.server, "attachments", len(l.held), "reason", l.reason)
}

// sayRefused names the rules to add, once a process: who does not want this needs no
// line for each node.
func (c *Controller) sayRefused(log klog.Logger, err error) {
	if c.refused {
		return
	}
	c.refused = true
	log.Error(err, "Volumes of deleted servers are left to Kubernetes, which waits six minutes. To free them at once, add to the ClusterRole "+
		"of the cloud controller manager: list and delete volumeattachments of storage.k8s.io, and list pods; or turn this off",
		"flag", "--controllers=*,-"+Name)
}
