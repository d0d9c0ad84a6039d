package simulator

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
)

// Backups as cinder/api/contrib/backups.py, cinder/api/v3/backups.py and
// cinder/backup/api.py have them.

func (s *cinder) registerBackups(t routeTable) {
	list := cinderList[*cinderBackup]{
		name: "backups", what: "Backup", table: &s.backups, brief: backupBrief, detail: s.backupDetail,
		filters: map[string]func(*cinderBackup) string{"volume_id": func(b *cinderBackup) string { return b.volumeID }},
		keys:    map[string]func(*cinderBackup) string{"volume_id": func(b *cinderBackup) string { return b.volumeID }},
	}
	s.on(t, "POST /backups", 0, http.StatusAccepted, s.createBackup)
	s.on(t, "GET /backups", 0, http.StatusOK, list.serve)
	s.on(t, "GET /backups/detail", 0, http.StatusOK, list.serve)
	s.on(t, "GET /backups/{id}", 0, http.StatusOK, s.oneBackup(func(r *request, b *cinderBackup) (any, error) {
		return map[string]any{"backup": s.backupDetail(r, b)}, nil
	}))
	s.on(t, "PUT /backups/{id}", 9, http.StatusOK, s.oneBackup(s.updateBackup))
	s.on(t, "DELETE /backups/{id}", 0, http.StatusAccepted, s.oneBackup(s.deleteBackup))
	s.on(t, "POST /backups/{id}/restore", 0, http.StatusAccepted, s.oneBackup(s.restoreBackup))
	s.on(t, "POST /backups/{id}/action", 0, http.StatusAccepted, s.oneBackup(s.resetBackup))
}

func (s *cinder) oneBackup(run func(r *request, b *cinderBackup) (any, error)) cinderOperation {
	return func(r *request) (any, error) {
		b, err := s.backups.visible(r, "Backup", r.Vars["id"])
		if err != nil {
			return nil, err
		}
		return run(r, b)
	}
}

func backupBrief(r *request, b *cinderBackup) map[string]any {
	return map[string]any{"id": b.ID, "name": nullable(b.Name), "links": cinderLinks(r, "/backups/"+b.ID)}
}

func (s *cinder) backupDetail(r *request, b *cinderBackup) map[string]any {
	dependent := slices.ContainsFunc(s.backups.rows, func(other *cinderBackup) bool { return other.parent == b.ID })
	view := map[string]any{
		"id": b.ID, "name": nullable(b.Name), "description": nullable(b.Description), "status": b.Status, "size": b.size, "object_count": 0,
		"availability_zone": b.zone, "container": nullable(b.container), "created_at": cinderTime(b.Created), "updated_at": cinderTime(b.Updated),
		"fail_reason": nullable(b.failReason), "volume_id": b.volumeID, "snapshot_id": nullable(b.snapshotID), "links": cinderLinks(r, "/backups/"+b.ID),
		"is_incremental": b.parent != "", "has_dependent_backups": dependent, "data_timestamp": cinderTime(b.Created),
	}
	if r.since(43) {
		view["metadata"] = maps.Clone(b.Metadata)
	}
	if r.since(56) {
		view["user_id"] = b.UserID
	}
	if r.Token.Admin {
		view["os-backup-project-attr:project_id"] = b.ProjectID
	}
	return view
}

type backupBody struct {
	VolumeID    string         `json:"volume_id"`
	SnapshotID  *string        `json:"snapshot_id"`
	Name        *string        `json:"name"`
	Description *string        `json:"description"`
	Container   *string        `json:"container"`
	Force       bool           `json:"force"`
	Incremental bool           `json:"incremental"`
	Zone        *string        `json:"availability_zone"`
	Metadata    cinderMetadata `json:"metadata"`
}

var backupKeys = map[string]int{
	"volume_id": 0, "snapshot_id": 0, "name": 0, "description": 0, "container": 0, "force": 0, "incremental": 0,
	"metadata": 43, "availability_zone": 51,
}

func (s *cinder) createBackup(r *request) (any, error) {
	var wanted backupBody
	if err := checkCinderKeys(r, "backup", backupKeys); err != nil {
		return nil, err
	}
	if err := r.decode("backup", &wanted); err != nil || !uuidText.MatchString(wanted.VolumeID) {
		return nil, badCinderField("backup", "'volume_id' is a required property")
	}
	if err := wanted.Metadata.check(); err != nil {
		return nil, err
	}
	v, err := s.volume(r, wanted.VolumeID)
	if err != nil {
		return nil, err
	}
	source, err := s.backupSource(r, v, &wanted)
	if err != nil {
		return nil, err
	}
	if err := s.checkCount(v.ProjectID, "backups", "BackupLimitExceeded", 1); err != nil {
		return nil, err
	}
	b := &cinderBackup{
		cinderBase: s.newBase(v.ProjectID, r.Token.UserID, cinderCreating), volumeID: v.ID, snapshotID: given(wanted.SnapshotID),
		zone: given(wanted.Zone), container: given(wanted.Container), size: v.size,
	}
	b.Name, b.Description = given(wanted.Name), given(wanted.Description)
	maps.Copy(b.Metadata, wanted.Metadata)
	b.volumeMetadata = maps.Clone(v.Metadata)
	if b.zone == "" {
		b.zone = v.zone
	}
	if err := s.chain(b, wanted.Incremental); err != nil {
		return nil, err
	}
	if err := s.devices.copyTo(b.ID, source.base().ID); err != nil {
		return nil, err
	}
	s.backups.add(b)
	s.backUp(b, source, r.RequestID)
	return map[string]any{"backup": backupBrief(r, b)}, nil
}

// backupSource is what is copied: the volume, in use only by force, or a snapshot of it.
func (s *cinder) backupSource(r *request, v *cinderVolume, wanted *backupBody) (cinderRow, error) {
	if id := given(wanted.SnapshotID); id != "" {
		n, err := s.snapshots.visible(r, "Snapshot", id)
		switch {
		case err != nil:
			return nil, err
		case n.volumeID != v.ID:
			return nil, badCinderInput("Snapshot ", id, " does not belong to volume ", v.ID)
		case n.Status != cinderAvailable:
			return nil, cinderErrorf(http.StatusBadRequest, "Invalid snapshot: Snapshot to be backed up must be available, but the current status is \"",
				n.Status, "\".")
		}
		return n, nil
	}
	switch {
	case v.Status == cinderInUse && !wanted.Force:
		return nil, invalidVolume("Backing up an in-use volume must use the force flag.")
	case v.Status != cinderAvailable && v.Status != cinderInUse:
		return nil, invalidVolume("Volume to be backed up must be available or in-use, but the current status is \"", v.Status, "\".")
	}
	return v, nil
}

// chain finds the backup upon which an incremental one builds.
func (s *cinder) chain(b *cinderBackup, incremental bool) error {
	if !incremental {
		return nil
	}
	for _, other := range slices.Backward(s.backups.rows) {
		if other.volumeID == b.volumeID && other.Status == cinderAvailable {
			b.parent = other.ID
			return nil
		}
	}
	return cinderErrorf(http.StatusBadRequest, "Invalid backup: No backups available to do an incremental backup.")
}

// backUp copies; meanwhile the source is "backing-up".
func (s *cinder) backUp(b *cinderBackup, source cinderRow, requestID string) {
	source.base().previousStatus = source.base().Status
	s.become(source, cinderBackingUp)
	s.later(b, s.pace.Backup, func() {
		if source.base().Status == cinderBackingUp {
			s.become(source, source.base().previousStatus)
		}
		if reason, failed := s.fails(CreateBackup); failed {
			b.failReason = reason
			s.become(b, cinderFailed)
			s.tell(b.ProjectID, "VOLUME_BACKUP", b.ID, eventOther, reason, requestID)
			return
		}
		s.become(b, cinderAvailable)
	})
}

func (s *cinder) updateBackup(r *request, b *cinderBackup) (any, error) {
	var wanted backupBody
	if err := r.decode("backup", &wanted); err != nil {
		return nil, errCinderBody
	}
	if wanted.Name != nil {
		b.Name = *wanted.Name
	}
	if wanted.Description != nil {
		b.Description = *wanted.Description
	}
	if wanted.Metadata != nil && r.since(43) {
		b.Metadata = maps.Clone(wanted.Metadata)
	}
	return map[string]any{"backup": backupBrief(r, b)}, nil
}

func (s *cinder) deleteBackup(_ *request, b *cinderBackup) (any, error) {
	switch {
	case b.Status != cinderAvailable && b.Status != cinderFailed:
		return nil, cinderErrorf(http.StatusBadRequest, "Invalid backup: Backup status must be available or error")
	case slices.ContainsFunc(s.backups.rows, func(other *cinderBackup) bool { return other.parent == b.ID }):
		return nil, cinderErrorf(http.StatusBadRequest, "Invalid backup: Incremental backups exist for this backup.")
	}
	s.become(b, cinderDeleting)
	s.later(b, s.pace.Backup, func() {
		if reason, failed := s.fails(DeleteBackup); failed {
			b.failReason = reason
			s.become(b, cinderBadDelete)
			return
		}
		s.backups.remove(b.ID)
		s.devices.remove(b.ID)
	})
	return accepted(nil)
}

// restoreBackup writes a backup into a volume, a new one if none is named.
func (s *cinder) restoreBackup(r *request, b *cinderBackup) (any, error) {
	var wanted struct {
		VolumeID *string `json:"volume_id"`
		Name     *string `json:"name"`
	}
	if err := r.decode("restore", &wanted); err != nil {
		return nil, errCinderBody
	}
	if b.Status != cinderAvailable {
		return nil, cinderErrorf(http.StatusBadRequest, "Invalid backup: Backup status must be available")
	}
	v, err := s.restoreTarget(r, b, given(wanted.VolumeID), given(wanted.Name))
	if err != nil {
		return nil, err
	}
	s.become(v, cinderRestoring)
	s.become(b, "restoring")
	s.later(v, s.pace.Backup, func() {
		s.become(b, cinderAvailable)
		_, failed := s.fails(RestoreBackup)
		if failed || s.devices.copyTo(v.ID, b.ID) != nil || s.devices.grow(v.ID, v.size) != nil {
			s.become(v, cinderBadRestore)
			return
		}
		s.become(v, cinderAvailable)
	})
	return map[string]any{"restore": map[string]any{"backup_id": b.ID, "volume_id": v.ID, "volume_name": v.Name}}, nil
}

func (s *cinder) restoreTarget(r *request, b *cinderBackup, id, name string) (*cinderVolume, error) {
	if id != "" {
		v, err := s.volume(r, id)
		switch {
		case err != nil:
			return nil, err
		case v.Status != cinderAvailable:
			return nil, invalidVolume("Volume to be restored to must be available")
		case v.size < b.size:
			return nil, invalidVolume("volume size is too small to restore backup of its size")
		}
		return v, nil
	}
	if err := s.checkVolumeQuota(r.Token.ProjectID, b.size); err != nil {
		return nil, err
	}
	v := &cinderVolume{
		cinderBase: s.newBase(r.Token.ProjectID, r.Token.UserID, cinderCreating), size: b.size, kind: s.types[0], zone: b.zone,
	}
	if v.Name = name; name == "" {
		v.Name = "restore_backup_" + b.ID
	}
	v.host = s.schedule(v, cinderHints{})
	if err := s.devices.create(v); err != nil {
		return nil, err
	}
	s.volumes.add(v)
	return v, nil
}

// resetBackup is an admin's.
func (s *cinder) resetBackup(r *request, b *cinderBackup) (any, error) {
	var body struct {
		Reset *struct {
			Status string `json:"status"`
		} `json:"os-reset_status"`
	}
	switch err := json.Unmarshal(r.Body, &body); {
	case err != nil || body.Reset == nil:
		return nil, cinderErrorf(http.StatusBadRequest, "There is no such action: None")
	case !r.Token.Admin:
		return nil, cinderPolicy("volume_extension:backup_admin_actions:reset_status")
	}
	s.forgetWork(b)
	s.become(b, body.Reset.Status)
	return accepted(nil)
}
