package controller

import (
	"context"
	"errors"
	"slices"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"k8s.io/klog/v2"

	"underlay/internal/cloud"
	"underlay/internal/poll"
	"underlay/pkg/volumes/block"
)

// paramGroupType of a VolumeGroupSnapshotClass is the name or id of a group type
// whose snapshots are consistent.
const paramGroupType = "grouptype"

// groupUpdating is a group that volumes join or leave.
const groupUpdating block.Status = "updating"

// groupMark in the description of a group says that it was made here, for group
// snapshots, and may be taken apart again.
func (s *Service) groupMark() string {
	return "Created by " + block.DriverName + " for group snapshots of cluster " + s.options.Cluster
}

// repeat calls look until it says that it has seen enough, with growing pauses.
func repeat(ctx context.Context, what string, look func() (enough bool, err error)) error {
	for gap := poll.Gap; ; gap = min(gap*2, poll.GapMax) {
		enough, err := look()
		if enough || err != nil {
			return err
		}
		timer := time.NewTimer(gap)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return unseen(ctx, "wait for "+what, context.Cause(ctx))
		}
	}
}

// gather makes sure that the volumes, and no others, are in one group, and
// answers its id.
func (g *grouping) gather(ctx context.Context, volumes []block.Volume) (string, error) {
	if id := together(volumes); id != "" {
		group, err := g.p.Group(ctx, id)
		if err != nil {
			return "", unseen(ctx, "read group "+id, err)
		}
		if len(group.VolumeIDs) <= len(volumes) {
			return id, nil
		}
		freed, err := g.freed(ctx, group, volumes)
		if err != nil {
			return "", err
		}
		if !freed {
			return "", status.Errorf(codes.FailedPrecondition, "the volumes are in group %s, which has others too: Cinder takes snapshots of whole groups", id)
		}
	}
	group, err := g.group(ctx, volumes)
	if err != nil {
		return "", err
	}
	missing, err := g.missing(ctx, group.ID, volumes)
	if err != nil {
		return "", err
	}
	if len(missing) > 0 {
		err := g.p.SetGroupVolumes(ctx, group.ID, missing, nil)
		if errors.Is(err, cloud.ErrNotFound) {
			return "", unfinished("group %s was deleted while volumes were put into it", group.ID)
		}
		if err != nil {
			return "", unwritten(ctx, "put volumes into group "+group.ID, err)
		}
	}
	return group.ID, g.settled(ctx, group.ID)
}

// missing are the volumes that are not in the group yet.
func (g *grouping) missing(ctx context.Context, group string, volumes []block.Volume) ([]string, error) {
	var missing []string
	for i := range volumes {
		v := &volumes[i]
		if v.GroupID != "" && v.GroupID != group {
			other, err := g.p.Group(ctx, v.GroupID)
			if err != nil {
				return nil, unseen(ctx, "read group "+v.GroupID, err)
			}
			freed, err := g.freed(ctx, other, volumes)
			if err != nil {
				return nil, err
			}
			if !freed {
				return nil, status.Errorf(codes.FailedPrecondition, "volume %s is in group %s, and a volume is in one group at most", v.ID, v.GroupID)
			}
		}
		if v.GroupID == "" {
			missing = append(missing, v.ID)
		}
	}
	return missing, nil
}

// freed takes a group apart that was left to its volumes (see release) and that no
// group snapshot needs, and says whether it has. Of volumes those that were in it
// are in none then.
func (g *grouping) freed(ctx context.Context, group block.Group, volumes []block.Volume) (bool, error) {
	if group.Description != g.s.groupMark() {
		return false, nil
	}
	for _, id := range group.VolumeIDs {
		page, _, err := g.p.SnapshotPage(ctx, id, "", 0)
		if err != nil {
			return false, unseen(ctx, "list snapshots of volume "+id, err)
		}
		if slices.ContainsFunc(page, func(x block.Snapshot) bool { return x.GroupSnapshotID != "" }) {
			return false, nil
		}
	}
	if err := g.s.dissolve(ctx, g.p, group.ID); err != nil {
		return false, err
	}
	for i := range volumes {
		if volumes[i].GroupID == group.ID {
			volumes[i].GroupID = ""
		}
	}
	return true, nil
}

// together is the group that all volumes are in, or "".
func together(volumes []block.Volume) string {
	for _, v := range volumes {
		if v.GroupID != volumes[0].GroupID {
			return ""
		}
	}
	return volumes[0].GroupID
}

// group finds or makes the group of the group snapshot's name.
func (g *grouping) group(ctx context.Context, volumes []block.Volume) (block.Group, error) {
	found, err := g.p.GroupsNamed(ctx, g.name)
	if err != nil {
		return block.Group{}, unseen(ctx, "look for group "+g.name, err)
	}
	found = slices.DeleteFunc(found, func(x block.Group) bool { return x.Name != g.name || x.Description != g.s.groupMark() })
	if len(found) > 0 {
		return found[0], g.settled(ctx, found[0].ID)
	}
	if g.groupType == "" {
		return block.Group{}, invalid("the VolumeGroupSnapshotClass needs the parameter groupType: a group type of Cinder whose snapshots are consistent")
	}
	wish := block.Group{Name: g.name, Description: g.s.groupMark(), Type: g.groupType, AvailabilityZone: volumes[0].AvailabilityZone}
	for _, v := range volumes {
		if !slices.Contains(wish.VolumeTypes, v.Type) {
			wish.VolumeTypes = append(wish.VolumeTypes, v.Type)
		}
	}
	made, err := g.p.CreateGroup(ctx, wish)
	if err != nil {
		return made, unwritten(ctx, "create group "+g.name, err)
	}
	klog.FromContext(ctx).Info("Volume group created", "group", made.ID, "name", made.Name)
	return made, g.settled(ctx, made.ID)
}

// settled waits until a group is available.
func (g *grouping) settled(ctx context.Context, id string) error {
	return repeat(ctx, "group "+id, func() (bool, error) {
		group, err := g.p.Group(ctx, id)
		switch {
		case err != nil:
			return false, unseen(ctx, "read group "+id, err)
		case group.Status == block.StatusError:
			if err := g.s.dissolve(ctx, g.p, id); err != nil {
				return false, err
			}
			return false, status.Errorf(codes.FailedPrecondition, "Cinder could not group the volumes: %s", g.p.reason(ctx, id))
		default:
			return group.Status == block.StatusAvailable, nil
		}
	})
}

// release takes a group of ours apart whose group snapshot is gone, if all of its
// volumes are at rest. Else it stays, until its volumes are deleted or another group
// is wanted: where a volume is detached or attached just then, Cinder fails outside
// of its error handling and leaves the group "updating" for ever, which nobody but
// an administrator mends, and its volumes can never be deleted
// (cinder/volume/manager.py, _collect_volumes_for_group).
func (s *Service) release(ctx context.Context, p *project, id string) error {
	group, ours, err := s.ownGroup(ctx, p, id)
	if err != nil || !ours {
		return err
	}
	for _, id := range group.VolumeIDs {
		v, err := p.volume(ctx, id)
		if err != nil {
			return unseen(ctx, "read volume "+id, err)
		}
		if v.Status != block.StatusGone && (v.Status != block.StatusAvailable || len(v.Attachments) > 0) {
			klog.FromContext(ctx).Info("Volume group stays, since its volumes are in use", "group", group.ID, "volume", id, "status", v.Status)
			return nil
		}
	}
	return s.takeApart(ctx, p, group)
}

// dissolve takes a group of ours apart. One that still has another group snapshot
// stays.
func (s *Service) dissolve(ctx context.Context, p *project, id string) error {
	group, ours, err := s.ownGroup(ctx, p, id)
	if err != nil || !ours {
		return err
	}
	return s.takeApart(ctx, p, group)
}

// ownGroup reads a group, and says whether it was made here. One that is gone has no id.
func (s *Service) ownGroup(ctx context.Context, p *project, id string) (block.Group, bool, error) {
	group, err := p.Group(ctx, id)
	if errors.Is(err, cloud.ErrNotFound) {
		return block.Group{}, false, nil
	}
	if err != nil {
		return group, false, unseen(ctx, "read group "+id, err)
	}
	return group, group.Description == s.groupMark(), nil
}

func (s *Service) takeApart(ctx context.Context, p *project, group block.Group) error {
	if err := p.empty(ctx, group); err != nil {
		return err
	}
	return p.removeGroup(ctx, group.ID)
}

// sweep deletes the empty groups of ours: a process that died after it had deleted
// a group snapshot, or the last volume, has left its group behind, and nothing
// leads to it any more.
func (s *Service) sweep(ctx context.Context, p *project) error {
	all, err := p.AllGroups(ctx)
	if errors.Is(err, cloud.ErrUnsupported) {
		return nil
	}
	if err != nil {
		return unseen(ctx, "list groups", err)
	}
	for _, group := range all {
		if group.Description != s.groupMark() || len(group.VolumeIDs) > 0 || group.Status != block.StatusAvailable && group.Status != block.StatusError {
			continue
		}
		if err := p.removeGroup(ctx, group.ID); err != nil {
			return err
		}
	}
	return nil
}

// removeGroup deletes an empty group and waits until it is gone.
func (p *project) removeGroup(ctx context.Context, id string) error {
	err := p.DeleteGroup(ctx, id)
	if isAny(err, cloud.ErrBusy, cloud.ErrInvalid) {
		klog.FromContext(ctx).Info("Volume group stays, since it has another group snapshot", "group", id, "err", err)
		return nil
	}
	if err != nil && !errors.Is(err, cloud.ErrNotFound) {
		return unwritten(ctx, "delete group "+id, err)
	}
	return repeat(ctx, "group "+id, func() (bool, error) {
		now, err := p.Group(ctx, id)
		switch {
		case errors.Is(err, cloud.ErrNotFound):
			return true, nil
		case err != nil:
			return false, unseen(ctx, "read group "+id, err)
		case now.Status == block.StatusError || now.Status == block.StatusErrorDeleting:
			return false, unfinished("Cinder could not delete group %s", id)
		default:
			return false, nil
		}
	})
}

// empty takes all volumes out of a group, and waits until they are.
func (p *project) empty(ctx context.Context, group block.Group) error {
	if len(group.VolumeIDs) == 0 {
		return nil
	}
	if err := p.SetGroupVolumes(ctx, group.ID, nil, group.VolumeIDs); err != nil {
		return unwritten(ctx, "take the volumes out of group "+group.ID, err)
	}
	return repeat(ctx, "group "+group.ID, func() (bool, error) {
		now, err := p.Group(ctx, group.ID)
		if err != nil {
			return false, unseen(ctx, "read group "+group.ID, err)
		}
		return now.Status == block.StatusError || now.Status == block.StatusAvailable && len(now.VolumeIDs) == 0, nil
	})
}

// leaveGroup takes a volume out of the group that was made here for a group
// snapshot: Cinder deletes no volume of a group. The last one takes the group
// with it.
func (s *Service) leaveGroup(ctx context.Context, p *project, v block.Volume) error {
	if v.GroupID == "" {
		return nil
	}
	group, ours, err := s.ownGroup(ctx, p, v.GroupID)
	if err != nil || group.ID == "" {
		return err
	}
	if !ours {
		return status.Errorf(codes.FailedPrecondition, "volume %s is in group %s, which was not made here, and Cinder deletes no volume of a group", v.ID, group.ID)
	}
	if group.Status == groupUpdating { // others leave just now
		if err := p.idle(ctx, group.ID); err != nil {
			return err
		}
		return s.leaveGroup(ctx, p, v)
	}
	if len(group.VolumeIDs) <= 1 {
		return s.takeApart(ctx, p, group)
	}
	err = p.SetGroupVolumes(ctx, v.GroupID, nil, []string{v.ID})
	if isAny(err, cloud.ErrBusy, cloud.ErrInvalid) && p.updating(ctx, group.ID) {
		return s.leaveGroup(ctx, p, v)
	}
	if err != nil {
		return unwritten(ctx, "take volume "+v.ID+" out of group "+v.GroupID, err)
	}
	return s.left(ctx, p, v)
}

// left waits until a volume has left its group, and deletes the group if the others
// left at the same time.
func (s *Service) left(ctx context.Context, p *project, v block.Volume) error {
	group := v.GroupID
	if _, err := p.settle(ctx, v.ID, func(v block.Volume) bool { return v.GroupID == "" }); err != nil {
		return err
	}
	now, ours, err := s.ownGroup(ctx, p, group)
	if err != nil || !ours || len(now.VolumeIDs) > 0 {
		return err
	}
	return p.removeGroup(ctx, group)
}

// updating says that volumes join or leave a group.
func (p *project) updating(ctx context.Context, id string) bool {
	group, err := p.Group(ctx, id)
	return err == nil && group.Status == groupUpdating
}

// idle waits while volumes join or leave a group.
func (p *project) idle(ctx context.Context, id string) error {
	return repeat(ctx, "group "+id, func() (bool, error) {
		now, err := p.Group(ctx, id)
		if errors.Is(err, cloud.ErrNotFound) {
			return true, nil
		}
		if err != nil {
			return false, unseen(ctx, "read group "+id, err)
		}
		return now.Status != groupUpdating, nil
	})
}
