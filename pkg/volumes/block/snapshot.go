package block

import "time"

// SnapshotStatus is the status of a snapshot, a backup or a group snapshot
// (cinder/objects/fields.py, SnapshotStatus, BackupStatus, GroupSnapshotStatus).
type SnapshotStatus string

// The statuses that decisions are made upon.
const (
	SnapshotCreating      SnapshotStatus = "creating"
	SnapshotAvailable     SnapshotStatus = "available"
	SnapshotDeleting      SnapshotStatus = "deleting"
	SnapshotBackingUp     SnapshotStatus = "backing-up"
	SnapshotRestoring     SnapshotStatus = "restoring"
	SnapshotError         SnapshotStatus = "error"
	SnapshotErrorDeleting SnapshotStatus = "error_deleting"
	// SnapshotGone is ours: Cinder answers 404.
	SnapshotGone SnapshotStatus = "gone"
)

// SnapshotStatuses are all statuses of a snapshot that are named here, SnapshotGone included.
func SnapshotStatuses() []SnapshotStatus {
	return []SnapshotStatus{
		SnapshotCreating, SnapshotAvailable, SnapshotDeleting, SnapshotBackingUp,
		SnapshotRestoring, SnapshotError, SnapshotErrorDeleting, SnapshotGone,
	}
}

// Snapshot is a snapshot of a volume.
type Snapshot struct {
	ID, Name, Description, VolumeID string
	Status                          SnapshotStatus
	// SizeGiB is the size of the volume when it was taken.
	SizeGiB int64
	// GroupSnapshotID is the group snapshot that it is part of, or "".
	GroupSnapshotID string
	Metadata        map[string]string
	CreatedAt       time.Time
}

// SnapshotRequest is a snapshot to be made.
type SnapshotRequest struct {
	Name, Description, VolumeID string
	// Force allows a volume in use; implied from microversion 3.66 on.
	Force    bool
	Metadata map[string]string
}

// Backup is a copy of a volume outside of its storage.
type Backup struct {
	ID, Name, Description, VolumeID, SnapshotID string
	Status                                      SnapshotStatus
	SizeGiB                                     int64
	AvailabilityZone                            string
	// FailReason says why Status is error.
	FailReason string
	Metadata   map[string]string
	CreatedAt  time.Time
}

// BackupRequest is a backup to be made. SnapshotID may be empty.
type BackupRequest struct {
	Name, Description, VolumeID, SnapshotID, AvailabilityZone string
	Force                                                     bool
	// Incremental builds upon the latest backup of the volume, which must have one.
	Incremental bool
	Metadata    map[string]string
}

// GroupSnapshot is a snapshot of all volumes of a group, taken at one time.
type GroupSnapshot struct {
	ID, Name, Description, GroupID string
	Status                         SnapshotStatus
	CreatedAt                      time.Time
}

// Group is a generic volume group.
type Group struct {
	ID, Name, Description, Type, AvailabilityZone string
	Status                                        Status
	VolumeTypes                                   []string
	VolumeIDs                                     []string
}
