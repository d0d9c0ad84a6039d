package simulator

import "net/http"

// Group snapshots since 3.14, as cinder/api/v3/group_snapshots.py and
// cinder/group/api.py (create_group_snapshot) have them.

func (s *cinder) registerGroupSnapshots(t routeTable) {
	list := cinderList[*cinderGroupSnapshot]{
		name: "group_snapshots", what: "GroupSnapshot", table: &s.groupSnapshots,
		brief: groupSnapshotBrief, detail: s.groupSnapshotDetail,
		filters: map[string]func(*cinderGroupSnapshot) string{"group_id": func(n *cinderGroupSnapshot) string { return n.groupID }},
	}
	s.on(t, "POST /group_snapshots", 14, http.StatusAccepted, s.createGroupSnapshot)
	s.on(t, "GET /group_snapshots", 14, http.StatusOK, list.serve)
	s.on(t, "GET /group_snapshots/detail", 14, http.StatusOK, list.serve)
	s.on(t, "GET /group_snapshots/{id}", 14, http.StatusOK, s.oneGroupSnapshot(func(r *request, n *cinderGroupSnapshot) (any, error) {
		return map[string]any{"group_snapshot": s.groupSnapshotDetail(r, n)}, nil
	}))
	s.on(t, "DELETE /group_snapshots/{id}", 14, http.StatusAccepted, s.oneGroupSnapshot(s.deleteGroupSnapshot))
}

func (s *cinder) oneGroupSnapshot(run func(r *request, n *cinderGroupSnapshot) (any, error)) cinderOperation {
	return func(r *request) (any, error) {
		n, err := s.groupSnapshots.visible(r, "GroupSnapshot", r.Vars["id"])
		if err != nil {
			return nil, err
		}
		return run(r, n)
	}
}

func groupSnapshotBrief(_ *request, n *cinderGroupSnapshot) map[string]any {
	return map[string]any{"id": n.ID, "name": nullable(n.Name)}
}

func (s *cinder) groupSnapshotDetail(r *request, n *cinderGroupSnapshot) map[string]any {
	view := map[string]any{
		"id": n.ID, "name": nullable(n.Name), "description": nullable(n.Description), "group_id": n.groupID, "status": n.Status,
		"created_at": cinderTime(n.Created), "group_type_id": nil,
	}
	if g := s.groups.byID[n.groupID]; g != nil {
		view["group_type_id"] = g.kind.ID
	}
	if r.since(58) {
		view["project_id"] = n.ProjectID
	}
	return view
}

// partsOf are the snapshots of a group snapshot.
func (s *cinder) partsOf(n *cinderGroupSnapshot) []*cinderSnapshot {
	return s.snapshots.where(func(part *cinderSnapshot) bool { return part.groupSnapshotID == n.ID })
}

func (s *cinder) createGroupSnapshot(r *request) (any, error) {
	var wanted struct {
		GroupID     string  `json:"group_id"`
		Name        *string `json:"name"`
		Description *string `json:"description"`
	}
	if err := r.decode("group_snapshot", &wanted); err != nil || wanted.GroupID == "" {
		return nil, badCinderField("group_snapshot", "'group_id' is a required property")
	}
	g, err := s.groups.visible(r, "Group", wanted.GroupID)
	if err != nil {
		return nil, err
	}
	volumes := s.volumesOf(g)
	if err := s.mayTakeGroup(g, volumes); err != nil {
		return nil, err
	}
	n := &cinderGroupSnapshot{cinderBase: s.newBase(g.ProjectID, r.Token.UserID, cinderCreating), groupID: g.ID}
	n.Name, n.Description = given(wanted.Name), given(wanted.Description)
	s.groupSnapshots.add(n)
	for _, v := range volumes {
		part, err := s.take(v, n.Name, n.ID, r)
		if err != nil {
			s.dropGroupSnapshot(n)
			return nil, err
		}
		// The parts become available with the whole.
		s.forgetWork(part)
	}
	s.later(n, s.pace.Snapshot, func() {
		status := cinderAvailable
		if reason, failed := s.fails(CreateGroupSnapshot); failed {
			status = cinderFailed
			s.tell(n.ProjectID, "GROUP_SNAPSHOT", n.ID, eventOther, reason, r.RequestID)
		}
		for _, part := range s.partsOf(n) {
			s.become(part, status)
		}
		s.become(n, status)
	})
	return map[string]any{"group_snapshot": groupSnapshotBrief(r, n)}, nil
}

func (s *cinder) mayTakeGroup(g *cinderGroup, volumes []*cinderVolume) error {
	switch {
	case g.Status != cinderAvailable:
		return cinderErrorf(http.StatusBadRequest, "Invalid Group: Group status must be available, but the current status is: ", g.Status, ".")
	case len(volumes) == 0:
		return cinderErrorf(http.StatusBadRequest, "Invalid Group: The group ", g.ID, " has no volumes, so there is nothing to take a snapshot of.")
	}
	size := 0
	for _, v := range volumes {
		if err := s.mayTakeSnapshot(v, true); err != nil {
			return err
		}
		size += v.size
	}
	if err := s.checkCount(g.ProjectID, "snapshots", "SnapshotLimitExceeded", len(volumes)); err != nil {
		return err
	}
	return s.checkGigabytes(g.ProjectID, size)
}

func (s *cinder) deleteGroupSnapshot(_ *request, n *cinderGroupSnapshot) (any, error) {
	if n.Status != cinderAvailable && n.Status != cinderFailed {
		return nil, cinderErrorf(http.StatusBadRequest, "Invalid group snapshot: GroupSnapshot status must be available or error")
	}
	s.become(n, cinderDeleting)
	for _, part := range s.partsOf(n) {
		s.become(part, cinderDeleting)
	}
	s.later(n, s.pace.Snapshot, func() { s.dropGroupSnapshot(n) })
	return accepted(nil)
}

// dropGroupSnapshot takes a group snapshot away with its parts.
func (s *cinder) dropGroupSnapshot(n *cinderGroupSnapshot) {
	for _, part := range s.partsOf(n) {
		s.dropSnapshot(part)
	}
	s.groupSnapshots.remove(n.ID)
}
