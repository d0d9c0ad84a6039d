package kube

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	cloudproviderapi "k8s.io/cloud-provider/api"
	"k8s.io/klog/v2"
)

// NodeSpec is a machine that joins the cluster.
type NodeSpec struct {
	Name string
	// SystemUUID is what the firmware tells the kubelet; on KVM it is the UUID of the Nova server.
	SystemUUID string
	// NodeIP is the kubelet's --node-ip; "" when it is not given.
	NodeIP string
	Labels map[string]string
	// Heartbeat is the time between two renewals of the node's lease. Default
	// 10 s, as upstream.
	Heartbeat time.Duration
}

// HollowNode is a Node that has no kubelet behind it, and behaves towards the
// API server as a kubelet with --cloud-provider=external does: it registers
// without a provider ID and with the uninitialized taint, is not ready until it
// has a pod CIDR (as with a CNI configuration made from it), and then sends
// heartbeats. It never registers again: a kubelet does so only when it restarts.
type HollowNode struct {
	Spec   NodeSpec
	client kubernetes.Interface
	cancel context.CancelFunc
	ended  sync.WaitGroup
}

// JoinNode registers the node and starts its heartbeats, which end with Stop or
// Shutdown, not with the context.
func JoinNode(ctx context.Context, client kubernetes.Interface, spec NodeSpec) (*HollowNode, error) {
	if spec.Heartbeat == 0 {
		spec.Heartbeat = 10 * time.Second
	}
	n := &HollowNode{Spec: spec, client: client}
	_, err := client.CoreV1().Nodes().Create(ctx, n.registration(), metav1.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) { // a kubelet that restarts finds its Node
		return nil, fmt.Errorf("register node %s: %w", spec.Name, err)
	}
	life, cancel := context.WithCancel(context.WithoutCancel(ctx))
	n.cancel = cancel
	n.ended.Go(func() { n.run(life) })
	return n, nil
}

// registration is what a kubelet creates (pkg/kubelet/kubelet_node_status.go).
func (n *HollowNode) registration() *corev1.Node {
	labels := map[string]string{
		corev1.LabelHostname:   n.Spec.Name,
		corev1.LabelOSStable:   "linux",
		corev1.LabelArchStable: runtime.GOARCH,
	}
	for key, value := range n.Spec.Labels {
		labels[key] = value
	}
	annotations := map[string]string{}
	if n.Spec.NodeIP != "" {
		annotations[cloudproviderapi.AnnotationAlphaProvidedIPAddr] = n.Spec.NodeIP
	}
	return &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: n.Spec.Name, Labels: labels, Annotations: annotations},
		Spec: corev1.NodeSpec{Taints: []corev1.Taint{{
			Key: cloudproviderapi.TaintExternalCloudProvider, Value: "true", Effect: corev1.TaintEffectNoSchedule,
		}}},
		Status: n.status(conditions(false, "container runtime network not ready: no pod CIDR yet")),
	}
}

func (n *HollowNode) status(conditions []corev1.NodeCondition) corev1.NodeStatus {
	return corev1.NodeStatus{
		Capacity: capacity(), Allocatable: capacity(),
		Conditions: conditions,
		NodeInfo: corev1.NodeSystemInfo{
			SystemUUID: n.Spec.SystemUUID, OperatingSystem: "linux", Architecture: runtime.GOARCH,
			KubeletVersion: KubernetesVersion, OSImage: "Underlay hollow node", ContainerRuntimeVersion: "none://",
		},
	}
}

// run heartbeats until the context ends. What fails is tried again a second later.
func (n *HollowNode) run(ctx context.Context) {
	logger := klog.FromContext(ctx).WithValues("node", n.Spec.Name)
	ready := false
	for {
		wait := n.Spec.Heartbeat
		nowReady, err := n.beat(ctx, ready)
		switch {
		case err != nil:
			logger.V(4).Info("Heartbeat failed", "err", err)
			wait = min(wait, time.Second)
		case !nowReady: // its pod CIDR comes soon
			wait = min(wait, 200*time.Millisecond)
		}
		ready = nowReady
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

// beat renews the lease, and reports Ready once the node has its pod CIDR.
func (n *HollowNode) beat(ctx context.Context, ready bool) (bool, error) {
	node, err := n.client.CoreV1().Nodes().Get(ctx, n.Spec.Name, metav1.GetOptions{})
	if err != nil {
		return ready, fmt.Errorf("read node: %w", err)
	}
	if err := n.renewLease(ctx, node); err != nil {
		return ready, err
	}
	healthy := isReady(node)
	if node.Spec.PodCIDR == "" || healthy {
		return healthy, nil
	}
	if err := n.patchStatus(ctx, conditions(true, "hollow node is posting ready status")); err != nil {
		return false, err
	}
	return true, nil
}

// Stop ends the heartbeats without a word, as a machine does that lost power.
// The Node stays, and becomes not ready after the control plane's grace period.
func (n *HollowNode) Stop() {
	n.cancel()
	n.ended.Wait()
}

// Shutdown ends the heartbeats and says so, as a kubelet does that notices
// its machine's shutdown: the Node is not ready at once.
func (n *HollowNode) Shutdown(ctx context.Context) error {
	n.Stop()
	return n.patchStatus(ctx, conditions(false, "node is shutting down"))
}

func isReady(node *corev1.Node) bool {
	for _, condition := range node.Status.Conditions {
		if condition.Type == corev1.NodeReady {
			return condition.Status == corev1.ConditionTrue
		}
	}
	return false
}
