package nodes

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"underlay/test/nodes/lab"
)

// TestDaemonSet runs the controller manager from manifests/daemonset with its
// RBAC, as shipped, on three control-plane nodes, and takes the leader's node away.
func TestDaemonSet(t *testing.T) {
	w := newWorld(t, "daemonset")
	names := []string{"node-1", "node-2", "node-3"}
	for _, name := range names {
		w.add(lab.MachineSpec{Name: name, ControlPlane: true})
	}
	for _, name := range names {
		if err := w.Label(t.Context(), name, "node-role.kubernetes.io/control-plane="); err != nil {
			t.Fatal(err)
		}
	}
	w.log("nodes have registered")
	w.deployDaemonSet(w.Account.CloudConf(w.Network.RouterID))
	w.log("the DaemonSet is rolled out")
	w.untilReady(names...)
	w.deployWeb()
	pods := w.pods(names...)
	w.reach(pods)
	w.log("pods reach each other")
	w.step("packets of the full MTU pass", func(w *world) { fullMTU(w, pods) })
	w.step("no overlay on any node", noOverlay)
	w.step("the leader's node is killed and another takes over", func(w *world) {
		leader := w.leader()
		survivors := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return name == leader })
		pods := w.pods(survivors...)
		// The others talk on while nobody leads.
		quiet := make(chan string, 1)
		go func() { quiet <- w.ping(w.t.Context(), pods[0], pods[1], wholePacket, 200) }()
		if err := w.machine(leader).PowerOff(); err != nil {
			w.t.Error(err)
		}
		w.until(time.Minute, func(ctx context.Context) string {
			if now := w.leaderNow(ctx); now == leader || now == "" {
				return "nobody but " + leader + " leads"
			}
			return ""
		})
		w.log("another leads")
		if problem := <-quiet; problem != "" {
			w.t.Error(problem)
		}
		w.add(lab.MachineSpec{Name: "node-late"})
		w.untilReady("node-late")
		w.reach(append(pods, w.pods("node-late")...))
	})
}

// deployDaemonSet does what docs/how-to/deploy.md says, with this cloud.conf.
func (w *world) deployDaemonSet(cloudConf string) {
	w.t.Helper()
	conf := filepath.Join(w.t.TempDir(), "cloud.conf")
	if err := os.WriteFile(conf, []byte(cloudConf), 0o600); err != nil {
		w.t.Fatal(err)
	}
	w.kubectl("-n", "kube-system", "create", "secret", "generic", "cloud-config", "--from-file=cloud.conf="+conf)
	w.kubectl("apply", "-k", filepath.Join(built.Root, "manifests/daemonset"))
	w.kubectl("-n", "kube-system", "rollout", "status", "daemonset/openstack-cloud-controller-manager", "--timeout=120s")
}

// leaderNow is the node that holds the leader lease; "" when nobody does.
func (w *world) leaderNow(ctx context.Context) string {
	lease, err := w.Client.CoordinationV1().Leases("kube-system").Get(ctx, "cloud-controller-manager", metav1.GetOptions{})
	if err != nil || lease.Spec.HolderIdentity == nil {
		return ""
	}
	node, _, _ := strings.Cut(*lease.Spec.HolderIdentity, "_")
	return node
}

// leader is the node that leads.
func (w *world) leader() string {
	w.t.Helper()
	leader := w.leaderNow(w.t.Context())
	if leader == "" {
		w.t.Fatal(fmt.Errorf("nobody leads"))
	}
	return leader
}
