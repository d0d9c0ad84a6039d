package routes_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/tools/record"
	routecontroller "k8s.io/cloud-provider/controllers/route"
	controllersmetrics "k8s.io/component-base/metrics/prometheus/controllers"
	_ "k8s.io/controller-manager/pkg/features/register" // the route controller asks its gates

	"underlay/pkg/config"
	"underlay/pkg/openstack"
	"underlay/pkg/routes"
	"underlay/pkg/simulator"
)

const (
	clusterCIDR4 = "10.240.0.0/12"
	clusterCIDR6 = "fd00:244::/48"
	reconcile    = 10 * time.Second
)

// world is a simulated cloud, an API server's node store, and this package
// between them, driven by the framework's own route controller. It lives in a
// synctest bubble: an hour of it takes no time.
type world struct {
	t       *testing.T
	cloud   *simulator.Cloud
	net     simulator.Network
	router  string
	kube    *fake.Clientset
	servers map[string]simulator.Server

	dual     bool
	routerID string // as configured
	through  func(http.RoundTripper) http.RoundTripper
}

type worldOption func(*world, *simulator.Options)

func dualStack(w *world, _ *simulator.Options) { w.dual = true }

func withoutAtomic(_ *world, o *simulator.Options) { o.AtomicRoutes = new(bool) }

func findsRouter(w *world, _ *simulator.Options) { w.routerID = "find" }

func maxRoutes(n int) worldOption {
	return func(_ *world, o *simulator.Options) { o.MaxRoutes = n }
}

func newWorld(t *testing.T, options ...worldOption) *world {
	t.Helper()
	w := &world{t: t, kube: fake.NewClientset(), servers: map[string]simulator.Server{}}
	o := simulator.Options{MaxRoutes: 1000}
	for _, option := range options {
		option(w, &o)
	}
	w.cloud = simulator.New(o)
	subnets := []string{"10.0.0.0/16"}
	if w.dual {
		subnets = append(subnets, "fd00:10::/64")
	}
	w.net = w.cloud.AddNetwork(simulator.NetworkSpec{Name: "nodes", Subnets: subnets})
	w.router = w.cloud.AddRouter(simulator.RouterSpec{Name: "pods", SubnetIDs: w.net.SubnetIDs})
	w.cloud.SetLatency(simulator.LatencyProfile{Read: 40 * time.Millisecond, Write: 150 * time.Millisecond})
	if w.routerID == "" {
		w.routerID = w.router
	} else {
		w.routerID = ""
	}
	return w
}

// nodeName and podCIDRs number the nodes from 0.
func nodeName(i int) string { return fmt.Sprintf("node-%03d", i) }

func (w *world) podCIDRs(i int) []string {
	cidrs := []string{fmt.Sprintf("10.%d.%d.0/24", 244+i/256, i%256)}
	if w.dual {
		cidrs = append(cidrs, fmt.Sprintf("fd00:244:0:%x::/64", i+1))
	}
	return cidrs
}

// server makes a server and the Node that its kubelet would register.
func (w *world) server(i int) *v1.Node {
	name := nodeName(i)
	s := w.cloud.AddServer(simulator.ServerSpec{Name: name, Networks: []simulator.NIC{{NetworkID: w.net.ID}}})
	w.servers[name] = s
	node := &v1.Node{
		ObjectMeta: metav1.ObjectMeta{
			Name: name, UID: types.UID("uid-of-" + name),
			CreationTimestamp: metav1.NewTime(time.Now()),
		},
		Spec:   v1.NodeSpec{ProviderID: "openstack:///" + s.ID, PodCIDRs: w.podCIDRs(i), PodCIDR: w.podCIDRs(i)[0]},
		Status: v1.NodeStatus{NodeInfo: v1.NodeSystemInfo{SystemUUID: strings.ToUpper(s.ID)}},
	}
	for _, address := range s.Addresses {
		node.Status.Addresses = append(node.Status.Addresses, v1.NodeAddress{Type: v1.NodeInternalIP, Address: address})
	}
	return node
}

// join adds nodes from..to-1, each with its server.
func (w *world) join(from, to int) {
	w.t.Helper()
	for i := from; i < to; i++ {
		if i%50 == 0 {
			synctest.Wait() // the fake clientset's watch holds 100 events
		}
		w.register(w.server(i))
	}
}

func (w *world) register(node *v1.Node) {
	w.t.Helper()
	if _, err := w.kube.CoreV1().Nodes().Create(w.t.Context(), node, metav1.CreateOptions{}); err != nil {
		w.t.Fatal(err)
	}
}

// leave removes the nodes and, where gone, their servers.
func (w *world) leave(from, to int, gone bool) {
	w.t.Helper()
	for i := from; i < to; i++ {
		if i%50 == 0 {
			synctest.Wait() // the fake clientset's watch holds 100 events
		}
		name := nodeName(i)
		if gone {
			w.cloud.DeleteServer(w.servers[name].ID)
		}
		if err := w.kube.CoreV1().Nodes().Delete(w.t.Context(), name, metav1.DeleteOptions{}); err != nil {
			w.t.Fatal(err)
		}
	}
}

// node changes a Node.
func (w *world) node(name string, change func(*v1.Node)) *v1.Node {
	w.t.Helper()
	node, err := w.kube.CoreV1().Nodes().Get(w.t.Context(), name, metav1.GetOptions{})
	if err != nil {
		w.t.Fatal(err)
	}
	if change == nil {
		return node
	}
	change(node)
	if node, err = w.kube.CoreV1().Nodes().Update(w.t.Context(), node, metav1.UpdateOptions{}); err != nil {
		w.t.Fatal(err)
	}
	return node
}

// process is one running controller manager.
type process struct {
	w          *world
	controller *routes.Controller
	events     *record.FakeRecorder
	stop       context.CancelFunc
	done       sync.WaitGroup
}

// client speaks to the cloud as the product does.
func (w *world) client() *openstack.Client {
	w.t.Helper()
	cfg, report := config.Read(strings.NewReader(w.cloud.CloudConf(simulator.Endpoint)), "cloud.conf", config.Env{})
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
	return client
}

// start runs a controller manager of which only routes are on.
func (w *world) start() *process {
	w.t.Helper()
	ctx, stop := context.WithCancel(w.t.Context())
	p := &process{w: w, stop: stop, events: record.NewFakeRecorder(10000)}
	factory := informers.NewSharedInformerFactory(w.kube, 0)
	nodes := factory.Core().V1().Nodes()
	client := w.client()
	p.controller = routes.New(routes.Options{
		Router: client, Ports: client, RouterID: w.routerID,
		ClusterCIDRs: []netip.Prefix{netip.MustParsePrefix(clusterCIDR4), netip.MustParsePrefix(clusterCIDR6)},
		Nodes: func() []*v1.Node {
			all, err := nodes.Lister().List(labels.Everything())
			if err != nil {
				w.t.Error(err)
			}
			return all
		},
		Ledger: routes.NewConfigMapLedger(w.kube),
		Events: p.events,
		Gate:   routes.NewGate(w.kube),
	})
	if _, err := nodes.Informer().AddEventHandler(p.controller.NodeHandler()); err != nil {
		w.t.Fatal(err)
	}
	_, range4, _ := net.ParseCIDR(clusterCIDR4)
	_, range6, _ := net.ParseCIDR(clusterCIDR6)
	framework, err := routecontroller.New(p.controller, w.kube, nodes, "kubernetes", []*net.IPNet{range4, range6})
	if err != nil {
		w.t.Fatal(err)
	}
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())
	p.done.Go(func() { p.controller.Run(ctx) })
	p.done.Go(func() {
		framework.Run(ctx, reconcile, controllersmetrics.NewControllerManagerMetrics("test"))
	})
	p.done.Go(func() {
		<-ctx.Done()
		factory.Shutdown()
	})
	return p
}

// alone is a controller that nobody drives, and that knows these nodes.
func (w *world) alone(nodes ...*v1.Node) *routes.Controller {
	w.t.Helper()
	client := w.client()
	return routes.New(routes.Options{
		Router: client, Ports: client, RouterID: w.routerID, ClusterCIDRs: []netip.Prefix{netip.MustParsePrefix(clusterCIDR4)},
		Nodes: func() []*v1.Node { return nodes }, Ledger: routes.NewConfigMapLedger(w.kube),
	})
}

// end stops the process and waits for all that it started.
func (p *process) end() {
	p.stop()
	p.done.Wait()
	synctest.Wait()
}

// settle lets time go by until every node's routes are said to be there, and
// fails the test when they are not within the given time.
func (w *world) settle(within time.Duration) {
	w.t.Helper()
	deadline := time.Now().Add(within)
	for {
		pass(time.Second)
		list, err := w.kube.CoreV1().Nodes().List(w.t.Context(), metav1.ListOptions{})
		if err != nil {
			w.t.Fatal(err)
		}
		waiting := slices.DeleteFunc(list.Items, func(node v1.Node) bool {
			return networkUnavailable(&node) == v1.ConditionFalse
		})
		if len(waiting) == 0 {
			return
		}
		if time.Now().After(deadline) {
			w.t.Fatalf("after %v %d nodes still wait for their routes, the first is %s", within, len(waiting), waiting[0].Name)
		}
	}
}

// pass lets time go by.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// route is a route as the router has it, for comparison.
func route(destination, hop string) simulator.RouteState {
	return simulator.RouteState{Destination: destination, NextHop: hop}
}

// wantRoutes checks the whole router: a route a pod CIDR of the nodes, and extra.
func (w *world) wantRoutes(extra ...simulator.RouteState) {
	w.t.Helper()
	want := slices.Clone(extra)
	list, err := w.kube.CoreV1().Nodes().List(w.t.Context(), metav1.ListOptions{})
	if err != nil {
		w.t.Fatal(err)
	}
	for _, node := range list.Items {
		for _, cidr := range node.Spec.PodCIDRs {
			want = append(want, route(cidr, w.addressOf(node.Name, strings.Contains(cidr, ":"))))
		}
	}
	if diff := cmp.Diff(sortRoutes(want), sortRoutes(w.cloud.Router(w.router).Routes)); diff != "" {
		w.t.Errorf("routes of the router (-want +got):\n%s", diff)
	}
}

func (w *world) addressOf(name string, six bool) string {
	port := w.cloud.Port(w.servers[name].PortIDs[0])
	for _, fixed := range port.FixedIPs {
		if strings.Contains(fixed.Address, ":") == six {
			return fixed.Address
		}
	}
	w.t.Fatalf("node %s has no such address: %v", name, port.FixedIPs)
	return ""
}

// wantPairs checks that each node's port has the pairs of its pod CIDRs, and extra.
func (w *world) wantPairs(extra ...string) {
	w.t.Helper()
	list, err := w.kube.CoreV1().Nodes().List(w.t.Context(), metav1.ListOptions{})
	if err != nil {
		w.t.Fatal(err)
	}
	for _, node := range list.Items {
		want := append(slices.Clone(extra), node.Spec.PodCIDRs...)
		slices.Sort(want)
		if diff := cmp.Diff(want, w.pairsOf(node.Name)); diff != "" {
			w.t.Errorf("pairs of %s (-want +got):\n%s", node.Name, diff)
		}
	}
}

func (w *world) pairsOf(name string) []string {
	var got []string
	for _, pair := range w.cloud.Port(w.servers[name].PortIDs[0]).AllowedAddressPairs {
		got = append(got, pair.IPAddress)
	}
	slices.Sort(got)
	return got
}

func sortRoutes(all []simulator.RouteState) []simulator.RouteState {
	return slices.SortedFunc(slices.Values(all), func(a, b simulator.RouteState) int {
		return strings.Compare(a.Destination+" "+a.NextHop, b.Destination+" "+b.NextHop)
	})
}

// wantNetwork checks NetworkUnavailable of every node.
func (w *world) wantNetwork(status v1.ConditionStatus) {
	w.t.Helper()
	list, err := w.kube.CoreV1().Nodes().List(w.t.Context(), metav1.ListOptions{})
	if err != nil {
		w.t.Fatal(err)
	}
	for i := range list.Items {
		if got := networkUnavailable(&list.Items[i]); got != status {
			w.t.Errorf("NetworkUnavailable of %s is %q, want %q", list.Items[i].Name, got, status)
		}
	}
}

func networkUnavailable(node *v1.Node) v1.ConditionStatus {
	for _, c := range node.Status.Conditions {
		if c.Type == v1.NodeNetworkUnavailable {
			return c.Status
		}
	}
	return ""
}

// said collects the events so far.
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

func (w *world) portWrites() int   { return w.cloud.Count("PUT /v2.0/ports/*") }
func (w *world) routerWrites() int { return w.cloud.Count("PUT /v2.0/routers/*") }

// inBubble runs a test in fake time.
func inBubble(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, test)
}
