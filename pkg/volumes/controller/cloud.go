package controller

import (
	"context"

	"underlay/pkg/volumes/block"
)

// The cloud, as the controller service needs it. Every method is one API call
// unless it says otherwise. Errors are classified as internal/cloud says: a volume
// that is in the wrong status for a write gives cloud.ErrBusy (Cinder answers 400
// or 409), a quota (413, 403) cloud.ErrQuota, a lost answer cloud.ErrAmbiguous.
// All answers are the caller's own.

// Volumes reads and writes volumes.
type Volumes interface {
	// Volume gives cloud.ErrNotFound when there is none.
	Volume(ctx context.Context, id string) (block.Volume, error)
	// VolumesNamed lists those with exactly this name: Cinder allows several.
	VolumesNamed(ctx context.Context, name string) ([]block.Volume, error)
	// VolumePage lists at most limit (0: as many as the cloud gives) after marker
	// (an id, "" from the start), oldest first. next is "" at the end.
	VolumePage(ctx context.Context, marker string, limit int) (page []block.Volume, next string, err error)
	CreateVolume(ctx context.Context, wish block.VolumeRequest) (block.Volume, error)
	DeleteVolume(ctx context.Context, id string) error
	// ExtendVolume grows a volume; one in use needs microversion 3.42, without
	// which the error is cloud.ErrUnsupported.
	ExtendVolume(ctx context.Context, id string, sizeGiB int64) error
}

// VolumeChanger changes what a volume is.
type VolumeChanger interface {
	// Retype gives a volume another type; migrate allows Cinder to move it.
	Retype(ctx context.Context, id, volumeType string, migrate bool) error
	// SetMetadata adds and replaces keys and leaves the others.
	SetMetadata(ctx context.Context, id string, metadata map[string]string) error
	// ResetError sets a volume back to available where the project may
	// (os-reset_status is usually for administrators: cloud.ErrDenied).
	ResetError(ctx context.Context, id string) error
	// Type finds a volume type by name or id.
	Type(ctx context.Context, nameOrID string) (block.Type, error)
}

// Attacher ties volumes to servers, through Nova.
type Attacher interface {
	Server(ctx context.Context, id string) (block.Server, error)
	// Attach asks for it; the volume is in-use some seconds later. A server that
	// takes no more disks gives cloud.ErrQuota.
	Attach(ctx context.Context, serverID, volumeID string) error
	// Detach asks for it.
	Detach(ctx context.Context, serverID, volumeID string) error
	// ServerVolumes are what Nova says is attached.
	ServerVolumes(ctx context.Context, serverID string) ([]block.ServerVolume, error)
	// Attachments are all that Cinder has of a volume, those too that a volume does
	// not tell: not attached yet, or never because it failed (microversion 3.27).
	Attachments(ctx context.Context, volumeID string) ([]block.Attachment, error)
	// DeleteAttachment deletes Cinder's attachment: legal for a project only when
	// Nova does not know the server any more (cinder/volume/api.py, attachment_deletion_allowed).
	DeleteAttachment(ctx context.Context, attachmentID string) error
}

// Snapshots reads and writes snapshots.
type Snapshots interface {
	Snapshot(ctx context.Context, id string) (block.Snapshot, error)
	SnapshotsNamed(ctx context.Context, name string) ([]block.Snapshot, error)
	// SnapshotPage lists as VolumePage does; volumeID "" means of all volumes.
	SnapshotPage(ctx context.Context, volumeID, marker string, limit int) (page []block.Snapshot, next string, err error)
	CreateSnapshot(ctx context.Context, wish block.SnapshotRequest) (block.Snapshot, error)
	DeleteSnapshot(ctx context.Context, id string) error
}

// Backups reads and writes backups.
type Backups interface {
	Backup(ctx context.Context, id string) (block.Backup, error)
	BackupsNamed(ctx context.Context, name string) ([]block.Backup, error)
	// BackupPage lists as VolumePage does; volumeID "" means of all volumes.
	BackupPage(ctx context.Context, volumeID, marker string, limit int) (page []block.Backup, next string, err error)
	CreateBackup(ctx context.Context, wish block.BackupRequest) (block.Backup, error)
	DeleteBackup(ctx context.Context, id string) error
}

// Groups reads and writes volume groups and their snapshots (microversions 3.13, 3.14).
type Groups interface {
	Group(ctx context.Context, id string) (block.Group, error)
	GroupsNamed(ctx context.Context, name string) ([]block.Group, error)
	// AllGroups lists the groups of the project with their volumes, page after page.
	AllGroups(ctx context.Context) ([]block.Group, error)
	// CreateGroup makes an empty group; the group type is named or an id.
	CreateGroup(ctx context.Context, wish block.Group) (block.Group, error)
	// SetGroupVolumes adds and removes volumes.
	SetGroupVolumes(ctx context.Context, id string, add, remove []string) error
	DeleteGroup(ctx context.Context, id string) error
	GroupSnapshot(ctx context.Context, id string) (block.GroupSnapshot, error)
	GroupSnapshotsNamed(ctx context.Context, name string) ([]block.GroupSnapshot, error)
	CreateGroupSnapshot(ctx context.Context, name, groupID string) (block.GroupSnapshot, error)
	DeleteGroupSnapshot(ctx context.Context, id string) error
	// SnapshotsOfGroup lists the snapshots of one group snapshot.
	SnapshotsOfGroup(ctx context.Context, groupSnapshotID string) ([]block.Snapshot, error)
}

// Project tells what the project may and why things failed.
type Project interface {
	Limits(ctx context.Context) (block.Limits, error)
	// Messages are why asynchronous work on a resource failed, newest first;
	// nil where the cloud keeps none.
	Messages(ctx context.Context, resourceID string) ([]block.Message, error)
	// Zones are the names of the availability zones of the storage; cached.
	Zones(ctx context.Context) ([]string, error)
}

// Cloud is all of it: one project of one cloud.
type Cloud interface {
	Volumes
	VolumeChanger
	Attacher
	Snapshots
	Backups
	Groups
	Project
}
