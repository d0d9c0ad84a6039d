package simulator

import (
	"encoding/json"
	"net/http"
	"slices"
)

// Attachments since 3.27, as cinder/api/v3/attachments.py and the attachment_*
// functions of cinder/volume/api.py have them. Nova goes through the same
// functions, as a service.

func (s *cinder) registerAttachments(t routeTable) {
	list := cinderList[*cinderAttachment]{
		name: "attachments", what: "Volume attachment", table: &s.attachments, brief: attachmentBrief, detail: attachmentDetail,
		filters: map[string]func(*cinderAttachment) string{
			"volume_id":     func(a *cinderAttachment) string { return a.volume.ID },
			"instance_id":   func(a *cinderAttachment) string { return a.serverID },
			"attach_status": func(a *cinderAttachment) string { return a.Status },
		},
	}
	s.on(t, "GET /attachments", 27, http.StatusOK, list.serve)
	s.on(t, "GET /attachments/detail", 27, http.StatusOK, list.serve)
	s.on(t, "POST /attachments", 27, http.StatusOK, s.createAttachment)
	s.on(t, "GET /attachments/{id}", 27, http.StatusOK, s.oneAttachment(func(r *request, a *cinderAttachment) (any, error) {
		return map[string]any{"attachment": attachmentDetail(r, a)}, nil
	}))
	s.on(t, "PUT /attachments/{id}", 27, http.StatusOK, s.oneAttachment(s.updateAttachment))
	s.on(t, "POST /attachments/{id}/action", 44, http.StatusNoContent, s.oneAttachment(s.completeAttachment))
	s.on(t, "DELETE /attachments/{id}", 27, http.StatusOK, s.oneAttachment(s.deleteAttachment))
}

func (s *cinder) oneAttachment(run func(r *request, a *cinderAttachment) (any, error)) cinderOperation {
	return func(r *request) (any, error) {
		a, err := s.attachments.visible(r, "Volume attachment could not be found with filter: attachment_id =", r.Vars["id"])
		if err != nil {
			return nil, cinderErrorf(http.StatusNotFound,
				"Volume attachment could not be found with filter: attachment_id = ", r.Vars["id"], ".")
		}
		return run(r, a)
	}
}

func attachmentBrief(_ *request, a *cinderAttachment) map[string]any {
	return map[string]any{"id": a.ID, "status": a.Status, "instance": nullable(a.serverID), "volume_id": a.volume.ID}
}

func attachmentDetail(r *request, a *cinderAttachment) map[string]any {
	view := attachmentBrief(r, a)
	view["attached_at"], view["detached_at"], view["attach_mode"] = cinderTime(a.attachedAt), nil, nullable(a.mode)
	info := map[string]any{}
	if a.connected {
		info = map[string]any{
			"driver_volume_type": "simulated", "attachment_id": a.ID, "volume_id": a.volume.ID, "access_mode": "rw",
			"encrypted": a.volume.encrypted, "qos_specs": nil,
		}
	}
	view["connection_info"] = info
	return view
}

type attachmentBody struct {
	Server    string         `json:"instance_uuid"`
	Volume    string         `json:"volume_uuid"`
	Connector map[string]any `json:"connector"`
	Mode      string         `json:"mode"`
}

func (s *cinder) createAttachment(r *request) (any, error) {
	var wanted attachmentBody
	if err := r.decode("attachment", &wanted); err != nil || !uuidText.MatchString(wanted.Volume) {
		return nil, badCinderField("attachment", "'volume_uuid' is a required property")
	}
	v, err := s.volume(r, wanted.Volume)
	if err != nil {
		return nil, err
	}
	a, err := s.reserve(v, wanted.Server, r.Token)
	if err != nil {
		return nil, err
	}
	a.mode = wanted.Mode
	view := attachmentDetail(r, a) // it tells the status before the connection
	if wanted.Connector != nil {
		s.connect(a, wanted.Connector)
	}
	return map[string]any{"attachment": view}, nil
}

// reserve makes an attachment of a volume that is free for one (_attachment_reserve).
func (s *cinder) reserve(v *cinderVolume, serverID string, who *token) (*cinderAttachment, error) {
	free := []string{cinderAvailable, "downloading"}
	words := "available or downloading"
	if v.multiattach {
		free, words = append(free, cinderInUse), "available or in-use or downloading"
	}
	same := slices.ContainsFunc(s.attachmentsOf(v), func(a *cinderAttachment) bool { return a.serverID == serverID })
	again := serverID != "" && same && (v.Status == cinderInUse || v.Status == cinderReserved)
	switch {
	case len(v.Status) >= 5 && v.Status[:5] == "error":
		return nil, invalidVolume("Volume attachments can not be created if the volume is in an error state. The Volume ",
			v.ID, " currently has a status of: ", v.Status, " ")
	case !slices.Contains(free, v.Status) && !again:
		return nil, invalidVolume("Volume ", v.ID, " status must be ", words, " to reserve, but the current status is ", v.Status, ".")
	}
	a := &cinderAttachment{cinderBase: s.newBase(v.ProjectID, who.UserID, cinderReserved), volume: v, serverID: serverID}
	a.Created = s.now()
	s.attachments.add(a)
	if !again {
		s.become(v, cinderReserved)
	}
	return a, nil
}

// connect is attachment_update: there is a connection from now on.
func (s *cinder) connect(a *cinderAttachment, connector map[string]any) {
	a.connected, a.Status = true, cinderAttaching
	a.host, _ = connector["host"].(string)
	if device, given := connector["mountpoint"].(string); given {
		a.device = device
	}
	s.become(a.volume, cinderAttaching)
}

// complete is attachment_complete: the volume is in use.
func (s *cinder) complete(a *cinderAttachment) {
	a.Status, a.attachedAt = cinderAttached, s.now()
	s.become(a.volume, cinderInUse)
}

// disconnect takes the connection from an attachment and keeps the volume for the
// server, as the server's shelving does (nova/compute/manager.py, _terminate_volume_connections).
func (s *cinder) disconnect(a *cinderAttachment) *cinderAttachment {
	s.release(a)
	kept := &cinderAttachment{cinderBase: s.newBase(a.ProjectID, a.UserID, cinderReserved), volume: a.volume, serverID: a.serverID, mode: a.mode}
	kept.Created = s.now()
	s.attachments.add(kept)
	if len(s.attachmentsOf(a.volume)) == 1 {
		s.become(a.volume, cinderReserved)
	}
	return kept
}

// release deletes an attachment; the volume has the status that its other
// attachments leave it (attachment_delete).
func (s *cinder) release(a *cinderAttachment) {
	if s.attachments.byID[a.ID] == nil {
		return
	}
	s.forgetWork(a)
	s.attachments.remove(a.ID)
	a.Status = "detached"
	status := cinderAvailable
	for _, one := range []struct{ attachment, volume string }{
		{cinderReserved, cinderReserved}, {cinderDetaching, cinderDetaching}, {cinderAttaching, cinderAttaching}, {cinderAttached, cinderInUse},
	} {
		if slices.ContainsFunc(s.attachmentsOf(a.volume), func(other *cinderAttachment) bool { return other.Status == one.attachment }) {
			status = one.volume
		}
	}
	s.become(a.volume, status)
}

func (s *cinder) updateAttachment(r *request, a *cinderAttachment) (any, error) {
	var wanted attachmentBody
	if err := r.decode("attachment", &wanted); err != nil || wanted.Connector == nil {
		return nil, badCinderField("attachment", "'connector' is a required property")
	}
	s.connect(a, wanted.Connector)
	return map[string]any{"attachment": attachmentDetail(r, a)}, nil
}

// completeAttachment is the one action that an attachment has.
func (s *cinder) completeAttachment(r *request, a *cinderAttachment) (any, error) {
	var body map[string]json.RawMessage
	if err := json.Unmarshal(r.Body, &body); err != nil || body["os-complete"] == nil {
		return nil, cinderErrorf(http.StatusBadRequest, "There is no such action: None")
	}
	if a.volume.Status == cinderAttaching || a.volume.Status == cinderInUse {
		s.complete(a)
	}
	return accepted(nil)
}

// deleteAttachment is refused while Nova uses the attachment
// (attachment_deletion_allowed): legal is what is not connected, or what Nova
// does not know, or knows by another attachment. To ask Nova, Cinder trades the
// token for another one, which Keystone refuses where an application credential or
// a trust stands behind it: Cinder 2025.1 answers 500 (cinder/compute/nova.py, novaclient).
func (s *cinder) deleteAttachment(r *request, a *cinderAttachment) (any, error) {
	if a.connected && a.serverID != "" && (r.Token.credential != nil || r.Token.trust != nil) {
		return nil, cinderErrorf(http.StatusInternalServerError, "The server has either erred or is incapable of performing the requested operation.")
	}
	if a.connected && s.cloud.nova.uses(a) {
		return nil, cinderErrorf(http.StatusConflict, "Detach volume from instance ", a.serverID, " using the Compute API")
	}
	s.release(a)
	views := []any{}
	for _, other := range s.attachmentsOf(a.volume) {
		views = append(views, attachmentBrief(r, other))
	}
	return map[string]any{"attachments": views}, nil
}
