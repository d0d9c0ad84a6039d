package e2e

import (
	"context"
	"fmt"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"underlay/internal/kube"
	"underlay/internal/playground"
)

// serviceAccount is whom manifests/rbac gives the rights that the product needs.
const serviceAccount = "system:serviceaccount:kube-system:cloud-controller-manager"

// quick are flags that shorten what tests would wait for, where the waiting is
// not what they test.
var quick = []string{"--route-reconciliation-period=2s", "--node-monitor-period=1s", "--node-status-update-frequency=3s"}

// world is a playground within a test.
type world struct {
	*playground.Playground
	t          *testing.T
	kubeconfig string // of the product, with the rights of manifests/rbac and no others
	started    int
	// forbidden: refusals for lack of rights are expected.
	forbidden bool
}

// newWorld starts a cloud and a cluster; no controller yet.
func newWorld(t *testing.T, opts playground.Options) *world {
	t.Helper()
	t.Parallel()
	opts.Dir, opts.Binaries, opts.Controller = t.TempDir(), binaries, controller
	if opts.NodeGrace == 0 {
		opts.NodeGrace, opts.Heartbeat = 6*time.Second, time.Second
	}
	p, err := playground.OpenCloud(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{Playground: p, t: t}
	t.Cleanup(w.close)
	if err := p.StartCluster(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.grantRights()
	return w
}

func (w *world) close() {
	if err := w.Close(w.t.Context()); err != nil {
		w.t.Error(err)
	}
	for _, c := range w.Controllers() {
		log := c.LogTail(100_000)
		if strings.Contains(log, "panic:") || strings.Contains(log, "DATA RACE") || strings.Contains(log, "Observed a panic") {
			w.t.Errorf("%s panicked", c.Spec.Name)
		}
		if !w.forbidden && strings.Contains(log, "is forbidden:") {
			w.t.Errorf("%s lacks rights that manifests/rbac does not give", c.Spec.Name)
		}
		if w.t.Failed() {
			w.t.Logf("%s:\n%s", c.Spec.Name, c.LogTail(60))
		}
	}
}

// grantRights installs what a user installs, by the command that a user uses.
func (w *world) grantRights() {
	w.t.Helper()
	apply := exec.CommandContext(w.t.Context(), binaries[kube.Kubectl], "--kubeconfig", w.Kubeconfig(), "apply", "-k", "../../manifests/rbac")
	if out, err := apply.CombinedOutput(); err != nil {
		w.t.Fatalf("apply manifests/rbac: %v\n%s", err, out)
	}
	var err error
	w.kubeconfig, err = w.Cluster().KubeconfigFor(serviceAccount, "system:serviceaccounts", "system:serviceaccounts:kube-system", "system:authenticated")
	if err != nil {
		w.t.Fatal(err)
	}
}

// start runs a controller, without waiting for anything.
func (w *world) start(args ...string) *playground.Controller {
	w.t.Helper()
	return w.startWithout(nil, args...)
}

func (w *world) startWithout(without []string, args ...string) *playground.Controller {
	w.t.Helper()
	w.started++
	c, err := w.StartController(w.t.Context(), playground.ControllerSpec{
		Name: fmt.Sprintf("ccm-%d", w.started), Kubeconfig: w.kubeconfig, Args: args, Without: without,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

// lead runs a controller and waits until it leads.
func (w *world) lead(args ...string) *playground.Controller {
	w.t.Helper()
	c := w.start(args...)
	w.awaitLeader(c, "", time.Minute)
	return c
}

func (w *world) awaitLeader(c *playground.Controller, other string, within time.Duration) string {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), within)
	defer cancel()
	leader, err := w.AwaitLeader(ctx, c, other)
	if err != nil {
		w.t.Fatal(err)
	}
	return leader
}

func (w *world) leader() string {
	w.t.Helper()
	leader, err := w.Leader(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return leader
}

// join has nodes join: node-1, node-2, …
func (w *world) join(from, to int) {
	w.t.Helper()
	for n := from; n <= to; n++ {
		if _, err := w.Join(w.t.Context(), fmt.Sprintf("node-%d", n)); err != nil {
			w.t.Fatal(err)
		}
	}
}

func (w *world) leave(name string) {
	w.t.Helper()
	if err := w.Leave(w.t.Context(), name); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) addForeignRoute(destination, nexthop string) {
	w.t.Helper()
	if err := w.AddForeignRoute(w.t.Context(), destination, nexthop); err != nil {
		w.t.Fatal(err)
	}
}

// settle waits until everything is right, and stays right for a moment.
func (w *world) settle(within time.Duration) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), within)
	defer cancel()
	if err := w.Settle(ctx, nil); err != nil {
		w.t.Fatal(err)
	}
}

// until polls a condition.
func (w *world) until(within time.Duration, what string, good func(ctx context.Context) bool) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), within)
	defer cancel()
	for !good(ctx) {
		select {
		case <-ctx.Done():
			w.t.Fatalf("not so after %s: %s", within, what)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// untilLogged waits for a word in a controller's log.
func (w *world) untilLogged(c *playground.Controller, within time.Duration, word string) {
	w.t.Helper()
	w.until(within, "logged: "+word, func(context.Context) bool { return strings.Contains(c.LogTail(100_000), word) })
}

func (w *world) node(name string) *corev1.Node {
	w.t.Helper()
	node, err := w.Client.CoreV1().Nodes().Get(w.t.Context(), name, metav1.GetOptions{})
	if err != nil {
		w.t.Fatal(err)
	}
	return node
}

// alive checks that the process runs and that its liveness probe says so.
func (w *world) alive(c *playground.Controller) {
	w.t.Helper()
	if !c.Running() {
		w.t.Fatalf("%s has ended: %v", c.Spec.Name, c.Err())
	}
	status, body, err := c.Get(w.t.Context(), "/healthz")
	if err != nil || status != http.StatusOK {
		w.t.Errorf("GET /healthz: got %d %q (%v), want 200", status, body, err)
	}
}

// writes counts the calls that changed the router or a port.
func (w *world) writes() (router, port int) {
	for _, call := range w.Cloud.Calls() {
		switch {
		case call.Method == http.MethodGet:
		case strings.Contains(call.Pattern, "/routers/"):
			router++
		case strings.Contains(call.Pattern, "/ports/"):
			port++
		}
	}
	return router, port
}

// routes of the router as "destination via nexthop".
func (w *world) routes() map[string]bool {
	all := map[string]bool{}
	for _, route := range w.Cloud.Router(w.RouterID).Routes {
		all[route.Destination+" via "+route.NextHop] = true
	}
	return all
}

func hasCondition(node *corev1.Node, kind corev1.NodeConditionType, status corev1.ConditionStatus) bool {
	for _, condition := range node.Status.Conditions {
		if condition.Type == kind {
			return condition.Status == status
		}
	}
	return false
}
