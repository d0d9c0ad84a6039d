package instances_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes/fake"
	cloudprovider "k8s.io/cloud-provider"
	cloudproviderapi "k8s.io/cloud-provider/api"
	"k8s.io/cloud-provider/controllers/node"
	"k8s.io/cloud-provider/controllers/nodelifecycle"
	controllersmetrics "k8s.io/component-base/metrics/prometheus/controllers"

	"underlay/pkg/instances"
)

// provider is a cloud provider that has instances and nothing else.
type provider struct {
	cloudprovider.Interface
	instances cloudprovider.InstancesV2
}

func (p provider) Instances() (cloudprovider.Instances, bool)     { return nil, false }
func (p provider) InstancesV2() (cloudprovider.InstancesV2, bool) { return p.instances, true }

// cluster is the framework's own node controllers, as the controller manager
// runs them, against client-go's fake API server.
type cluster struct {
	*world
	api *fake.Clientset
}

// startCluster runs the controllers until the test's end.
func startCluster(t *testing.T, w *world) *cluster {
	t.Helper()
	// Errors are logged, but not slowed down: the framework's brake on errors
	// is global and keeps the real time, which is not the test's.
	handlers := utilruntime.ErrorHandlers
	utilruntime.ErrorHandlers = handlers[:1]
	t.Cleanup(func() { utilruntime.ErrorHandlers = handlers })
	api := fake.NewClientset()
	factory := informers.NewSharedInformerFactory(api, 0)
	nodes := factory.Core().V1().Nodes()
	w.restart(func(o *instances.Options) {
		o.Nodes = func() []*v1.Node {
			list, err := nodes.Lister().List(labels.Everything())
			if err != nil {
				t.Errorf("list nodes: %v", err)
			}
			return list
		}
	})
	p := provider{instances: w.inst}
	initializer, err := node.NewCloudNodeController(nodes, api, p, 5*time.Minute, 1, 1)
	if err != nil {
		t.Fatalf("make the node controller: %v", err)
	}
	lifecycle, err := nodelifecycle.NewCloudNodeLifecycleController(nodes, api, p, period, 1)
	if err != nil {
		t.Fatalf("make the lifecycle controller: %v", err)
	}
	ctx, cancel := context.WithCancel(w.ctx)
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())
	metrics := controllersmetrics.NewControllerManagerMetrics("instances-test")
	go initializer.RunWithContext(ctx, metrics)
	go lifecycle.Run(ctx, metrics)
	t.Cleanup(func() {
		cancel()
		factory.Shutdown()
	})
	return &cluster{world: w, api: api}
}

// register does what a kubelet with --cloud-provider=external does first.
func (c *cluster) register(name, systemID string) {
	c.Helper()
	n := &v1.Node{ObjectMeta: metav1.ObjectMeta{Name: name, CreationTimestamp: metav1.Now()}}
	tainted(n)
	ready(v1.ConditionTrue)(n)
	systemUUID(systemID)(n)
	n.Status.Addresses = []v1.NodeAddress{{Type: v1.NodeHostName, Address: name}}
	if _, err := c.api.CoreV1().Nodes().Create(c.ctx, n, metav1.CreateOptions{}); err != nil {
		c.Fatalf("register %s: %v", name, err)
	}
}

// get is the Node, nil when there is none.
func (c *cluster) get(name string) *v1.Node {
	n, err := c.api.CoreV1().Nodes().Get(c.ctx, name, metav1.GetOptions{})
	if err != nil {
		return nil
	}
	return n
}

// set changes the Node's Ready condition, as the kubelet or, for Unknown, the
// kube-controller-manager does.
func (c *cluster) set(name string, status v1.ConditionStatus) {
	c.Helper()
	n := c.get(name)
	if n == nil {
		return
	}
	ready(status)(n)
	if _, err := c.api.CoreV1().Nodes().UpdateStatus(c.ctx, n, metav1.UpdateOptions{}); err != nil {
		c.Fatalf("set %s to Ready=%s: %v", name, status, err)
	}
}

// names of all Nodes, sorted.
func (c *cluster) names() []string {
	c.Helper()
	list, err := c.api.CoreV1().Nodes().List(c.ctx, metav1.ListOptions{})
	if err != nil {
		c.Fatalf("list nodes: %v", err)
	}
	var names []string
	for _, n := range list.Items {
		names = append(names, n.Name)
	}
	slices.Sort(names)
	return names
}

func hasTaint(n *v1.Node, key string) bool {
	return slices.ContainsFunc(n.Spec.Taints, func(t v1.Taint) bool { return t.Key == key })
}

// TestFrameworkLifecycle: a Node's life under the real controllers:
// initialized, shut down, started again, its server deleted.
func TestFrameworkLifecycle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		c := startCluster(t, w)
		s := w.server("n1")
		c.register("n1", s.ID)
		time.Sleep(2 * time.Second)

		n := c.get("n1")
		if hasTaint(n, cloudproviderapi.TaintExternalCloudProvider) || n.Spec.ProviderID != "openstack:///"+s.ID {
			t.Fatalf("after registration: taints %v, provider ID %q", n.Spec.Taints, n.Spec.ProviderID)
		}
		if got, want := ips(n.Status.Addresses), "InternalIP="+s.Addresses[0]+" Hostname=n1"; got != want {
			t.Errorf("addresses = %s, want %s", got, want)
		}
		for label, want := range map[string]string{
			v1.LabelInstanceTypeStable: "m1.medium", v1.LabelTopologyZone: "nova", v1.LabelTopologyRegion: "RegionOne",
		} {
			if got := n.Labels[label]; got != want {
				t.Errorf("label %s = %q, want %q", label, got, want)
			}
		}

		w.cloud.SetServerStatus(s.ID, "SHUTOFF")
		c.set("n1", v1.ConditionUnknown)
		time.Sleep(2 * period)
		if n := c.get("n1"); n == nil || !hasTaint(n, cloudproviderapi.TaintNodeShutdown) {
			t.Fatalf("shut down: node %v, want it tainted", n)
		}
		w.cloud.SetServerStatus(s.ID, "ACTIVE")
		c.set("n1", v1.ConditionTrue)
		time.Sleep(2 * period)
		if n := c.get("n1"); n == nil || hasTaint(n, cloudproviderapi.TaintNodeShutdown) {
			t.Fatalf("started again: node %v, want it untainted", n)
		}

		w.cloud.DeleteServer(s.ID)
		c.set("n1", v1.ConditionUnknown)
		time.Sleep(4 * period)
		if got := c.names(); len(got) != 0 {
			t.Errorf("nodes = %v, want none", got)
		}
	})
}

// TestFrameworkMassLoss: half of a cluster vanishes under the real controllers,
// beside Nodes that are not ours; every Node stays, and nothing panics.
func TestFrameworkMassLoss(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		c := startCluster(t, w)
		const nodes = 20
		ids := map[string]string{}
		for n := range nodes {
			s := w.server(fmt.Sprintf("n%02d", n))
			ids[s.Name] = s.ID
		}
		for name, id := range ids {
			time.Sleep(100 * time.Millisecond)
			c.register(name, id)
		}
		for name, id := range map[string]string{"zz-aws": "aws:///x/i-1", "zz-other-region": "openstack://RegionTwo/" + ids["n00"]} {
			foreign := &v1.Node{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: v1.NodeSpec{ProviderID: id}}
			ready(v1.ConditionUnknown)(foreign)
			if _, err := c.api.CoreV1().Nodes().Create(c.ctx, foreign, metav1.CreateOptions{}); err != nil {
				t.Fatalf("create %s: %v", name, err)
			}
		}
		time.Sleep(10 * time.Second)
		before := c.names()
		for name, id := range ids {
			if n := c.get(name); n.Spec.ProviderID != "openstack:///"+id {
				t.Errorf("%s: provider ID %q, want that of %s", name, n.Spec.ProviderID, id)
			}
		}
		for n := range nodes / 2 {
			name := fmt.Sprintf("n%02d", n)
			w.cloud.DeleteServer(ids[name])
		}
		for n := range nodes / 2 {
			c.set(fmt.Sprintf("n%02d", n), v1.ConditionUnknown)
			time.Sleep(period)
		}
		time.Sleep(10 * time.Minute)
		if got := c.names(); !slices.Equal(got, before) {
			t.Errorf("nodes = %v, want %v", got, before)
		}
		if got := w.count("NodeDeletionHeld"); got != nodes/2 {
			t.Errorf("%d events NodeDeletionHeld, want %d", got, nodes/2)
		}
	})
}

// TestFrameworkRemovesNodeThatNobodyInitialized is defect 19 of the reference
// peer under the real controllers: the server is gone before the controller
// manager ever saw its Node.
func TestFrameworkRemovesNodeThatNobodyInitialized(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		s := w.server("n1")
		w.cloud.DeleteServer(s.ID)
		c := startCluster(t, w)
		c.register("n1", s.ID)
		c.set("n1", v1.ConditionUnknown)
		time.Sleep(4 * period)
		if got := c.names(); len(got) != 0 {
			t.Errorf("nodes = %v, want none", got)
		}
	})
}
