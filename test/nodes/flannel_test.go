package nodes

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"underlay/internal/kube"
	"underlay/test/dataplane/flannel"
	"underlay/test/nodes/lab"
	"underlay/test/nodes/machine"
)

// TestMoveFromFlannel moves three nodes from flannel to routes by the commands of
// docs/how-to/move-from-flannel.md, while every pod asks every other one.
func TestMoveFromFlannel(t *testing.T) {
	w := newWorld(t, "flannel")
	page := readPage(t, filepath.Join(built.Root, "docs/how-to/move-from-flannel.md"))
	names := []string{"node-1", "node-2", "node-3"}
	w.startOnFlannel(names)
	w.deployWeb()
	old := w.pods(names...)
	w.reach(old)
	w.log("pods reach each other over flannel")
	if w.ping(t.Context(), old[0], old[1], wholePacket, 1) == "" {
		t.Error("a packet of 1500 bytes passed the tunnel: this is not VXLAN")
	}

	watch := w.startWatch(old)
	page.follow(w, "1. Routes for every node", nil)
	w.untilRouted(names...)
	page.follow(w, "2. Prepare the nodes", nil)
	pods := slices.Clone(old)
	for i, name := range names {
		page.follow(w, "3. Move a node", w.machine(name))
		if i == 0 {
			w.reach(old)
			w.log(name + " is moved for the first time")
			page.follow(w, "Go back", w.machine(name))
			w.onFlannel(name)
			page.follow(w, "3. Move a node", w.machine(name))
		}
		fresh := w.addPod("fresh-"+name, "fresh", name)
		pods = append(pods, fresh)
		watch.follow(pods)
		w.reach(pods)
		w.log(name + " is moved")
	}
	watch.end()
	w.step("new pods have the whole MTU", func(w *world) { fullMTU(w, pods[len(old):]) })
	w.kubectl("rollout", "restart", "daemonset/web")
	w.kubectl("rollout", "status", "daemonset/web", "--timeout=120s")
	w.kubectl("delete", "pods", "-l", "app=fresh", "--wait")
	page.follow(w, "5. Clean up", nil)
	w.step("nothing of flannel is left", func(w *world) { w.nothingOfFlannel(names) })
	w.step("no overlay on any node", noOverlay)
	restarted := w.pods(names...)
	w.reach(restarted)
	w.step("packets of the full MTU pass", func(w *world) { fullMTU(w, restarted) })
}

// startOnFlannel makes a cluster as many have it: flannel carries the pods, the
// nodes filter reverse paths strictly, and the cloud controller manager cares for
// nodes only.
func (w *world) startOnFlannel(names []string) {
	w.t.Helper()
	masquerade, err := os.ReadFile(filepath.Join(built.Root, "manifests/node/masquerade.nft"))
	if err != nil {
		w.t.Fatal(err)
	}
	for _, name := range names {
		w.add(lab.MachineSpec{
			Name: name, ControlPlane: true, OtherNetwork: true, Images: []string{flannelImage},
			Files: []machine.File{{Path: "/etc/sysctl.d/10-strict.conf", Content: []byte("net.ipv4.conf.all.rp_filter = 1\nnet.ipv4.conf.default.rp_filter = 1\n"), Mode: 0o644}},
		})
	}
	for _, name := range names {
		if err := w.Label(w.t.Context(), name, "node-role.kubernetes.io/control-plane="); err != nil {
			w.t.Fatal(err)
		}
		w.put(w.machine(name), "/etc/nftables.d/pods.nft", masquerade)
	}
	manifest, err := flannel.Manifest()
	if err != nil {
		w.t.Fatal(err)
	}
	file := filepath.Join(w.t.TempDir(), "flannel.yaml")
	if err := os.WriteFile(file, manifest, 0o600); err != nil {
		w.t.Fatal(err)
	}
	conf, _, found := strings.Cut(w.Account.CloudConf(w.Network.RouterID), "[Route]")
	if !found {
		w.t.Fatal("cloud.conf has no [Route] section that could be left out")
	}
	w.kubectl("apply", "-f", file)
	w.deployDaemonSet(conf)
	w.kubectl("-n", flannel.Namespace, "rollout", "status", "daemonset/"+flannel.DaemonSet, "--timeout=120s")
	w.kubectl("wait", "--for=condition=Ready", "--timeout=120s", "nodes", "--all")
	w.until(time.Minute, func(ctx context.Context) string {
		for _, m := range w.Machines() {
			if _, err := m.Exec(ctx, "test", "-e", "/run/flannel/subnet.env"); err != nil {
				said, _ := w.Kubectl(ctx, "logs", "-n", flannel.Namespace, "-l", "app=flannel", "--tail=20")
				return "flannel is not at work on " + m.Name + ": " + said
			}
		}
		return ""
	})
	if routes, err := w.Cloud.Routes(w.t.Context(), w.Network.RouterID); err != nil || len(routes) > 0 {
		w.t.Fatalf("routes %v (%v): want none, flannel is at work", routes, err)
	}
	w.log("nodes are ready, on flannel")
}

// untilRouted waits for routes and pairs of nodes that were ready before.
func (w *world) untilRouted(names ...string) {
	w.t.Helper()
	w.untilReady(names...)
	w.until(time.Minute, func(ctx context.Context) string {
		for _, name := range names {
			if port, err := w.Cloud.Port(ctx, w.machine(name).Port.ID); err != nil || len(port.Pairs) != 1 {
				return fmt.Sprintf("%s has pairs %v (%v)", name, port.Pairs, err)
			}
		}
		return ""
	})
}

// onFlannel waits until the node and its neighbours send through the tunnel again.
func (w *world) onFlannel(name string) {
	w.t.Helper()
	for _, m := range w.Machines() {
		want := len(w.Machines()) - 1
		w.until(time.Minute, func(ctx context.Context) string {
			out, err := m.Exec(ctx, "ip", "route", "show", "dev", flannel.Device)
			if got := strings.Count(out, "10.244."); err != nil || strings.Count(out, "\n") != want {
				return fmt.Sprintf("%s sends to %d others through the tunnel (%v), want %d: %s", m.Name, got, err, want, out)
			}
			return ""
		})
	}
	w.log(name + " is back on flannel")
}

// addPod runs a pod on a node.
func (w *world) addPod(name, app, node string) pod {
	w.t.Helper()
	made := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"app": app}},
		Spec: corev1.PodSpec{
			NodeName: node, TerminationGracePeriodSeconds: new(int64),
			Containers: []corev1.Container{{Name: "web", Image: lab.ProbeRef, Args: []string{"serve"}}},
		},
	}
	if _, err := w.Client.CoreV1().Pods("default").Create(w.t.Context(), made, metav1.CreateOptions{}); err != nil {
		w.t.Fatal(err)
	}
	found := pod{Name: name, Node: node}
	w.until(time.Minute, func(ctx context.Context) string {
		now, err := w.Client.CoreV1().Pods("default").Get(ctx, name, metav1.GetOptions{})
		if err != nil || now.Status.Phase != corev1.PodRunning || now.Status.PodIP == "" {
			return fmt.Sprintf("%s does not run: %v", name, err)
		}
		found.IP = now.Status.PodIP
		return ""
	})
	return found
}

// put writes a file on a machine that is up.
func (w *world) put(m *lab.Machine, path string, content []byte) {
	w.t.Helper()
	if _, err := m.Exec(w.t.Context(), "sh", "-c", `mkdir -p "$(dirname "$1")" && printf %s "$2" > "$1"`, "put", path, string(content)); err != nil {
		w.t.Fatal(err)
	}
}

// nothingOfFlannel looks for what an agent may leave: devices, routes, rules, files
// and annotations. Processes are noOverlay's.
func (w *world) nothingOfFlannel(names []string) {
	for _, name := range names {
		m := w.machine(name)
		out, err := m.Exec(w.t.Context(), "sh", "-c", "ip link; ip route; nft list ruleset; ls /etc/cni/net.d /run /var/lib/cni; kubectl version --client 2>/dev/null || true")
		if err != nil {
			w.t.Fatal(err)
		}
		if !strings.Contains(out, "table ip pods") || !strings.Contains(out, "05-pods.conflist") {
			w.t.Errorf("%s: the list proves nothing: %s", name, out)
		}
		for _, word := range []string{"flannel", "FLANNEL", flannel.Bridge} {
			for line := range strings.Lines(out) {
				if strings.Contains(line, word) {
					w.t.Errorf("%s has %s", name, line)
				}
			}
		}
		if node := w.kubectl("get", "node", name, "-o", "yaml"); strings.Contains(node, "flannel.alpha") {
			w.t.Errorf("node %s still has flannel's annotations:\n%s", name, node)
		}
	}
}

// section is what a heading of the page holds: its commands and where they run.
type section []struct{ place, text string }

// page is a how-to whose blocks can be run.
type page map[string]section

// places are the first lines of the blocks that are run.
var places = []string{"# with kubectl", "# on the node", "# on each other node", "# on every node"}

// readPage finds the blocks of a page that are marked as shell.
func readPage(t *testing.T, path string) page {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	found := page{}
	for _, part := range strings.Split("\n"+string(content), "\n## ")[1:] {
		heading, text, _ := strings.Cut(part, "\n")
		for _, block := range strings.Split(text, "```sh\n")[1:] {
			commands, _, _ := strings.Cut(block, "\n```")
			place, commands, _ := strings.Cut(commands, "\n")
			if !slices.Contains(places, place) {
				t.Fatalf("%s, %s: a block begins with %q, want one of %q", path, heading, place, places)
			}
			found[heading] = append(found[heading], struct{ place, text string }{place, commands})
		}
	}
	return found
}

// follow runs the blocks of a section in their order. node is the one that is
// moved; nil when it is about all.
func (p page) follow(w *world, heading string, node *lab.Machine) {
	w.t.Helper()
	if len(p[heading]) == 0 {
		w.t.Fatalf("the page has no commands under %q", heading)
	}
	cidr := ""
	if node != nil {
		cidr = w.podCIDR(node.Name)
	}
	for _, block := range p[heading] {
		if block.place == places[0] {
			w.runKubectl(block.text, node)
			continue
		}
		for _, m := range w.Machines() {
			there := node != nil && m.Name == node.Name
			if block.place == places[1] && !there || block.place == places[2] && there {
				continue
			}
			if out, err := m.Exec(w.t.Context(), "sh", "-euc", "CIDR="+cidr+"\n"+block.text); err != nil {
				w.t.Fatalf("%s on %s: %v: %s", heading, m.Name, err, out)
			}
		}
	}
}

// runKubectl runs a block as somebody who administers the cluster, in a folder that
// has the whole cloud.conf.
func (w *world) runKubectl(text string, node *lab.Machine) {
	w.t.Helper()
	dir := w.t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "cloud.conf"), []byte(w.Account.CloudConf(w.Network.RouterID)), 0o600); err != nil {
		w.t.Fatal(err)
	}
	cmd := exec.CommandContext(w.t.Context(), "bash", "-euo", "pipefail", "-c", text)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "KUBECONFIG="+w.Cluster.Kubeconfig(), "PATH="+filepath.Dir(built.Binaries[kube.Kubectl])+":"+os.Getenv("PATH"))
	if node != nil {
		cmd.Env = append(cmd.Env, "NODE="+node.Name)
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		w.t.Fatalf("%s: %v: %s", text, err, out)
	}
}
