package instances_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr/funcr"
	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	cloudproviderapi "k8s.io/cloud-provider/api"
	"k8s.io/klog/v2"

	"underlay/pkg/config"
	"underlay/pkg/instances"
	"underlay/pkg/openstack"
	"underlay/pkg/simulator"
)

// period is that of the framework's node lifecycle controller.
const period = 5 * time.Second

// world is a simulated cloud, the cluster's Nodes, and the real thing between
// them: Instances over the real OpenStack client.
type world struct {
	*testing.T
	ctx     context.Context
	cloud   *simulator.Cloud
	network simulator.Network
	client  *openstack.Client
	inst    *instances.Instances

	mu     sync.Mutex
	nodes  []*v1.Node
	events []string // "Reason node: message"
	log    []string
}

// newWorld makes one with an empty network "nodes". change may alter the options.
func newWorld(t *testing.T, change func(*instances.Options)) *world {
	t.Helper()
	return newWorldOn(t, simulator.Options{}, change)
}

// hiding is a Nova from before microversion 2.69: its lists hide the servers
// of a cell that is down.
var hiding = simulator.Options{MaxMicroversion: "2.68"}

func newWorldOn(t *testing.T, options simulator.Options, change func(*instances.Options)) *world {
	t.Helper()
	w := &world{T: t, cloud: simulator.New(options)}
	w.network = w.cloud.AddNetwork(simulator.NetworkSpec{Name: "nodes", Subnets: []string{"10.0.0.0/16"}})
	w.ctx = klog.NewContext(t.Context(), funcr.New(func(_, args string) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.log = append(w.log, args)
	}, funcr.Options{}))
	client, err := openstack.New(config.Global{
		AuthURL: simulator.IdentityURL(simulator.Endpoint), Region: "RegionOne",
		Username: "demo", Password: "simulated", TenantName: "demo", DomainName: "Default",
	}, openstack.Options{Transport: w.cloud.Transport(), MaxAttempts: 1, RequestsPerSecond: 1e6, Burst: 1e6})
	if err != nil {
		t.Fatalf("make the client: %v", err)
	}
	w.client = client
	w.restart(change)
	return w
}

// restart makes a new Instances, which remembers nothing.
func (w *world) restart(change func(*instances.Options)) {
	options := instances.Options{
		Cloud: w.client, Region: "RegionOne", BrakePercent: instances.DefaultBrakePercent, MonitorPeriod: period,
		Nodes: w.list, Events: w,
	}
	if change != nil {
		change(&options)
	}
	w.inst = instances.New(options)
}

func (w *world) list() []*v1.Node {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]*v1.Node(nil), w.nodes...)
}

// Eventf records an event.
func (w *world) Eventf(object runtime.Object, eventtype, reason, format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.events = append(w.events, fmt.Sprintf("%s %s: ", reason, object.(*v1.Node).Name)+fmt.Sprintf(format, args...))
}

// count is the number of events with the reason.
func (w *world) count(reason string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	for _, e := range w.events {
		if strings.HasPrefix(e, reason+" ") {
			n++
		}
	}
	return n
}

// logged is the number of log lines with the text.
func (w *world) logged(text string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	for _, line := range w.log {
		if strings.Contains(line, text) {
			n++
		}
	}
	return n
}

// server adds a running server on the network.
func (w *world) server(name string) simulator.Server {
	return w.cloud.AddServer(simulator.ServerSpec{Name: name, Networks: []simulator.NIC{{NetworkID: w.network.ID}}})
}

// node adds a Node; a change makes it what the test needs.
func (w *world) node(name string, changes ...func(*v1.Node)) *v1.Node {
	node := &v1.Node{ObjectMeta: metav1.ObjectMeta{Name: name, UID: types.UID("uid-" + name), CreationTimestamp: metav1.Now()}}
	for _, change := range changes {
		change(node)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.nodes = append(w.nodes, node)
	return node
}

// joined adds a server and its initialized Node.
func (w *world) joined(name string, changes ...func(*v1.Node)) (simulator.Server, *v1.Node) {
	s := w.server(name)
	return s, w.node(name, append([]func(*v1.Node){providerID("openstack:///" + s.ID), ready(v1.ConditionTrue)}, changes...)...)
}

// forget deletes a Node.
func (w *world) forget(node *v1.Node) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var kept []*v1.Node
	for _, n := range w.nodes {
		if n != node {
			kept = append(kept, n)
		}
	}
	w.nodes = kept
}

func providerID(id string) func(*v1.Node) { return func(n *v1.Node) { n.Spec.ProviderID = id } }

func systemUUID(id string) func(*v1.Node) {
	return func(n *v1.Node) { n.Status.NodeInfo.SystemUUID = id }
}

func nodeIP(ip string) func(*v1.Node) {
	return func(n *v1.Node) {
		n.Annotations = map[string]string{cloudproviderapi.AnnotationAlphaProvidedIPAddr: ip}
	}
}

func tainted(n *v1.Node) {
	n.Spec.Taints = append(n.Spec.Taints, v1.Taint{Key: cloudproviderapi.TaintExternalCloudProvider, Value: "true", Effect: v1.TaintEffectNoSchedule})
}

func ready(status v1.ConditionStatus) func(*v1.Node) {
	return func(n *v1.Node) {
		n.Status.Conditions = []v1.NodeCondition{{Type: v1.NodeReady, Status: status}}
	}
}

// answer is what one pass of the lifecycle controller learns of one Node.
type answer struct {
	exists, shutdown bool
	failed           bool
}

// ask does what the lifecycle controller does for a Node that is not Ready.
func (w *world) ask(node *v1.Node) answer {
	w.Helper()
	exists, err := w.inst.InstanceExists(w.ctx, node)
	if err != nil {
		if !exists {
			w.Errorf("InstanceExists(%s) says false with an error: %v", node.Name, err)
		}
		return answer{exists: exists, failed: true}
	}
	if !exists {
		return answer{}
	}
	shutdown, err := w.inst.InstanceShutdown(w.ctx, node)
	return answer{exists: true, shutdown: shutdown, failed: err != nil}
}

// passes asks for every Node that is not Ready, once a period, and returns the
// names of those that were reported gone.
func (w *world) passes(count int) []string {
	w.Helper()
	var gone []string
	for range count {
		for _, node := range w.list() {
			if isReady(node) {
				continue
			}
			if !w.ask(node).exists {
				gone = append(gone, node.Name)
				w.forget(node)
			}
		}
		time.Sleep(period)
	}
	return gone
}

func isReady(node *v1.Node) bool {
	for _, c := range node.Status.Conditions {
		if c.Type == v1.NodeReady {
			return c.Status == v1.ConditionTrue
		}
	}
	return false
}
