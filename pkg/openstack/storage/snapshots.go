package storage

import (
	"context"
	"net/http"
	"net/url"

	"underlay/pkg/openstack/session"
	"underlay/pkg/volumes/block"
)

// Operations on snapshots (https://docs.openstack.org/api-ref/block-storage/v3/#volume-snapshots-snapshots).
var (
	opSnapshotGet    = session.Operation{Name: "snapshot_get", Method: http.MethodGet}
	opSnapshotList   = session.Operation{Name: "snapshot_list", Method: http.MethodGet}
	opSnapshotCreate = session.Operation{Name: "snapshot_create", Method: http.MethodPost}
	opSnapshotDelete = session.Operation{Name: "snapshot_delete", Method: http.MethodDelete, Idempotent: true}
)

type cinderSnapshot struct {
	ID            string            `json:"id"`
	Name          string            `json:"name"`
	Description   string            `json:"description"`
	Volume        string            `json:"volume_id"`
	Status        string            `json:"status"`
	Size          int64             `json:"size"`
	GroupSnapshot string            `json:"group_snapshot_id"`
	Metadata      map[string]string `json:"metadata"`
	CreatedAt     moment            `json:"created_at"`
}

func (s cinderSnapshot) block() block.Snapshot {
	return block.Snapshot{
		ID: s.ID, Name: s.Name, Description: s.Description, VolumeID: s.Volume, Status: block.SnapshotStatus(s.Status),
		SizeGiB: s.Size, GroupSnapshotID: s.GroupSnapshot, Metadata: s.Metadata, CreatedAt: s.CreatedAt.Time,
	}
}

func (c *Client) snapshotList(volumeID string) session.Listing {
	return session.Listing{
		Op: opSnapshotList, Of: c.cinder, Path: []string{"snapshots", "detail"}, Key: "snapshots", Query: ofVolume(volumeID),
	}
}

// ofVolume asks for what belongs to a volume, or for all ("").
func ofVolume(id string) url.Values {
	if id == "" {
		return url.Values{}
	}
	return url.Values{"volume_id": {id}}
}

// Snapshot keeps the contract of controller.Snapshots.
func (c *Client) Snapshot(ctx context.Context, id string) (block.Snapshot, error) {
	found, err := read[cinderSnapshot](ctx, c, session.Request{Op: opSnapshotGet, Of: c.cinder, Path: []string{"snapshots", id}}, "snapshot")
	return found.block(), err
}

// SnapshotsNamed keeps the contract of controller.Snapshots.
func (c *Client) SnapshotsNamed(ctx context.Context, name string) ([]block.Snapshot, error) {
	found, err := named(ctx, c, c.snapshotList(""), name, func(s cinderSnapshot) string { return s.Name })
	return convert(found, err, cinderSnapshot.block)
}

// SnapshotPage keeps the contract of controller.Snapshots.
func (c *Client) SnapshotPage(ctx context.Context, volumeID, marker string, limit int) ([]block.Snapshot, string, error) {
	found, next, err := page[cinderSnapshot](ctx, c, c.snapshotList(volumeID), marker, limit)
	out, err := convert(found, err, cinderSnapshot.block)
	return out, next, err
}

// CreateSnapshot keeps the contract of controller.Snapshots.
func (c *Client) CreateSnapshot(ctx context.Context, wish block.SnapshotRequest) (block.Snapshot, error) {
	snapshot := body{"volume_id": wish.VolumeID}.set("name", wish.Name).set("description", wish.Description).setMetadata(wish.Metadata)
	if wish.Force {
		snapshot["force"] = true // since 3.66 only "false" is refused
	}
	var said struct{ Snapshot cinderSnapshot }
	err := c.session.Send(ctx, session.Request{
		Op: opSnapshotCreate, Of: c.cinder, Path: []string{"snapshots"}, Body: body{"snapshot": snapshot}, Into: &said,
	})
	return said.Snapshot.block(), err
}

// DeleteSnapshot keeps the contract of controller.Snapshots. It begins; the
// snapshot is gone later.
func (c *Client) DeleteSnapshot(ctx context.Context, id string) error {
	return c.byID(ctx, session.Request{Op: opSnapshotDelete, Of: c.cinder, Path: []string{"snapshots", id}})
}
