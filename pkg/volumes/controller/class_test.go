package controller_test

import (
	"testing"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"

	"underlay/pkg/volumes/block"
)

// A class may name a cluster of its own, as with the reference driver: what it
// makes is found again by that.
func TestAClassNamesACluster(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 1)
		p := w.start()
		green := `{"` + block.MetadataCluster + `": "green", "team": "blue"}`
		r := wish("pvc-1", 1)
		r.Parameters["appendVolumeMetadata"] = green
		v := must(w, p.CreateVolume, r).GetVolume().GetVolumeId()
		again := must(w, p.CreateVolume, r).GetVolume().GetVolumeId()
		made := w.named("pvc-1")
		if len(made) != 1 || again != v || made[0].Metadata[block.MetadataCluster] != "green" {
			t.Errorf("made %s and %s, and there are %+v", v, again, made)
		}
		for _, kind := range []string{"snapshot", "backup"} {
			parameters := map[string]string{"type": kind, "appendVolumeMetadata": green}
			first := p.snapshot("a-"+kind, v, parameters).GetSnapshotId()
			p.ready(first)
			if second := p.snapshot("a-"+kind, v, parameters).GetSnapshotId(); second != first {
				t.Errorf("a %s was taken twice: %s and %s", kind, first, second)
			}
			found, err := metadataOf(p, kind, first)
			if err != nil || found[block.MetadataCluster] != "green" || found["team"] != "blue" {
				t.Errorf("a %s has the metadata %v (%v)", kind, found, err)
			}
		}
		if left := must(w, p.ListSnapshots, &csi.ListSnapshotsRequest{}).GetEntries(); len(left) != 2 {
			t.Errorf("there are %v, want one snapshot and one backup", left)
		}
	})
}

// The first backup of a volume is a full one, since Cinder makes no other; the
// next builds upon it, and must go before it.
func TestIncrementalBackups(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 1)
		p := w.start()
		v := p.create("pvc-1", 1).GetVolumeId()
		parameters := map[string]string{"type": "backup", "incremental": "true"}
		first := p.snapshot("first", v, parameters).GetSnapshotId()
		p.ready(first)
		second := p.snapshot("second", v, parameters).GetSnapshotId()
		p.ready(second)
		refused(w, p.DeleteSnapshot, &csi.DeleteSnapshotRequest{SnapshotId: first}, codes.FailedPrecondition, "Incremental backups exist")
		must(w, p.DeleteSnapshot, &csi.DeleteSnapshotRequest{SnapshotId: second})
		must(w, p.DeleteSnapshot, &csi.DeleteSnapshotRequest{SnapshotId: first})
		parameters["incremental"] = "often"
		refused(w, p.CreateSnapshot, &csi.CreateSnapshotRequest{Name: "third", SourceVolumeId: v, Parameters: parameters}, codes.InvalidArgument, "often")
	})
}

// metadataOf are those that Cinder has of a snapshot or a backup.
func metadataOf(p *process, kind, id string) (map[string]string, error) {
	if kind == "backup" {
		b, err := p.client.Backup(p.w.t.Context(), id)
		return b.Metadata, err
	}
	s, err := p.client.Snapshot(p.w.t.Context(), id)
	return s.Metadata, err
}
