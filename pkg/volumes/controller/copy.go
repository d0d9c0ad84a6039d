package controller

import (
	"context"
	"errors"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	"underlay/internal/cloud"
	"underlay/pkg/volumes/block"
	"underlay/pkg/volumes/verdict"
)

// metadataTemporary in the metadata of a Cinder snapshot says that it is there
// only until the backup of the same name has been made from it.
const metadataTemporary = "cinder.csi.openstack.org/backup-source"

// copied is what CSI calls a snapshot: a snapshot or a backup of Cinder.
type copied struct {
	id, name, volumeID string
	// backup tells the two apart.
	backup  bool
	status  block.SnapshotStatus
	sizeGiB int64
	created time.Time
	// zone is the volume's, where somebody asked for it (project.locate), or "".
	zone string
	// group is the group snapshot that a snapshot is part of, or "".
	group    string
	metadata map[string]string
	// reason says why a backup is in error, where Cinder tells.
	reason string
}

func ofSnapshot(s block.Snapshot) copied {
	return copied{id: s.ID, name: s.Name, volumeID: s.VolumeID, status: s.Status, sizeGiB: s.SizeGiB, created: s.CreatedAt, group: s.GroupSnapshotID, metadata: s.Metadata}
}

func ofBackup(b block.Backup) copied {
	return copied{id: b.ID, name: b.Name, volumeID: b.VolumeID, backup: true, status: b.Status, sizeGiB: b.SizeGiB, created: b.CreatedAt, metadata: b.Metadata, reason: b.FailReason}
}

func (c copied) kind() string {
	if c.backup {
		return "backup"
	}
	return "snapshot"
}

// describe is the CSI's word for it, but for where it can be used.
func (c copied) describe() *csi.Snapshot {
	return &csi.Snapshot{
		SnapshotId: c.id, SourceVolumeId: c.volumeID, SizeBytes: c.sizeGiB * gib, CreationTime: timestamppb.New(c.created),
		ReadyToUse: c.status == block.SnapshotAvailable || c.status == block.SnapshotRestoring || c.status == block.SnapshotBackingUp, GroupSnapshotId: c.group,
	}
}

// copied finds a snapshot or a backup by id. One that does not exist has
// SnapshotGone: both must be said not to be there, by Cinder.
func (p *project) copied(ctx context.Context, id string) (copied, error) {
	s, err := p.Snapshot(ctx, id)
	if err == nil {
		return ofSnapshot(s), nil
	}
	if !errors.Is(err, cloud.ErrNotFound) {
		return copied{}, unseen(ctx, "read snapshot "+id, err)
	}
	b, err := p.Backup(ctx, id)
	switch {
	case err == nil:
		return ofBackup(b), nil
	case errors.Is(err, cloud.ErrNotFound):
		return copied{id: id, status: block.SnapshotGone}, nil
	default:
		return copied{}, unseen(ctx, "read backup "+id, err)
	}
}

// settleCopy waits until settled holds of the status; SnapshotGone when it is gone.
func (p *project) settleCopy(ctx context.Context, c copied, settled func(block.SnapshotStatus) bool) (copied, error) {
	var now copied
	var err error
	if c.backup {
		var b block.Backup
		b, err = p.backups.await(ctx, c.id, func(b block.Backup) bool { return settled(b.Status) })
		now = ofBackup(b)
	} else {
		var s block.Snapshot
		s, err = p.snapshots.await(ctx, c.id, func(s block.Snapshot) bool { return settled(s.Status) })
		now = ofSnapshot(s)
	}
	switch {
	case errors.Is(err, cloud.ErrNotFound):
		c.status = block.SnapshotGone
		return c, nil
	case err != nil && now.status != "":
		return c, unseen(ctx, c.kind()+" "+c.id+" is still "+string(now.status), err)
	case err != nil:
		return c, unseen(ctx, "wait for "+c.kind()+" "+c.id, err)
	default:
		return now, nil
	}
}

// restorable waits until a copy can be restored.
func (p *project) restorable(ctx context.Context, c copied) (copied, error) {
	decide := func(s block.SnapshotStatus) verdict.Verdict {
		return verdict.Decide(verdict.SourceSnapshot, verdict.Facts{Status: string(s)})
	}
	if decide(c.status).Do == verdict.Wait {
		var err error
		if c, err = p.settleCopy(ctx, c, func(s block.SnapshotStatus) bool { return decide(s).Do != verdict.Wait }); err != nil {
			return c, err
		}
	}
	if rule := decide(c.status); rule.Do == verdict.Refuse {
		return c, refusal(rule, c.kind()+" "+c.id, string(c.status), c.reason)
	}
	return c, nil
}

// dropCopy deletes a copy and waits until it is gone.
func (p *project) dropCopy(ctx context.Context, c copied) error {
	decide := func(s block.SnapshotStatus) verdict.Verdict {
		return verdict.Decide(verdict.DeleteSnapshot, verdict.Facts{Status: string(s)})
	}
	for asked := false; ; {
		rule := decide(c.status)
		switch {
		case rule.Do == verdict.Done:
			return nil
		case rule.Do == verdict.Act && asked:
			return unfinished("%s %s was to be deleted, and Cinder has it %s again", c.kind(), c.id, c.status)
		case rule.Do == verdict.Act:
			asked = true
			if err := p.deleteCopy(ctx, c); err != nil {
				return err
			}
		case rule.Do == verdict.Refuse:
			return refusal(rule, c.kind()+" "+c.id, string(c.status), p.reason(ctx, c.id))
		}
		var err error
		if c, err = p.settleCopy(ctx, c, func(s block.SnapshotStatus) bool { return decide(s).Do != verdict.Wait }); err != nil {
			return err
		}
	}
}

// deleteCopy sends the DELETE.
func (p *project) deleteCopy(ctx context.Context, c copied) error {
	remove := p.DeleteSnapshot
	if c.backup {
		remove = p.DeleteBackup
	}
	err := remove(ctx, c.id)
	switch {
	case err == nil || errors.Is(err, cloud.ErrNotFound):
		return nil
	case isAny(err, cloud.ErrBusy, cloud.ErrInvalid):
		// A DELETE whose answer was lost is refused when it is sent again.
		now, unread := p.copied(ctx, c.id)
		if unread != nil {
			return unread
		}
		if verdict.Decide(verdict.DeleteSnapshot, verdict.Facts{Status: string(now.status)}).Do != verdict.Act {
			return nil
		}
		return status.Errorf(codes.FailedPrecondition, "%s %s cannot be deleted while something else uses it: %v", c.kind(), c.id, err)
	default:
		return unwritten(ctx, "delete "+c.kind()+" "+c.id, err)
	}
}
