package simulator

import (
	"slices"
	"time"
)

// VolumePace is how long the workers of Cinder and Nova take. Meanwhile a volume
// is "creating", "attaching" and so on, and refuses most requests.
type VolumePace struct {
	Create, Delete, Extend, Retype time.Duration
	// Attach is from Nova's answer until the volume is in-use, Detach until it is
	// available again.
	Attach, Detach time.Duration
	// Forget is how long Nova still lists a volume after Cinder has said that it
	// is available; 0 by default. A real Nova takes a moment.
	Forget time.Duration
	// Snapshot is the making or deleting of a snapshot, Backup that of a backup
	// and its restore, Group that of a group or a change of it.
	Snapshot, Backup, Group time.Duration
}

// defaultVolumePace is short, and long enough for whoever does not wait to be refused.
var defaultVolumePace = VolumePace{
	Create: 200 * time.Millisecond, Delete: 100 * time.Millisecond, Extend: 100 * time.Millisecond, Retype: 200 * time.Millisecond,
	Attach: 300 * time.Millisecond, Detach: 300 * time.Millisecond,
	Snapshot: 100 * time.Millisecond, Backup: 500 * time.Millisecond, Group: 100 * time.Millisecond,
}

// SetVolumePace makes the work that begins from now on take other times. At the
// zero value it is done as soon as the call that asked for it has been answered.
func (c *Cloud) SetVolumePace(pace VolumePace) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cinder.pace = pace
}

// VolumeWork is a kind of asynchronous work.
type VolumeWork string

// The kinds, and what a failure leaves behind.
const (
	// CreateVolume leaves the volume in error.
	CreateVolume VolumeWork = "create"
	// DeleteVolume leaves it in error_deleting.
	DeleteVolume VolumeWork = "delete"
	// ExtendVolume leaves it in error_extending, with the old size.
	ExtendVolume VolumeWork = "extend"
	// RetypeVolume leaves it as it was.
	RetypeVolume VolumeWork = "retype"
	// AttachVolume leaves the volume available: Nova takes back what it began.
	AttachVolume VolumeWork = "attach"
	// DetachVolume leaves it in-use: the guest does not let go.
	DetachVolume VolumeWork = "detach"
	// CreateSnapshot and CreateBackup leave it in error, DeleteSnapshot and
	// DeleteBackup in error_deleting.
	CreateSnapshot VolumeWork = "snapshot"
	DeleteSnapshot VolumeWork = "snapshot-delete"
	CreateBackup   VolumeWork = "backup"
	DeleteBackup   VolumeWork = "backup-delete"
	// RestoreBackup leaves the volume in error_restoring, or in error if it was made for it.
	RestoreBackup VolumeWork = "restore"
	// CreateGroup and CreateGroupSnapshot leave it in error.
	CreateGroup         VolumeWork = "group"
	CreateGroupSnapshot VolumeWork = "group-snapshot"
)

// FailNextVolumeWork lets the next work of a kind that ends fail; each call adds
// one failure. The reason is what Cinder's messages tell the user; "" leaves none.
func (c *Cloud) FailNextVolumeWork(work VolumeWork, reason string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cinder.failing[work] = append(c.cinder.failing[work], reason)
}

// fails takes the next failure of a kind, if there is one.
func (s *cinder) fails(work VolumeWork) (reason string, failed bool) {
	waiting := s.failing[work]
	if len(waiting) == 0 {
		return "", false
	}
	s.failing[work] = waiting[1:]
	return waiting[0], true
}

// cinderWork is work on a row that will be done at an hour.
type cinderWork struct {
	row cinderRow
	due time.Time
	run func()
}

// now is the hour of the work that is being done, else the time.
func (s *cinder) now() time.Time {
	if !s.clock.IsZero() {
		return s.clock
	}
	return time.Now()
}

// later does work on a row when its time is over.
func (s *cinder) later(row cinderRow, pace time.Duration, run func()) {
	s.work = append(s.work, &cinderWork{row, s.now().Add(pace), run})
}

// forgetWork drops what is under way for a row.
func (s *cinder) forgetWork(row cinderRow) {
	s.work = slices.DeleteFunc(s.work, func(w *cinderWork) bool { return w.row == row })
}

// settle does what is due by now, in order. Everything that looks at volumes
// calls it first.
func (s *cinder) settle() {
	if len(s.work) == 0 {
		return
	}
	now := time.Now()
	for {
		next := -1
		for i, w := range s.work {
			if !w.due.After(now) && (next < 0 || w.due.Before(s.work[next].due)) {
				next = i
			}
		}
		if next < 0 {
			return
		}
		w := s.work[next]
		s.work = slices.Delete(s.work, next, next+1)
		s.clock = w.due
		w.run()
		s.clock = time.Time{}
	}
}
