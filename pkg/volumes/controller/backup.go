package controller

import (
	"context"
	"maps"
	"slices"

	"k8s.io/klog/v2"

	"underlay/pkg/volumes/block"
)

// backUp goes round until the backup is begun or cannot be. A backup is made from
// a snapshot of the same name, so that the volume can be attached and detached
// meanwhile; the snapshot is deleted when the backup is ready, has failed or is
// deleted.
func (c *copying) backUp(ctx context.Context) (copied, error) {
	for {
		found, err := c.p.BackupsNamed(ctx, c.name)
		if err != nil {
			return copied{}, unseen(ctx, "look for backup "+c.name, err)
		}
		all := make([]copied, 0, len(found))
		for _, b := range found {
			all = append(all, ofBackup(b))
		}
		taken, extras, err := c.choose(all)
		if err != nil {
			return taken, err
		}
		ended, err := c.step(ctx, taken, extras, c.askBackup)
		if err != nil {
			return taken, err
		}
		if ended {
			return taken, c.p.tidy(ctx, taken)
		}
	}
}

// askBackup takes the snapshot, waits until it is ready, and sends the POST of the
// backup.
func (c *copying) askBackup(ctx context.Context) error {
	temporary := *c
	temporary.metadata = maps.Clone(c.metadata)
	temporary.metadata[metadataTemporary] = "true"
	snapshot, err := temporary.snapshot(ctx)
	if err != nil {
		return err
	}
	if snapshot, err = c.p.restorable(ctx, snapshot); err != nil {
		return err
	}
	incremental, err := c.hasBase(ctx)
	if err != nil {
		return err
	}
	c.asked = true
	b, err := c.p.CreateBackup(ctx, block.BackupRequest{
		Name: c.name, Description: "Created by " + block.DriverName, VolumeID: c.volumeID, SnapshotID: snapshot.id,
		AvailabilityZone: c.zone, Force: true, Incremental: incremental, Metadata: c.metadata,
	})
	if err != nil {
		return unwritten(ctx, "make backup "+c.name, err)
	}
	klog.FromContext(ctx).Info("Backup is being made", "backup", b.ID, "name", b.Name, "volume", c.volumeID, "snapshot", snapshot.id)
	return nil
}

// hasBase says whether the backup is to build upon another one, and can: Cinder
// refuses an incremental backup where the volume has none that is available.
func (c *copying) hasBase(ctx context.Context) (bool, error) {
	for marker := ""; c.incremental; {
		page, next, err := c.p.BackupPage(ctx, c.volumeID, marker, 0)
		if err != nil {
			return false, unseen(ctx, "list backups of volume "+c.volumeID, err)
		}
		if slices.ContainsFunc(page, func(b block.Backup) bool { return b.VolumeID == c.volumeID && b.Status == block.SnapshotAvailable }) {
			return true, nil
		}
		if marker = next; marker == "" {
			break
		}
	}
	return false, nil
}

// tidy deletes the snapshot that a backup was made from once it is not needed.
func (p *project) tidy(ctx context.Context, c copied) error {
	if !c.backup || c.status != block.SnapshotAvailable && c.status != block.SnapshotError {
		return nil
	}
	return p.dropTemporary(ctx, c)
}

// dropTemporary deletes the snapshots that a backup was made from.
func (p *project) dropTemporary(ctx context.Context, backup copied) error {
	found, err := p.SnapshotsNamed(ctx, backup.name)
	if err != nil {
		return unseen(ctx, "look for snapshot "+backup.name, err)
	}
	for _, s := range found {
		if s.Metadata[metadataTemporary] == "" || s.Name != backup.name || s.VolumeID != backup.volumeID ||
			s.Metadata[block.MetadataCluster] != backup.metadata[block.MetadataCluster] {
			continue
		}
		if err := p.dropCopy(ctx, ofSnapshot(s)); err != nil {
			return err
		}
	}
	return nil
}
