package simulator

import (
	"net/http"
	"slices"
	"time"
)

// cinderBase is what every row of Cinder has.
type cinderBase struct {
	ID, ProjectID, UserID  string
	Name, Description      string
	Status, previousStatus string
	Metadata               map[string]string
	Created, Updated       time.Time
	// number is the row's place in order of creation.
	number int
}

func (b *cinderBase) base() *cinderBase { return b }

// cinderRow is any row of Cinder.
type cinderRow interface{ base() *cinderBase }

// cinderTable holds the rows of one kind in order of creation.
type cinderTable[T cinderRow] struct {
	rows []T
	byID map[string]T
}

func (t *cinderTable[T]) add(row T) {
	if t.byID == nil {
		t.byID = map[string]T{}
	}
	t.rows = append(t.rows, row)
	t.byID[row.base().ID] = row
}

func (t *cinderTable[T]) remove(id string) {
	if _, found := t.byID[id]; !found {
		return
	}
	delete(t.byID, id)
	t.rows = slices.DeleteFunc(t.rows, func(row T) bool { return row.base().ID == id })
}

// visible finds a row that the caller may see.
func (t *cinderTable[T]) visible(r *request, what, id string) (T, error) {
	row, found := t.byID[id]
	if !found || row.base().ProjectID != r.Token.ProjectID && !r.Token.Admin {
		var none T
		return none, noCinder(what, id)
	}
	return row, nil
}

// where are the rows for which something holds.
func (t *cinderTable[T]) where(holds func(T) bool) []T {
	var found []T
	for _, row := range t.rows {
		if holds(row) {
			found = append(found, row)
		}
	}
	return found
}

// of are the rows of a project.
func (t *cinderTable[T]) of(projectID string) []T {
	return t.where(func(row T) bool { return row.base().ProjectID == projectID })
}

// newBase is the base of a row that a caller makes.
func (s *cinder) newBase(projectID, userID, status string) cinderBase {
	s.count++
	return cinderBase{
		ID: newID(), ProjectID: projectID, UserID: userID, Status: status, Metadata: map[string]string{},
		Created: time.Now(), number: s.count,
	}
}

// become gives a row another status.
func (s *cinder) become(row cinderRow, status string) {
	b := row.base()
	b.Status, b.Updated = status, s.now()
}

// The statuses, as cinder/objects/fields.py and cinder/common/constants.py have them.
const (
	cinderCreating   = "creating"
	cinderAvailable  = "available"
	cinderReserved   = "reserved"
	cinderAttaching  = "attaching"
	cinderAttached   = "attached"
	cinderInUse      = "in-use"
	cinderDetaching  = "detaching"
	cinderExtending  = "extending"
	cinderRetyping   = "retyping"
	cinderDeleting   = "deleting"
	cinderBackingUp  = "backing-up"
	cinderRestoring  = "restoring-backup"
	cinderUpdating   = "updating"
	cinderFailed     = "error"
	cinderBadDelete  = "error_deleting"
	cinderBadExtend  = "error_extending"
	cinderBadRestore = "error_restoring"
)

// cinderVolume is a volume.
type cinderVolume struct {
	cinderBase
	size int
	kind *cinderType
	zone string
	// host is the backend; "" until one has been found.
	host                           string
	snapshotID, sourceID, backupID string
	imageID, groupID               string
	bootable, multiattach          bool
	encrypted, readonly            bool
	migration                      string
}

// cinderAttachment ties a volume to a server. Its status is "reserved",
// "attaching", "attached" or "detaching".
type cinderAttachment struct {
	cinderBase
	volume                       *cinderVolume
	serverID, device, host, mode string
	// connected: a connector has been given, so there is connection_info.
	connected  bool
	attachedAt time.Time
}

// cinderSnapshot is a snapshot of a volume.
type cinderSnapshot struct {
	cinderBase
	volumeID, groupSnapshotID string
	size                      int
	kind                      *cinderType
}

// cinderBackup is a backup of a volume or a snapshot.
type cinderBackup struct {
	cinderBase
	volumeID, snapshotID, zone, failReason, container string
	parent                                            string
	size                                              int
	// volumeMetadata is what the volume had when the backup was made.
	volumeMetadata map[string]string
}

// cinderGroup is a generic volume group.
type cinderGroup struct {
	cinderBase
	kind  *cinderGroupType
	zone  string
	types []*cinderType
	// from is the group snapshot of which it was made.
	from string
}

// cinderGroupSnapshot is a snapshot of all volumes of a group.
type cinderGroupSnapshot struct {
	cinderBase
	groupID string
}

// cinderMessage says why asynchronous work failed.
type cinderMessage struct {
	cinderBase
	resource, resourceID, event, text, requestID string
}

// attachmentsOf are a volume's, oldest first.
func (s *cinder) attachmentsOf(v *cinderVolume) []*cinderAttachment {
	return s.attachments.where(func(a *cinderAttachment) bool { return a.volume == v })
}

// snapshotsOf are a volume's.
func (s *cinder) snapshotsOf(v *cinderVolume) []*cinderSnapshot {
	return s.snapshots.where(func(n *cinderSnapshot) bool { return n.volumeID == v.ID })
}

// volume finds a volume for a caller.
func (s *cinder) volume(r *request, id string) (*cinderVolume, error) {
	return s.volumes.visible(r, "Volume", id)
}

// accepted is an answer without a body.
func accepted(err error) (any, error) { return nil, err }

// errCinderBody is a body that is none.
var errCinderBody = cinderErrorf(http.StatusBadRequest, "Malformed request body")
