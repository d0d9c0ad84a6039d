package nodes

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"underlay/test/nodes/lab"
	"underlay/test/nodes/tenant"
)

// volumeTime is more than a volume takes from the claim to the running pod on a busy machine.
const volumeTime = 3 * time.Minute

// diskNodes are the nodes of TestVolumes.
var diskNodes = []string{"node-1", "node-2", "node-3", "node-4"}

// TestVolumes runs pods with volumes of Cinder: the driver is deployed from
// manifests/csi with the real sidecars, and registers with real kubelets. Volumes
// are block devices of this computer, and each node sees its own by their links.
func TestVolumes(t *testing.T) {
	if !built.CanAttach() {
		t.Log("left out: this OpenStack makes no block devices of volumes")
		if os.Getenv("CI") == "true" {
			t.Fail()
		}
		return
	}
	options := built
	options.Name, options.Disks = "volumes", true
	w := startWorld(t, options)
	w.startWithDisks()
	w.step("a pod writes, and reads it on another node", writesAndMoves)
	if t.Failed() {
		return // nothing below can hold
	}
	w.sideBySide(func(w *world) {
		w.step("a volume grows while a pod uses it", growsOnline)
		w.step("a clone holds the same and is another", clones)
	}, func(w *world) {
		w.step("a snapshot keeps what was there", snapshotKeeps)
		w.step("a volume without a filesystem", rawBlock)
	}, func(w *world) {
		w.step("a volume by its id, as before CSI", byID)
		w.step("a volume takes another class of attributes", attributesChange)
	}, func(w *world) {
		w.step("the data of a node whose server is deleted is read elsewhere", serverDeleted)
	}, func(w *world) {
		w.step("a group of volumes has its snapshots at once", groupSnapshot)
	})
	if t.Failed() {
		return // the rest begins with what is there now
	}
	w.step("nothing is taken from a node that has only fallen silent", nodeFallsSilent)
	w.step("the data of a node without power is read elsewhere", nodeLosesPower)
	w.step("nothing of the volumes is left", nothingOfVolumes)
}

// startWithDisks boots the nodes and deploys the driver on them.
func (w *world) startWithDisks() {
	w.t.Helper()
	files, err := w.StaticPod(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	if err := w.DeployDriver(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	images := append([]string{built.DriverImage}, built.SidecarImages()...)
	w.add(
		lab.MachineSpec{Name: "node-1", ControlPlane: true, StaticPod: true, Files: files, Images: images},
		lab.MachineSpec{Name: "node-2", Images: images},
	)
	if err := w.Label(w.t.Context(), "node-1", "node-role.kubernetes.io/control-plane="); err != nil {
		w.t.Fatal(err)
	}
	w.untilReady("node-1", "node-2")
	// These will be lost: no controller runs there.
	w.add(lab.MachineSpec{Name: "node-3", Images: images[:1]}, lab.MachineSpec{Name: "node-4", Images: images[:1]})
	w.untilReady(diskNodes...)
	w.until(volumeTime, func(ctx context.Context) string {
		for _, name := range diskNodes {
			node, err := w.Client.StorageV1().CSINodes().Get(ctx, name, metav1.GetOptions{})
			if err != nil || len(node.Spec.Drivers) != 1 {
				return fmt.Sprintf("the driver is not registered on %s: %v", name, err)
			}
		}
		return ""
	})
	w.log("the driver is registered on every node")
}

// apply applies a manifest.
func (w *world) apply(manifest string) {
	w.t.Helper()
	file, err := os.CreateTemp(w.Folder(), "manifest-*.yaml") // kubectl takes a comma in a name, as steps have them, for two files
	if err != nil {
		w.t.Fatal(err)
	}
	if _, err := file.WriteString(manifest); err != nil {
		w.t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		w.t.Fatal(err)
	}
	w.kubectl("apply", "-f", file.Name())
}

// claim asks for a volume of the class that is shipped; more is YAML of its spec.
func (w *world) claim(name, gib, more string) {
	w.t.Helper()
	w.claimOf("cinder", name, gib, more)
}

func (w *world) claimOf(class, name, gib, more string) {
	w.t.Helper()
	w.apply(fmt.Sprintf(`apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: %s}
spec:
  storageClassName: %s
  accessModes: [ReadWriteOnce]
  resources: {requests: {storage: %sGi}}
%s`, name, class, gib, more))
}

// Where pods see their volume.
const (
	folder = "/data"
	letter = "/data/letter"
	device = "/dev/xvda"
)

// ofClaim is a volume of a pod.
func ofClaim(name string) corev1.VolumeSource {
	return corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: name}}
}

// use runs a pod with a volume on a node, and waits until it runs.
func (w *world) use(name, node string, volume corev1.VolumeSource) pod {
	w.t.Helper()
	w.makePod(name, node, volume, func(c *corev1.Container) {
		c.VolumeMounts = []corev1.VolumeMount{{Name: "volume", MountPath: folder}}
	})
	return w.running(name)
}

// makePod makes a pod that the scheduler places: it is what has the volume made.
func (w *world) makePod(name, node string, volume corev1.VolumeSource, edit func(*corev1.Container)) {
	w.t.Helper()
	made := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"app": "disk"}},
		Spec: corev1.PodSpec{
			NodeSelector: map[string]string{corev1.LabelHostname: node}, TerminationGracePeriodSeconds: new(int64),
			Tolerations: []corev1.Toleration{{Key: "node-role.kubernetes.io/control-plane", Operator: corev1.TolerationOpExists}},
			Containers:  []corev1.Container{{Name: "disk", Image: lab.ProbeRef, Args: []string{"pause"}}},
			Volumes:     []corev1.Volume{{Name: "volume", VolumeSource: volume}},
		},
	}
	edit(&made.Spec.Containers[0])
	if _, err := w.Client.CoreV1().Pods("default").Create(w.t.Context(), made, metav1.CreateOptions{}); err != nil {
		w.t.Fatal(err)
	}
}

// running waits for a pod.
func (w *world) running(name string) pod {
	w.t.Helper()
	found := pod{Name: name}
	w.until(volumeTime, func(ctx context.Context) string {
		now, err := w.Client.CoreV1().Pods("default").Get(ctx, name, metav1.GetOptions{})
		if err != nil || now.Status.Phase != corev1.PodRunning {
			return fmt.Sprintf("%s does not run: %v", name, err)
		}
		found.Node, found.IP = now.Spec.NodeName, now.Status.PodIP
		return ""
	})
	return found
}

// done deletes a pod and waits until it is gone.
func (w *world) done(name string) {
	w.t.Helper()
	w.kubectl("delete", "pod", name, "--wait=false")
	w.until(volumeTime, func(ctx context.Context) string {
		if _, err := w.Client.CoreV1().Pods("default").Get(ctx, name, metav1.GetOptions{}); !apierrors.IsNotFound(err) {
			return fmt.Sprintf("%s is still there: %v", name, err)
		}
		return ""
	})
}

// volumeOf is the volume of a claim, as the cloud has it.
func (w *world) volumeOf(ctx context.Context, claim string) (tenant.Volume, error) {
	bound, err := w.Client.CoreV1().PersistentVolumeClaims("default").Get(ctx, claim, metav1.GetOptions{})
	if err != nil {
		return tenant.Volume{}, err
	}
	volumes, err := w.Volumes(ctx)
	at := slices.IndexFunc(volumes, func(v tenant.Volume) bool { return v.Name == bound.Spec.VolumeName })
	if err != nil || at < 0 {
		return tenant.Volume{}, errors.Join(fmt.Errorf("no volume of claim %s is in the cloud", claim), err)
	}
	return volumes[at], nil
}

// writes has a pod write a text and the disk take it.
func (w *world) writes(in pod, path, text string) {
	w.t.Helper()
	if out, err := w.probe(w.t.Context(), in, "write", path, text); err != nil {
		w.t.Fatalf("write in %s: %v: %s", in.Name, err, out)
	}
}

// reads has a pod read a text.
func (w *world) reads(in pod, path, want string) {
	w.t.Helper()
	if got, err := w.probe(w.t.Context(), in, "read", path, strconv.Itoa(len(want))); err != nil || got != want {
		w.t.Fatalf("%s on %s reads %q (%v), want %q", in.Name, in.Node, got, err, want)
	}
}

// mebibytes asks a pod for the room on a filesystem, or the size of a device.
func (w *world) mebibytes(in pod, what, path string) int {
	w.t.Helper()
	out, err := w.probe(w.t.Context(), in, what, path)
	if err != nil {
		w.t.Fatalf("%s of %s in %s: %v: %s", what, path, in.Name, err, out)
	}
	number, err := strconv.Atoi(strings.TrimSpace(out))
	if err != nil {
		w.t.Fatal(err)
	}
	return number
}
