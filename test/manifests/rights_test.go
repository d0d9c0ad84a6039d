package manifests_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	v1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"underlay/internal/kube"
	"underlay/internal/playground"
)

// deadline bounds each wait; a machine that builds at the same time is slow.
const deadline = 3 * time.Minute

// TestRightsAreEnough runs the real binary on a real API server, with the flags
// of the manifests and no more rights than they give, through the whole life of a
// node: nothing is forbidden to it, and it forbids its metrics to strangers.
func TestRightsAreEnough(t *testing.T) {
	world := open(t)
	t.Run("in the place of another", func(t *testing.T) { replace(t, world) })
	for _, c := range []deployment{
		{"daemonset", "daemonset", "system:serviceaccount:kube-system:cloud-controller-manager"},
		{"static-pod", "static-pod/rbac", "system:cloud-controller-manager"},
	} {
		t.Run(c.base, func(t *testing.T) { c.live(t, world) })
	}
}

// replace applies the DaemonSet over one of the same name, as docs/how-to/move-to-underlay.md
// says: nothing is refused as immutable, and nothing of the other stays.
func replace(t *testing.T, world *playground.Playground) {
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	apply := []string{"--kubeconfig", world.Kubeconfig(), "apply", "--validate=strict"}
	run(ctx, t, kubectl(t), append(apply, "-f", "testdata/before.yaml")...)
	sets := world.Client.AppsV1().DaemonSets("kube-system")
	before, err := sets.Get(ctx, "openstack-cloud-controller-manager", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	run(ctx, t, kubectl(t), append(apply, "-k", filepath.Join(root, "daemonset"))...)
	after, err := sets.Get(ctx, before.Name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if after.UID != before.UID {
		t.Error("the DaemonSet was made anew")
	}
	wanted := pod(t, "daemonset")
	got := after.Spec.Template.Spec
	if len(got.Containers) != 1 || got.Containers[0].Image != image || len(got.Containers[0].VolumeMounts) != len(wanted.Containers[0].VolumeMounts) || len(got.Volumes) != len(wanted.Volumes) {
		t.Errorf("something of the old pods stayed: %+v", got)
	}
	role, err := world.Client.RbacV1().ClusterRoles().Get(ctx, "system:cloud-controller-manager", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, rule := range role.Rules {
		if slices.Contains(rule.Resources, "secrets") || slices.Contains(rule.Verbs, "*") {
			t.Errorf("an old rule stayed: %v", rule)
		}
	}
}

// deployment is one way to run it: what runs, what is applied, and as whom.
type deployment struct{ base, applied, user string }

// live goes through the life of the deployment.
func (d deployment) live(t *testing.T, world *playground.Playground) {
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	run(ctx, t, kubectl(t), "--kubeconfig", world.Kubeconfig(), "apply", "--validate=strict", "-k", filepath.Join(root, d.applied))
	kubeconfig, err := world.Cluster().KubeconfigFor(d.user, "system:serviceaccounts", "system:serviceaccounts:kube-system")
	if err != nil {
		t.Fatal(err)
	}
	ports, err := kube.FreePorts(ctx, 1)
	if err != nil {
		t.Fatal(err)
	}
	controller, err := world.StartController(ctx, playground.ControllerSpec{
		Name: d.base, Kubeconfig: kubeconfig,
		Args: append(ownArgs(t, d.base), fmt.Sprintf("--secure-port=%d", ports[0])),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if t.Failed() {
			t.Log(controller.LogTail(40))
		}
	}()
	liveANode(ctx, t, world, d.base+"-node")
	readMetrics(ctx, t, world.Client, "reader-of-"+d.base, ports[0])
	if err := controller.Stop(playground.StopGrace); err != nil {
		t.Error(err)
	}
	if leader, err := world.Leader(ctx); err != nil || leader != "" {
		t.Errorf("after a clean stop: leader %q, %v", leader, err)
	}
	log, err := os.ReadFile(filepath.Join(world.LogDir(), d.base+".log"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.SplitSeq(string(log), "\n") {
		if strings.Contains(strings.ToLower(line), "forbidden") {
			t.Errorf("forbidden: %s", line)
		}
	}
}

// open makes a world without nodes and without a controller.
func open(t *testing.T) *playground.Playground {
	t.Helper()
	binaries, err := kube.Build(t.Context(), kube.LogProgress(os.Stderr))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	binary, err := playground.BuildController(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	world, err := playground.OpenCloud(t.Context(), playground.Options{Dir: dir, Binaries: binaries, Controller: binary, NodeGrace: 8 * time.Second, Heartbeat: 2 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), deadline) // the test's own has ended
		defer cancel()
		if err := world.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	if err := world.StartCluster(ctx); err != nil {
		t.Fatal(err)
	}
	return world
}

// ownArgs are a base's args, with its environment filled in and without those
// that name files of the pod.
func ownArgs(t *testing.T, base string) []string {
	t.Helper()
	environment := map[string]string{}
	for _, object := range render(t, base) {
		if settings, ok := object.(*v1.ConfigMap); ok {
			environment = settings.Data
		}
	}
	var args []string
	for _, arg := range pod(t, base).Containers[0].Args {
		if strings.Contains(arg, "=/etc/config/") {
			continue
		}
		args = append(args, regexp.MustCompile(`\$\((\w+)\)`).ReplaceAllStringFunc(arg, func(variable string) string {
			value, ok := environment[variable[2:len(variable)-1]]
			if !ok {
				t.Errorf("%s: %s is set nowhere", arg, variable)
			}
			return value
		}))
	}
	return args
}

// liveANode has a node join, and leave with its server.
func liveANode(ctx context.Context, t *testing.T, world *playground.Playground, name string) {
	t.Helper()
	if _, err := world.Join(ctx, name); err != nil {
		t.Fatal(err)
	}
	if err := world.Settle(ctx, nil); err != nil {
		t.Fatalf("after the node came: %v", err)
	}
	if len(world.Cloud.Router(world.RouterID).Routes) != 1 {
		t.Error("the router has no route")
	}
	ledger, err := world.Client.CoreV1().ConfigMaps("kube-system").Get(ctx, "underlay-routes", metav1.GetOptions{})
	if err != nil {
		t.Errorf("the ledger: %v", err)
	} else if len(ledger.Data) == 0 {
		t.Error("the ledger is empty")
	}
	if err := world.Leave(ctx, name); err != nil {
		t.Fatal(err)
	}
	if err := world.Settle(ctx, nil); err != nil {
		t.Fatalf("after the node left: %v", err)
	}
	events, err := world.Client.CoreV1().Events("").List(ctx, metav1.ListOptions{FieldSelector: "involvedObject.kind=Node,involvedObject.name=" + name})
	if err != nil || !hasSource(events.Items, "cloud-node") {
		t.Errorf("no event of ours on the node: %v", err)
	}
}

func hasSource(events []v1.Event, part string) bool {
	for _, event := range events {
		if strings.Contains(event.Source.Component, part) {
			return true
		}
	}
	return false
}

// readMetrics reads /metrics as a stranger and as somebody who may, in the way
// that docs/how-to/deploy.md says.
func readMetrics(ctx context.Context, t *testing.T, client kubernetes.Interface, reader string, port int) {
	t.Helper()
	if _, err := client.CoreV1().ServiceAccounts("default").Create(ctx, &v1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: reader}}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := client.RbacV1().ClusterRoleBindings().Create(ctx, &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: reader},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "system:monitoring"},
		Subjects:   []rbacv1.Subject{{Kind: "ServiceAccount", Namespace: "default", Name: reader}},
	}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	token, err := client.CoreV1().ServiceAccounts("default").CreateToken(ctx, reader, &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if status, _ := get(ctx, t, port, "/metrics", ""); status != http.StatusForbidden {
		t.Errorf("a stranger reads /metrics: got %d, want 403", status)
	}
	status, body := get(ctx, t, port, "/metrics", token.Status.Token)
	if status != http.StatusOK || !strings.Contains(body, "openstack_api_requests_total{") {
		t.Errorf("/metrics: got %d, want 200 with the calls to OpenStack", status)
	}
	if status, body := get(ctx, t, port, "/healthz", ""); status != http.StatusOK {
		t.Errorf("the liveness probe: got %d %s", status, body)
	}
}

func get(ctx context.Context, t *testing.T, port int, path, token string) (status int, body string) {
	t.Helper()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("https://127.0.0.1:%d%s", port, path), nil)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	// As the kubelet's probes do, it does not verify the self-signed certificate.
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(content)
}
