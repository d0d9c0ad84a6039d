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
		if len(group.VolumeIDs) > len(volumes) {
			return "", status.Errorf(codes.FailedPrecondition, "the volumes are in group %s, which has others too: Cinder takes snapshots of whole groups", id)
		}
		return id, nil
	}
	group, err := g.group(ctx, volumes)
	if err != nil {
		return "", err
	}
	var missing []string
	for _, v := range volumes {
		switch v.GroupID {
		case group.ID:
		case "":
			missing = append(missing, v.ID)
		default:
			return "", status.Errorf(codes.FailedPrecondition, "volume %s is in group %s, and a volume is in one group at most", v.ID, v.GroupID)
		}
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

// dissolve takes a group of ours apart. One that still has another group snapshot
// stays.
func (s *Service) dissolve(ctx context.Context, p *project, id string) error {
	group, err := p.Group(ctx, id)
	if errors.Is(err, cloud.ErrNotFound) || err == nil && group.Description != s.groupMark() {
		return nil
	}
	if err != nil {
		return unseen(ctx, "read group "+id, err)
	}
	if err := p.empty(ctx, group); err != nil {
		return err
	}
	return p.removeGroup(ctx, id)
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
	group, err := p.Group(ctx, v.GroupID)
	if errors.Is(err, cloud.ErrNotFound) {
		return nil
	}
	if err != nil {
		return unseen(ctx, "read group "+v.GroupID, err)
	}
	if group.Description != s.groupMark() {
		return status.Errorf(codes.FailedPrecondition, "volume %s is in group %s, which was not made here, and Cinder deletes no volume of a group", v.ID, group.ID)
	}
	if len(group.VolumeIDs) <= 1 {
		return s.dissolve(ctx, p, group.ID)
	}
	if err := p.SetGroupVolumes(ctx, v.GroupID, nil, []string{v.ID}); err != nil {
		return unwritten(ctx, "take volume "+v.ID+" out of group "+v.GroupID, err)
	}
	_, err = p.settle(ctx, v.ID, func(v block.Volume) bool { return v.GroupID == "" })
	return err
}
