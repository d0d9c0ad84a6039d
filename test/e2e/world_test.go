package e2e

import (
	"net/http"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"underlay/internal/playground"
	shared "underlay/test/world"
)

// quick are flags that shorten what tests would wait for, where the waiting is
// not what they test.
var quick = []string{"--route-reconciliation-period=2s", "--node-monitor-period=1s", "--node-status-update-frequency=3s"}

// world is one on the simulated cloud.
type world struct {
	*shared.World
	t *testing.T
}

// newWorld starts a cloud and a cluster; no controller yet.
func newWorld(t *testing.T, opts playground.Options) *world {
	t.Helper()
	t.Parallel()
	opts.Binaries, opts.Controller = binaries, controller
	if opts.NodeGrace == 0 {
		opts.NodeGrace, opts.Heartbeat = 6*time.Second, time.Second
	}
	return &world{World: shared.New(t, "../..", opts), t: t}
}

func (w *world) node(name string) *corev1.Node {
	w.t.Helper()
	node, err := w.Client.CoreV1().Nodes().Get(w.t.Context(), name, metav1.GetOptions{})
	if err != nil {
		w.t.Fatal(err)
	}
	return node
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
