package e2e

import (
	"context"
	"encoding/json"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"underlay/internal/playground"
)

const (
	cinder    = "cinder.csi.openstack.org"
	nodeIDKey = "csi.alpha.kubernetes.io/node-id"
	finalizer = "external-attacher/cinder-csi-openstack-org"
)

// TestTheVolumeOfADeletedServerIsAttachedElsewhere: between the real attach-detach
// controller, the real garbage collection of pods, and an attacher as Kubernetes
// has it. Without us the volume would be free six minutes after the pod.
func TestTheVolumeOfADeletedServerIsAttachedElsewhere(t *testing.T) {
	w := newWorld(t, playground.Options{})
	w.Lead(quick...)
	w.JoinAll(1, 3)
	w.Settled(time.Minute)
	for _, node := range []string{"node-1", "node-2", "node-3"} { // as kubelets say that Kubernetes attaches for them
		w.patchNode(node, map[string]any{"metadata": map[string]any{"annotations": map[string]string{"volumes.kubernetes.io/controller-managed-attach-detach": "true"}}})
	}
	attacher, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); w.attachVolumes(attacher) }()
	defer func() { cancel(); <-ended }()
	w.useVolume("lost", "node-1", "one")
	w.useVolume("kept", "node-3", "three")

	if err := w.Client.CoreV1().Nodes().Delete(t.Context(), "node-3", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err) // by hand: its server lives and writes
	}
	w.Remove("node-1")
	removed := time.Now()
	w.makePod("two", "node-2", "lost")
	w.Until(3*time.Minute, "the volume is attached to node-2", func(ctx context.Context) bool { return w.attachedTo(ctx, "lost", "node-2") })
	t.Logf("attached elsewhere %s after the server was deleted", time.Since(removed).Round(time.Second))
	w.Until(time.Minute, "node-1 is gone", func(ctx context.Context) bool {
		_, err := w.Client.CoreV1().Nodes().Get(ctx, "node-1", metav1.GetOptions{})
		return apierrors.IsNotFound(err)
	})
	w.Until(time.Minute, "an event says why", func(ctx context.Context) bool {
		events, err := w.Client.CoreV1().Events("").List(ctx, metav1.ListOptions{FieldSelector: "reason=NodeOutOfService,involvedObject.name=node-1"})
		return err == nil && len(events.Items) == 1
	})
	if !w.attachedTo(t.Context(), "kept", "node-3") {
		t.Error("the volume of a server that lives was detached")
	}
}

// useVolume has a pod on a node use a volume, until Kubernetes has attached it and
// the node says that it is mounted.
func (w *world) useVolume(volume, node, pod string) {
	w.t.Helper()
	size := corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")}
	modes, class := []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce}, ""
	if _, err := w.Client.CoreV1().PersistentVolumes().Create(w.t.Context(), &corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Name: volume},
		Spec: corev1.PersistentVolumeSpec{
			Capacity: size, AccessModes: modes,
			PersistentVolumeSource: corev1.PersistentVolumeSource{CSI: &corev1.CSIPersistentVolumeSource{Driver: cinder, VolumeHandle: volume}},
		},
	}, metav1.CreateOptions{}); err != nil {
		w.t.Fatal(err)
	}
	if _, err := w.Client.CoreV1().PersistentVolumeClaims("default").Create(w.t.Context(), &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Name: volume},
		Spec: corev1.PersistentVolumeClaimSpec{
			AccessModes: modes, StorageClassName: &class, VolumeName: volume, Resources: corev1.VolumeResourceRequirements{Requests: size},
		},
	}, metav1.CreateOptions{}); err != nil {
		w.t.Fatal(err)
	}
	w.Until(time.Minute, volume+" is bound", func(ctx context.Context) bool {
		claim, err := w.Client.CoreV1().PersistentVolumeClaims("default").Get(ctx, volume, metav1.GetOptions{})
		return err == nil && claim.Status.Phase == corev1.ClaimBound
	})
	w.makePod(pod, node, volume)
	w.Until(time.Minute, volume+" is attached to "+node, func(ctx context.Context) bool { return w.attachedTo(ctx, volume, node) })
	w.patchNode(node, map[string]any{"status": map[string]any{"volumesInUse": []string{"kubernetes.io/csi/" + cinder + "^" + volume}}})
	w.Until(time.Minute, node+" shows "+volume, func(context.Context) bool { return len(w.node(node).Status.VolumesAttached) == 1 })
	time.Sleep(2 * time.Second) // for the attach-detach controller to hear of it
}

func (w *world) makePod(name, node, claim string) {
	w.t.Helper()
	w.Until(time.Minute, "pod "+name, func(ctx context.Context) bool { // its service account comes soon
		_, err := w.Client.CoreV1().Pods("default").Create(ctx, &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Name: name},
			Spec: corev1.PodSpec{
				NodeName: node, Containers: []corev1.Container{{Name: "c", Image: "none"}},
				Volumes: []corev1.Volume{{Name: "v", VolumeSource: corev1.VolumeSource{
					PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: claim},
				}}},
			},
		}, metav1.CreateOptions{})
		return err == nil
	})
}

// attachedTo says whether a volume is attached to a node, for Kubernetes.
func (w *world) attachedTo(ctx context.Context, volume, node string) bool {
	all, err := w.Client.StorageV1().VolumeAttachments().List(ctx, metav1.ListOptions{})
	return err == nil && slices.ContainsFunc(all.Items, func(a storagev1.VolumeAttachment) bool {
		return *a.Spec.Source.PersistentVolumeName == volume && a.Spec.NodeName == node && a.Status.Attached && a.DeletionTimestamp == nil
	})
}

func (w *world) patchNode(name string, patch any) {
	w.t.Helper()
	body, err := json.Marshal(patch)
	if err != nil {
		w.t.Fatal(err)
	}
	nodes := w.Client.CoreV1().Nodes()
	if _, err := nodes.Patch(w.t.Context(), name, types.MergePatchType, body, metav1.PatchOptions{}, "status"); err != nil {
		w.t.Fatal(err)
	}
}

// attachVolumes does what external-attacher does: it notes the server, holds the
// attachment with a finalizer, and attaches to servers that exist.
func (w *world) attachVolumes(ctx context.Context) {
	for ctx.Err() == nil {
		all, err := w.Client.StorageV1().VolumeAttachments().List(ctx, metav1.ListOptions{})
		if err == nil {
			for i := range all.Items {
				w.attachVolume(ctx, &all.Items[i])
			}
		}
		select {
		case <-ctx.Done():
		case <-time.After(300 * time.Millisecond):
		}
	}
}

// attachVolume takes one attachment a step further; what fails is tried again.
func (w *world) attachVolume(ctx context.Context, a *storagev1.VolumeAttachment) {
	attachments := w.Client.StorageV1().VolumeAttachments()
	member := w.Member(a.Spec.NodeName)
	switch {
	case a.Spec.Attacher != cinder:
	case a.DeletionTimestamp != nil:
		a.Finalizers = nil
		_, _ = attachments.Update(ctx, a, metav1.UpdateOptions{})
	case a.Status.Attached:
	case member == nil:
		a.Status.AttachError = &storagev1.VolumeError{Time: metav1.Now(), Message: "the node has no server"}
		_, _ = attachments.UpdateStatus(ctx, a, metav1.UpdateOptions{})
	default:
		a.Annotations, a.Finalizers = map[string]string{nodeIDKey: member.ServerID}, []string{finalizer}
		if a, err := attachments.Update(ctx, a, metav1.UpdateOptions{}); err == nil {
			a.Status.Attached = true
			_, _ = attachments.UpdateStatus(ctx, a, metav1.UpdateOptions{})
		}
	}
}
