package storage

import (
	"context"
	"net/http"

	"underlay/pkg/openstack/session"
	"underlay/pkg/volumes/block"
)

// Operations on backups (https://docs.openstack.org/api-ref/block-storage/v3/#backups-backups).
var (
	opBackupGet    = session.Operation{Name: "backup_get", Method: http.MethodGet}
	opBackupList   = session.Operation{Name: "backup_list", Method: http.MethodGet}
	opBackupCreate = session.Operation{Name: "backup_create", Method: http.MethodPost}
	opBackupDelete = session.Operation{Name: "backup_delete", Method: http.MethodDelete, Idempotent: true}
)

type cinderBackup struct {
	ID          string            `json:"id"`
	Name        string            `json:"name"`
	Description string            `json:"description"`
	Volume      string            `json:"volume_id"`
	Snapshot    string            `json:"snapshot_id"`
	Status      string            `json:"status"`
	Size        int64             `json:"size"`
	Zone        string            `json:"availability_zone"`
	FailReason  string            `json:"fail_reason"`
	Metadata    map[string]string `json:"metadata"`
	CreatedAt   moment            `json:"created_at"`
}

func (b cinderBackup) block() block.Backup {
	return block.Backup{
		ID: b.ID, Name: b.Name, Description: b.Description, VolumeID: b.Volume, SnapshotID: b.Snapshot,
		Status: block.SnapshotStatus(b.Status), SizeGiB: b.Size, AvailabilityZone: b.Zone, FailReason: b.FailReason,
		Metadata: b.Metadata, CreatedAt: b.CreatedAt.Time,
	}
}

func (c *Client) backupList(volumeID string) session.Listing {
	return session.Listing{
		Op: opBackupList, Of: c.cinder, Path: []string{"backups", "detail"}, Key: "backups", Query: ofVolume(volumeID),
	}
}

// Backup keeps the contract of controller.Backups.
func (c *Client) Backup(ctx context.Context, id string) (block.Backup, error) {
	found, err := read[cinderBackup](ctx, c, session.Request{Op: opBackupGet, Of: c.cinder, Path: []string{"backups", id}}, "backup")
	return found.block(), err
}

// BackupsNamed keeps the contract of controller.Backups.
func (c *Client) BackupsNamed(ctx context.Context, name string) ([]block.Backup, error) {
	found, err := named(ctx, c, c.backupList(""), name, func(b cinderBackup) string { return b.Name })
	return convert(found, err, cinderBackup.block)
}

// BackupPage keeps the contract of controller.Backups.
func (c *Client) BackupPage(ctx context.Context, volumeID, marker string, limit int) ([]block.Backup, string, error) {
	found, next, err := page[cinderBackup](ctx, c, c.backupList(volumeID), marker, limit)
	out, err := convert(found, err, cinderBackup.block)
	return out, next, err
}

// CreateBackup keeps the contract of controller.Backups. Cinder's answer has only
// the id and the name; the rest is as it was wished, and creating. What an older
// Cinder cannot keep is left out: metadata before 3.43, the zone before 3.51.
func (c *Client) CreateBackup(ctx context.Context, wish block.BackupRequest) (block.Backup, error) {
	var said struct{ Backup cinderBackup }
	err := c.session.Send(ctx, session.Request{
		Op: opBackupCreate, Of: c.cinder, Path: []string{"backups"}, Into: &said,
		BodyAt: func(minor int) (any, error) {
			backup := body{"volume_id": wish.VolumeID, "force": wish.Force}.set("name", wish.Name).
				set("description", wish.Description).set("snapshot_id", wish.SnapshotID)
			if wish.Incremental {
				backup["incremental"] = true
			}
			if minor >= backupMetadata {
				backup.setMetadata(wish.Metadata)
			}
			if minor >= backupZone {
				backup.set("availability_zone", wish.AvailabilityZone)
			}
			return body{"backup": backup}, nil
		},
	})
	return block.Backup{
		ID: said.Backup.ID, Name: wish.Name, Description: wish.Description, VolumeID: wish.VolumeID, SnapshotID: wish.SnapshotID,
		Status: block.SnapshotCreating, AvailabilityZone: wish.AvailabilityZone, Metadata: wish.Metadata,
	}, err
}

// DeleteBackup keeps the contract of controller.Backups. It begins; the backup is
// gone later.
func (c *Client) DeleteBackup(ctx context.Context, id string) error {
	return c.byID(ctx, session.Request{Op: opBackupDelete, Of: c.cinder, Path: []string{"backups", id}})
}
