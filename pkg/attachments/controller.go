package attachments

import (
	"context"
	"time"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/klog/v2"

	"underlay/internal/signal"
)

// Name is the controller's name for --controllers.
const Name = "volumeattachment-cleaner-controller"

const (
	// patience is how long after the Node's end its attachments are ours to
	// delete. About then Kubernetes detaches by itself.
	patience = 6 * time.Minute
	// podPeriod is the time between two looks whether the Node's pods are gone.
	podPeriod = 5 * time.Second
	// firstRetry and lastRetry bound the time between two attempts after a
	// failure, and between two questions to Nova about a server that exists.
	firstRetry, lastRetry = 5 * time.Second, 80 * time.Second
	// callTime bounds each call.
	callTime = 30 * time.Second
)

// Servers is what this package needs to know of Nova's servers.
// *instances.Instances satisfies it.
type Servers interface {
	// ServerOf is the id of the server that the Node's provider ID names, "" when
	// it names none of this cloud and region.
	ServerOf(node *v1.Node) string
	// ServerGone says whether a server is gone for good. An error says that it
	// is not known. It asks Nova for this one server.
	ServerGone(ctx context.Context, id string) (bool, error)
}

// Options say what a Controller works with. All but Events are required.
type Options struct {
	Kubernetes kubernetes.Interface
	Servers    Servers
	// NodeExists says, from the informer, whether there is a Node of the name.
	NodeExists func(name string) bool
	// Events may be nil: then there are none.
	Events signal.Recorder
}

// Controller deletes the VolumeAttachments of deleted Nodes whose servers are
// gone. It remembers nothing over a restart: see docs/adr/0006-free-volumes-of-deleted-servers.md.
type Controller struct {
	Options
	queue workqueue.TypedRateLimitingInterface[*loss]
	// refused is true once a missing right was told. Only the worker touches it.
	refused bool
}

// loss is a deleted Node. Only the worker touches it once it is queued.
type loss struct {
	node   *v1.Node // name and UID only
	server string
	since  time.Time
	// found is true once held has the Node's attachments that were in the last list.
	found bool
	held  []attachment
	// reason is why the last attempt did not end it.
	reason error
}

// attachment is a VolumeAttachment as it was listed.
type attachment struct {
	name, volume string
	uid          types.UID
	version      string
}

// New makes a Controller. It makes no call.
func New(options Options) *Controller {
	registerMetrics()
	limiter := workqueue.NewTypedItemExponentialFailureRateLimiter[*loss](firstRetry, lastRetry)
	return &Controller{Options: options, queue: workqueue.NewTypedRateLimitingQueue(limiter)}
}

// NodeHandler hears of deleted Nodes. It does not block.
func (c *Controller) NodeHandler() cache.ResourceEventHandler {
	return cache.ResourceEventHandlerFuncs{DeleteFunc: func(object any) {
		if missed, ok := object.(cache.DeletedFinalStateUnknown); ok {
			object = missed.Obj
		}
		if node, ok := object.(*v1.Node); ok {
			c.nodeDeleted(node)
		}
	}}
}

func (c *Controller) nodeDeleted(node *v1.Node) {
	if server := c.Servers.ServerOf(node); server != "" {
		name := &v1.Node{ObjectMeta: metav1.ObjectMeta{Name: node.Name, UID: node.UID}}
		c.queue.Add(&loss{node: name, server: server, since: time.Now()})
	}
}

// Run works until ctx ends. No write is under way when it returns.
func (c *Controller) Run(ctx context.Context) {
	ctx = klog.NewContext(ctx, klog.FromContext(ctx).WithName(Name))
	defer context.AfterFunc(ctx, c.queue.ShutDown)()
	defer c.queue.ShutDown()
	for ctx.Err() == nil {
		batch := c.next()
		if len(batch) == 0 {
			return
		}
		c.round(ctx, batch)
		for _, l := range batch {
			c.queue.Done(l)
		}
	}
}

// next waits for a loss and takes all that wait with it, so that they share one
// list. None means that the queue was shut down.
func (c *Controller) next() []*loss {
	first, closed := c.queue.Get()
	if closed {
		return nil
	}
	batch := []*loss{first}
	for c.queue.Len() > 0 { // nobody else takes any
		another, closed := c.queue.Get()
		if closed {
			break
		}
		batch = append(batch, another)
	}
	return batch
}
