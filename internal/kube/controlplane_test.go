package kube_test

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"

	"underlay/internal/kube"
)

// build makes the upstream programs; the first run on a machine takes minutes.
func build(t *testing.T) kube.Binaries {
	t.Helper()
	binaries, err := kube.Build(t.Context(), kube.LogProgress(os.Stderr))
	if err != nil {
		t.Fatal(err)
	}
	return binaries
}

func startCluster(t *testing.T, opts kube.Options) (*kube.ControlPlane, kubernetes.Interface) {
	t.Helper()
	opts.Dir, opts.Binaries = t.TempDir(), build(t)
	if opts.Scheduler {
		more, err := kube.Build(t.Context(), kube.LogProgress(os.Stderr), kube.Scheduler)
		if err != nil {
			t.Fatal(err)
		}
		opts.Binaries[kube.Scheduler] = more[kube.Scheduler]
	}
	cluster, err := kube.Start(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cluster.Stop(); err != nil {
			t.Error(err)
		}
	})
	return cluster, clientOf(t, cluster.Kubeconfig())
}

func clientOf(t *testing.T, kubeconfig string) kubernetes.Interface {
	t.Helper()
	config, err := kube.RESTConfig(kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// eventually polls until the node is as wanted.
func eventually(t *testing.T, client kubernetes.Interface, name, what string, good func(*corev1.Node) bool) *corev1.Node {
	t.Helper()
	var node *corev1.Node
	err := wait.PollUntilContextTimeout(t.Context(), 100*time.Millisecond, time.Minute, true, func(ctx context.Context) (bool, error) {
		var err error
		node, err = client.CoreV1().Nodes().Get(ctx, name, metav1.GetOptions{})
		return err == nil && good(node), nil
	})
	if err != nil {
		t.Fatalf("node %s is not %s: %v\n%+v", name, what, err, node)
	}
	return node
}

func ready(want corev1.ConditionStatus) func(*corev1.Node) bool {
	return func(node *corev1.Node) bool {
		for _, condition := range node.Status.Conditions {
			if condition.Type == corev1.NodeReady {
				return condition.Status == want
			}
		}
		return false
	}
}

func TestAHollowNodeJoinsAsAKubeletWithAnExternalCloudDoes(t *testing.T) {
	t.Parallel()
	_, client := startCluster(t, kube.Options{
		NodeGrace:    4 * time.Second,
		ClusterCIDRs: []netip.Prefix{netip.MustParsePrefix("10.100.0.0/16"), netip.MustParsePrefix("fd00:100::/56")},
	})
	const uuid = "0b9c4e0e-6f7b-4f0c-8d2a-3f5b7f1f0001"
	node, err := kube.JoinNode(t.Context(), client, kube.NodeSpec{
		Name: "node-1", SystemUUID: uuid, NodeIP: "192.168.11.11", Labels: map[string]string{"a": "b"}, Heartbeat: time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	got := eventually(t, client, "node-1", "ready", ready(corev1.ConditionTrue))
	if got.Spec.ProviderID != "" || got.Status.NodeInfo.SystemUUID != uuid || got.Labels["a"] != "b" {
		t.Errorf("provider ID %q, system UUID %q, labels %v", got.Spec.ProviderID, got.Status.NodeInfo.SystemUUID, got.Labels)
	}
	if got.Annotations["alpha.kubernetes.io/provided-node-ip"] != "192.168.11.11" {
		t.Errorf("annotations: %v", got.Annotations)
	}
	uninitialized := false
	for _, taint := range got.Spec.Taints {
		uninitialized = uninitialized || taint.Key == "node.cloudprovider.kubernetes.io/uninitialized"
	}
	if !uninitialized {
		t.Errorf("taints: %v, want the uninitialized one", got.Spec.Taints)
	}
	if diff := cmp.Diff([]string{"10.100.0.0/24", "fd00:100::/64"}, got.Spec.PodCIDRs); diff != "" {
		t.Errorf("pod CIDRs (-want +got):\n%s", diff)
	}
	again, err := kube.JoinNode(t.Context(), client, node.Spec)
	if err != nil {
		t.Fatalf("a kubelet that restarts finds its Node: %v", err)
	}
	again.Stop()

	if err := node.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := client.CoreV1().Nodes().Get(t.Context(), "node-1", metav1.GetOptions{}); err != nil {
		t.Errorf("a node that shuts down keeps its Node: %v", err)
	}
	silent, err := kube.JoinNode(t.Context(), client, kube.NodeSpec{Name: "node-2", Heartbeat: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, client, "node-2", "ready", ready(corev1.ConditionTrue))
	silent.Stop()
	eventually(t, client, "node-2", "not ready after the grace period", ready(corev1.ConditionUnknown))
}

func TestWithASchedulerPodsGetNodes(t *testing.T) {
	t.Parallel()
	_, client := startCluster(t, kube.Options{Scheduler: true})
	node, err := kube.JoinNode(t.Context(), client, kube.NodeSpec{Name: "node-1", Heartbeat: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer node.Stop()
	pods := client.CoreV1().Pods(metav1.NamespaceDefault)
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "web"}, Spec: corev1.PodSpec{
		Containers:  []corev1.Container{{Name: "web", Image: "example.test/web:1"}},
		Tolerations: []corev1.Toleration{{Operator: corev1.TolerationOpExists}},
	}}
	err = wait.PollUntilContextTimeout(t.Context(), 100*time.Millisecond, time.Minute, true, func(ctx context.Context) (bool, error) {
		_, err := pods.Create(ctx, pod, metav1.CreateOptions{}) // refused until its ServiceAccount is there
		return err == nil, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var got *corev1.Pod
	err = wait.PollUntilContextTimeout(t.Context(), 100*time.Millisecond, time.Minute, true, func(ctx context.Context) (bool, error) {
		got, err = pods.Get(ctx, "web", metav1.GetOptions{})
		return err == nil && got.Spec.NodeName != "", nil
	})
	if err != nil || got.Spec.NodeName != "node-1" {
		t.Errorf("the pod's node: got %+v (%v), want node-1", got, err)
	}
}

func TestAComponentRestartsWithItsState(t *testing.T) {
	t.Parallel()
	cluster, client := startCluster(t, kube.Options{})
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "kept"}}
	if _, err := client.CoreV1().Namespaces().Create(t.Context(), namespace, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	before := cluster.Process(kube.APIServer).PID()
	if err := cluster.Restart(t.Context(), kube.APIServer); err != nil {
		t.Fatal(err)
	}
	if cluster.Process(kube.APIServer).PID() == before {
		t.Error("the same process still runs")
	}
	if _, err := client.CoreV1().Namespaces().Get(t.Context(), "kept", metav1.GetOptions{}); err != nil {
		t.Errorf("after the restart: %v", err)
	}
	if err := cluster.Restart(t.Context(), kube.Kubelet); err == nil {
		t.Error("restart of a component that is not there: no error")
	}
}

func TestUsersAreWhatTheirCertificateSays(t *testing.T) {
	t.Parallel()
	cluster, _ := startCluster(t, kube.Options{})
	path, err := cluster.KubeconfigFor("system:node:node-1", "system:nodes")
	if err != nil {
		t.Fatal(err)
	}
	if filepath.Base(path) != "system.node.node-1.kubeconfig" {
		t.Errorf("path: %s", path)
	}
	client := clientOf(t, path)
	_, err = client.CoreV1().Secrets("kube-system").List(t.Context(), metav1.ListOptions{})
	if !apierrors.IsForbidden(err) || !strings.Contains(err.Error(), `"system:node:node-1"`) {
		t.Errorf("a node lists secrets: got %v, want forbidden", err)
	}
	if _, err := client.CoreV1().Nodes().Get(t.Context(), "node-1", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("a node reads its own Node, which is not there: got %v, want not found", err)
	}
}

func TestStopEndsEveryProcess(t *testing.T) {
	t.Parallel()
	cluster, err := kube.Start(t.Context(), kube.Options{Dir: t.TempDir(), Binaries: build(t)})
	if err != nil {
		t.Fatal(err)
	}
	// A watcher, such as kubectl get --watch, must not hold up the end.
	if _, err := clientOf(t, cluster.Kubeconfig()).CoreV1().Nodes().Watch(t.Context(), metav1.ListOptions{}); err != nil {
		t.Fatal(err)
	}
	var all []*kube.Process
	for _, name := range []string{kube.Etcd, kube.APIServer, kube.ControllerManager} {
		all = append(all, cluster.Process(name))
	}
	if err := cluster.Stop(); err != nil {
		t.Error(err)
	}
	for _, process := range all {
		if process.Running() {
			t.Errorf("%s still runs", process.Spec.Name)
		}
	}
}

func TestAControlPlaneThatCannotStartSaysWhyAndLeavesNothing(t *testing.T) {
	t.Parallel()
	binaries := build(t)
	broken := filepath.Join(t.TempDir(), kube.APIServer)
	if err := os.WriteFile(broken, []byte("#!/bin/sh\necho bad flag >&2\nexit 2\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	_, err := kube.Start(t.Context(), kube.Options{Dir: t.TempDir(), Binaries: kube.Binaries{
		kube.Etcd: binaries[kube.Etcd], kube.APIServer: broken, kube.ControllerManager: binaries[kube.ControllerManager],
	}})
	if err == nil || !strings.Contains(err.Error(), "kube-apiserver ended before it was ready") || !strings.Contains(err.Error(), "bad flag") {
		t.Errorf("got %v, want the component and its last words", err)
	}
}

func TestWaitingForAnAnswerEndsWithTheContext(t *testing.T) {
	t.Parallel()
	process, err := kube.StartProcess(t.Context(), kube.ProcessSpec{
		Name: "mute", Path: "sleep", Args: []string{"600"}, LogFile: filepath.Join(t.TempDir(), "log"),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer process.Kill()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	ports, err := kube.FreePorts(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	err = kube.AwaitHealthy(ctx, process, http.DefaultClient, "http://127.0.0.1:"+strconv.Itoa(ports[0])+"/healthz")
	if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "mute is not ready") {
		t.Errorf("got %v, want the process's name and why", err)
	}
}
