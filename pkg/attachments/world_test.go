package attachments_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr/funcr"
	v1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
	"k8s.io/klog/v2"

	"underlay/pkg/attachments"
	"underlay/pkg/config"
	"underlay/pkg/instances"
	"underlay/pkg/openstack"
	"underlay/pkg/simulator"
)

const (
	cinder    = "cinder.csi.openstack.org"
	nodeIDKey = "csi.alpha.kubernetes.io/node-id"
	getServer = "GET /servers/{id}"
	getList   = "GET /servers/detail"
	// soon is when all is done that waits for nothing but the next look at pods.
	soon = 6 * time.Second
	// late is when nobody tries any more.
	late = 10 * time.Minute
)

// world is a simulated cloud, client-go's fake API server, and the real thing
// between them: the controller, over Instances, over the OpenStack client.
type world struct {
	*testing.T
	ctx        context.Context
	cloud      *simulator.Cloud
	network    simulator.Network
	api        *fake.Clientset
	controller *attachments.Controller
	stop       context.CancelFunc
	end        func() // stops the controller and waits until it has ended

	mu       sync.Mutex
	events   []string
	log      []string
	versions int
}

// newWorld runs a controller until the test ends. It must be in a bubble.
func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{T: t, cloud: simulator.New(simulator.Options{}), api: fake.NewClientset()}
	w.network = w.cloud.AddNetwork(simulator.NetworkSpec{Name: "nodes", Subnets: []string{"10.0.0.0/16"}})
	w.ctx = klog.NewContext(t.Context(), funcr.New(func(_, args string) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.log = append(w.log, args)
	}, funcr.Options{Verbosity: 2}))
	w.api.PrependReactor("list", "pods", w.listPods)
	w.api.PrependReactor("delete", "volumeattachments", w.deleteAttachment)
	w.start()
	t.Cleanup(func() { w.end() })
	return w
}

// start runs a controller that remembers nothing.
func (w *world) start() {
	w.Helper()
	client, err := openstack.New(config.Global{
		AuthURL: simulator.IdentityURL(simulator.Endpoint), Region: "RegionOne",
		Username: "demo", Password: "simulated", TenantName: "demo", DomainName: "Default",
	}, openstack.Options{Transport: w.cloud.Transport(), MaxAttempts: 1, RequestsPerSecond: 1e6, Burst: 1e6, RequestTimeout: 10 * time.Second})
	if err != nil {
		w.Fatal(err)
	}
	factory := informers.NewSharedInformerFactory(w.api, 0)
	nodes := factory.Core().V1().Nodes()
	inst := instances.New(instances.Options{
		Cloud: client, Region: "RegionOne", BrakePercent: instances.DefaultBrakePercent, MonitorPeriod: 5 * time.Second,
		Nodes: func() []*v1.Node {
			list, err := nodes.Lister().List(labels.Everything())
			if err != nil {
				w.Error(err)
			}
			return list
		},
	})
	w.controller = attachments.New(attachments.Options{
		Kubernetes: w.api, Servers: inst, Events: w,
		NodeExists: func(name string) bool { _, err := nodes.Lister().Get(name); return err == nil },
	})
	if _, err := nodes.Informer().AddEventHandler(w.controller.NodeHandler()); err != nil {
		w.Fatal(err)
	}
	ctx, cancel := context.WithCancel(w.ctx)
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())
	done := make(chan struct{})
	go func() { defer close(done); w.controller.Run(ctx) }()
	w.stop = cancel
	w.end = func() {
		cancel()
		<-done
		factory.Shutdown()
	}
}

// listPods selects by fields, which the fake API server does not.
func (w *world) listPods(action clienttesting.Action) (bool, runtime.Object, error) {
	selector := action.(clienttesting.ListAction).GetListRestrictions().Fields
	all, err := w.api.Tracker().List(action.GetResource(), v1.SchemeGroupVersion.WithKind("Pod"), action.GetNamespace())
	if err != nil {
		return true, nil, err
	}
	list := all.(*v1.PodList)
	list.Items = slices.DeleteFunc(list.Items, func(p v1.Pod) bool {
		return !selector.Matches(fields.Set{"spec.nodeName": p.Spec.NodeName, "status.phase": string(p.Status.Phase)})
	})
	return true, list, nil
}

// deleteAttachment holds to preconditions, which the fake API server does not.
func (w *world) deleteAttachment(action clienttesting.Action) (bool, runtime.Object, error) {
	a := action.(clienttesting.DeleteActionImpl)
	object, err := w.api.Tracker().Get(a.GetResource(), "", a.GetName())
	if err != nil {
		return true, nil, err
	}
	actual, held := object.(*storagev1.VolumeAttachment), a.DeleteOptions.Preconditions
	if held == nil || held.UID == nil || held.ResourceVersion == nil {
		w.Errorf("deletes %s without preconditions", a.GetName())
		return true, nil, nil
	}
	if *held.UID != actual.UID || *held.ResourceVersion != actual.ResourceVersion {
		return true, nil, apierrors.NewConflict(a.GetResource().GroupResource(), a.GetName(), fmt.Errorf("precondition failed"))
	}
	return false, nil, nil
}

// Event records an event.
func (w *world) Event(object runtime.Object, eventtype, reason, message string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.events = append(w.events, fmt.Sprintf("%s %s %s: %s", eventtype, reason, object.(*v1.Node).Name, message))
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

// joined adds a server and its Node.
func (w *world) joined(name string) simulator.Server {
	w.Helper()
	s := w.cloud.AddServer(simulator.ServerSpec{Name: name, Networks: []simulator.NIC{{NetworkID: w.network.ID}}})
	w.node(name, "openstack:///"+s.ID)
	return s
}

func (w *world) node(name, providerID string) {
	w.Helper()
	node := &v1.Node{ObjectMeta: metav1.ObjectMeta{Name: name, UID: types.UID("uid-" + name)}, Spec: v1.NodeSpec{ProviderID: providerID}}
	if _, err := w.api.CoreV1().Nodes().Create(w.ctx, node, metav1.CreateOptions{}); err != nil {
		w.Fatal(err)
	}
	time.Sleep(time.Second)
}

func (w *world) deleteNode(name string) {
	w.Helper()
	if err := w.api.CoreV1().Nodes().Delete(w.ctx, name, metav1.DeleteOptions{}); err != nil {
		w.Fatal(err)
	}
}

// attach adds a VolumeAttachment as external-attacher makes it; a change makes it
// what the test needs.
func (w *world) attach(name, node, server string, changes ...func(*storagev1.VolumeAttachment)) {
	w.Helper()
	volume := "pv-" + name
	w.versions++
	a := &storagev1.VolumeAttachment{
		ObjectMeta: metav1.ObjectMeta{
			Name: name, UID: types.UID("uid-" + name), ResourceVersion: strconv.Itoa(w.versions),
			Annotations: map[string]string{nodeIDKey: server}, Finalizers: []string{"external-attacher/cinder-csi-openstack-org"},
		},
		Spec:   storagev1.VolumeAttachmentSpec{Attacher: cinder, NodeName: node, Source: storagev1.VolumeAttachmentSource{PersistentVolumeName: &volume}},
		Status: storagev1.VolumeAttachmentStatus{Attached: true},
	}
	for _, change := range changes {
		change(a)
	}
	if err := w.api.Tracker().Add(a); err != nil {
		w.Fatal(err)
	}
}

// change alters an attachment, as whoever writes its status does.
func (w *world) change(name string, change func(*storagev1.VolumeAttachment)) {
	w.Helper()
	a, err := w.api.StorageV1().VolumeAttachments().Get(w.ctx, name, metav1.GetOptions{})
	if err != nil {
		w.Fatal(err)
	}
	w.versions++
	a = a.DeepCopy()
	a.ResourceVersion = strconv.Itoa(w.versions)
	change(a)
	if err := w.api.Tracker().Update(storagev1.SchemeGroupVersion.WithResource("volumeattachments"), a, ""); err != nil {
		w.Fatal(err)
	}
}

func (w *world) pod(name, node string, phase v1.PodPhase) {
	w.Helper()
	p := &v1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name}, Spec: v1.PodSpec{NodeName: node}, Status: v1.PodStatus{Phase: phase}}
	if err := w.api.Tracker().Add(p); err != nil {
		w.Fatal(err)
	}
}

func (w *world) deletePod(name string) {
	w.Helper()
	if err := w.api.CoreV1().Pods("default").Delete(w.ctx, name, metav1.DeleteOptions{}); err != nil {
		w.Fatal(err)
	}
}

// left are the names of the attachments that there are, sorted.
func (w *world) left() []string {
	w.Helper()
	all, err := w.api.Tracker().List(storagev1.SchemeGroupVersion.WithResource("volumeattachments"), storagev1.SchemeGroupVersion.WithKind("VolumeAttachment"), "")
	if err != nil {
		w.Fatal(err)
	}
	names := []string{}
	for _, a := range all.(*storagev1.VolumeAttachmentList).Items {
		names = append(names, a.Name)
	}
	slices.Sort(names)
	return names
}

// wantLeft checks which attachments there are.
func (w *world) wantLeft(when string, want ...string) {
	w.Helper()
	if got := w.left(); !slices.Equal(got, want) {
		w.Errorf("%s: left are %v, want %v\n%s", when, got, want, strings.Join(w.log, "\n"))
	}
}

// count is the number of calls to Kubernetes.
func (w *world) count(verb, resource string) int {
	n := 0
	for _, action := range w.api.Actions() {
		if action.Matches(verb, resource) {
			n++
		}
	}
	return n
}
