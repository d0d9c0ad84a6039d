package cloudprovider

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/tools/record"
	cloudprovider "k8s.io/cloud-provider"
	cloudproviderapi "k8s.io/cloud-provider/api"

	"underlay/internal/lease"
	"underlay/pkg/config"
	"underlay/pkg/openstack"
	"underlay/pkg/simulator"
)

// world is a simulated cloud with one server, a cluster with its Node, and the
// provider between them.
type world struct {
	cloud    *simulator.Cloud
	router   string
	server   simulator.Server
	cluster  *fake.Clientset
	provider *Provider
	stop     chan struct{}
}

const leaderIdentity = "node-1_leader"

func newWorld(t *testing.T, conf string, flags RouteFlags) *world {
	t.Helper()
	sim := simulator.New(simulator.Options{})
	network := sim.AddNetwork(simulator.NetworkSpec{Name: "lan", Subnets: []string{"10.0.0.0/24"}})
	w := &world{
		cloud:  sim,
		router: sim.AddRouter(simulator.RouterSpec{Name: "r", SubnetIDs: network.SubnetIDs}),
		server: sim.AddServer(simulator.ServerSpec{Name: "node-1", Networks: []simulator.NIC{{NetworkID: network.ID}}}),
		stop:   make(chan struct{}),
	}
	w.cluster = fake.NewClientset(
		&v1.Node{
			ObjectMeta: metav1.ObjectMeta{Name: "node-1"},
			Spec: v1.NodeSpec{
				PodCIDR: "10.244.1.0/24", PodCIDRs: []string{"10.244.1.0/24"},
				Taints: []v1.Taint{{Key: cloudproviderapi.TaintExternalCloudProvider, Value: "true", Effect: v1.TaintEffectNoSchedule}},
			},
		},
		&coordinationv1.Lease{
			ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: "ccm"},
			Spec:       coordinationv1.LeaseSpec{HolderIdentity: new(leaderIdentity)},
		},
	)
	cfg, report := config.Read(strings.NewReader(sim.CloudConf(simulator.Endpoint)+conf), "cloud.conf", config.Env{})
	if err := report.Err(); err != nil {
		t.Fatal(err)
	}
	client, err := openstack.New(cfg.Global, openstack.Options{Transport: sim.Transport()})
	if err != nil {
		t.Fatal(err)
	}
	w.provider, err = New(Options{
		Config: cfg, Client: client, Kubernetes: w.cluster, Events: record.NewFakeRecorder(100), Routes: flags, DeletionBrake: 25,
		Lease: lease.NewHolder(w.cluster.CoordinationV1().Leases("kube-system"), "ccm", "node-1"),
	})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// lead does what the framework does with the leader's provider, in its order.
func (w *world) lead(t *testing.T) {
	t.Helper()
	w.provider.Initialize(nil, w.stop)
	factory := informers.NewSharedInformerFactory(w.cluster, 0)
	w.provider.SetInformers(factory)
	informer := factory.Core().V1().Nodes().Informer()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	factory.Start(ctx.Done())
	for !informer.HasSynced() {
		time.Sleep(10 * time.Millisecond)
	}
}

func (w *world) node(t *testing.T) *v1.Node {
	t.Helper()
	node, err := w.cluster.CoreV1().Nodes().Get(t.Context(), "node-1", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return node
}

const routeSection = "\n[Route]\n"

var routesOn = RouteFlags{ConfigureCloudRoutes: true, ClusterCIDR: "10.244.0.0/16"}

func TestANewNodeIsClosedBeforeItIsInitialisedAndRoutedAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, routeSection, routesOn)
		w.lead(t)
		defer func() {
			if err := w.provider.Stop(context.Background()); err != nil {
				t.Errorf("Stop: %v", err)
			}
		}()
		instances, ok := w.provider.InstancesV2()
		if !ok {
			t.Fatal("InstancesV2 is not served")
		}
		metadata, err := instances.InstanceMetadata(t.Context(), w.node(t))
		if err != nil {
			t.Fatal(err)
		}
		if want := "openstack:///" + w.server.ID; metadata.ProviderID != want {
			t.Errorf("provider ID: got %q, want %q", metadata.ProviderID, want)
		}
		closed := w.node(t)
		if !slices.ContainsFunc(closed.Spec.Taints, func(t v1.Taint) bool { return t.Key == v1.TaintNodeNetworkUnavailable }) {
			t.Errorf("taints: got %v, want network-unavailable among them", closed.Spec.Taints)
		}
		closed.Spec.ProviderID, closed.Status.Addresses = metadata.ProviderID, metadata.NodeAddresses
		if _, err := w.cluster.CoreV1().Nodes().Update(t.Context(), closed, metav1.UpdateOptions{}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()

		routes, ok := w.provider.Routes()
		if !ok {
			t.Fatal("Routes are not served")
		}
		if err := routes.CreateRoute(t.Context(), "", "", &cloudprovider.Route{TargetNode: "node-1", DestinationCIDR: "10.244.1.0/24"}); err != nil {
			t.Fatal(err)
		}
		if got := w.cloud.Router(w.router).Routes; len(got) != 1 || got[0].Destination != "10.244.1.0/24" {
			t.Errorf("routes: got %v, want the node's", got)
		}
	})
}

func TestANodeThatIsInitialisedIsNotClosedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, routeSection, routesOn)
		w.lead(t)
		defer func() { _ = w.provider.Stop(context.Background()) }()
		node := w.node(t)
		node.Spec.Taints = nil
		instances, _ := w.provider.InstancesV2()
		if _, err := instances.InstanceMetadata(t.Context(), node); err != nil {
			t.Fatal(err)
		}
		for _, taint := range w.node(t).Spec.Taints {
			if taint.Key == v1.TaintNodeNetworkUnavailable {
				t.Error("a node that serves pods was closed")
			}
		}
	})
}

func TestStopReleasesTheLeaseOfTheLeaderOnly(t *testing.T) {
	for name, tc := range map[string]struct {
		leads bool
		want  string
	}{
		"leader":  {leads: true, want: ""},
		"standby": {leads: false, want: leaderIdentity},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, "", RouteFlags{})
				if tc.leads {
					w.lead(t)
				}
				if err := w.provider.Stop(context.Background()); err != nil {
					t.Fatal(err)
				}
				l, err := w.cluster.CoordinationV1().Leases("kube-system").Get(t.Context(), "ccm", metav1.GetOptions{})
				if err != nil {
					t.Fatal(err)
				}
				if *l.Spec.HolderIdentity != tc.want {
					t.Errorf("holder: got %q, want %q", *l.Spec.HolderIdentity, tc.want)
				}
			})
		})
	}
}

// Background work that does not end in time holds up the end no longer, and keeps the lease.
func TestStopEndsInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "", RouteFlags{})
		w.lead(t)
		stuck := make(chan struct{})
		defer close(stuck)
		w.provider.running.Go(func() { <-stuck })
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := w.provider.Stop(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want that it gave up", err)
		}
		l, err := w.cluster.CoordinationV1().Leases("kube-system").Get(t.Context(), "ccm", metav1.GetOptions{})
		if err != nil || *l.Spec.HolderIdentity != leaderIdentity {
			t.Errorf("lease: got %v, %v", l, err)
		}
	})
}

func TestWithoutRoutesNothingOfThemIsServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, flags := range map[string]RouteFlags{
			"not wanted":           {ConfigureCloudRoutes: false},
			"--cluster-cidr empty": {ConfigureCloudRoutes: true},
		} {
			w := newWorld(t, routeSection, flags)
			w.lead(t)
			if _, ok := w.provider.Routes(); ok {
				t.Errorf("%s: routes are served, so the framework would end the process", name)
			}
			instances, _ := w.provider.InstancesV2()
			if _, err := instances.InstanceMetadata(t.Context(), w.node(t)); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			for _, taint := range w.node(t).Spec.Taints {
				if taint.Key == v1.TaintNodeNetworkUnavailable {
					t.Errorf("%s: a node was closed that nobody would open", name)
				}
			}
			if err := w.provider.Stop(context.Background()); err != nil {
				t.Errorf("%s: Stop: %v", name, err)
			}
		}
	})
}

func TestUnusableFlagsAreAnErrorAtStart(t *testing.T) {
	cfg, _ := config.Read(strings.NewReader("[Route]\n"), "cloud.conf", config.Env{})
	if _, err := New(Options{Config: cfg, Routes: RouteFlags{ConfigureCloudRoutes: true, ClusterCIDR: "x"}}); err == nil {
		t.Error("want an error for --cluster-cidr=x")
	}
}

func TestWhatOpenStackHasNot(t *testing.T) {
	p := &Provider{}
	_, lb := p.LoadBalancer()
	_, v1instances := p.Instances()
	_, zones := p.Zones()
	_, clusters := p.Clusters()
	if lb || v1instances || zones || clusters || p.ProviderName() != "openstack" || !p.HasClusterID() {
		t.Error("want no load balancers where they are off, none of Instances, Zones and Clusters, and the name openstack")
	}
	if p.listNodes() != nil {
		t.Error("want no nodes before SetInformers")
	}
}
