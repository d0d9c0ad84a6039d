package block

// ServerStatus is the status of a Nova server (nova/api/openstack/compute/views,
// "vm status").
type ServerStatus string

// The statuses that decisions are made upon. Nova attaches and detaches in the
// first seven (nova/compute/api.py, attach_volume and detach_volume, check_instance_state).
const (
	ServerActive           ServerStatus = "ACTIVE"
	ServerPaused           ServerStatus = "PAUSED"
	ServerStopped          ServerStatus = "SHUTOFF"
	ServerResized          ServerStatus = "VERIFY_RESIZE"
	ServerSoftDeleted      ServerStatus = "SOFT_DELETED"
	ServerShelved          ServerStatus = "SHELVED"
	ServerShelvedOffloaded ServerStatus = "SHELVED_OFFLOADED"
	ServerSuspended        ServerStatus = "SUSPENDED"
	ServerRescue           ServerStatus = "RESCUE"
	ServerBuild            ServerStatus = "BUILD"
	ServerError            ServerStatus = "ERROR"
	ServerDeleted          ServerStatus = "DELETED"
	// ServerGone is ours: Nova answers 404.
	ServerGone ServerStatus = "gone"
)

// Server is as much of a server as volumes need.
type Server struct {
	ID, Name         string
	Status           ServerStatus
	AvailabilityZone string
	// HostStatus is UP, UNKNOWN, DOWN, MAINTENANCE or "" where the cloud does
	// not tell (microversion 2.16; a policy decides who sees it).
	HostStatus string
	// TaskState is what Nova is doing with it, or "".
	TaskState string
}

// ServerVolume is one entry of a server's os-volume_attachments.
type ServerVolume struct {
	VolumeID string
	// AttachmentID is Cinder's attachment (microversion 2.89), or "".
	AttachmentID string
	Device       string
}

// Message says why something asynchronous failed (the messages of the Block
// Storage API, microversion 3.3).
type Message struct {
	ResourceID, Text, EventID string
}

// Limits are the project's, and what of them is used. -1 is no limit.
type Limits struct {
	MaxVolumes, UsedVolumes     int64
	MaxGigabytes, UsedGigabytes int64
}

// Type is a volume type that the project may use.
type Type struct {
	ID, Name    string
	Multiattach bool
	// ExtraSpecs are those that the project sees.
	ExtraSpecs map[string]string
}
