package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/fake"

	"underlay/pkg/loadbalancer"
	"underlay/pkg/simulator"
)

// living is a cluster of two nodes that lives in a tenant, with one Service.
type living struct {
	*tenant
	kube  *fake.Clientset
	stack *stack
}

func newLiving(t *testing.T) *living {
	t.Helper()
	w := &living{tenant: newTenant(t, simulator.Options{}), kube: fake.NewClientset()}
	w.stack = w.tenant.stack("blue", "192.168.11.0/24", "10.244", 2)
	create := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	core, options := w.kube.CoreV1(), metav1.CreateOptions{}
	_, err := core.Namespaces().Create(t.Context(), &v1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "kube-system", UID: types.UID(blue.UID)}}, options)
	create(err)
	for i, server := range w.stack.servers {
		cidr := []string{"10.244.0.0/24", "10.244.1.0/24"}[i]
		_, err := core.Nodes().Create(t.Context(), &v1.Node{
			ObjectMeta: metav1.ObjectMeta{Name: server.Name},
			Spec:       v1.NodeSpec{ProviderID: "openstack:///" + server.ID, PodCIDR: cidr, PodCIDRs: []string{cidr}},
			Status: v1.NodeStatus{
				Addresses:  []v1.NodeAddress{{Type: v1.NodeInternalIP, Address: server.Addresses[0]}},
				Conditions: []v1.NodeCondition{{Type: v1.NodeReady, Status: v1.ConditionTrue}},
			},
		}, options)
		create(err)
	}
	_, err = core.Services("shop").Create(t.Context(), &v1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web", UID: "5d8c5c1e-8f1e-4a39-9a56-000000000001"},
		Spec: v1.ServiceSpec{
			Type: v1.ServiceTypeLoadBalancer, SessionAffinity: v1.ServiceAffinityNone, IPFamilies: []v1.IPFamily{v1.IPv4Protocol},
			ExternalTrafficPolicy: v1.ServiceExternalTrafficPolicyCluster,
			Ports: []v1.ServicePort{
				{Name: "http", Protocol: v1.ProtocolTCP, Port: 80, NodePort: 30080, TargetPort: intstr.FromInt32(8080)},
				{Name: "https", Protocol: v1.ProtocolTCP, Port: 443, NodePort: 30443, TargetPort: intstr.FromInt32(8443)},
			},
		},
	}, options)
	create(err)
	return w
}

func (w *living) options() *clusterOptions {
	return &clusterOptions{
		cloudConfig: w.conf, kubeconfig: "the test's own", clusterName: blue.Name, output: "text", clusterCIDR: []string{"10.244.0.0/16"},
		connect: func(string) (kubernetes.Interface, error) { return w.kube, nil },
	}
}

// plan runs the command, which must not write anything anywhere.
func (w *living) plan(change ...func(*clusterOptions)) (code int, out string) {
	w.t.Helper()
	o := w.options()
	for _, c := range change {
		c(o)
	}
	w.cloud.ResetCalls()
	w.kube.ClearActions()
	var text bytes.Buffer
	code = codeOf(o.plan(quiet(w.t.Context()), &text))
	for _, call := range w.cloud.Calls() {
		if call.Method != http.MethodGet && call.Service != "identity" {
			w.t.Errorf("a dry run wrote: %s %s", call.Method, call.Path)
		}
	}
	for _, action := range w.kube.Actions() {
		if !slices.Contains([]string{"get", "list"}, action.GetVerb()) {
			w.t.Errorf("a dry run wrote: %s %s", action.GetVerb(), action.GetResource().Resource)
		}
	}
	return code, text.String()
}

func codeOf(err error) int {
	var exit *ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return exit.Code
	default:
		return 1
	}
}

// serve does what the controller manager would.
func (w *living) serve() {
	w.t.Helper()
	s, err := w.options().openScene(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	controller := loadbalancer.New(loadbalancer.Options{
		Cloud: s.cloud, Config: s.config.LoadBalancer, ClusterName: blue.Name, Kubernetes: w.kube,
		Identity: func(context.Context) (string, error) { return s.uid, nil },
		Nodes:    func() []*v1.Node { return s.nodes }, Services: func() []*v1.Service { return s.services },
	})
	status, err := controller.EnsureLoadBalancer(w.t.Context(), blue.Name, s.services[0], s.nodes)
	if err != nil {
		w.t.Fatal(err)
	}
	service, err := w.kube.CoreV1().Services("shop").Get(w.t.Context(), "web", metav1.GetOptions{})
	if err != nil {
		w.t.Fatal(err)
	}
	service.Status.LoadBalancer = *status
	if _, err := w.kube.CoreV1().Services("shop").UpdateStatus(w.t.Context(), service, metav1.UpdateOptions{}); err != nil {
		w.t.Fatal(err)
	}
}

// A dry run tells what is missing, writes nothing, and has nothing to tell once
// the controller manager has done its work. What somebody changes is told again,
// weights too, which a controller reads only in time.
func TestPlanTellsAndWritesNothing(t *testing.T) {
	w := newLiving(t)
	w.cloud.SetRoutes(w.stack.router, w.cloud.Router(w.stack.router).Routes[:1])
	code, out := w.plan()
	for _, want := range []string{"add 1 route to router", "Service shop/web", "create load balancer kube_service_blue_shop_web", "Nothing was changed."} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if code != exitChanges {
		t.Errorf("got exit code %d, want %d", code, exitChanges)
	}
	w.cloud.SetRoutes(w.stack.router, []simulator.RouteState{
		{Destination: "10.244.0.0/24", NextHop: w.stack.servers[0].Addresses[0]},
		{Destination: "10.244.1.0/24", NextHop: w.stack.servers[1].Addresses[0]},
	})
	w.serve()
	if code, out := w.plan(); code != 0 || out != "Nothing would change.\n" {
		t.Errorf("when all is done: got exit code %d and\n%s", code, out)
	}
	member := w.cloud.LoadBalancers()[0].Pools[1].Members[0]
	w.cloud.EditLoadBalancer(member.ID, simulator.Attributes{"weight": 7})
	code, out = w.plan(func(o *clusterOptions) { o.output = "json" })
	var got struct {
		Changes  int
		Services []struct{ Steps []string }
	}
	if err := json.Unmarshal([]byte(out), &got); err != nil || code != exitChanges || got.Changes != 1 || !strings.Contains(got.Services[0].Steps[0], member.Address) {
		t.Errorf("a weight of 7: got exit code %d, %v and\n%s", code, err, out)
	}
}

func TestPlanSaysWhatItLeavesOutAndWhatCannotBe(t *testing.T) {
	w := newLiving(t)
	if _, out := w.plan(func(o *clusterOptions) { o.clusterCIDR = nil }); !strings.Contains(out, "Routes were left out") {
		t.Errorf("without --cluster-cidr: got\n%s", out)
	}
	service, err := w.kube.CoreV1().Services("shop").Get(t.Context(), "web", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	service.Annotations = map[string]string{"loadbalancer.openstack.org/connection-limit": "many"}
	if _, err := w.kube.CoreV1().Services("shop").Update(t.Context(), service, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	if code, out := w.plan(); code != 1 || !strings.Contains(out, "connection-limit") || !strings.Contains(out, "1 Service cannot be served.") {
		t.Errorf("an annotation that means nothing: got exit code %d and\n%s", code, out)
	}
	if code, _ := w.plan(func(o *clusterOptions) { o.kubeconfig = "" }); code != 1 {
		t.Errorf("without a kubeconfig: got exit code %d, want 1", code)
	}
}

func TestStatusShowsServicesAndNodes(t *testing.T) {
	w := newLiving(t)
	status := func(output string) string {
		t.Helper()
		o := w.options()
		o.output = output
		var text bytes.Buffer
		if err := o.status(quiet(t.Context()), &text); err != nil {
			t.Fatal(err)
		}
		return text.String()
	}
	if out := status("text"); !strings.Contains(out, "none yet") {
		t.Errorf("before there is a load balancer: got\n%s", out)
	}
	w.serve()
	for _, pool := range w.cloud.LoadBalancers()[0].Pools {
		w.cloud.SetMemberOperatingStatus(pool.Members[0].ID, "ERROR")
	}
	w.cloud.SetRoutes(w.stack.router, []simulator.RouteState{{Destination: "10.244.0.0/24", NextHop: w.stack.servers[1].Addresses[0]}})
	out := status("text")
	for _, line := range strings.Split(out, "\n") {
		if length(line) > tableWidth {
			t.Errorf("a line of %d columns: %s", length(line), line)
		}
	}
	var got struct {
		Services []serviceStatus
		Nodes    []nodeStatus
	}
	if err := json.Unmarshal([]byte(status("json")), &got); err != nil {
		t.Fatal(err)
	}
	got.Services[0].Operating = ""
	want := []serviceStatus{{
		Service: "shop/web", Addresses: []string{w.cloud.FloatingIPs()[0].Address}, Balancer: w.cloud.LoadBalancers()[0].ID,
		Provisioning: "ACTIVE", Listeners: []string{"TCP/80", "TCP/443"}, Healthy: 2, Members: 4,
	}}
	if diff := cmp.Diff(want, got.Services); diff != "" {
		t.Errorf("Services (-want +got):\n%s\n%s", diff, out)
	}
	wantNodes := []nodeStatus{
		{Node: "blue-0", Ready: true, CIDR: "10.244.0.0/24", NextHop: w.stack.servers[1].Addresses[0]},
		{Node: "blue-1", Ready: true, CIDR: "10.244.1.0/24"},
	}
	if diff := cmp.Diff(wantNodes, got.Nodes); diff != "" {
		t.Errorf("nodes (-want +got):\n%s", diff)
	}
}

// A route leads to its node also where the Node shows another of the server's
// addresses ([Networking] internal-network-name), and however the address is spelled.
func TestStatusKnowsANodeByItsServerToo(t *testing.T) {
	w := newLiving(t)
	node, err := w.kube.CoreV1().Nodes().Get(t.Context(), "blue-0", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	node.Status.Addresses = []v1.NodeAddress{{Type: v1.NodeInternalIP, Address: "172.16.0.9"}, {Type: v1.NodeInternalIP, Address: "fd00:10::5"}}
	if _, err := w.kube.CoreV1().Nodes().Update(t.Context(), node, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	for _, hop := range []string{w.stack.servers[0].Addresses[0], "FD00:10:0::5"} {
		w.cloud.SetRoutes(w.stack.router, []simulator.RouteState{{Destination: "10.244.0.0/24", NextHop: hop}})
		s, err := w.options().openScene(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		got, err := nodeStatuses(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		if want := (nodeStatus{Node: "blue-0", Ready: true, CIDR: "10.244.0.0/24", NextHop: hop, OK: true}); got[0] != want {
			t.Errorf("got %+v, want %+v", got[0], want)
		}
	}
}

// A table gives up width where it has most, and keeps both ends of a name.
func TestATableFitsItsWidth(t *testing.T) {
	table := &table{head: []string{"SERVICE", "STATE"}}
	table.add(plain("a-namespace-with-a-long-name/a-service-with-a-long-name-too"), plain("ACTIVE"))
	var out bytes.Buffer
	table.write(&out, &page{width: 40})
	for _, row := range strings.Split(out.String(), "\n") {
		if length(row) > 40 {
			t.Errorf("%d columns: %q", length(row), row)
		}
	}
	if !strings.Contains(out.String(), "a-namespace-wi") || !strings.Contains(out.String(), "name-too  ACTIVE") {
		t.Errorf("got\n%s", out.String())
	}
}

// A long line goes on below where its text began, within the width.
func TestALongLineHangs(t *testing.T) {
	got := (&page{width: 30}).hang("  1. ", "delete load balancer kube_service_x with all its parts")
	want := "  1. delete load balancer\n     kube_service_x with all\n     its parts"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// What the controller manager itself makes is what the cleanup finds: all of it.
func TestCleanupFindsAllThatTheControllerManagerMakes(t *testing.T) {
	w := newLiving(t)
	conf, err := os.ReadFile(w.conf)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(w.conf, append(conf, "\n[LoadBalancer]\nmanage-security-groups=true\ncreate-monitor=true\n"...), 0o600); err != nil {
		t.Fatal(err)
	}
	w.serve()
	if len(w.balancerNames()) != 1 || len(w.cloud.FloatingIPs()) != 1 || len(w.groupNames()) != 1 {
		t.Fatalf("got %v, %v, %v; want one of each", w.balancerNames(), w.cloud.FloatingIPs(), w.groupNames())
	}
	w.die(w.stack)
	if code, out := w.cleanup("--cluster-id", blue.UID, "--cluster-cidr", "10.244.0.0/16", "--yes"); code != 0 {
		t.Fatalf("got exit code %d and\n%s", code, out)
	}
	if left := append(w.balancerNames(), w.groupNames()...); len(left)+len(w.cloud.FloatingIPs()) > 0 {
		t.Errorf("left: %v, %v", left, w.cloud.FloatingIPs())
	}
	for i, err := range w.unstack(w.stack) {
		if err != nil {
			t.Errorf("delete %d of the stack: %v", i, err)
		}
	}
}
