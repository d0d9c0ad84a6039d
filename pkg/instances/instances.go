package instances

import (
	"context"
	"fmt"
	"sync"
	"time"

	v1 "k8s.io/api/core/v1"
	cloudprovider "k8s.io/cloud-provider"
	"k8s.io/klog/v2"

	"underlay/internal/snapshot"
	"underlay/pkg/config"
)

// DefaultBrakePercent is the default of --node-deletion-brake, in percent.
const DefaultBrakePercent = 25

// Options say what an Instances works with. Cloud is required.
type Options struct {
	Cloud      Cloud
	Networking config.Networking
	// Region is the region that this process serves, "" when the cloud has
	// one. Provider IDs that name another region are left alone.
	Region string
	// RegionalProviderID writes openstack://REGION/UUID instead of
	// openstack:///UUID (OS_CCM_REGIONAL=true). Both are always read.
	RegionalProviderID bool
	// BrakePercent is the percentage of the known Nodes whose servers may be
	// missing at once before no Node is reported gone any more; 0 turns it off.
	BrakePercent int
	// MonitorPeriod is the period of the node lifecycle controller
	// (--node-monitor-period, default 5 s). Two 404s count as two only when
	// they are about a period apart, and never less than 4 s.
	MonitorPeriod time.Duration
	// Nodes lists the cluster's Nodes from the informer; they are not modified.
	// Without it the brake knows no Nodes, and nothing is ever forgotten.
	Nodes func() []*v1.Node
	// Events may be nil: then there are none.
	Events EventRecorder
	// Taints puts Nodes out of service whose servers are gone. Without it they are
	// removed with their volumes attached.
	Taints Taints
}

// Instances answers the framework's node controllers.
// It is safe for concurrent use.
type Instances struct {
	Options
	choice  selection
	servers *snapshot.Shared[*serverIndex]
	ports   *snapshot.Shared[*portIndex]
	notices notices

	mu sync.Mutex
	// matched is, by Node key, the server that a Node without a provider ID
	// was last matched with.
	matched   map[string]string
	suspects  map[string]suspect  // by Node key
	sightings map[string]sighting // by server id
	rush      rush
	readable  time.Time // when the project was last seen to be readable
	survey    survey
	swept     time.Time
	// portsDenied is true while Neutron refuses to list ports.
	portsDenied bool
}

var _ cloudprovider.InstancesV2 = (*Instances)(nil)

// New makes an Instances. It makes no call.
func New(opts Options) *Instances {
	registerMetrics()
	i := &Instances{
		Options:   opts,
		choice:    newSelection(opts.Networking),
		notices:   notices{said: map[string]map[string]time.Time{}},
		matched:   map[string]string{},
		suspects:  map[string]suspect{},
		sightings: map[string]sighting{},
	}
	if i.Nodes == nil {
		i.Nodes = func() []*v1.Node { return nil }
	}
	i.servers = snapshot.New(i.readServers)
	i.ports = snapshot.New(i.readPorts)
	return i
}

// InstanceExists says false only when the Node's server is proven to be gone
// and the brake is off; see gone.go. A Node with volumes exists until they are
// detached, for two minutes at most; see outofservice.go. Nodes that are not ours,
// and Nodes whose server was never known, exist.
func (i *Instances) InstanceExists(ctx context.Context, node *v1.Node) (bool, error) {
	i.sweep()
	if err := i.ours(node); err != nil {
		i.leaveAlone(ctx, node, err)
		return true, nil
	}
	if releasing(node) {
		return true, nil
	}
	ids, err := i.identify(ctx, node)
	if err != nil {
		return true, fmt.Errorf("find the server of node %s: %w", node.Name, err)
	}
	if len(ids) == 0 {
		return true, nil
	}
	gone, err := i.gone(ctx, node, ids)
	if err != nil {
		return true, fmt.Errorf("look for the server of node %s: %w", node.Name, err)
	}
	if !gone {
		return true, nil
	}
	goes, err := i.release(ctx, node)
	if err != nil || !goes {
		return true, err
	}
	meters.gone.Inc()
	return false, nil
}

// InstanceShutdown says whether the Node's server is off for good; see
// isShutdown. It shares its call with InstanceExists.
func (i *Instances) InstanceShutdown(ctx context.Context, node *v1.Node) (bool, error) {
	if err := i.ours(node); err != nil {
		i.leaveAlone(ctx, node, err)
		return false, nil
	}
	if releasing(node) {
		return false, nil // there is nothing to ask: its server is gone
	}
	ids, err := i.identify(ctx, node)
	if err != nil {
		return false, fmt.Errorf("find the server of node %s: %w", node.Name, err)
	}
	if len(ids) == 0 {
		return false, nil
	}
	seen, err := i.sightAny(ctx, ids)
	if err != nil {
		return false, fmt.Errorf("read the status of node %s's server: %w", node.Name, err)
	}
	return seen.server != nil && isShutdown(seen.server.Status), nil
}

// leaveAlone says, once a Node, that it is not ours and why.
func (i *Instances) leaveAlone(ctx context.Context, node *v1.Node, why error) {
	if i.notices.due(nodeKey(node), "LeftAlone", 0) {
		meters.alone.Inc()
		klog.FromContext(ctx).Info("Node is not ours and is left alone", "node", node.Name, "reason", why.Error())
	}
}

// event sends an event about a Node, and then again every half hour for as
// long as its reason stands.
func (i *Instances) event(ctx context.Context, node *v1.Node, reason, format string, args ...any) {
	if !i.notices.due(nodeKey(node), reason, reminder) {
		return
	}
	klog.FromContext(ctx).Info(fmt.Sprintf(format, args...), "node", node.Name, "event", reason)
	if i.Events != nil {
		i.Events.Eventf(node, v1.EventTypeWarning, reason, format, args...)
	}
}

// nodeKey tells a Node from a later one of the same name.
func nodeKey(node *v1.Node) string {
	if node.UID != "" {
		return string(node.UID)
	}
	return node.Name
}
