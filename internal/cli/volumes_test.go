package cli

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"underlay/pkg/simulator"
	"underlay/pkg/volumes/block"
)

// volume adds a volume that the CSI driver made for a cluster.
func (w *tenant) volume(name, cluster string) string {
	return w.cloud.AddVolume(simulator.VolumeSpec{Name: name, SizeGiB: 3, Metadata: map[string]string{
		block.MetadataCluster: cluster, claimNamespace: "shop", claimName: "data",
	}})
}

func (w *tenant) volumeNames() []string {
	var names []string
	for _, v := range w.cloud.Volumes() {
		names = append(names, v.Name)
	}
	slices.Sort(names)
	return names
}

// snapshot makes one as the CSI driver does for a cluster, and waits for it.
func (w *tenant) snapshot(name, volumeID, cluster string) {
	w.t.Helper()
	cfg, client, err := openCloud(w.conf)
	if err != nil {
		w.t.Fatal(err)
	}
	store := openStorage(cfg, client)
	wish := block.SnapshotRequest{Name: name, VolumeID: volumeID, Metadata: map[string]string{block.MetadataCluster: cluster}}
	made, err := store.CreateSnapshot(w.t.Context(), wish)
	for made.Status == block.SnapshotCreating && err == nil {
		time.Sleep(10 * time.Millisecond)
		made, err = store.Snapshot(w.t.Context(), made.ID)
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// Volumes are data: a cleanup lists them, and deletes them only when it is told
// to, with their snapshots, and never another cluster's.
func TestCleanupLeavesVolumesUnlessTold(t *testing.T) {
	w := newTenant(t, simulator.Options{})
	w.cloud.SetVolumePace(simulator.VolumePace{})
	s := w.stack("blue", "192.168.11.0/24", "10.244", 1)
	w.service(s, blue, "web")
	free := w.volume("pvc-1", "prod")
	w.snapshot("snap-1", free, "prod")
	held := w.volume("pvc-2", "prod")
	w.cloud.AttachVolumeByHand(s.servers[0].ID, held)
	w.volume("pvc-3", "green")
	foreign := w.volume("pvc-4", "prod")
	w.snapshot("by-hand", foreign, "")
	w.cloud.AddVolume(simulator.VolumeSpec{Name: "somebody's"})

	code, out := w.cleanup()
	if code != exitLeft || !strings.Contains(out, "3 volumes of the CSI driver's cluster prod") || !strings.Contains(out, "1 volume of the CSI driver's cluster green") {
		t.Errorf("the clusters: got exit code %d and\n%s", code, out)
	}
	if code, out = w.cleanup("--cluster-id", blue.UID, "--volume-cluster", "prod", "--yes"); code != 0 {
		t.Fatalf("got exit code %d and\n%s", code, out)
	}
	for _, want := range []string{"volume pvc-1 (3 GiB of claim shop/data): it holds data", "volume pvc-2", "snapshot snap-1"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if strings.Contains(out, "pvc-3") || strings.Contains(out, "by-hand: ") || len(w.balancerNames()) != 0 {
		t.Errorf("got balancers %v and\n%s", w.balancerNames(), out)
	}
	all := []string{"pvc-1", "pvc-2", "pvc-3", "pvc-4", "somebody's"}
	if diff := cmp.Diff(all, w.volumeNames()); diff != "" {
		t.Errorf("without --delete-volumes (-want +got):\n%s", diff)
	}
	if code, out = w.cleanup("--volume-cluster", "prod", "--delete-volumes"); code != exitLeft || !strings.Contains(out, "delete volume pvc-1 (3 GiB of claim shop/data) with its data") {
		t.Errorf("without --yes: got exit code %d and\n%s", code, out)
	}
	if diff := cmp.Diff(all, w.volumeNames()); diff != "" {
		t.Errorf("without --yes (-want +got):\n%s", diff)
	}
	code, out = w.cleanup("--volume-cluster", "prod", "--delete-volumes", "--yes")
	if code != 0 || !strings.Contains(out, "attached to server "+s.servers[0].ID) || !strings.Contains(out, "snapshot by-hand of it is not the cluster's") {
		t.Errorf("got exit code %d and\n%s", code, out)
	}
	if diff := cmp.Diff([]string{"pvc-2", "pvc-3", "pvc-4", "somebody's"}, w.volumeNames()); diff != "" {
		t.Errorf("volumes (-want +got):\n%s", diff)
	}
}

// The identity of the cluster may be the driver's --cluster too; a volume that
// Cinder cannot delete is an error that says why.
func TestCleanupOfVolumesThatFails(t *testing.T) {
	w := newTenant(t, simulator.Options{})
	w.cloud.SetVolumePace(simulator.VolumePace{})
	w.volume("pvc-1", blue.UID)
	w.cloud.FailNextVolumeWork(simulator.DeleteVolume, "")
	code, out := w.cleanup("--cluster-id", blue.UID, "--delete-volumes", "--yes")
	if code != 1 || !strings.Contains(out, "it is error_deleting") {
		t.Errorf("got exit code %d and\n%s", code, out)
	}
	if code, out := w.cleanup("--delete-volumes", "--yes"); code != exitLeft || !strings.Contains(out, "whose volumes?") {
		t.Errorf("of nobody: got exit code %d and\n%s", code, out)
	}
}

// Each PersistentVolume on Cinder is shown with the status of its volume, the
// in-tree kind too, and one whose volume is gone.
func TestStatusShowsVolumes(t *testing.T) {
	w := newLiving(t)
	w.cloud.SetVolumePace(simulator.VolumePace{})
	used, broken := w.volume("pvc-1", "prod"), w.volume("pvc-2", "prod")
	w.cloud.AttachVolumeByHand(w.stack.servers[0].ID, used)
	w.cloud.SetVolumeStatus(broken, "error_extending")
	csi := func(id string) v1.PersistentVolumeSource {
		return v1.PersistentVolumeSource{CSI: &v1.CSIPersistentVolumeSource{Driver: block.DriverName, VolumeHandle: id}}
	}
	const gone = "99999999-9999-4999-8999-999999999999"
	for name, source := range map[string]v1.PersistentVolumeSource{
		"a": csi(used), "b": {Cinder: &v1.CinderPersistentVolumeSource{VolumeID: broken}}, "c": csi(gone),
		"d": {HostPath: &v1.HostPathVolumeSource{Path: "/"}},
	} {
		pv := &v1.PersistentVolume{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: v1.PersistentVolumeSpec{PersistentVolumeSource: source}}
		if name == "a" {
			pv.Spec.ClaimRef = &v1.ObjectReference{Namespace: "shop", Name: "data"}
		}
		if _, err := w.kube.CoreV1().PersistentVolumes().Create(t.Context(), pv, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	show := func(output string) string {
		var text bytes.Buffer
		o := w.options()
		o.output = output
		if err := o.status(quiet(t.Context()), &text); err != nil {
			t.Fatal(err)
		}
		return text.String()
	}
	var got struct{ Volumes []volumeStatus }
	if err := json.Unmarshal([]byte(show("json")), &got); err != nil {
		t.Fatal(err)
	}
	want := []volumeStatus{
		{Name: "a", Claim: "shop/data", ID: used, Status: "in-use", SizeGiB: 3, AttachedTo: []string{"blue-0"}},
		{Name: "b", ID: broken, Status: "error_extending", SizeGiB: 3, AttachedTo: []string{}},
		{Name: "c", ID: gone, Status: "gone", AttachedTo: []string{}},
	}
	if diff := cmp.Diff(want, got.Volumes); diff != "" {
		t.Errorf("volumes (-want +got):\n%s", diff)
	}
	if out := show("text"); !strings.Contains(out, "ATTACHED TO") || !strings.Contains(out, "error_extending") || strings.Contains(out, "\nd ") {
		t.Errorf("got\n%s", out)
	}
}

// What is said of volumes fits a terminal of 80 columns, and a volume that is gone
// has no size.
func TestVolumesFitTheTerminal(t *testing.T) {
	var out bytes.Buffer
	terminal := &page{width: 80}
	showVolumes(&out, terminal, []volumeStatus{
		{Name: "pvc-0b9a4c5e-6a3f-4c2f-8d9a-37f0b1c5f3a1", Claim: "production/data-postgres-1", Status: "error_extending", SizeGiB: 1000, AttachedTo: []string{"node-1"}},
		{Name: "pvc-0b9a4c5e-6a3f-4c2f-8d9a-37f0b1c5f3a2", Claim: "production/data-postgres-2", Status: "gone", AttachedTo: []string{}},
	})
	if strings.Contains(out.String(), "0 GiB   gone") || !strings.Contains(out.String(), "-         gone") {
		t.Errorf("a volume that is gone:\n%s", &out)
	}
	work := &cleaning{phases: [][]chain{{{{state: failed}, {state: skipped}}}}}
	terminal.say(&out, "%s", work.summary())
	for text := range strings.Lines(out.String()) {
		if width := length(strings.TrimSuffix(text, "\n")); width > 80 {
			t.Errorf("%d columns: %s", width, text)
		}
	}
}
