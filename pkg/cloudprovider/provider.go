package cloudprovider

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/record"
	cloudprovider "k8s.io/cloud-provider"
	"k8s.io/klog/v2"

	"underlay/internal/lease"
	"underlay/pkg/config"
	"underlay/pkg/instances"
	"underlay/pkg/loadbalancer"
	"underlay/pkg/openstack"
	"underlay/pkg/routes"
)

// Name is the provider's name: --cloud-provider, and the scheme of provider IDs.
const Name = "openstack"

// Options is what the provider is made of.
type Options struct {
	Config *config.Config
	// Client is the cloud. The provider runs its background work.
	Client *openstack.Client
	// Kubernetes writes node conditions, taints, the route ledger, and the
	// annotations and status of Services.
	Kubernetes kubernetes.Interface
	Events     record.EventRecorder
	Routes     RouteFlags
	// ClusterName is --cluster-name, a part of the names of load balancers.
	ClusterName string
	// RegionalProviderID makes provider IDs openstack://REGION/UUID.
	RegionalProviderID bool
	// DeletionBrake is the share of all nodes, in percent, above which nodes
	// whose servers are missing are kept; 0 turns the brake off.
	DeletionBrake int
	// MonitorPeriod is --node-monitor-period.
	MonitorPeriod time.Duration
	// Lease, when leader election is on, is this process's hold on it.
	Lease *lease.Holder
}

// Provider is cloudprovider.Interface. Make it with New on every replica; only
// the leader's Initialize is called.
type Provider struct {
	options   Options
	decision  routeDecision
	nodes     atomic.Pointer[corelisters.NodeLister]
	services  atomic.Pointer[corelisters.ServiceLister]
	instances *instances.Instances
	routes    *routes.Controller       // nil: routes are off
	gate      *routes.Gate             // nil: routes are off
	balancers *loadbalancer.Controller // nil: load balancers are off
	drain     *drain
	running   sync.WaitGroup // background work of Initialize
	cancel    context.CancelFunc
}

var (
	_ cloudprovider.Interface    = (*Provider)(nil)
	_ cloudprovider.InformerUser = (*Provider)(nil)
)

// New makes the provider without touching any network. It fails only on
// unusable flags.
func New(options Options) (*Provider, error) {
	decision, err := decideRoutes(options.Routes, options.Config.Route)
	if err != nil {
		return nil, err
	}
	p := &Provider{options: options, decision: decision, drain: newDrain()}
	p.instances = instances.New(instances.Options{
		Cloud:              options.Client,
		Networking:         options.Config.Networking,
		Region:             options.Config.Global.Region,
		RegionalProviderID: options.RegionalProviderID,
		BrakePercent:       options.DeletionBrake,
		MonitorPeriod:      options.MonitorPeriod,
		Events:             options.Events,
		Nodes:              p.listNodes,
		Taints:             nodeTaints{options.Kubernetes.CoreV1().Nodes()},
	})
	if len(decision.CIDRs) > 0 {
		p.gate = routes.NewGate(options.Kubernetes)
		p.routes = routes.New(routes.Options{
			Router:       options.Client,
			Ports:        options.Client,
			RouterID:     options.Config.Route.RouterID,
			ClusterCIDRs: decision.CIDRs,
			Nodes:        p.listNodes,
			Ledger:       routes.NewConfigMapLedger(options.Kubernetes),
			Events:       options.Events,
			Gate:         p.gate,
		})
	}
	p.balancers = p.newBalancers()
	return p, nil
}

// Initialize starts the background work of the leader. It returns at once and
// never waits for the cloud.
func (p *Provider) Initialize(_ cloudprovider.ControllerClientBuilder, stop <-chan struct{}) {
	ctx, cancel := context.WithCancel(wait.ContextForChannel(stop))
	p.cancel = cancel
	log := klog.FromContext(ctx)
	p.sayRoutes(log)
	p.sayBalancers(log)
	p.running.Go(func() { p.options.Client.Run(ctx) })
	p.running.Go(func() { p.instances.Run(ctx) })
	if p.routes != nil {
		p.running.Go(func() { p.routes.Run(ctx) })
	}
	if p.balancers != nil {
		p.running.Go(func() { p.balancers.Run(ctx) })
	}
	if p.options.Lease != nil {
		if err := p.options.Lease.Observe(ctx); err != nil {
			log.Error(err, "The leader lease will expire instead of being released at the end")
		}
	}
}

func (p *Provider) sayBalancers(log klog.Logger) {
	if p.balancers == nil {
		log.Info("Load balancers are off", "reason", "cloud.conf has enabled=false in [LoadBalancer]")
		return
	}
	log.Info("Load balancers are on", "provider", p.options.Config.LoadBalancer.LBProvider)
}

func (p *Provider) sayRoutes(log klog.Logger) {
	switch {
	case p.routes != nil:
		log.Info("Pod routes are on", "clusterCIDRs", p.decision.CIDRs, "router", p.options.Config.Route.RouterID)
	case p.decision.Surprising:
		log.Error(errors.New(p.decision.Reason), "Pod routes are off")
	default:
		log.Info("Pod routes are off", "reason", p.decision.Reason)
	}
}

// Stop ends the background work, refuses further writes, waits for those under
// way, and then gives up the leader lease. The process must end right after.
func (p *Provider) Stop(ctx context.Context) error {
	if p.cancel == nil {
		return nil // never led
	}
	p.cancel()
	if err := p.drain.stop(ctx); err != nil {
		return fmt.Errorf("wait for writes under way: %w", err)
	}
	if err := p.awaitBackground(ctx); err != nil {
		return fmt.Errorf("wait for the work in the background: %w", err)
	}
	if p.options.Lease == nil {
		return nil
	}
	if err := p.options.Lease.Release(ctx); err != nil && !errors.Is(err, lease.ErrNotHeld) {
		return fmt.Errorf("release leader lease: %w", err)
	}
	klog.FromContext(ctx).Info("Leader lease released")
	return nil
}

// awaitBackground waits until what Initialize began has ended, or ctx ends.
func (p *Provider) awaitBackground(ctx context.Context) error {
	ended := make(chan struct{})
	go func() {
		p.running.Wait()
		close(ended)
	}()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// SetInformers keeps the listers; informers start after it returns, so
// nothing here waits for them.
func (p *Provider) SetInformers(factory informers.SharedInformerFactory) {
	lister := factory.Core().V1().Nodes().Lister()
	p.nodes.Store(&lister)
	nodes := factory.Core().V1().Nodes().Informer()
	if p.routes != nil {
		if _, err := nodes.AddEventHandler(p.routes.NodeHandler()); err != nil {
			klog.Background().Error(err, "Nodes that join wait for the periodic reconcile of routes")
		}
	}
	if p.balancers == nil {
		return
	}
	services := factory.Core().V1().Services().Lister()
	p.services.Store(&services)
	if _, err := nodes.AddEventHandler(p.balancers.NodeHandler()); err != nil {
		klog.Background().Error(err, "Nodes that drain wait for the periodic check of load balancers")
	}
}

// listNodes gives the nodes of the informer, none before SetInformers.
func (p *Provider) listNodes() []*v1.Node {
	lister := p.nodes.Load()
	if lister == nil {
		return nil
	}
	nodes, err := (*lister).List(labels.Everything())
	if err != nil {
		klog.Background().Error(err, "List nodes of the informer")
		return nil
	}
	return nodes
}

// InstancesV2 serves Nodes.
func (p *Provider) InstancesV2() (cloudprovider.InstancesV2, bool) {
	if p.gate == nil {
		return p.instances, true
	}
	return gatedInstances{InstancesV2: p.instances, gate: p.gate}, true
}

// Routes serves pod routes, where they are on.
func (p *Provider) Routes() (cloudprovider.Routes, bool) {
	if p.routes == nil {
		return nil, false
	}
	return drainedRoutes{routes: p.routes, drain: p.drain}, true
}

// LoadBalancer serves Services of type LoadBalancer, unless cloud.conf turns that off.
func (p *Provider) LoadBalancer() (cloudprovider.LoadBalancer, bool) {
	if p.balancers == nil {
		return nil, false
	}
	return drainedBalancers{LoadBalancer: p.balancers, drain: p.drain}, true
}

// Instances is superseded by InstancesV2.
func (p *Provider) Instances() (cloudprovider.Instances, bool) { return nil, false }

// Zones is superseded by InstancesV2.
func (p *Provider) Zones() (cloudprovider.Zones, bool) { return nil, false }

// Clusters is not a concept of OpenStack.
func (p *Provider) Clusters() (cloudprovider.Clusters, bool) { return nil, false }

// ProviderName is the scheme of provider IDs.
func (p *Provider) ProviderName() string { return Name }

// HasClusterID is required to be true by the framework; what is ours is known
// by address, CIDR, ledger and the UID of kube-system, not by a cluster tag.
func (p *Provider) HasClusterID() bool { return true }
