package storage_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"underlay/internal/cloud"
	"underlay/pkg/simulator"
	"underlay/pkg/volumes/block"
)

func TestLifeOfASnapshot(t *testing.T) {
	inWorld(t, simulator.Options{}, func(t *testing.T, w *world) {
		ctx := t.Context()
		volume := w.AddVolume(simulator.VolumeSpec{Name: "v", SizeGiB: 2})
		check(t, w.Attach(ctx, w.server, volume))
		done()
		wish := block.SnapshotRequest{Name: "s", Description: "d", VolumeID: volume, Force: true, Metadata: map[string]string{"a": "b"}}
		made := must[block.Snapshot](t)(w.CreateSnapshot(ctx, wish))
		if made.Status != block.SnapshotCreating {
			t.Errorf("got status %s, want creating", made.Status)
		}
		done()
		want := block.Snapshot{
			ID: made.ID, Name: "s", Description: "d", VolumeID: volume, Status: block.SnapshotAvailable, SizeGiB: 2, Metadata: wish.Metadata,
		}
		ignore := cmpopts.IgnoreFields(block.Snapshot{}, "CreatedAt")
		got := must[block.Snapshot](t)(w.Snapshot(ctx, made.ID))
		if diff := cmp.Diff(want, got, ignore); diff != "" || got.CreatedAt.IsZero() {
			t.Errorf("made at %v (-want +got):\n%s", got.CreatedAt, diff)
		}
		if diff := cmp.Diff([]block.Snapshot{want}, must[[]block.Snapshot](t)(w.SnapshotsNamed(ctx, "s")), ignore); diff != "" {
			t.Errorf("by name (-want +got):\n%s", diff)
		}
		for of, want := range map[string]int{"": 1, volume: 1, volumeID: 0} {
			if page, next, err := w.SnapshotPage(ctx, of, "", 0); err != nil || len(page) != want || next != "" {
				t.Errorf("of %q: got %d, next %q, %v; want %d", of, len(page), next, err, want)
			}
		}
		child := must[block.Volume](t)(w.CreateVolume(ctx, block.VolumeRequest{Name: "c", SizeGiB: 3, SourceSnapshotID: made.ID}))
		if child.SourceSnapshotID != made.ID {
			t.Errorf("got %+v, want it made from the snapshot", child)
		}
		done()
		if err := w.DeleteVolume(ctx, volume); !errors.Is(err, cloud.ErrBusy) {
			t.Errorf("a volume with a snapshot: got %v, want cloud.ErrBusy", err)
		}
		check(t, w.DeleteSnapshot(ctx, made.ID))
		done()
		if _, err := w.Snapshot(ctx, made.ID); !errors.Is(err, cloud.ErrNotFound) {
			t.Errorf("got %v, want cloud.ErrNotFound", err)
		}
		_, err := w.CreateVolume(ctx, block.VolumeRequest{Name: "d", SizeGiB: 3, SourceSnapshotID: made.ID})
		if !errors.Is(err, cloud.ErrNotFound) {
			t.Errorf("from a snapshot that is gone: got %v, want cloud.ErrNotFound", err)
		}
	})
}

func TestLifeOfABackup(t *testing.T) {
	inWorld(t, simulator.Options{}, func(t *testing.T, w *world) {
		ctx := t.Context()
		volume := w.AddVolume(simulator.VolumeSpec{Name: "v", SizeGiB: 2})
		wish := block.BackupRequest{Name: "b", Description: "d", VolumeID: volume, Force: true, Metadata: map[string]string{"a": "b"}}
		made := must[block.Backup](t)(w.CreateBackup(ctx, wish))
		if made.ID == "" || made.Status != block.SnapshotCreating || made.VolumeID != volume {
			t.Errorf("got %+v, want it as wished, and creating", made)
		}
		done()
		want := block.Backup{
			ID: made.ID, Name: "b", Description: "d", VolumeID: volume, Status: block.SnapshotAvailable, SizeGiB: 2, Metadata: wish.Metadata,
		}
		ignore := cmpopts.IgnoreFields(block.Backup{}, "CreatedAt", "AvailabilityZone")
		if diff := cmp.Diff(want, must[block.Backup](t)(w.Backup(ctx, made.ID)), ignore); diff != "" {
			t.Errorf("the backup (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]block.Backup{want}, must[[]block.Backup](t)(w.BackupsNamed(ctx, "b")), ignore); diff != "" {
			t.Errorf("by name (-want +got):\n%s", diff)
		}
		if page, next, err := w.BackupPage(ctx, volume, "", 0); err != nil || len(page) != 1 || next != "" {
			t.Errorf("of the volume: got %v, next %q, %v", page, next, err)
		}
		restored := must[block.Volume](t)(w.CreateVolume(ctx, block.VolumeRequest{Name: "r", SizeGiB: 2, SourceBackupID: made.ID}))
		if restored.SourceBackupID != made.ID {
			t.Errorf("got %+v, want it made from the backup", restored)
		}
		done()
		if got := must[block.Volume](t)(w.Client.Volume(ctx, restored.ID)); got.Status != block.StatusAvailable {
			t.Errorf("got %+v, want it restored", got)
		}
		w.FailNextVolumeWork(simulator.CreateBackup, "no room")
		failed := must[block.Backup](t)(w.CreateBackup(ctx, wish))
		done()
		if got := must[block.Backup](t)(w.Backup(ctx, failed.ID)); got.Status != block.SnapshotError {
			t.Errorf("got %+v, want error", got)
		}
		for _, id := range []string{made.ID, failed.ID} {
			check(t, w.DeleteBackup(ctx, id))
		}
		done()
		if _, err := w.Backup(ctx, made.ID); !errors.Is(err, cloud.ErrNotFound) {
			t.Errorf("got %v, want cloud.ErrNotFound", err)
		}
	})
}

func TestLifeOfAGroup(t *testing.T) {
	inWorld(t, simulator.Options{}, func(t *testing.T, w *world) {
		ctx := t.Context()
		w.AddGroupType("together")
		volumeType := w.AddVolumeType(simulator.VolumeTypeSpec{Name: "fast"})
		one := w.AddVolume(simulator.VolumeSpec{Name: "one", Type: "fast"})
		group := must[block.Group](t)(w.CreateGroup(ctx, block.Group{Name: "g", Type: "together", VolumeTypes: []string{volumeType}}))
		if group.ID == "" || group.Status != block.StatusCreating {
			t.Errorf("got %+v, want it creating", group)
		}
		done()
		check(t, w.SetGroupVolumes(ctx, group.ID, []string{one}, nil))
		check(t, w.SetGroupVolumes(ctx, group.ID, nil, nil))
		done()
		got := must[block.Group](t)(w.Group(ctx, group.ID))
		if got.Status != block.StatusAvailable || len(got.VolumeIDs) != 1 || got.VolumeIDs[0] != one {
			t.Errorf("got %+v, want it available, with one volume", got)
		}
		if found := must[[]block.Group](t)(w.GroupsNamed(ctx, "g")); len(found) != 1 || found[0].ID != group.ID || len(found[0].VolumeIDs) != 1 {
			t.Errorf("by name: got %+v", found)
		}
		if v := must[block.Volume](t)(w.Client.Volume(ctx, one)); v.GroupID != group.ID {
			t.Errorf("got %+v, want it in the group", v)
		}
		taken := must[block.GroupSnapshot](t)(w.CreateGroupSnapshot(ctx, "gs", group.ID))
		done()
		if now := must[block.GroupSnapshot](t)(w.GroupSnapshot(ctx, taken.ID)); now.Status != block.SnapshotAvailable || now.GroupID != group.ID || now.Name != "gs" {
			t.Errorf("got %+v", now)
		}
		if found := must[[]block.GroupSnapshot](t)(w.GroupSnapshotsNamed(ctx, "gs")); len(found) != 1 || found[0].ID != taken.ID {
			t.Errorf("by name: got %+v", found)
		}
		must[block.Snapshot](t)(w.CreateSnapshot(ctx, block.SnapshotRequest{Name: "alone", VolumeID: one}))
		parts := must[[]block.Snapshot](t)(w.SnapshotsOfGroup(ctx, taken.ID))
		if len(parts) != 1 || parts[0].VolumeID != one || parts[0].GroupSnapshotID != taken.ID {
			t.Errorf("got %+v, want the snapshot of its volume", parts)
		}
		if err := w.DeleteGroup(ctx, group.ID); err == nil {
			t.Error("a group with volumes was deleted")
		}
		check(t, w.DeleteGroupSnapshot(ctx, taken.ID))
		done()
		check(t, w.SetGroupVolumes(ctx, group.ID, nil, []string{one}))
		done()
		check(t, w.DeleteGroup(ctx, group.ID))
		done()
		if _, err := w.Group(ctx, group.ID); !errors.Is(err, cloud.ErrNotFound) {
			t.Errorf("got %v, want cloud.ErrNotFound", err)
		}
		if v := must[block.Volume](t)(w.Client.Volume(ctx, one)); v.Status != block.StatusAvailable || v.GroupID != "" {
			t.Errorf("got %+v, want it free", v)
		}
	})
}
