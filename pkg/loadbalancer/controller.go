package loadbalancer

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes"
	cloudprovider "k8s.io/cloud-provider"

	"underlay/internal/owner"
	"underlay/internal/signal"
	"underlay/pkg/config"
	"underlay/pkg/loadbalancer/spec"
	"underlay/pkg/loadbalancer/tree"
)

// Options says what a Controller works with. Events may be nil.
type Options struct {
	Cloud   Cloud
	Config  config.LoadBalancer
	Classes map[string]*config.LoadBalancerClass
	// ClusterCIDRs are --cluster-cidr, let in by managed security groups.
	ClusterCIDRs []netip.Prefix
	// Identity tells the UID of the kube-system namespace. It is asked until it
	// succeeds once.
	Identity func(ctx context.Context) (string, error)
	// ClusterName is --cluster-name, for the work that the framework does not ask for.
	ClusterName string
	// Kubernetes writes annotations and, after a repair, the status of Services.
	Kubernetes kubernetes.Interface
	// Nodes and Services list all of an informer's cache. They must not be modified.
	Nodes    func() []*v1.Node
	Services func() []*v1.Service
	Events   signal.Recorder
}

// Controller keeps one load balancer a Service of type LoadBalancer, or a
// Service's part of a shared one. It is the cloudprovider.LoadBalancer of the
// framework's service controller, which calls from many goroutines, and repairs
// by itself what changed in the cloud.
type Controller struct {
	cloud    Cloud
	config   config.LoadBalancer
	classes  map[string]*config.LoadBalancerClass
	ranges   []netip.Prefix
	options  Options
	lists    *lists
	book     *poolBook
	waiter   *waiter
	locks    *locks
	memory   *memory
	trouble  *trouble
	refusals *refusals
	voice    *signal.Voice
	health   *health
	nudges   chan struct{} // holds one when the repair pass shall come soon
	slots    chan struct{} // holds one for each load balancer that is put right
	// repairing are those that hold a slot.
	repairing sync.WaitGroup
	identity  identity
	// begun: the framework has asked for something, so that its service controller
	// is on and the Services are ours to serve.
	begun atomic.Bool
	// swept: leftover security groups were looked for once.
	swept atomic.Bool
}

var _ cloudprovider.LoadBalancer = (*Controller)(nil)

// New makes a Controller. It makes no call: the cloud may be down at start.
func New(o Options) *Controller {
	registerMetrics()
	c := &Controller{
		cloud: o.Cloud, config: o.Config, classes: o.Classes, ranges: o.ClusterCIDRs, options: o,
		lists:    newLists(o.Cloud),
		waiter:   newWaiter(o.Cloud),
		locks:    newLocks(),
		memory:   newMemory(),
		trouble:  newTrouble(),
		refusals: newRefusals(),
		voice:    signal.NewVoice(o.Events),
		health:   newHealth(),
		nudges:   make(chan struct{}, 1),
		slots:    make(chan struct{}, repairs),
	}
	c.identity.ask = o.Identity
	c.book = newPoolBook(o.Cloud, func(ctx context.Context) (map[string]tree.Monitor, error) {
		return c.lists.monitors.Get(ctx, monitorAge)
	})
	return c
}

// GetLoadBalancerName is the generated name.
func (c *Controller) GetLoadBalancerName(_ context.Context, clusterName string, service *v1.Service) string {
	return newSubject(owner.Cluster{Name: clusterName}, service, nil).name
}

// GetLoadBalancer says whether anything of the Service is in the cloud: the load
// balancer, or a floating IP or a security group that it left. The framework asks
// before it deletes, and takes "no" for done.
func (c *Controller) GetLoadBalancer(ctx context.Context, clusterName string, service *v1.Service) (*v1.LoadBalancerStatus, bool, error) {
	s, err := c.subject(ctx, clusterName, service, nil)
	if err != nil {
		return nil, false, err
	}
	k, end := c.lists.begin(s.key())
	defer end()
	found, err := c.find(ctx, k, s, leaving)
	if err != nil {
		return nil, false, fmt.Errorf("find the load balancer of Service %s: %w", s.owner, err)
	}
	exists := found.balancer != nil || len(found.former) > 0
	if !exists {
		if exists, err = c.leftOver(ctx, k, s); err != nil {
			return nil, false, fmt.Errorf("find what Service %s left: %w", s.owner, err)
		}
	}
	if !exists {
		return nil, false, nil
	}
	return service.Status.LoadBalancer.DeepCopy(), true, nil
}

// EnsureLoadBalancer makes the cloud as the Service wants it, and returns when
// the load balancer serves.
func (c *Controller) EnsureLoadBalancer(ctx context.Context, clusterName string, service *v1.Service, nodes []*v1.Node) (*v1.LoadBalancerStatus, error) {
	if elsewhere(service) {
		return nil, cloudprovider.ImplementedElsewhere
	}
	s, err := c.subject(ctx, clusterName, service, nodes)
	if err != nil {
		return nil, err
	}
	if status := c.memory.echo(s); status != nil {
		return status, nil
	}
	defer measure("loadbalancer_ensure")(&err)
	release, err := c.locks.take(ctx, s.key())
	if err != nil {
		return nil, err
	}
	defer release()
	s.known = c.memory.balancer(s)
	status, err := c.converge(ctx, s)
	if err != nil {
		return nil, fmt.Errorf("ensure load balancer of Service %s: %w", s.owner, err)
	}
	c.memory.tell(s, status)
	return status, nil
}

// UpdateLoadBalancer brings the members to the nodes. It is EnsureLoadBalancer
// for a Service that has one.
func (c *Controller) UpdateLoadBalancer(ctx context.Context, clusterName string, service *v1.Service, nodes []*v1.Node) error {
	if elsewhere(service) {
		return cloudprovider.ImplementedElsewhere
	}
	s, err := c.subject(ctx, clusterName, service, nodes)
	if err != nil {
		return err
	}
	defer measure("loadbalancer_update")(&err)
	release, err := c.locks.take(ctx, s.key())
	if err != nil {
		return err
	}
	defer release()
	if !c.wanted(s) {
		return nil
	}
	s.known = c.memory.balancer(s)
	c.memory.remind(s)
	if err = c.updateMembers(ctx, s); err != nil {
		return fmt.Errorf("update load balancer of Service %s: %w", s.owner, err)
	}
	return nil
}

// EnsureLoadBalancerDeleted returns without an error when nothing of the Service
// is in the cloud any more, but what it is to keep.
func (c *Controller) EnsureLoadBalancerDeleted(ctx context.Context, clusterName string, service *v1.Service) error {
	if elsewhere(service) {
		return cloudprovider.ImplementedElsewhere
	}
	s, err := c.subject(ctx, clusterName, service, nil)
	if err != nil {
		return err
	}
	defer measure("loadbalancer_delete")(&err)
	release, err := c.locks.take(ctx, s.key())
	if err != nil {
		return err
	}
	defer release()
	if err = c.remove(ctx, s); err != nil {
		return fmt.Errorf("delete load balancer of Service %s: %w", s.owner, err)
	}
	return nil
}

// wantsBalancer says whether a Service wants a load balancer of this controller.
func wantsBalancer(service *v1.Service) bool {
	return service.Spec.Type == v1.ServiceTypeLoadBalancer && !elsewhere(service) && service.DeletionTimestamp == nil
}

// elsewhere says whether another controller serves the Service. The framework
// does not pass such ones; this is for the day on which it does.
func elsewhere(service *v1.Service) bool {
	return service.Spec.Type == v1.ServiceTypeLoadBalancer && service.Spec.LoadBalancerClass != nil
}

func (c *Controller) subject(ctx context.Context, clusterName string, service *v1.Service, nodes []*v1.Node) (*subject, error) {
	c.begun.Store(true)
	uid, err := c.identity.get(ctx)
	if err != nil {
		return nil, err
	}
	s := newSubject(owner.Cluster{Name: clusterName, UID: uid}, service, nodes)
	c.meetNodes(s)
	return s, nil
}

// meetNodes goes on with the nodes as they are now: who waited, for a lock or for
// Octavia, has those of before.
func (c *Controller) meetNodes(s *subject) {
	if c.options.Nodes != nil {
		s.nodes = c.memberNodes()
	}
}

// nodesMoved is meetNodes, and says whether they are not those of before.
func (c *Controller) nodesMoved(s *subject) bool {
	before := fingerprint(s)
	c.meetNodes(s)
	return fingerprint(s) != before
}

// wanted says whether the Service still wants a load balancer, and goes on with
// the Service as it is now. The framework's node sync and the repair pass work
// with a copy of it, and may have waited long for their turn: they must neither
// make anew what was deleted meanwhile nor take back what was changed.
func (c *Controller) wanted(s *subject) bool {
	for _, service := range c.options.Services() {
		if string(service.UID) == s.owner.UID && wantsBalancer(service) {
			s.service = service
			return true
		}
	}
	return false
}

// memberNodes are the nodes that can be members. The framework leaves out those
// that are about to go, which stay members here, with weight 0, until they are gone.
func (c *Controller) memberNodes() []*v1.Node {
	return slices.DeleteFunc(slices.Clone(c.options.Nodes()), spec.Excluded)
}

// allNodes are the nodes of the cluster, those that serve no load balancer too.
func (c *Controller) allNodes(s *subject) []*v1.Node {
	if c.options.Nodes == nil {
		return s.nodes
	}
	return c.options.Nodes()
}

// identity is the cluster's, learned once.
type identity struct {
	ask func(ctx context.Context) (string, error)
	mu  sync.Mutex
	uid string
}

func (i *identity) get(ctx context.Context) (string, error) {
	i.mu.Lock()
	uid := i.uid
	i.mu.Unlock()
	if uid != "" {
		return uid, nil
	}
	uid, err := i.ask(ctx)
	if err != nil {
		return "", fmt.Errorf("learn the identity of this cluster: %w", err)
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.uid = uid
	return uid, nil
}

const (
	// rounds bounds how often one piece of work observes and plans.
	rounds = 8
	// waitLimit bounds one wait for a load balancer.
	waitLimit = 20 * time.Minute
	// leaving: find for a Service that wants nothing any more.
	leaving = true
)
