package simulator

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// Snapshots as cinder/api/v3/snapshots.py and cinder/volume/api.py
// (create_snapshot_in_db, delete_snapshot) have them.

func (s *cinder) registerSnapshots(t routeTable) {
	list := cinderList[*cinderSnapshot]{
		name: "snapshots", what: "Snapshot", table: &s.snapshots, brief: snapshotBrief, detail: snapshotDetail,
		filters: map[string]func(*cinderSnapshot) string{
			"volume_id":         func(n *cinderSnapshot) string { return n.volumeID },
			"availability_zone": func(n *cinderSnapshot) string { return s.zoneOf(n.volumeID) },
		},
		keys: map[string]func(*cinderSnapshot) string{"volume_id": func(n *cinderSnapshot) string { return n.volumeID }},
	}
	s.on(t, "POST /snapshots", 0, http.StatusAccepted, s.createSnapshot)
	s.on(t, "GET /snapshots", 0, http.StatusOK, list.serve)
	s.on(t, "GET /snapshots/detail", 0, http.StatusOK, list.serve)
	s.on(t, "GET /snapshots/{id}", 0, http.StatusOK, s.oneSnapshot(func(r *request, n *cinderSnapshot) (any, error) {
		return map[string]any{"snapshot": snapshotDetail(r, n)}, nil
	}))
	s.on(t, "PUT /snapshots/{id}", 0, http.StatusOK, s.oneSnapshot(s.updateSnapshot))
	s.on(t, "DELETE /snapshots/{id}", 0, http.StatusAccepted, s.oneSnapshot(func(_ *request, n *cinderSnapshot) (any, error) {
		return accepted(s.deleteSnapshot(n))
	}))
	s.on(t, "POST /snapshots/{id}/action", 0, http.StatusAccepted, s.oneSnapshot(s.actOnSnapshot))
	s.on(t, "GET /snapshots/{id}/metadata", 0, http.StatusOK, s.oneSnapshot(func(_ *request, n *cinderSnapshot) (any, error) {
		return map[string]any{"metadata": n.Metadata}, nil
	}))
	write := s.oneSnapshot(func(r *request, n *cinderSnapshot) (any, error) {
		metadata, err := newMetadata(r, n.Metadata)
		if err != nil {
			return nil, err
		}
		n.Metadata = metadata
		return map[string]any{"metadata": n.Metadata}, nil
	})
	s.on(t, "POST /snapshots/{id}/metadata", 0, http.StatusOK, write)
	s.on(t, "PUT /snapshots/{id}/metadata", 0, http.StatusOK, write)
}

// zoneOf is the zone of a volume, "" if there is none.
func (s *cinder) zoneOf(volumeID string) string {
	if v := s.volumes.byID[volumeID]; v != nil {
		return v.zone
	}
	return ""
}

func (s *cinder) oneSnapshot(run func(r *request, n *cinderSnapshot) (any, error)) cinderOperation {
	return func(r *request) (any, error) {
		n, err := s.snapshots.visible(r, "Snapshot", r.Vars["id"])
		if err != nil {
			return nil, err
		}
		return run(r, n)
	}
}

func snapshotBrief(r *request, n *cinderSnapshot) map[string]any {
	view := map[string]any{
		"id": n.ID, "name": nullable(n.Name), "description": nullable(n.Description), "created_at": cinderTime(n.Created),
		"updated_at": cinderTime(n.Updated), "volume_id": n.volumeID, "status": n.Status, "size": n.size, "metadata": maps.Clone(n.Metadata),
	}
	if r.since(14) {
		view["group_snapshot_id"] = nullable(n.groupSnapshotID)
	}
	if r.since(41) {
		view["user_id"] = n.UserID
	}
	if r.since(65) {
		view["consumes_quota"] = true
	}
	return view
}

func snapshotDetail(r *request, n *cinderSnapshot) map[string]any {
	view := snapshotBrief(r, n)
	progress := "100%"
	if n.Status == cinderCreating {
		progress = "0%"
	}
	view["os-extended-snapshot-attributes:progress"] = progress
	view["os-extended-snapshot-attributes:project_id"] = n.ProjectID
	return view
}

type snapshotBody struct {
	VolumeID    string          `json:"volume_id"`
	Name        *string         `json:"name"`
	Description *string         `json:"description"`
	Force       json.RawMessage `json:"force"`
	Metadata    cinderMetadata  `json:"metadata"`
}

var snapshotKeys = map[string]int{
	"volume_id": 0, "name": 0, "display_name": 0, "description": 0, "display_description": 0, "force": 0, "metadata": 0,
}

func (s *cinder) createSnapshot(r *request) (any, error) {
	var wanted snapshotBody
	if err := checkCinderKeys(r, "snapshot", snapshotKeys); err != nil {
		return nil, err
	}
	if err := r.decode("snapshot", &wanted); err != nil || !uuidText.MatchString(wanted.VolumeID) {
		return nil, badCinderField("snapshot", "'volume_id' is a required property")
	}
	if err := wanted.Metadata.check(); err != nil {
		return nil, err
	}
	force, err := snapshotForce(r, wanted.Force)
	if err != nil {
		return nil, err
	}
	v, err := s.volume(r, wanted.VolumeID)
	if err != nil {
		return nil, err
	}
	if err := s.mayTakeSnapshot(v, force); err != nil {
		return nil, err
	}
	if err := s.checkCount(v.ProjectID, "snapshots", "SnapshotLimitExceeded", 1); err != nil {
		return nil, err
	}
	if err := s.checkGigabytes(v.ProjectID, v.size); err != nil {
		return nil, err
	}
	n, err := s.take(v, given(wanted.Name), "", r)
	if err != nil {
		return nil, err
	}
	n.Description = given(wanted.Description)
	maps.Copy(n.Metadata, wanted.Metadata)
	return map[string]any{"snapshot": snapshotBrief(r, n)}, nil
}

// snapshotForce reads force: since 3.66 it is always on, and may be sent as true
// only.
func snapshotForce(r *request, raw json.RawMessage) (bool, error) {
	on := isYes(strings.Trim(string(raw), `"`))
	if !r.since(66) {
		return on, nil
	}
	if len(raw) > 0 && !on {
		return false, badCinderInput("Since microversion 3.66 the 'force' flag is invalid for this request. For backward compatibility, ",
			"however, when the 'force' flag is passed with a value evaluating to True, it is silently ignored.")
	}
	return true, nil
}

// mayTakeSnapshot: of an available volume, with force also of one in use.
func (s *cinder) mayTakeSnapshot(v *cinderVolume, force bool) error {
	valid := []string{cinderAvailable}
	if force {
		valid = append(valid, cinderInUse)
	}
	switch {
	case migrating(v):
		return invalidVolume("Snapshot cannot be created while volume is migrating.")
	case v.Status == cinderFailed:
		return invalidVolume("The snapshot cannot be created when the volume is in error status.")
	case !slices.Contains(valid, v.Status):
		return invalidVolume("Volume ", v.ID, " status must be ", strings.Join(valid, ", "), ", but current status is: ", v.Status, ".")
	}
	return nil
}

// take makes a snapshot of what the volume holds now.
func (s *cinder) take(v *cinderVolume, name, groupSnapshotID string, r *request) (*cinderSnapshot, error) {
	n := &cinderSnapshot{
		cinderBase: s.newBase(v.ProjectID, r.Token.UserID, cinderCreating),
		volumeID:   v.ID, groupSnapshotID: groupSnapshotID, size: v.size, kind: v.kind,
	}
	n.Name = name
	if err := s.devices.copyTo(n.ID, v.ID); err != nil {
		return nil, err
	}
	s.snapshots.add(n)
	s.later(n, s.pace.Snapshot, func() {
		if reason, failed := s.fails(CreateSnapshot); failed {
			s.become(n, cinderFailed)
			s.tell(n.ProjectID, "VOLUME_SNAPSHOT", n.ID, eventOther, reason, r.RequestID)
			return
		}
		s.become(n, cinderAvailable)
	})
	return n, nil
}

// deleteSnapshot: one of a group snapshot goes with that only.
func (s *cinder) deleteSnapshot(n *cinderSnapshot) error {
	if n.Status != cinderAvailable && n.Status != cinderFailed || n.groupSnapshotID != "" {
		return cinderErrorf(http.StatusBadRequest, "Invalid snapshot: Snapshot status must be available or error and snapshot must not be part of ",
			"a group snapshot.")
	}
	s.endSnapshot(n)
	return nil
}

func (s *cinder) endSnapshot(n *cinderSnapshot) {
	s.become(n, cinderDeleting)
	s.later(n, s.pace.Snapshot, func() {
		if reason, failed := s.fails(DeleteSnapshot); failed {
			s.become(n, cinderBadDelete)
			s.tell(n.ProjectID, "VOLUME_SNAPSHOT", n.ID, eventOther, reason, "")
			return
		}
		s.dropSnapshot(n)
	})
}

func (s *cinder) updateSnapshot(r *request, n *cinderSnapshot) (any, error) {
	var wanted snapshotBody
	if err := r.decode("snapshot", &wanted); err != nil {
		return nil, errCinderBody
	}
	if wanted.Name != nil {
		n.Name = *wanted.Name
	}
	if wanted.Description != nil {
		n.Description = *wanted.Description
	}
	n.Updated = s.now()
	return map[string]any{"snapshot": snapshotDetail(r, n)}, nil
}

// actOnSnapshot has two actions, both an admin's.
func (s *cinder) actOnSnapshot(r *request, n *cinderSnapshot) (any, error) {
	var body map[string]struct {
		Status string `json:"status"`
	}
	if err := json.Unmarshal(r.Body, &body); err != nil {
		return nil, errCinderBody
	}
	reset, resets := body["os-reset_status"]
	_, forces := body["os-force_delete"]
	switch {
	case !resets && !forces:
		return nil, cinderErrorf(http.StatusBadRequest, "There is no such action: None")
	case !r.Token.Admin:
		return nil, cinderPolicy("volume_extension:snapshot_admin_actions:reset_status")
	case resets:
		s.forgetWork(n)
		s.become(n, reset.Status)
	default:
		s.endSnapshot(n)
	}
	return accepted(nil)
}
