package simulator

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
)

// Actions: POST /servers/{id}/action, as nova/api/openstack/compute/*.py and the
// states that nova/compute/api.py (check_instance_state) demands have them. What
// takes a real cloud seconds is done at once here.

// action is a move from some vm states to a status. No states means from any.
type action struct {
	name string // as the conflict's message calls it
	from []string
	to   string
}

var actions = map[string]action{
	"os-start":      {"start", []string{"stopped"}, "ACTIVE"},
	"os-stop":       {"stop", []string{"active", "error"}, "SHUTOFF"},
	"reboot":        {"reboot", []string{"active", "stopped", "paused", "suspended", "error"}, "ACTIVE"},
	"pause":         {"pause", []string{"active"}, "PAUSED"},
	"unpause":       {"unpause", []string{"paused"}, "ACTIVE"},
	"suspend":       {"suspend", []string{"active"}, "SUSPENDED"},
	"resume":        {"resume", []string{"suspended"}, "ACTIVE"},
	"shelve":        {"shelve", []string{"active", "stopped", "paused", "suspended"}, "SHELVED_OFFLOADED"},
	"shelveOffload": {"shelveOffload", []string{"shelved"}, "SHELVED_OFFLOADED"},
	"unshelve":      {"unshelve", []string{"shelved", "shelved_offloaded"}, "ACTIVE"},
	"rescue":        {"rescue", []string{"active", "stopped", "error"}, "RESCUE"},
	"unrescue":      {"unrescue", []string{"rescued"}, "ACTIVE"},
	"restore":       {"restore", []string{"soft-delete"}, "ACTIVE"},
}

func (n *nova) act(r *request, s *server) response {
	var body map[string]json.RawMessage
	if err := json.Unmarshal(r.Body, &body); err != nil || len(body) != 1 {
		return novaError(http.StatusBadRequest, "Malformed request body")
	}
	for name, raw := range body {
		switch name {
		case "lock":
			return n.lock(r, s, raw)
		case "unlock":
			s.Locked, s.LockedReason = false, ""
			return response{Status: http.StatusAccepted}
		case "forceDelete":
			n.forget(s)
			return response{Status: http.StatusAccepted}
		case "os-resetState":
			return n.reset(r, s, raw)
		}
		if known, ok := actions[name]; ok {
			return n.move(s, known)
		}
	}
	return novaError(http.StatusBadRequest, "There is no such action")
}

func (n *nova) move(s *server, a action) response {
	now := states[s.status()].vm
	if s.Locked {
		return novaError(http.StatusConflict, "Instance "+s.ID+" is locked")
	}
	if !slices.Contains(a.from, now) {
		return novaError(http.StatusConflict, "Cannot '"+a.name+"' instance "+s.ID+" while it is in vm_state "+now)
	}
	n.setStatus(s, a.to)
	return response{Status: http.StatusAccepted}
}

func (n *nova) lock(r *request, s *server, raw json.RawMessage) response {
	var wanted struct {
		Reason string `json:"locked_reason"`
	}
	if string(raw) != "null" && r.since(73) {
		if err := json.Unmarshal(raw, &wanted); err != nil {
			return novaError(http.StatusBadRequest, "Invalid input for field/attribute lock.")
		}
	}
	s.Locked, s.LockedReason = true, wanted.Reason
	return response{Status: http.StatusAccepted}
}

// reset is an admin's, to active or error (nova/api/openstack/compute/admin_actions.py).
func (n *nova) reset(r *request, s *server, raw json.RawMessage) response {
	var wanted struct {
		State string `json:"state"`
	}
	if !r.Token.Admin {
		return novaError(http.StatusForbidden,
			"Policy doesn't allow os_compute_api:os-admin-actions:reset_state to be performed.")
	}
	if err := json.Unmarshal(raw, &wanted); err != nil || wanted.State != "active" && wanted.State != "error" {
		return novaError(http.StatusBadRequest, "Invalid input for field/attribute state.")
	}
	n.setStatus(s, strings.ToUpper(wanted.State))
	return response{Status: http.StatusAccepted}
}
