package cloudprovider

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	v1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
)

// TestAttachmentsOfADeletedServerAreDeletedUntilStop: as the framework starts it, and
// no longer than the provider runs.
func TestAttachmentsOfADeletedServerAreDeletedUntilStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "", RouteFlags{})
		w.joinWithVolume(t, "n1")
		w.joinWithVolume(t, "n2")
		w.provider.Initialize(nil, w.stop)
		factory := informers.NewSharedInformerFactory(w.cluster, 0)
		w.provider.SetInformers(factory)
		if err := w.provider.StartAttachments(factory); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer factory.Shutdown()
		defer cancel()
		factory.Start(ctx.Done())
		factory.WaitForCacheSync(ctx.Done())

		w.loseNode(t, "n1")
		time.Sleep(time.Minute)
		if w.attached(t, "n1") || !w.attached(t, "n2") {
			t.Errorf("n1 is attached: %v, n2: %v; want only n2", w.attached(t, "n1"), w.attached(t, "n2"))
		}
		if err := w.provider.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.loseNode(t, "n2")
		time.Sleep(10 * time.Minute)
		if !w.attached(t, "n2") {
			t.Error("it deletes after Stop")
		}
	})
}

// joinWithVolume adds the Node of a server that is deleted, with a VolumeAttachment
// of the same name.
func (w *world) joinWithVolume(t *testing.T, name string) {
	t.Helper()
	const server = "11111111-2222-4333-8444-555555555555"
	node := &v1.Node{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: v1.NodeSpec{ProviderID: "openstack:///" + server}}
	if _, err := w.cluster.CoreV1().Nodes().Create(t.Context(), node, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	a := &storagev1.VolumeAttachment{
		ObjectMeta: metav1.ObjectMeta{Name: name, Annotations: map[string]string{"csi.alpha.kubernetes.io/node-id": server}},
		Spec:       storagev1.VolumeAttachmentSpec{Attacher: "cinder.csi.openstack.org", NodeName: name},
	}
	if _, err := w.cluster.StorageV1().VolumeAttachments().Create(t.Context(), a, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}

func (w *world) loseNode(t *testing.T, name string) {
	t.Helper()
	if err := w.cluster.CoreV1().Nodes().Delete(t.Context(), name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
}

func (w *world) attached(t *testing.T, name string) bool {
	t.Helper()
	_, err := w.cluster.StorageV1().VolumeAttachments().Get(t.Context(), name, metav1.GetOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		t.Fatal(err)
	}
	return err == nil
}
