package simulator

import (
	"encoding/json"
	"maps"
	"net/http"
	"regexp"
	"slices"
)

// How a volume comes to be: the scheduler finds a backend
// (cinder/scheduler/filters/affinity_filter.py), whose manager makes it
// (cinder/volume/manager.py create_volume).

// cinderBackend is a pool that holds volumes, as "host@backend#pool".
type cinderBackend struct{ host, zone string }

// cinderHints are scheduler hints: ids of volumes.
type cinderHints struct{ same, different []string }

var uuidText = regexp.MustCompile(`^[0-9a-fA-F]{8}-?([0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}$`)

// readHints reads OS-SCH-HNT:scheduler_hints (cinder/api/schemas/scheduler_hints.py).
func readHints(r *request) (cinderHints, error) {
	var sent map[string]json.RawMessage
	var hints cinderHints
	if err := r.decode("OS-SCH-HNT:scheduler_hints", &sent); err != nil {
		return hints, badCinderField("scheduler_hints", "it is not an object")
	}
	for _, hint := range []struct {
		key  string
		into *[]string
	}{{"same_host", &hints.same}, {"different_host", &hints.different}} {
		raw, found := sent[hint.key]
		if !found {
			continue
		}
		var one string
		if json.Unmarshal(raw, &one) == nil {
			*hint.into = []string{one}
		} else if json.Unmarshal(raw, hint.into) != nil {
			return hints, badCinderField(hint.key, string(raw)+" is not valid under any of the given schemas")
		}
		if slices.ContainsFunc(*hint.into, func(id string) bool { return !uuidText.MatchString(id) }) {
			return hints, badCinderField(hint.key, string(raw)+" is not a 'uuid'")
		}
	}
	return hints, nil
}

// hostsOf are the backends of volumes.
func (s *cinder) hostsOf(ids []string) []string {
	var hosts []string
	for _, id := range ids {
		if v := s.volumes.byID[id]; v != nil && v.host != "" {
			hosts = append(hosts, v.host)
		}
	}
	return hosts
}

// schedule finds the backend with the fewest volumes; "" if there is none.
func (s *cinder) schedule(v *cinderVolume, hints cinderHints) string {
	same, different := s.hostsOf(hints.same), s.hostsOf(hints.different)
	best, fewest := "", 0
	for _, backend := range s.backends {
		if backend.zone != v.zone || v.kind.homeless() || slices.Contains(different, backend.host) ||
			len(hints.same) > 0 && !slices.Contains(same, backend.host) {
			continue
		}
		load := 0
		for _, other := range s.volumes.rows {
			if other.host == backend.host {
				load++
			}
		}
		if best == "" || load < fewest {
			best, fewest = backend.host, load
		}
	}
	return best
}

// build lets a volume come to be.
func (s *cinder) build(v *cinderVolume, hints cinderHints, requestID string) {
	if v.host = s.schedule(v, hints); v.host == "" {
		s.later(v, s.pace.Create/2, func() {
			s.become(v, cinderFailed)
			s.tell(v.ProjectID, "VOLUME", v.ID, eventNoBackend, noBackend, requestID)
		})
		return
	}
	pace := s.pace.Create
	if v.backupID != "" {
		pace += s.pace.Backup
	}
	if v.imageID != "" {
		s.later(v, pace/2, func() { s.become(v, "downloading") })
	}
	s.later(v, pace, func() {
		s.noteBackup(v)
		if reason, failed := s.fails(CreateVolume); failed {
			s.become(v, cinderFailed)
			s.tell(v.ProjectID, "VOLUME", v.ID, eventCreateFailed, reason, requestID)
			if reason != "" { // the scheduler tries again, and has nowhere left
				s.tell(v.ProjectID, "VOLUME", v.ID, eventNoBackend, noBackend, requestID)
			}
			return
		}
		s.become(v, cinderAvailable)
	})
}

// noteBackup gives a volume that was made from a backup the metadata that the
// backup's volume had, in place of its own (cinder/backup/driver.py,
// _restore_vol_meta), and notes the backup among them (cinder/backup/manager.py,
// _finish_restore).
func (s *cinder) noteBackup(v *cinderVolume) {
	if v.backupID == "" {
		return
	}
	v.Metadata = map[string]string{}
	if b := s.backups.byID[v.backupID]; b != nil {
		maps.Copy(v.Metadata, b.volumeMetadata)
	}
	v.Metadata["src_backup_id"] = v.backupID
}

// noBackend is what the scheduler tells the user.
const noBackend = "schedule allocate volume:Could not find any available weighted backend."

// The events of user messages (cinder/message/message_field.py): the action and
// the detail.
const (
	eventNoBackend    = "VOLUME_VOLUME_001_003"
	eventCreateFailed = "VOLUME_VOLUME_003_002"
	eventExtendFailed = "VOLUME_VOLUME_006_008"
	eventAttachFailed = "VOLUME_VOLUME_002_007"
	eventOther        = "VOLUME_VOLUME_004_001"
)

// deleteVolume is cinder/volume/api.py delete.
func (s *cinder) deleteVolume(r *request, v *cinderVolume) (any, error) {
	cascade, force := isYes(r.Query.Get("cascade")), isYes(r.Query.Get("force"))
	if force && !r.Token.Admin {
		return nil, cinderPolicy("volume:force_delete")
	}
	return accepted(s.beginDelete(v, cascade, force))
}

func isYes(word string) bool { return slices.Contains(wordsForYes, word) || word == "True" }

// beginDelete checks whether a volume may be deleted and lets it go.
func (s *cinder) beginDelete(v *cinderVolume, cascade, force bool) error {
	statuses := []string{cinderAvailable, cinderFailed, cinderBadRestore, cinderBadExtend, "error_managing"}
	snapshots := s.snapshotsOf(v)
	attached := slices.ContainsFunc(s.attachmentsOf(v), func(a *cinderAttachment) bool { return a.Status == cinderAttached })
	deletable := !slices.ContainsFunc(snapshots, func(n *cinderSnapshot) bool {
		return n.Status != cinderAvailable && n.Status != cinderFailed && n.Status != cinderDeleting || n.groupSnapshotID != ""
	})
	switch {
	case !force && !slices.Contains(statuses, v.Status), attached, migrating(v), v.groupID != "",
		!cascade && len(snapshots) > 0, cascade && !deletable:
		return invalidVolume("Volume status must be available or error or error_restoring or error_extending or error_managing and " +
			"must not be migrating, attached, belong to a group, have snapshots, awaiting a transfer, or be disassociated from " +
			"snapshots after volume transfer.")
	}
	s.endVolume(v)
	return nil
}

func migrating(v *cinderVolume) bool {
	return !slices.Contains([]string{"", "deleting", "error", "success"}, v.migration)
}

// endVolume deletes a volume with its snapshots.
func (s *cinder) endVolume(v *cinderVolume) {
	s.forgetWork(v)
	s.become(v, cinderDeleting)
	for _, snapshot := range s.snapshotsOf(v) {
		s.become(snapshot, cinderDeleting)
	}
	s.later(v, s.pace.Delete, func() {
		if reason, failed := s.fails(DeleteVolume); failed {
			s.become(v, cinderBadDelete)
			s.tell(v.ProjectID, "VOLUME", v.ID, eventOther, reason, "")
			return
		}
		for _, snapshot := range s.snapshotsOf(v) {
			s.dropSnapshot(snapshot)
		}
		s.dropVolume(v)
	})
}

// dropVolume takes a volume away, with what is attached still.
func (s *cinder) dropVolume(v *cinderVolume) {
	s.forgetWork(v)
	for _, a := range s.attachmentsOf(v) {
		s.forgetWork(a)
		s.attachments.remove(a.ID)
	}
	s.volumes.remove(v.ID)
	s.devices.remove(v.ID)
}

// dropSnapshot takes a snapshot away.
func (s *cinder) dropSnapshot(n *cinderSnapshot) {
	s.forgetWork(n)
	s.snapshots.remove(n.ID)
	s.devices.remove(n.ID)
}

// tell leaves a message for the user; an empty reason leaves none.
func (s *cinder) tell(projectID, resource, id, event, reason, requestID string) {
	if reason == "" {
		return
	}
	m := &cinderMessage{
		cinderBase: s.newBase(projectID, "", ""), resource: resource, resourceID: id, event: event, text: reason, requestID: requestID,
	}
	m.Created = s.now()
	s.messages.add(m)
}

// registerMessages is cinder/api/v3/messages.py, since 3.3.
func (s *cinder) registerMessages(t routeTable) {
	view := func(r *request, m *cinderMessage) map[string]any {
		return map[string]any{
			"id": m.ID, "event_id": m.event, "user_message": m.text, "message_level": "ERROR", "request_id": m.requestID,
			"resource_type": m.resource, "resource_uuid": m.resourceID, "created_at": cinderTime(m.Created),
			"guaranteed_until": cinderTime(m.Created.AddDate(0, 0, 30)), "links": cinderLinks(r, "/messages/"+m.ID),
		}
	}
	list := cinderList[*cinderMessage]{
		name: "messages", what: "Message", table: &s.messages, brief: view, detail: view,
		filters: map[string]func(*cinderMessage) string{
			"resource_uuid": func(m *cinderMessage) string { return m.resourceID },
			"resource_type": func(m *cinderMessage) string { return m.resource },
			"event_id":      func(m *cinderMessage) string { return m.event },
			"request_id":    func(m *cinderMessage) string { return m.requestID },
			"message_level": func(*cinderMessage) string { return "ERROR" },
		},
	}
	s.on(t, "GET /messages", 3, http.StatusOK, list.serve)
	s.on(t, "GET /messages/{id}", 3, http.StatusOK, func(r *request) (any, error) {
		m, err := s.messages.visible(r, "Message", r.Vars["id"])
		if err != nil {
			return nil, err
		}
		return map[string]any{"message": view(r, m)}, nil
	})
	s.on(t, "DELETE /messages/{id}", 3, http.StatusNoContent, func(r *request) (any, error) {
		m, err := s.messages.visible(r, "Message", r.Vars["id"])
		if err == nil {
			s.messages.remove(m.ID)
		}
		return accepted(err)
	})
}
