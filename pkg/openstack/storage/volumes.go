package storage

import (
	"cmp"
	"context"
	"net/http"

	"underlay/pkg/openstack/session"
	"underlay/pkg/volumes/block"
)

// Operations on volumes (https://docs.openstack.org/api-ref/block-storage/v3/#volumes-volumes).
var (
	opVolumeGet    = session.Operation{Name: "volume_get", Method: http.MethodGet}
	opVolumeList   = session.Operation{Name: "volume_list", Method: http.MethodGet}
	opVolumeDelete = session.Operation{Name: "volume_delete", Method: http.MethodDelete, Idempotent: true}
)

// sourceBackup is the key under which Cinder notes the backup that a volume was
// made from, once that is done (cinder/backup/manager.py, _finish_restore). No
// field of the volume tells it.
const sourceBackup = "src_backup_id"

// cinderVolume is what we read of a volume.
type cinderVolume struct {
	ID           string            `json:"id"`
	Name         string            `json:"name"`
	Description  string            `json:"description"`
	Status       string            `json:"status"`
	Size         int64             `json:"size"`
	Type         string            `json:"volume_type"`
	Zone         string            `json:"availability_zone"`
	SourceVolume string            `json:"source_volid"`
	Snapshot     string            `json:"snapshot_id"`
	Encrypted    bool              `json:"encrypted"`
	Multiattach  bool              `json:"multiattach"`
	Group        string            `json:"group_id"`
	Metadata     map[string]string `json:"metadata"`
	CreatedAt    moment            `json:"created_at"`
	// Both tell the same, to administrators alone or to whom a policy allows.
	Migration   string `json:"migration_status"`
	Migstat     string `json:"os-vol-mig-status-attr:migstat"`
	Attachments []struct {
		ID     string `json:"attachment_id"`
		Server string `json:"server_id"`
		Device string `json:"device"`
		Host   string `json:"host_name"`
	} `json:"attachments"`
}

func (v cinderVolume) block() block.Volume {
	out := block.Volume{
		ID: v.ID, Name: v.Name, Description: v.Description, Status: block.Status(v.Status), SizeGiB: v.Size, Type: v.Type,
		AvailabilityZone: v.Zone, SourceVolumeID: v.SourceVolume, SourceSnapshotID: v.Snapshot, SourceBackupID: v.Metadata[sourceBackup],
		Encrypted: v.Encrypted, Multiattach: v.Multiattach, GroupID: v.Group,
		MigrationStatus: cmp.Or(v.Migration, v.Migstat), Metadata: v.Metadata, CreatedAt: v.CreatedAt.Time,
	}
	for _, a := range v.Attachments {
		out.Attachments = append(out.Attachments, block.Attachment{ID: a.ID, ServerID: a.Server, Device: a.Device, Host: a.Host})
	}
	return out
}

func volumeName(v cinderVolume) string { return v.Name }

func (c *Client) volumeList() session.Listing {
	return session.Listing{Op: opVolumeList, Of: c.cinder, Path: []string{"volumes", "detail"}, Key: "volumes"}
}

// Volume keeps the contract of controller.Volumes.
func (c *Client) Volume(ctx context.Context, id string) (block.Volume, error) {
	found, err := read[cinderVolume](ctx, c, session.Request{Op: opVolumeGet, Of: c.cinder, Path: []string{"volumes", id}}, "volume")
	return found.block(), err
}

// VolumesNamed keeps the contract of controller.Volumes.
func (c *Client) VolumesNamed(ctx context.Context, name string) ([]block.Volume, error) {
	found, err := named(ctx, c, c.volumeList(), name, volumeName)
	return convert(found, err, cinderVolume.block)
}

// VolumePage keeps the contract of controller.Volumes. A marker that is there no
// more gives cloud.ErrNotFound.
func (c *Client) VolumePage(ctx context.Context, marker string, limit int) ([]block.Volume, string, error) {
	found, next, err := page[cinderVolume](ctx, c, c.volumeList(), marker, limit)
	out, err := convert(found, err, cinderVolume.block)
	return out, next, err
}

// DeleteVolume keeps the contract of controller.Volumes. It begins; the volume is
// gone later.
func (c *Client) DeleteVolume(ctx context.Context, id string) error {
	return c.byID(ctx, session.Request{Op: opVolumeDelete, Of: c.cinder, Path: []string{"volumes", id}})
}
