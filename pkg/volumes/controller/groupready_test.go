package controller_test

import (
	"testing"

	"github.com/container-storage-interface/spec/lib/go/csi"
)

// TestAGroupSnapshotIsToldWhenItCanBeUsed: external-snapshotter keeps what it is first
// told of each snapshot in a group, and writes that over what it hears later
// (pkg/sidecar-controller/groupsnapshot_helper.go, updateGroupSnapshotContentStatus). A
// snapshot that was told as not ready can then never be restored.
func TestAGroupSnapshotIsToldWhenItCanBeUsed(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 1)
		p := w.start()
		w.cloud.AddGroupType("consistent")
		told := must(w, p.CreateVolumeGroupSnapshot, &csi.CreateVolumeGroupSnapshotRequest{
			Name: "group-1", Parameters: map[string]string{"groupType": "consistent"},
			SourceVolumeIds: []string{p.create("pvc-1", 1).GetVolumeId(), p.create("pvc-2", 1).GetVolumeId()},
		}).GetGroupSnapshot()
		if !told.GetReadyToUse() || len(told.GetSnapshots()) != 2 {
			t.Errorf("told %v, want two snapshots and all ready to use", told)
		}
		for _, part := range told.GetSnapshots() {
			if !part.GetReadyToUse() {
				t.Errorf("snapshot %s is told, and cannot be used", part.GetSnapshotId())
			}
		}
	})
}
