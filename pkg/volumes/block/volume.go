package block

import "time"

// Status is the status of a volume (cinder/objects/fields.py, VolumeStatus).
type Status string

// The statuses of a volume that decisions are made upon.
const (
	StatusCreating         Status = "creating"
	StatusAvailable        Status = "available"
	StatusReserved         Status = "reserved"
	StatusAttaching        Status = "attaching"
	StatusDetaching        Status = "detaching"
	StatusInUse            Status = "in-use"
	StatusMaintenance      Status = "maintenance"
	StatusDeleting         Status = "deleting"
	StatusAwaitingTransfer Status = "awaiting-transfer"
	StatusBackingUp        Status = "backing-up"
	StatusRestoringBackup  Status = "restoring-backup"
	StatusDownloading      Status = "downloading"
	StatusUploading        Status = "uploading"
	StatusRetyping         Status = "retyping"
	StatusExtending        Status = "extending"
	StatusManaging         Status = "managing"
	StatusError            Status = "error"
	StatusErrorDeleting    Status = "error_deleting"
	StatusErrorExtending   Status = "error_extending"
	StatusErrorRestoring   Status = "error_restoring"
	StatusErrorBackingUp   Status = "error_backing-up"
	StatusErrorManaging    Status = "error_managing"
	StatusErrorAttaching   Status = "error_attaching"
	StatusErrorDetaching   Status = "error_detaching"
	// StatusGone is ours: Cinder answers 404.
	StatusGone Status = "gone"
)

// Volume is one Cinder volume.
type Volume struct {
	ID, Name, Description string
	Status                Status
	// SizeGiB is the size in GiB, the only unit that Cinder knows.
	SizeGiB int64
	// Type is the name of the volume type.
	Type             string
	AvailabilityZone string
	// Of these three at most one is set: what the volume was made from. Cinder
	// tells the backup only when it is restored.
	SourceVolumeID, SourceSnapshotID, SourceBackupID string
	Encrypted, Multiattach                           bool
	GroupID                                          string
	// MigrationStatus is "" or "none" when nobody moves the volume. Only some
	// clouds tell it.
	MigrationStatus string
	Metadata        map[string]string
	Attachments     []Attachment
	CreatedAt       time.Time
}

// Attachment is a volume's tie to one server, as the volume tells it. While a
// volume is being attached Cinder may not list it yet.
type Attachment struct {
	// ID is Cinder's attachment, ServerID Nova's server.
	ID, ServerID string
	// Device is what the hypervisor called it, e.g. "/dev/vdb". A guest may
	// name it otherwise.
	Device string
	// Host is the hypervisor; only administrators see it.
	Host string
}

// AttachedTo tells the attachment of a server.
func (v Volume) AttachedTo(serverID string) (Attachment, bool) {
	for _, a := range v.Attachments {
		if a.ServerID == serverID {
			return a, true
		}
	}
	return Attachment{}, false
}

// Statuses are all statuses of a volume that are named here, StatusGone included.
func Statuses() []Status {
	return []Status{
		StatusCreating, StatusAvailable, StatusReserved, StatusAttaching, StatusDetaching, StatusInUse, StatusMaintenance,
		StatusDeleting, StatusAwaitingTransfer, StatusBackingUp, StatusRestoringBackup, StatusDownloading, StatusUploading,
		StatusRetyping, StatusExtending, StatusManaging, StatusError, StatusErrorDeleting, StatusErrorExtending,
		StatusErrorRestoring, StatusErrorBackingUp, StatusErrorManaging, StatusErrorAttaching, StatusErrorDetaching, StatusGone,
	}
}

// VolumeRequest is a volume to be made. Empty fields are not sent.
type VolumeRequest struct {
	Name, Description, Type, AvailabilityZone        string
	SizeGiB                                          int64
	SourceVolumeID, SourceSnapshotID, SourceBackupID string
	GroupID                                          string
	Metadata                                         map[string]string
	// SameHost and DifferentHost are ids of volumes: scheduler hints.
	SameHost, DifferentHost []string
}
