package loadbalancer_test

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr"
	v1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	"k8s.io/client-go/informers"
	coreinformers "k8s.io/client-go/informers/core/v1"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/record"
	cloudprovider "k8s.io/cloud-provider"
	servicecontroller "k8s.io/cloud-provider/controllers/service"
	controllersmetrics "k8s.io/component-base/metrics/prometheus/controllers"
	"k8s.io/klog/v2"

	"underlay/pkg/config"
	"underlay/pkg/loadbalancer"
	"underlay/pkg/openstack"
	"underlay/pkg/simulator"
)

// TestMain keeps the framework's log out of the way unless the tests run with -v.
func TestMain(m *testing.M) {
	flag.Parse()
	if !testing.Verbose() {
		klog.SetLogger(logr.Discard())
	}
	// Its error handler sleeps by a clock that the bubbles do not share.
	utilruntime.ErrorHandlers = nil
	os.Exit(m.Run())
}

const (
	clusterName = "blue"
	clusterUID  = "0b6e8b0e-5f0a-4f0b-9f52-3f4a6f6f2f11"
	idKey       = "loadbalancer.openstack.org/load-balancer-id"
	addressKey  = "loadbalancer.openstack.org/load-balancer-address"
	prefix      = "loadbalancer.openstack.org/"
)

// world is a simulated cloud with Octavia, an API server's store, and this
// package between them, driven by the framework's own service controller. It
// lives in a synctest bubble: a quarter of an hour of it takes no time.
type world struct {
	t        *testing.T
	cloud    *simulator.Cloud
	net      simulator.Network
	external simulator.Network
	kube     *fake.Clientset
	servers  map[string]simulator.Server
	conf     string // lines of [LoadBalancer], and sections after it
	uid      string
	services int
	through  func(http.RoundTripper) http.RoundTripper
	public   string // the external subnet
}

type worldOption func(*world, *simulator.Options)

// configured adds lines to [LoadBalancer].
func configured(lines ...string) worldOption {
	return func(w *world, _ *simulator.Options) { w.conf += strings.Join(lines, "\n") + "\n" }
}

// on gives the cloud another external subnet than one for 253 floating IPs.
func on(public string) worldOption {
	return func(w *world, _ *simulator.Options) { w.public = public }
}

func newWorld(t *testing.T, nodes int, options ...worldOption) *world {
	t.Helper()
	w := &world{t: t, kube: fake.NewClientset(), servers: map[string]simulator.Server{}, uid: clusterUID, public: "203.0.113.0/24"}
	o := simulator.Options{}
	for _, option := range options {
		option(w, &o)
	}
	w.cloud = simulator.New(o)
	w.net = w.cloud.AddNetwork(simulator.NetworkSpec{Name: "nodes", Subnets: []string{"10.0.0.0/16"}})
	w.external = w.cloud.AddNetwork(simulator.NetworkSpec{Name: "public", External: true, Subnets: []string{w.public}})
	w.cloud.AddRouter(simulator.RouterSpec{Name: "r", SubnetIDs: w.net.SubnetIDs, ExternalNetworkID: w.external.ID})
	for _, resource := range []string{"floatingip", "security_group", "security_group_rule", "port"} {
		w.cloud.SetQuota(w.cloud.ProjectID(), resource, -1)
	}
	w.cloud.SetLatency(simulator.LatencyProfile{Read: 20 * time.Millisecond, Write: 50 * time.Millisecond})
	w.cloud.SetLoadBalancerPace(simulator.LoadBalancerPace{Create: 20 * time.Second, Update: 2 * time.Second, Delete: 5 * time.Second})
	for i := range nodes {
		w.join(i)
	}
	return w
}

func nodeName(i int) string { return fmt.Sprintf("node-%03d", i) }

// node makes a server and the Node that its kubelet would register.
func (w *world) node(i int) *v1.Node {
	name := nodeName(i)
	s := w.cloud.AddServer(simulator.ServerSpec{Name: name, Networks: []simulator.NIC{{NetworkID: w.net.ID}}})
	w.servers[name] = s
	node := &v1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: name, UID: types.UID("uid-of-" + name), CreationTimestamp: metav1.NewTime(time.Now())},
		Spec:       v1.NodeSpec{ProviderID: "openstack:///" + s.ID},
	}
	for _, address := range s.Addresses {
		node.Status.Addresses = append(node.Status.Addresses, v1.NodeAddress{Type: v1.NodeInternalIP, Address: address})
	}
	node.Status.Conditions = []v1.NodeCondition{{Type: v1.NodeReady, Status: v1.ConditionTrue}}
	return node
}

// join adds one node with its server.
func (w *world) join(i int) {
	w.t.Helper()
	if _, err := w.kube.CoreV1().Nodes().Create(w.t.Context(), w.node(i), metav1.CreateOptions{}); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) leave(i int) {
	w.t.Helper()
	if err := w.kube.CoreV1().Nodes().Delete(w.t.Context(), nodeName(i), metav1.DeleteOptions{}); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) changeNode(i int, change func(*v1.Node)) {
	w.t.Helper()
	node, err := w.kube.CoreV1().Nodes().Get(w.t.Context(), nodeName(i), metav1.GetOptions{})
	if err != nil {
		w.t.Fatal(err)
	}
	change(node)
	if _, err := w.kube.CoreV1().Nodes().Update(w.t.Context(), node, metav1.UpdateOptions{}); err != nil {
		w.t.Fatal(err)
	}
}

// port of a Service: TCP/80 unless said otherwise; the NodePort is 30000 more.
func tcp(port int32) v1.ServicePort {
	return v1.ServicePort{Name: fmt.Sprintf("tcp-%d", port), Protocol: v1.ProtocolTCP, Port: port, NodePort: 30000 + port, TargetPort: intstr.FromInt32(8080)}
}

func udp(port int32) v1.ServicePort {
	p := tcp(port)
	p.Name, p.Protocol = fmt.Sprintf("udp-%d", port), v1.ProtocolUDP
	return p
}

// service creates a Service in the namespace shop.
func (w *world) service(name string, change func(*v1.Service), ports ...v1.ServicePort) {
	w.t.Helper()
	w.services++
	s := &v1.Service{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "shop", Name: name, UID: types.UID(fmt.Sprintf("5d8c5c1e-8f1e-4a39-9a56-%012d", w.services)),
			Annotations: map[string]string{}, CreationTimestamp: metav1.NewTime(time.Now()),
		},
		Spec: v1.ServiceSpec{
			Type: v1.ServiceTypeLoadBalancer, Ports: ports, SessionAffinity: v1.ServiceAffinityNone,
			ExternalTrafficPolicy: v1.ServiceExternalTrafficPolicyCluster, IPFamilies: []v1.IPFamily{v1.IPv4Protocol},
		},
	}
	if len(ports) == 0 {
		s.Spec.Ports = []v1.ServicePort{tcp(80)}
	}
	if change != nil {
		change(s)
	}
	if len(s.Annotations) == 0 {
		s.Annotations = nil // as the API server has it
	}
	if _, err := w.kube.CoreV1().Services("shop").Create(w.t.Context(), s, metav1.CreateOptions{}); err != nil {
		w.t.Fatal(err)
	}
}

// get reads a Service; nil when there is none.
func (w *world) get(name string) *v1.Service {
	w.t.Helper()
	s, err := w.kube.CoreV1().Services("shop").Get(w.t.Context(), name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

// change edits a Service as a user does.
func (w *world) change(name string, change func(*v1.Service)) {
	w.t.Helper()
	s := w.get(name)
	if s.Annotations == nil {
		s.Annotations = map[string]string{}
	}
	change(s)
	if _, err := w.kube.CoreV1().Services("shop").Update(w.t.Context(), s, metav1.UpdateOptions{}); err != nil {
		w.t.Fatal(err)
	}
}

// delete deletes a Service as the API server does: it stays until its finalizers are gone.
func (w *world) delete(name string) {
	w.t.Helper()
	s := w.get(name)
	if len(s.Finalizers) > 0 {
		now := metav1.NewTime(time.Now())
		w.change(name, func(s *v1.Service) { s.DeletionTimestamp = &now })
		return
	}
	if err := w.kube.CoreV1().Services("shop").Delete(w.t.Context(), name, metav1.DeleteOptions{}); err != nil {
		w.t.Fatal(err)
	}
}

// process is one running controller manager, of which only load balancers are on.
type process struct {
	w          *world
	controller *loadbalancer.Controller
	events     *record.FakeRecorder
	stop       context.CancelFunc
	done       sync.WaitGroup
}

// provider is as much of a cloud provider as the framework's service controller asks for.
type provider struct {
	cloudprovider.Interface
	balancers cloudprovider.LoadBalancer
}

func (p provider) LoadBalancer() (cloudprovider.LoadBalancer, bool) { return p.balancers, true }
func (p provider) ProviderName() string                             { return "openstack" }

// nodesFirst lets the framework have the nodes a second before the Services: its
// first node sync reads what its Service workers write, without a lock
// (cloud-provider v0.37.2, controllers/service, serviceCache.allServices), and
// the race detector minds.
type nodesFirst struct{ coreinformers.ServiceInformer }

func (n nodesFirst) Informer() cache.SharedIndexInformer {
	return delayed{n.ServiceInformer.Informer()}
}

type delayed struct{ cache.SharedIndexInformer }

func (d delayed) AddEventHandlerWithResyncPeriod(handler cache.ResourceEventHandler, period time.Duration) (cache.ResourceEventHandlerRegistration, error) {
	once := sync.OnceFunc(func() { time.Sleep(time.Second) })
	return d.SharedIndexInformer.AddEventHandlerWithResyncPeriod(cache.ResourceEventHandlerFuncs{
		AddFunc: func(added any) {
			once()
			handler.OnAdd(added, false)
		},
		UpdateFunc: handler.OnUpdate,
		DeleteFunc: handler.OnDelete,
	}, period)
}

// client speaks to the cloud as the product does.
func (w *world) client() (*openstack.Client, *config.Config) {
	w.t.Helper()
	conf := w.cloud.CloudConf(simulator.Endpoint) + "\n[LoadBalancer]\n" + w.conf
	cfg, report := config.Read(strings.NewReader(conf), "cloud.conf", config.Env{})
	if err := report.Err(); err != nil {
		w.t.Fatal(err)
	}
	transport := w.cloud.Transport()
	if w.through != nil {
		transport = w.through(transport)
	}
	client, err := openstack.New(cfg.Global, openstack.Options{Transport: transport})
	if err != nil {
		w.t.Fatal(err)
	}
	return client, cfg
}

// start runs a controller manager.
func (w *world) start() *process {
	w.t.Helper()
	ctx, stop := context.WithCancel(w.t.Context())
	p := &process{w: w, stop: stop, events: record.NewFakeRecorder(100000)}
	factory := informers.NewSharedInformerFactory(w.kube, 0)
	nodes, services := factory.Core().V1().Nodes(), factory.Core().V1().Services()
	client, cfg := w.client()
	p.controller = loadbalancer.New(loadbalancer.Options{
		Cloud: client, Config: cfg.LoadBalancer, Classes: cfg.LoadBalancerClasses, ClusterName: clusterName,
		Identity:   func(context.Context) (string, error) { return w.uid, nil },
		Kubernetes: w.kube,
		Nodes: func() []*v1.Node {
			all, err := nodes.Lister().List(labels.Everything())
			if err != nil {
				w.t.Error(err)
			}
			return all
		},
		Services: func() []*v1.Service {
			all, err := services.Lister().List(labels.Everything())
			if err != nil {
				w.t.Error(err)
			}
			return all
		},
		Events: p.events,
	})
	if _, err := nodes.Informer().AddEventHandler(p.controller.NodeHandler()); err != nil {
		w.t.Fatal(err)
	}
	framework, err := servicecontroller.New(provider{balancers: p.controller}, w.kube, nodesFirst{services}, nodes, clusterName, utilfeature.DefaultFeatureGate)
	if err != nil {
		w.t.Fatal(err)
	}
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())
	p.done.Go(func() { p.controller.Run(ctx) })
	p.done.Go(func() { framework.Run(ctx, 128, controllersmetrics.NewControllerManagerMetrics("test")) })
	p.done.Go(func() {
		<-ctx.Done()
		factory.Shutdown()
	})
	return p
}

// end stops the process and waits for all that it started: the framework does
// not wait for its workers.
func (p *process) end() {
	p.stop()
	p.done.Wait()
	pass(2 * time.Second)
}

// said collects the events of this package so far.
func (p *process) said() []string {
	var all []string
	for {
		select {
		case e := <-p.events.Events:
			all = append(all, e)
		default:
			return all
		}
	}
}

// heard says whether an event of the reason was recorded, and empties the record.
func (p *process) heard(reason string) bool {
	return slices.ContainsFunc(p.said(), func(e string) bool { return strings.Contains(e, " "+reason+" ") })
}

// pass lets time go by.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// settle lets time go by until every Service of type LoadBalancer has an address
// and every other one is rid of its finalizer, or fails.
func (w *world) settle(within time.Duration) {
	w.t.Helper()
	deadline := time.Now().Add(within)
	for {
		pass(time.Second)
		list, err := w.kube.CoreV1().Services("").List(w.t.Context(), metav1.ListOptions{})
		if err != nil {
			w.t.Fatal(err)
		}
		waiting := ""
		for i := range list.Items {
			s := &list.Items[i]
			if s.DeletionTimestamp != nil && len(s.Finalizers) == 0 {
				if err := w.kube.CoreV1().Services(s.Namespace).Delete(w.t.Context(), s.Name, metav1.DeleteOptions{}); err != nil {
					w.t.Fatal(err)
				}
				continue
			}
			wants := s.Spec.Type == v1.ServiceTypeLoadBalancer && s.DeletionTimestamp == nil
			if wants != (len(s.Status.LoadBalancer.Ingress) > 0) || !wants && len(s.Finalizers) > 0 {
				waiting = s.Name
			}
		}
		if waiting == "" {
			return
		}
		if time.Now().After(deadline) {
			w.t.Fatalf("after %v Service %s is still not settled: %+v", within, waiting, w.get(waiting))
		}
	}
}

// balancer is the load balancer of a Service by its generated name.
func (w *world) balancer(name string) simulator.LoadBalancerState {
	w.t.Helper()
	var found []simulator.LoadBalancerState
	for _, b := range w.cloud.LoadBalancers() {
		if b.Name == "kube_service_"+clusterName+"_shop_"+name {
			found = append(found, b)
		}
	}
	if len(found) != 1 {
		w.t.Fatalf("Service %s: got %d load balancers, want 1", name, len(found))
	}
	return found[0]
}

// calls are all calls since the last reset but those for tokens, one a line.
func (w *world) calls() []string {
	var all []string
	for _, call := range w.cloud.Calls() {
		if call.Service != "identity" {
			all = append(all, call.Method+" "+call.Path+"?"+call.Query.Encode())
		}
	}
	return all
}

// polls counts the waiter's reads among the calls.
func isPoll(call string) bool {
	return strings.HasPrefix(call, "GET /v2/lbaas/loadbalancers") && strings.Contains(call, "fields=")
}

// budget checks the number of calls since the last reset, polls left out.
func (w *world) budget(most int) {
	w.t.Helper()
	all := w.calls()
	rest := slices.DeleteFunc(slices.Clone(all), isPoll)
	if len(rest) > most {
		w.t.Errorf("got %d calls and %d polls, want at most %d calls:\n%s", len(rest), len(all)-len(rest), most, strings.Join(all, "\n"))
	}
}

// inBubble runs a test in fake time.
func inBubble(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, test)
}
