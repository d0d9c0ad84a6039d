package simulator

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
)

// Actions: POST /volumes/{id}/action, as cinder/api/contrib/volume_actions.py and
// admin_actions.py and the functions of cinder/volume/api.py have them.

type cinderAction func(s *cinder, r *request, v *cinderVolume, raw json.RawMessage) (any, error)

// cinderActions are the actions of volumes. What the drivers of hypervisors do by
// hand (os-attach, os-initialize_connection) is not among them: Nova has attachments.
var cinderActions = map[string]cinderAction{
	"os-extend":               (*cinder).extend,
	"os-retype":               (*cinder).retype,
	"os-set_bootable":         (*cinder).setBootable,
	"os-update_readonly_flag": (*cinder).setReadonly,
	"os-reset_status":         (*cinder).resetStatus,
	"os-force_delete":         (*cinder).forceDelete,
	"os-reserve":              (*cinder).reserveByHand,
	"os-unreserve":            (*cinder).unreserve,
	"os-begin_detaching":      (*cinder).beginDetachingByHand,
	"os-roll_detaching":       (*cinder).rollDetaching,
}

// cinderActionStatus are the answers of those that do not say 202.
var cinderActionStatus = map[string]int{"os-set_bootable": http.StatusOK}

func (s *cinder) registerActions(t routeTable) {
	t["POST /volumes/{id}/action"] = func(r *request) response {
		v, err := s.volume(r, r.Vars["id"])
		if err != nil {
			return cinderResponse(err)
		}
		var body map[string]json.RawMessage
		if err := json.Unmarshal(r.Body, &body); err != nil || len(body) != 1 {
			return cinderResponse(errCinderBody)
		}
		for name, raw := range body {
			act, known := cinderActions[name]
			if !known {
				return cinderResponse(cinderErrorf(http.StatusBadRequest, "There is no such action: ", name))
			}
			if _, err := act(s, r, v, raw); err != nil {
				return cinderResponse(err)
			}
			if status, special := cinderActionStatus[name]; special {
				return response{Status: status}
			}
		}
		return response{Status: http.StatusAccepted}
	}
}

// extend makes a volume larger: an available one, from 3.42 on also one in use.
func (s *cinder) extend(r *request, v *cinderVolume, raw json.RawMessage) (any, error) {
	var wanted struct {
		Size json.RawMessage `json:"new_size"`
	}
	if err := json.Unmarshal(raw, &wanted); err != nil {
		return nil, errCinderBody
	}
	size, err := cinderSize(wanted.Size)
	if err != nil || size == 0 {
		return nil, badCinderField("new_size", "it must be a positive number")
	}
	expected := cinderAvailable
	if r.since(42) && v.Status == cinderInUse {
		expected = cinderInUse
	}
	switch {
	case size <= v.size:
		return nil, badCinderInput(fmt.Sprintf("New size for extend must be greater than current size. (current: %d, extended: %d).", v.size, size))
	case v.Status != expected:
		return nil, invalidVolume("Volume ", v.ID, " status must be '{'status': '", expected, "'}' to extend, currently ", v.Status, ".")
	}
	if err := s.checkSize(v.ProjectID, size); err != nil {
		return nil, err
	}
	if err := s.checkGigabytes(v.ProjectID, size-v.size); err != nil {
		return nil, err
	}
	s.begin(v, cinderExtending)
	s.later(v, s.pace.Extend, func() { s.grow(v, size, r.RequestID) })
	return accepted(nil)
}

// grow is what the backend does of an extension.
func (s *cinder) grow(v *cinderVolume, size int, requestID string) {
	reason, failed := s.fails(ExtendVolume)
	if failed || s.devices.grow(v.ID, size) != nil {
		s.become(v, cinderBadExtend)
		s.tell(v.ProjectID, "VOLUME", v.ID, eventExtendFailed, reason, requestID)
		return
	}
	v.size = size
	s.become(v, v.previousStatus)
}

// begin gives a volume the status of what is under way, and remembers the one before.
func (s *cinder) begin(v *cinderVolume, status string) {
	v.previousStatus = v.Status
	s.become(v, status)
}

// neverRetypes: Cinder 2025.1 stumbles over snapshots with metadata when it saves
// what it has done, and the volume stays retyping (cinder/volume/manager.py, retype;
// cinder/objects/snapshot.py, obj_what_changed, which takes metadata that came in a
// message for a change).
func (s *cinder) neverRetypes(v *cinderVolume) bool {
	return slices.ContainsFunc(s.snapshotsOf(v), func(n *cinderSnapshot) bool { return len(n.Metadata) > 0 })
}

// retype gives a volume another type; with the policy never, only on the same
// backend, which here holds every type.
func (s *cinder) retype(r *request, v *cinderVolume, raw json.RawMessage) (any, error) {
	var wanted struct {
		Type   string `json:"new_type"`
		Policy string `json:"migration_policy"`
	}
	if err := json.Unmarshal(raw, &wanted); err != nil || wanted.Type == "" {
		return nil, badCinderField("new_type", "it is a required property")
	}
	if !slices.Contains([]string{"", "never", "on-demand"}, wanted.Policy) {
		return nil, badCinderField("migration_policy", wanted.Policy+" is not one of ['on-demand', 'never']")
	}
	kind := s.typeNamed(r, wanted.Type)
	switch {
	case kind == nil:
		return nil, cinderErrorf(http.StatusNotFound, "Volume type with name ", wanted.Type, " could not be found.")
	case kind.multiattach() != v.multiattach && v.Status != cinderAvailable:
		return nil, badCinderInput("Invalid volume_type passed, retypes affecting multiattach are only allowed on available volumes, ",
			"the specified volume however currently has a status of: ", v.Status, ".")
	case v.Status != cinderAvailable && v.Status != cinderInUse, migrating(v), v.groupID != "", kind == v.kind:
		return nil, invalidVolume("Retype needs volume to be in available or in-use state, not be part of an active migration or a ",
			"consistency group, requested type has to be different that the one from the volume, and for in-use volumes front-end ",
			"qos specs cannot change.")
	}
	s.begin(v, cinderRetyping)
	if s.neverRetypes(v) {
		return accepted(nil)
	}
	s.later(v, s.pace.Retype, func() {
		reason, failed := s.fails(RetypeVolume)
		if failed || kind.homeless() {
			s.tell(v.ProjectID, "VOLUME", v.ID, eventOther, reason, r.RequestID)
		} else {
			v.kind, v.multiattach, v.encrypted = kind, kind.multiattach(), kind.Encrypted
		}
		s.become(v, v.previousStatus)
	})
	return accepted(nil)
}

func (s *cinder) setBootable(_ *request, v *cinderVolume, raw json.RawMessage) (any, error) {
	var wanted struct {
		Bootable *bool `json:"bootable"`
	}
	if err := json.Unmarshal(raw, &wanted); err != nil || wanted.Bootable == nil {
		return nil, badCinderField("bootable", "it is a required property")
	}
	v.bootable = *wanted.Bootable
	return accepted(nil)
}

func (s *cinder) setReadonly(_ *request, v *cinderVolume, raw json.RawMessage) (any, error) {
	var wanted struct {
		Readonly *bool `json:"readonly"`
	}
	if err := json.Unmarshal(raw, &wanted); err != nil || wanted.Readonly == nil {
		return nil, badCinderField("readonly", "it is a required property")
	}
	if v.Status != cinderAvailable {
		return nil, invalidVolume("Volume ", v.ID, " status must be available to update readonly flag, but current status is: ", v.Status, ".")
	}
	v.readonly = *wanted.Readonly
	return accepted(nil)
}

// resetStatus is an admin's.
func (s *cinder) resetStatus(r *request, v *cinderVolume, raw json.RawMessage) (any, error) {
	var wanted struct {
		Status    string `json:"status"`
		Migration string `json:"migration_status"`
	}
	if !r.Token.Admin {
		return nil, cinderPolicy("volume_extension:volume_admin_actions:reset_status")
	}
	if err := json.Unmarshal(raw, &wanted); err != nil {
		return nil, errCinderBody
	}
	if wanted.Status != "" {
		s.forgetWork(v)
		s.become(v, wanted.Status)
	}
	if wanted.Migration != "" {
		v.migration = wanted.Migration
	}
	return accepted(nil)
}

func (s *cinder) forceDelete(r *request, v *cinderVolume, _ json.RawMessage) (any, error) {
	if !r.Token.Admin {
		return nil, cinderPolicy("volume_extension:volume_admin_actions:force_delete")
	}
	return accepted(s.beginDelete(v, false, true))
}

func (s *cinder) reserveByHand(_ *request, v *cinderVolume, _ json.RawMessage) (any, error) {
	if v.Status != cinderAvailable && (!v.multiattach || v.Status != cinderInUse) {
		return nil, invalidVolume("Volume status must be available to reserve, but the status is ", v.Status, ".")
	}
	s.become(v, cinderAttaching)
	return accepted(nil)
}

func (s *cinder) unreserve(_ *request, v *cinderVolume, _ json.RawMessage) (any, error) {
	if v.Status == cinderAttaching {
		status := cinderAvailable
		if len(s.attachmentsOf(v)) > 0 {
			status = cinderInUse
		}
		s.become(v, status)
	}
	return accepted(nil)
}

// beginDetaching marks a volume in use as one that is let go of.
func (s *cinder) beginDetaching(v *cinderVolume) error {
	if v.Status != cinderInUse {
		return invalidVolume("Unable to detach volume. Volume status must be 'in-use' and attach_status must be 'attached' to detach.")
	}
	s.become(v, cinderDetaching)
	return nil
}

func (s *cinder) beginDetachingByHand(_ *request, v *cinderVolume, _ json.RawMessage) (any, error) {
	return accepted(s.beginDetaching(v))
}

func (s *cinder) rollDetaching(_ *request, v *cinderVolume, _ json.RawMessage) (any, error) {
	if v.Status == cinderDetaching {
		s.become(v, cinderInUse)
	}
	return accepted(nil)
}
