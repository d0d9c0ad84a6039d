package simulator

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
)

// Generic volume groups since 3.13, as cinder/api/v3/groups.py, group_types.py and
// cinder/group/api.py have them.

// cinderGroupType is a type of groups.
type cinderGroupType struct {
	ID, Name, Description string
}

// AddGroupType adds a type of volume groups and gives its id.
func (c *Cloud) AddGroupType(name string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	k := &cinderGroupType{ID: newID(), Name: name}
	c.cinder.groupTypes = append(c.cinder.groupTypes, k)
	return k.ID
}

func (s *cinder) registerGroups(t routeTable) {
	list := cinderList[*cinderGroup]{
		name: "groups", what: "Group", table: &s.groups, brief: groupBrief, detail: s.groupDetail,
		filters: map[string]func(*cinderGroup) string{"availability_zone": func(g *cinderGroup) string { return g.zone }},
		words:   []string{"list_volume"},
	}
	s.on(t, "GET /group_types", 11, http.StatusOK, func(*request) (any, error) {
		views := []any{}
		for _, k := range s.groupTypes {
			views = append(views, groupTypeView(k))
		}
		return map[string]any{"group_types": views}, nil
	})
	s.on(t, "GET /group_types/{id}", 11, http.StatusOK, func(r *request) (any, error) {
		id := r.Vars["id"]
		at := slices.IndexFunc(s.groupTypes, func(k *cinderGroupType) bool { return k.ID == id })
		if id == "default" {
			at = 0
		}
		if at < 0 {
			return nil, noCinder("Group type", id)
		}
		return map[string]any{"group_type": groupTypeView(s.groupTypes[at])}, nil
	})
	s.on(t, "POST /groups", 13, http.StatusAccepted, s.createGroup)
	s.on(t, "GET /groups", 13, http.StatusOK, list.serve)
	s.on(t, "GET /groups/detail", 13, http.StatusOK, list.serve)
	s.on(t, "GET /groups/{id}", 13, http.StatusOK, s.oneGroup(func(r *request, g *cinderGroup) (any, error) {
		return map[string]any{"group": s.groupDetail(r, g)}, nil
	}))
	s.on(t, "PUT /groups/{id}", 13, http.StatusAccepted, s.oneGroup(s.updateGroup))
	s.on(t, "POST /groups/{id}/action", 13, http.StatusAccepted, s.oneGroup(s.actOnGroup))
}

func groupTypeView(k *cinderGroupType) map[string]any {
	return map[string]any{
		"id": k.ID, "name": k.Name, "description": nullable(k.Description), "is_public": true, "group_specs": map[string]string{},
	}
}

func (s *cinder) oneGroup(run func(r *request, g *cinderGroup) (any, error)) cinderOperation {
	return func(r *request) (any, error) {
		g, err := s.groups.visible(r, "Group", r.Vars["id"])
		if err != nil {
			return nil, err
		}
		return run(r, g)
	}
}

func groupBrief(_ *request, g *cinderGroup) map[string]any {
	return map[string]any{"id": g.ID, "name": nullable(g.Name)}
}

func (s *cinder) groupDetail(r *request, g *cinderGroup) map[string]any {
	types := []string{}
	for _, k := range g.types {
		types = append(types, k.ID)
	}
	view := map[string]any{
		"id": g.ID, "name": nullable(g.Name), "description": nullable(g.Description), "status": g.Status, "availability_zone": g.zone,
		"created_at": cinderTime(g.Created), "group_type": g.kind.ID, "volume_types": types,
	}
	if r.since(14) {
		view["group_snapshot_id"], view["source_group_id"] = nullable(g.from), nil
	}
	if r.since(25) && isYes(r.Query.Get("list_volume")) {
		ids := []string{}
		for _, v := range s.volumesOf(g) {
			ids = append(ids, v.ID)
		}
		view["volumes"] = ids
	}
	if r.since(38) {
		view["replication_status"] = "disabled"
	}
	if r.since(58) {
		view["project_id"] = g.ProjectID
	}
	return view
}

// volumesOf are a group's volumes.
func (s *cinder) volumesOf(g *cinderGroup) []*cinderVolume {
	return s.volumes.where(func(v *cinderVolume) bool { return v.groupID == g.ID })
}

type volumeGroupBody struct {
	Name        *string  `json:"name"`
	Description *string  `json:"description"`
	Type        string   `json:"group_type"`
	Types       []string `json:"volume_types"`
	Zone        *string  `json:"availability_zone"`
	Add         *string  `json:"add_volumes"`
	Remove      *string  `json:"remove_volumes"`
}

// empty tells whether an update asks for nothing.
func (b *volumeGroupBody) empty() bool {
	return b.Name == nil && b.Description == nil && given(b.Add) == "" && given(b.Remove) == ""
}

func (s *cinder) createGroup(r *request) (any, error) {
	var wanted volumeGroupBody
	if err := r.decode("group", &wanted); err != nil || wanted.Type == "" || len(wanted.Types) == 0 {
		return nil, badCinderField("group", "'group_type' and 'volume_types' are required properties")
	}
	at := slices.IndexFunc(s.groupTypes, func(k *cinderGroupType) bool { return k.ID == wanted.Type || k.Name == wanted.Type })
	if at < 0 {
		return nil, noCinder("Group type", wanted.Type)
	}
	g := &cinderGroup{
		cinderBase: s.newBase(r.Token.ProjectID, r.Token.UserID, cinderCreating), kind: s.groupTypes[at], zone: given(wanted.Zone),
	}
	g.Name, g.Description = given(wanted.Name), given(wanted.Description)
	for _, name := range wanted.Types {
		k := s.typeNamed(r, name)
		if k == nil {
			return nil, noCinder("Volume type", name)
		}
		g.types = append(g.types, k)
	}
	switch zones := s.cloud.options.VolumeZones; {
	case g.zone == "":
		g.zone = zones[0]
	case !slices.Contains(zones, g.zone):
		return nil, cinderErrorf(http.StatusBadRequest, "Availability zone '", g.zone, "' is invalid.")
	}
	if err := s.checkCount(g.ProjectID, "groups", "GroupLimitExceeded", 1); err != nil {
		return nil, err
	}
	s.groups.add(g)
	s.later(g, s.pace.Group, func() {
		if reason, failed := s.fails(CreateGroup); failed {
			s.become(g, cinderFailed)
			s.tell(g.ProjectID, "VOLUME_GROUP", g.ID, eventOther, reason, r.RequestID)
			return
		}
		s.become(g, cinderAvailable)
	})
	return map[string]any{"group": groupBrief(r, g)}, nil
}

// updateGroup renames at once; volumes come and go while the group is "updating".
func (s *cinder) updateGroup(r *request, g *cinderGroup) (any, error) {
	var wanted volumeGroupBody
	if err := r.decode("group", &wanted); err != nil {
		return nil, errCinderBody
	}
	if wanted.empty() {
		return nil, badCinderInput("Name, description, add_volumes, and remove_volumes can not be all empty in the request body.")
	}
	if g.Status != cinderAvailable {
		return nil, cinderErrorf(http.StatusBadRequest, "Invalid Group: Group status must be available, but the current status is: ", g.Status, ".")
	}
	add, err := s.groupAdditions(r, g, given(wanted.Add))
	if err != nil {
		return nil, err
	}
	remove, err := s.groupRemovals(g, given(wanted.Remove))
	if err != nil {
		return nil, err
	}
	if wanted.Name != nil {
		g.Name = *wanted.Name
	}
	if wanted.Description != nil {
		g.Description = *wanted.Description
	}
	if len(add)+len(remove) > 0 {
		s.regroup(g, add, remove)
	}
	return accepted(nil)
}

// regroup lets volumes join and leave a group when its time is over. Where one has
// another status by then, cinder/volume/manager.py (_collect_volumes_for_group) fails
// before it handles errors: the group is "updating" for ever.
func (s *cinder) regroup(g *cinderGroup, add, remove []*cinderVolume) {
	s.become(g, cinderUpdating)
	s.later(g, s.pace.Group, func() {
		for _, v := range slices.Concat(add, remove) {
			if !slices.Contains(regroupable, v.Status) {
				return
			}
		}
		for _, v := range add {
			v.groupID = g.ID
		}
		for _, v := range remove {
			v.groupID = ""
		}
		s.become(g, cinderAvailable)
	})
}

// splitIDs reads ids with commas between them.
func splitIDs(text string) []string {
	return slices.DeleteFunc(strings.Split(text, ","), func(id string) bool { return strings.TrimSpace(id) == "" })
}

// groupAdditions are volumes that may join: in no group, of one of its types, and idle.
func (s *cinder) groupAdditions(r *request, g *cinderGroup, text string) ([]*cinderVolume, error) {
	var add []*cinderVolume
	for _, id := range splitIDs(text) {
		v, err := s.volume(r, strings.TrimSpace(id))
		reason := ""
		switch {
		case err != nil:
			reason = "it cannot be found"
		case v.groupID == g.ID:
			continue
		case v.groupID != "":
			reason = "it is already in group " + v.groupID
		case !slices.Contains(g.types, v.kind):
			reason = "volume type " + v.kind.ID + " is not supported by the group"
		case v.Status != cinderAvailable && v.Status != cinderInUse:
			reason = "volume is in an invalid state: " + v.Status
		}
		if reason != "" {
			return nil, invalidVolume("Cannot add volume ", id, " to group ", g.ID, " because ", reason, ".")
		}
		add = append(add, v)
	}
	return add, nil
}

// regroupable are the statuses of volumes that may leave a group
// (VALID_REMOVE_VOL_FROM_GROUP_STATUS).
var regroupable = []string{cinderAvailable, cinderInUse, cinderFailed, cinderBadDelete}

func (s *cinder) groupRemovals(g *cinderGroup, text string) ([]*cinderVolume, error) {
	var remove []*cinderVolume
	for _, id := range splitIDs(text) {
		v := s.volumes.byID[strings.TrimSpace(id)]
		if v == nil || v.groupID != g.ID {
			return nil, invalidVolume("Cannot remove volume ", id, " from group ", g.ID, " because it is not in the group.")
		}
		if !slices.Contains(regroupable, v.Status) {
			return nil, invalidVolume("Cannot remove volume ", id, " from group ", g.ID, " because volume is in an invalid state: ", v.Status, ".")
		}
		remove = append(remove, v)
	}
	return remove, nil
}

// actOnGroup deletes a group, with its volumes if asked, or sets its status.
func (s *cinder) actOnGroup(r *request, g *cinderGroup) (any, error) {
	var body struct {
		Delete *struct {
			Volumes bool `json:"delete-volumes"`
		} `json:"delete"`
		Reset *struct {
			Status string `json:"status"`
		} `json:"reset_status"`
	}
	if err := json.Unmarshal(r.Body, &body); err != nil {
		return nil, errCinderBody
	}
	switch {
	case body.Delete != nil:
		return accepted(s.deleteGroup(g, body.Delete.Volumes))
	case body.Reset == nil || !r.since(20):
		return nil, cinderErrorf(http.StatusBadRequest, "There is no such action: None")
	case !r.Token.Admin:
		return nil, cinderPolicy("group:reset_status")
	}
	s.become(g, body.Reset.Status)
	return accepted(nil)
}

func (s *cinder) deleteGroup(g *cinderGroup, withVolumes bool) error {
	volumes := s.volumesOf(g)
	refuse := func(reason string) error { return cinderErrorf(http.StatusBadRequest, "Invalid Group: ", reason) }
	busy := slices.ContainsFunc(volumes, func(v *cinderVolume) bool {
		return v.Status == cinderInUse || len(s.attachmentsOf(v)) > 0 || len(s.snapshotsOf(v)) > 0
	})
	switch {
	case g.Status != cinderAvailable && g.Status != cinderFailed:
		return refuse("Group status must be available or error, but current status is: " + g.Status)
	case len(volumes) > 0 && !withVolumes:
		return refuse("Group " + g.ID + " still contains volumes. The delete-volumes flag is required to delete it.")
	case slices.ContainsFunc(s.groupSnapshots.rows, func(n *cinderGroupSnapshot) bool { return n.groupID == g.ID }):
		return refuse("Cannot delete group " + g.ID + ". There are still group snapshots in the group.")
	case busy:
		return refuse("Volume in group " + g.ID + " is attached or has dependent snapshots. Need to detach first or delete the snapshots.")
	}
	s.become(g, cinderDeleting)
	for _, v := range volumes {
		s.become(v, cinderDeleting)
	}
	s.later(g, s.pace.Group, func() {
		for _, v := range s.volumesOf(g) {
			s.dropVolume(v)
		}
		s.groups.remove(g.ID)
	})
	return nil
}
