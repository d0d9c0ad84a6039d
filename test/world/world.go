// Package world is a playground within a test: the product's real binary, with
// the rights that manifests/rbac gives and no others, between a real Kubernetes
// and an OpenStack. What ends a step badly ends the test.
package world

import (
	"context"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"underlay/internal/kube"
	"underlay/internal/playground"
)

// serviceAccount is whom manifests/rbac gives the rights that the product needs.
const serviceAccount = "system:serviceaccount:kube-system:cloud-controller-manager"

// World is a running world. It ends with its test.
type World struct {
	*playground.Playground
	t     *testing.T
	state *state
}

// state is what all views of one world share.
type state struct {
	kubeconfig string // of the product
	started    int
	lacks      bool
}

// In is the same world within a subtest, which what ends badly then ends.
func (w *World) In(t *testing.T) *World {
	return &World{Playground: w.Playground, t: t, state: w.state}
}

// ExpectRefusals says that a controller may lack rights for a while.
func (w *World) ExpectRefusals() { w.state.lacks = true }

// New starts a cloud, unless the options bring one, and a cluster; no
// controller yet. opts needs Binaries and Controller. root is the top of the
// source tree.
func New(t *testing.T, root string, opts playground.Options) *World {
	t.Helper()
	opts.Dir = t.TempDir()
	p, err := playground.OpenCloud(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	w := &World{Playground: p, t: t, state: &state{}}
	t.Cleanup(w.end)
	if err := p.StartCluster(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.grantRights(opts.Binaries[kube.Kubectl], filepath.Join(root, "manifests", "rbac"))
	return w
}

// end closes the world and looks at what the controllers have said.
func (w *World) end() {
	if err := w.Close(w.t.Context()); err != nil {
		w.t.Error(err)
	}
	for _, c := range w.Controllers() {
		log := c.LogTail(100_000)
		for _, word := range []string{"panic:", "Observed a panic"} {
			if strings.Contains(log, word) {
				w.t.Errorf("the log of %s has %q", c.Spec.Name, word)
			}
		}
		for _, race := range Races(log) {
			w.t.Errorf("%s has a data race:\n%s", c.Spec.Name, race)
		}
		if !w.state.lacks && strings.Contains(log, "is forbidden:") {
			w.t.Errorf("%s lacks rights that manifests/rbac does not give", c.Spec.Name)
		}
		if w.t.Failed() {
			w.t.Logf("%s:\n%s", c.Spec.Name, c.LogTail(60))
		}
	}
}

// grantRights installs what a user installs, by the command that a user uses.
func (w *World) grantRights(kubectl, manifests string) {
	w.t.Helper()
	apply := exec.CommandContext(w.t.Context(), kubectl, "--kubeconfig", w.Kubeconfig(), "apply", "-k", manifests)
	if out, err := apply.CombinedOutput(); err != nil {
		w.t.Fatalf("apply %s: %v\n%s", manifests, err, out)
	}
	var err error
	w.state.kubeconfig, err = w.Cluster().KubeconfigFor(serviceAccount, "system:serviceaccounts", "system:serviceaccounts:kube-system", "system:authenticated")
	if err != nil {
		w.t.Fatal(err)
	}
}

// Start runs a controller and waits for nothing.
func (w *World) Start(args ...string) *playground.Controller {
	w.t.Helper()
	return w.StartWithout(nil, args...)
}

// StartWithout is Start without some flags that a controller gets otherwise.
func (w *World) StartWithout(without []string, args ...string) *playground.Controller {
	w.t.Helper()
	w.state.started++
	c, err := w.StartController(w.t.Context(), playground.ControllerSpec{
		Name: fmt.Sprintf("ccm-%d", w.state.started), Kubeconfig: w.state.kubeconfig, Args: args, Without: without,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

// Lead runs a controller and waits until somebody leads.
func (w *World) Lead(args ...string) *playground.Controller {
	w.t.Helper()
	c := w.Start(args...)
	w.LedBy(c, "", time.Minute)
	return c
}

// LedBy waits until another than this identity leads, and gives the leader.
func (w *World) LedBy(c *playground.Controller, other string, within time.Duration) string {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), within)
	defer cancel()
	leader, err := w.AwaitLeader(ctx, c, other)
	if err != nil {
		w.t.Fatal(err)
	}
	return leader
}

// Holder is the identity that leads now.
func (w *World) Holder() string {
	w.t.Helper()
	leader, err := w.Leader(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return leader
}

// JoinAll has nodes join: node-1, node-2, …
func (w *World) JoinAll(from, to int) {
	w.t.Helper()
	for n := from; n <= to; n++ {
		if _, err := w.Join(w.t.Context(), fmt.Sprintf("node-%d", n)); err != nil {
			w.t.Fatal(err)
		}
	}
}

// Remove has a node leave.
func (w *World) Remove(name string) {
	w.t.Helper()
	if err := w.Leave(w.t.Context(), name); err != nil {
		w.t.Fatal(err)
	}
}

// Foreign writes a route of somebody else.
func (w *World) Foreign(destination, nexthop string) {
	w.t.Helper()
	if err := w.AddForeignRoute(w.t.Context(), destination, nexthop); err != nil {
		w.t.Fatal(err)
	}
}

// Settled waits until everything is right.
func (w *World) Settled(within time.Duration) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), within)
	defer cancel()
	if err := w.Settle(ctx, nil); err != nil {
		w.t.Fatal(err)
	}
}

// Until polls a condition.
func (w *World) Until(within time.Duration, what string, good func(ctx context.Context) bool) {
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

// UntilLogged waits for a word in a controller's log.
func (w *World) UntilLogged(c *playground.Controller, within time.Duration, word string) {
	w.t.Helper()
	w.Until(within, "logged: "+word, func(context.Context) bool { return strings.Contains(c.LogTail(100_000), word) })
}

// Alive checks that the process runs and that its liveness probe says so.
func (w *World) Alive(c *playground.Controller) {
	w.t.Helper()
	if !c.Running() {
		w.t.Fatalf("%s has ended: %v", c.Spec.Name, c.Err())
	}
	status, body, err := c.Get(w.t.Context(), "/healthz")
	if err != nil || status != http.StatusOK {
		w.t.Errorf("GET /healthz: got %d %q (%v), want 200", status, body, err)
	}
}
