package nodes

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"underlay/test/nodes/lab"
)

// What the pods write.
const (
	firstLetter  = "written on node-2"
	secondLetter = "written on node-3, later"
)

func writesAndMoves(w *world) {
	w.claim("data", "1", "")
	w.writes(w.use("writer", "node-2", ofClaim("data")), letter, firstLetter)
	w.log("a pod on node-2 has written to its new volume")
	w.done("writer")
	moved := w.use("reader", "node-3", ofClaim("data"))
	w.reads(moved, letter, firstLetter)
	w.log("a pod on node-3 has read it")
}

// growsOnline uses XFS: ext4 grows while it is mounted only with a capability
// (CAP_SYS_RESOURCE) that not every computer's root has.
func growsOnline(w *world) {
	w.apply(`apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: xfs}
provisioner: cinder.csi.openstack.org
parameters: {csi.storage.k8s.io/fstype: xfs}
volumeBindingMode: WaitForFirstConsumer
allowVolumeExpansion: true
`)
	w.claimOf("xfs", "growing", "1", "")
	user := w.use("growing", "node-2", ofClaim("growing"))
	w.writes(user, letter, firstLetter)
	if before := w.mebibytes(user, "room", folder); before < 900 || before > 1024 {
		w.t.Fatalf("the filesystem of 1 GiB has %d MiB", before)
	}
	w.kubectl("patch", "pvc", "growing", "-p", `{"spec": {"resources": {"requests": {"storage": "2Gi"}}}}`)
	w.until(volumeTime, func(context.Context) string {
		if now := w.mebibytes(user, "room", folder); now < 1900 {
			return fmt.Sprintf("the filesystem has %d MiB", now)
		}
		return ""
	})
	w.reads(user, letter, firstLetter)
	w.log("a volume has grown under a running pod")
}

func snapshotKeeps(w *world) {
	w.apply(`apiVersion: snapshot.storage.k8s.io/v1
kind: VolumeSnapshotClass
metadata: {name: test}
driver: cinder.csi.openstack.org
deletionPolicy: Delete
parameters: {force-create: "true"}
---
apiVersion: snapshot.storage.k8s.io/v1
kind: VolumeSnapshot
metadata: {name: before}
spec:
  volumeSnapshotClassName: test
  source: {persistentVolumeClaimName: data}
`)
	w.kubectl("wait", "--for=jsonpath={.status.readyToUse}=true", "--timeout=180s", "volumesnapshot/before")
	w.log("a snapshot of a volume in use is ready")
	user := w.running("reader")
	w.writes(user, letter, secondLetter)
	w.claim("restored", "1", "  dataSource: {apiGroup: snapshot.storage.k8s.io, kind: VolumeSnapshot, name: before}\n")
	w.reads(w.use("restored", "node-2", ofClaim("restored")), letter, firstLetter)
	w.reads(user, letter, secondLetter)
	w.log("a pod on node-2 has read what the snapshot kept")
}

// clones copies a volume that is in use. A copy of XFS has the UUID of its source.
func clones(w *world) {
	source := w.running("growing")
	w.claimOf("xfs", "clone", "3", "  dataSource: {kind: PersistentVolumeClaim, name: growing}\n")
	user := w.use("clone", "node-2", ofClaim("clone"))
	w.reads(user, letter, firstLetter)
	if room := w.mebibytes(user, "room", folder); room < 2900 {
		w.t.Errorf("the clone is larger than its source, its filesystem is not: %d MiB", room)
	}
	w.writes(user, letter, secondLetter)
	w.reads(source, letter, firstLetter)
	w.log("a clone, larger and on the node of its source, has been read and written")
}

// asDevice gives a container its volume as a device.
func asDevice(c *corev1.Container) {
	c.VolumeDevices = []corev1.VolumeDevice{{Name: "volume", DevicePath: device}}
}

func rawBlock(w *world) {
	w.claim("raw", "1", "  volumeMode: Block\n")
	w.makePod("raw-writer", "node-3", ofClaim("raw"), asDevice)
	user := w.running("raw-writer")
	if got := w.mebibytes(user, "size", device); got != 1024 {
		w.t.Errorf("the device has %d MiB, want 1024", got)
	}
	w.writes(user, device, firstLetter)
	w.done("raw-writer")
	w.makePod("raw-reader", "node-2", ofClaim("raw"), asDevice)
	w.reads(w.running("raw-reader"), device, firstLetter)
	w.log("a volume without a filesystem has been written on node-3 and read on node-2")
}

// byID uses a volume that somebody made, by its id: as a PersistentVolume, and
// written into a pod.
func byID(w *world) {
	made, err := w.Cloud.MakeVolume(w.t.Context(), lab.HandMade+"volume", 1)
	if err != nil {
		w.t.Fatal(err)
	}
	w.apply(fmt.Sprintf(`apiVersion: v1
kind: PersistentVolume
metadata: {name: in-tree}
spec:
  capacity: {storage: 1Gi}
  accessModes: [ReadWriteOnce]
  persistentVolumeReclaimPolicy: Retain
  storageClassName: ""
  cinder: {volumeID: %s, fsType: ext4}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: in-tree}
spec:
  storageClassName: ""
  volumeName: in-tree
  accessModes: [ReadWriteOnce]
  resources: {requests: {storage: 1Gi}}
`, made.ID))
	w.writes(w.use("in-tree", "node-2", ofClaim("in-tree")), letter, firstLetter)
	w.done("in-tree")
	inline := corev1.VolumeSource{Cinder: &corev1.CinderVolumeSource{VolumeID: made.ID, FSType: "ext4"}}
	w.reads(w.use("inline", "node-3", inline), letter, firstLetter)
	w.done("inline")
	w.log("a volume has been used by its id")
}

// nothingOfVolumes deletes what is there and looks for what stays: in the cloud, on
// the nodes and on this computer.
func nothingOfVolumes(w *world) {
	w.kubectl("delete", "pods", "-l", "app=disk", "--force", "--wait")
	w.kubectl("delete", "volumegroupsnapshots", "--all", "--wait", "--timeout=180s")
	w.kubectl("delete", "volumesnapshots,pvc", "--all", "--wait", "--timeout=180s")
	w.kubectl("delete", "pv", "in-tree", "--wait", "--timeout=60s")
	w.until(volumeTime, func(ctx context.Context) string {
		left, err := w.Client.CoreV1().PersistentVolumes().List(ctx, metav1.ListOptions{})
		if err != nil || len(left.Items) > 0 {
			return fmt.Sprintf("%d volumes are left in Kubernetes: %v", len(left.Items), err)
		}
		return ""
	})
	w.until(volumeTime, func(ctx context.Context) string {
		volumes, err := w.Volumes(ctx)
		if err != nil || len(volumes) != 1 || !strings.HasPrefix(volumes[0].Name, lab.HandMade) || volumes[0].Status != "available" {
			return fmt.Sprintf("the cloud has %v (%v), want the one that was made by hand, available", volumes, err)
		}
		return ""
	})
	if err := w.Cloud.DeleteVolume(w.t.Context(), w.handMade()); err != nil {
		w.t.Error(err)
	}
	for _, name := range diskNodes[:2] {
		w.noDisks(name)
	}
	out, err := exec.CommandContext(w.t.Context(), "losetup", "--list", "--noheadings", "--output", "BACK-FILE").CombinedOutput()
	if err != nil || strings.Contains(string(out), filepath.Base(built.Dir)) {
		w.t.Errorf("loop devices are left (%v):\n%s", err, out)
	}
}

// handMade is the id of the volume that somebody made.
func (w *world) handMade() string {
	w.t.Helper()
	volumes, err := w.Volumes(w.t.Context())
	if err != nil || len(volumes) != 1 {
		w.t.Fatalf("got volumes %v, %v", volumes, err)
	}
	return volumes[0].ID
}

// leftOnNode lists disks, mounts of them, and what the kubelet keeps of volumes beside
// two empty folders of its own.
const leftOnNode = `ls /dev/disk/by-id
grep -e /dev/loop -e kubernetes.io/csi /proc/mounts
find /var/lib/kubelet/plugins/kubernetes.io/csi -mindepth 2 ! -path '*/volumeDevices/publish' ! -path '*/volumeDevices/staging' 2>/dev/null
true`

// noDisks looks for disks and mounts of volumes on a node.
func (w *world) noDisks(name string) {
	w.t.Helper()
	w.until(volumeTime, func(ctx context.Context) string {
		out, err := w.machine(name).Exec(ctx, "sh", "-c", leftOnNode)
		if err != nil || strings.TrimSpace(out) != "" {
			return fmt.Sprintf("%s has disks left (%v):\n%s", name, err, out)
		}
		return ""
	})
}
