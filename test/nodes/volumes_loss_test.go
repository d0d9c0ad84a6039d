package nodes

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// lossTime is how long the data of a lost node may be out of reach, from what a
// person does on.
const lossTime = time.Minute

// deletedTime is the same for a deleted server, from its deletion on: the node has to
// fall silent first, and Kubernetes looks every twenty seconds for pods to remove.
const deletedTime = 2 * time.Minute

// lastLetter is what a node writes that nobody hears of any more.
const lastLetter = "written on node-3, in silence"

// serverDeleted loses a node with its server. Nova says that it will not be back, so the
// Node is marked as out of service before it goes: Kubernetes would otherwise wait six
// minutes for a node to unmount that does not exist.
func serverDeleted(w *world) {
	w.claim("lost", "1", "")
	w.writes(w.use("lost", "node-4", ofClaim("lost")), letter, firstLetter)
	w.claim("lost-raw", "1", "  volumeMode: Block\n")
	w.makePod("lost-raw", "node-4", ofClaim("lost-raw"), asDevice)
	w.running("lost-raw")
	server := w.machine("node-4").ID
	began := time.Now()
	if err := w.Remove(w.t.Context(), w.machine("node-4")); err != nil {
		w.t.Fatal(err)
	}
	w.reads(w.use("lost-heir", "node-2", ofClaim("lost")), letter, firstLetter)
	took := time.Since(began)
	if took > deletedTime {
		w.t.Errorf("the data came back %s after the server was deleted, want at most %s", took.Round(time.Second), deletedTime)
	}
	w.log(fmt.Sprintf("a pod on node-2 reads the data of node-4, %d s after its server was deleted", int(took.Seconds())))
	w.until(deletedTime, func(ctx context.Context) string {
		if _, err := w.Client.CoreV1().Nodes().Get(ctx, "node-4", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
			return fmt.Sprintf("node-4 is still there: %v", err)
		}
		for _, name := range []string{"lost", "lost-raw"} {
			if _, err := w.Client.CoreV1().Pods("default").Get(ctx, name, metav1.GetOptions{}); !apierrors.IsNotFound(err) {
				return fmt.Sprintf("pod %s of node-4 is still there: %v", name, err)
			}
		}
		return ""
	})
	w.log(fmt.Sprintf("node-4 and its pods have gone, %d s after the server", int(time.Since(began).Seconds())))
	if v, err := w.volumeOf(w.t.Context(), "lost"); err != nil || len(v.Attachments) != 1 || v.Attachments[0].ServerID == server {
		w.t.Errorf("the cloud has %+v (%v), want the volume at node-2 alone", v, err)
	}
	if v, err := w.volumeOf(w.t.Context(), "lost-raw"); err != nil || len(v.Attachments) != 0 {
		w.t.Errorf("the cloud has %+v (%v), want the raw volume at no server", v, err)
	}
}

// attachmentOf is the one VolumeAttachment of a claim.
func (w *world) attachmentOf(claim string) storagev1.VolumeAttachment {
	w.t.Helper()
	bound, err := w.Client.CoreV1().PersistentVolumeClaims("default").Get(w.t.Context(), claim, metav1.GetOptions{})
	if err != nil {
		w.t.Fatal(err)
	}
	all, err := w.Client.StorageV1().VolumeAttachments().List(w.t.Context(), metav1.ListOptions{})
	if err != nil {
		w.t.Fatal(err)
	}
	var found []storagev1.VolumeAttachment
	for _, a := range all.Items {
		if name := a.Spec.Source.PersistentVolumeName; name != nil && *name == bound.Spec.VolumeName {
			found = append(found, a)
		}
	}
	if len(found) != 1 {
		w.t.Fatalf("claim %s has the attachments %+v, want one", claim, found)
	}
	return found[0]
}

// nodeFallsSilent stops a kubelet. Nobody can know that the node has ended, and it has
// not: it writes on. Even when its pod is deleted by force nothing is detached.
func nodeFallsSilent(w *world) {
	w.writes(w.running("reader"), letter, firstLetter)
	node := w.machine("node-3")
	if _, err := node.Exec(w.t.Context(), "pkill", "-STOP", "-x", "kubelet"); err != nil {
		w.t.Fatal(err)
	}
	w.until(time.Minute, func(ctx context.Context) string {
		now, err := w.Client.CoreV1().Nodes().Get(ctx, node.Name, metav1.GetOptions{})
		if err != nil || !hasCondition(now, corev1.NodeReady, corev1.ConditionUnknown) {
			return fmt.Sprintf("node-3 counts as ready: %v", err)
		}
		return ""
	})
	w.kubectl("delete", "pod", "reader", "--force", "--wait", "--timeout=60s")
	w.makePod("heir", "node-2", ofClaim("data"), func(c *corev1.Container) {
		c.VolumeMounts = []corev1.VolumeMount{{Name: "volume", MountPath: folder}}
	})
	w.until(time.Minute, func(ctx context.Context) string {
		seen, err := w.Client.CoreV1().Events("default").List(ctx, metav1.ListOptions{
			FieldSelector: "involvedObject.name=heir,reason=FailedAttachVolume",
		})
		if err != nil || len(seen.Items) == 0 {
			return fmt.Sprintf("nobody says that the volume is elsewhere: %v", err)
		}
		return ""
	})
	held := w.attachmentOf("data")
	v, err := w.volumeOf(w.t.Context(), "data")
	if err != nil || len(v.Attachments) != 1 || v.Attachments[0].ServerID != node.ID || held.Spec.NodeName != node.Name || !held.Status.Attached {
		w.t.Fatalf("the volume is at %+v (%v), its attachment at %s is %+v; want both at node-3", v.Attachments, err, held.Spec.NodeName, held.Status)
	}
	write := `mount=$(grep -o "/var/lib/kubelet/pods/[^ ]*~csi/$1/mount" /proc/mounts) && printf %s "$2" > "$mount/letter" && sync "$mount/letter"`
	if _, err := node.Exec(w.t.Context(), "sh", "-c", write, "sh", *held.Spec.Source.PersistentVolumeName, lastLetter); err != nil {
		w.t.Fatal(err)
	}
	w.log("node-3 is silent, keeps its volume, and has written to it")
}

// nodeLosesPower follows on nodeFallsSilent: now somebody knows that the node has
// ended, and says so.
func nodeLosesPower(w *world) {
	if err := w.machine("node-3").PowerOff(); err != nil {
		w.t.Fatal(err)
	}
	tainted := time.Now()
	w.kubectl("taint", "node", "node-3", "node.kubernetes.io/out-of-service=nodeshutdown:NoExecute")
	w.reads(w.running("heir"), letter, lastLetter)
	if took := time.Since(tainted); took > lossTime {
		w.t.Errorf("the data came back %s after the taint, want at most %s", took.Round(time.Second), lossTime)
	}
	w.log(fmt.Sprintf("a pod on node-2 reads what node-3 wrote last, %d s after the taint", int(time.Since(tainted).Seconds())))
}
