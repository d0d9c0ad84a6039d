package controller

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"
	"k8s.io/klog/v2"

	"underlay/internal/cloud"
	"underlay/pkg/volumes/block"
	"underlay/pkg/volumes/verdict"
)

// grouping is one CreateVolumeGroupSnapshot.
type grouping struct {
	s         *Service
	p         *project
	name      string
	groupType string
	volumeIDs []string
	// asked says that this request has sent its one POST.
	asked bool
}

// CreateVolumeGroupSnapshot takes snapshots of several volumes at one time, by
// Cinder's groups: the volumes are put into a group, of which a snapshot is taken.
func (s *Service) CreateVolumeGroupSnapshot(ctx context.Context, r *csi.CreateVolumeGroupSnapshotRequest) (*csi.CreateVolumeGroupSnapshotResponse, error) {
	if r.GetName() == "" || len(r.GetSourceVolumeIds()) == 0 {
		return nil, invalid("the request has no name or no source volumes")
	}
	g := &grouping{s: s, name: r.GetName(), volumeIDs: slices.Compact(slices.Sorted(slices.Values(r.GetSourceVolumeIds())))}
	for name, value := range r.GetParameters() {
		if strings.EqualFold(name, paramGroupType) {
			g.groupType = value
		}
	}
	ctx, p, done, err := s.begin(ctx, r.GetSecrets(), "the group snapshot name "+g.name)
	if err != nil {
		return nil, err
	}
	defer done()
	g.p = p
	taken, err := g.run(ctx)
	if err != nil {
		return nil, err
	}
	answer, err := s.describeGroup(ctx, p, taken)
	if err != nil {
		return nil, err
	}
	return &csi.CreateVolumeGroupSnapshotResponse{GroupSnapshot: answer}, nil
}

// run goes round until the group snapshot is taken or cannot be.
func (g *grouping) run(ctx context.Context) (block.GroupSnapshot, error) {
	for {
		taken, err := g.find(ctx)
		if err != nil {
			return taken, err
		}
		rule := verdict.Decide(verdict.CreateGroupSnapshot, verdict.Facts{Status: string(taken.Status)})
		switch rule.Do {
		case verdict.Done:
			return taken, g.compare(ctx, taken)
		case verdict.Act:
			err = g.ask(ctx)
		case verdict.Wait:
			err = g.p.settleGroup(ctx, taken.ID, verdict.CreateGroupSnapshot)
		case verdict.Clear:
			err = g.discard(ctx, taken)
		default:
			err = refusal(rule, "group snapshot "+taken.ID, string(taken.Status), "")
		}
		if err != nil {
			return taken, err
		}
	}
}

// find looks for the oldest group snapshot of the name.
func (g *grouping) find(ctx context.Context) (block.GroupSnapshot, error) {
	found, err := g.p.GroupSnapshotsNamed(ctx, g.name)
	if errors.Is(err, cloud.ErrUnsupported) {
		return block.GroupSnapshot{}, unwritten(ctx, "look for group snapshot "+g.name, err)
	}
	if err != nil {
		return block.GroupSnapshot{}, unseen(ctx, "look for group snapshot "+g.name, err)
	}
	found = slices.DeleteFunc(found, func(x block.GroupSnapshot) bool { return x.Name != g.name })
	if len(found) == 0 {
		return block.GroupSnapshot{Name: g.name, Status: block.SnapshotGone}, nil
	}
	return slices.MinFunc(found, func(a, b block.GroupSnapshot) int {
		return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID))
	}), nil
}

// compare refuses a group snapshot of other volumes.
func (g *grouping) compare(ctx context.Context, taken block.GroupSnapshot) error {
	parts, err := g.p.SnapshotsOfGroup(ctx, taken.ID)
	if err != nil {
		return unseen(ctx, "list snapshots of group snapshot "+taken.ID, err)
	}
	var of []string
	for _, s := range parts {
		of = append(of, s.VolumeID)
	}
	slices.Sort(of)
	if !slices.Equal(of, g.volumeIDs) {
		return status.Errorf(codes.AlreadyExists, "group snapshot %s (%s) exists, of volumes %v, and one of %v is asked for", g.name, taken.ID, of, g.volumeIDs)
	}
	return nil
}

// ask groups the volumes and sends the POST.
func (g *grouping) ask(ctx context.Context) error {
	if g.asked {
		return unfinished("group snapshot %s was taken, and has been deleted by somebody else", g.name)
	}
	var volumes []block.Volume
	for _, id := range g.volumeIDs {
		v, err := g.p.ready(ctx, verdict.GroupSnapshotVolumes, id)
		if err != nil {
			return err
		}
		volumes = append(volumes, v)
	}
	group, err := g.gather(ctx, volumes)
	if err != nil {
		return err
	}
	g.asked = true
	taken, err := g.p.CreateGroupSnapshot(ctx, g.name, group)
	if errors.Is(err, cloud.ErrInvalid) {
		return status.Errorf(codes.FailedPrecondition, "take group snapshot %s: %v", g.name, err)
	}
	if err != nil {
		return unwritten(ctx, "take group snapshot "+g.name, err)
	}
	klog.FromContext(ctx).Info("Group snapshot is being taken", "groupSnapshot", taken.ID, "group", group)
	return nil
}

// discard deletes a group snapshot that failed, and answers with the reason.
func (g *grouping) discard(ctx context.Context, taken block.GroupSnapshot) error {
	why := g.p.reason(ctx, taken.ID)
	if err := g.s.dropGroup(ctx, g.p, taken); err != nil {
		return unfinished("group snapshot %s (%s) failed: %s; and it is not deleted yet: %s", g.name, taken.ID, why, status.Convert(err).Message())
	}
	return status.Errorf(codes.ResourceExhausted, "Cinder could not take group snapshot %s: %s", g.name, why)
}

// settleGroup waits until the question about a group snapshot is not answered with wait.
func (p *project) settleGroup(ctx context.Context, id string, q verdict.Question) error {
	return repeat(ctx, "group snapshot "+id, func() (bool, error) {
		now, err := p.GroupSnapshot(ctx, id)
		if errors.Is(err, cloud.ErrNotFound) {
			return true, nil
		}
		if err != nil {
			return false, unseen(ctx, "read group snapshot "+id, err)
		}
		return verdict.Decide(q, verdict.Facts{Status: string(now.Status)}).Do != verdict.Wait, nil
	})
}

// dropGroup deletes a group snapshot, waits until it is gone, and releases its
// group.
func (s *Service) dropGroup(ctx context.Context, p *project, taken block.GroupSnapshot) error {
	for asked := false; ; {
		rule := verdict.Decide(verdict.DeleteGroupSnapshot, verdict.Facts{Status: string(taken.Status)})
		switch {
		case rule.Do == verdict.Done:
			return s.release(ctx, p, taken.GroupID)
		case rule.Do == verdict.Act && asked:
			return unfinished("group snapshot %s was to be deleted, and Cinder has it %s again", taken.ID, taken.Status)
		case rule.Do == verdict.Act:
			asked = true
			if err := p.deleteGroup(ctx, taken.ID); err != nil {
				return err
			}
		case rule.Do == verdict.Refuse:
			return refusal(rule, "group snapshot "+taken.ID, string(taken.Status), p.reason(ctx, taken.ID))
		}
		if err := p.settleGroup(ctx, taken.ID, verdict.DeleteGroupSnapshot); err != nil {
			return err
		}
		now, err := p.GroupSnapshot(ctx, taken.ID)
		switch {
		case errors.Is(err, cloud.ErrNotFound):
			taken.Status = block.SnapshotGone
		case err != nil:
			return unseen(ctx, "read group snapshot "+taken.ID, err)
		default:
			taken = now
		}
	}
}

// deleteGroup sends the DELETE of a group snapshot.
func (p *project) deleteGroup(ctx context.Context, id string) error {
	err := p.DeleteGroupSnapshot(ctx, id)
	switch {
	case err == nil || errors.Is(err, cloud.ErrNotFound):
		return nil
	case isAny(err, cloud.ErrBusy, cloud.ErrInvalid):
		// A DELETE whose answer was lost is refused when it is sent again.
		now, unread := p.GroupSnapshot(ctx, id)
		if errors.Is(unread, cloud.ErrNotFound) || unread == nil && now.Status == block.SnapshotDeleting {
			return nil
		}
		return status.Errorf(codes.FailedPrecondition, "group snapshot %s cannot be deleted while something else uses it: %v", id, err)
	default:
		return unwritten(ctx, "delete group snapshot "+id, err)
	}
}

// describeGroup is the CSI's word for a group snapshot.
func (s *Service) describeGroup(ctx context.Context, p *project, taken block.GroupSnapshot) (*csi.VolumeGroupSnapshot, error) {
	parts, err := p.SnapshotsOfGroup(ctx, taken.ID)
	if err != nil {
		return nil, unseen(ctx, "list snapshots of group snapshot "+taken.ID, err)
	}
	all := make([]copied, 0, len(parts))
	for _, part := range parts {
		all = append(all, ofSnapshot(part))
	}
	told, err := s.describeCopies(ctx, p, all...)
	if err != nil {
		return nil, err
	}
	d := &csi.VolumeGroupSnapshot{GroupSnapshotId: taken.ID, CreationTime: timestamppb.New(taken.CreatedAt), ReadyToUse: taken.Status == block.SnapshotAvailable}
	for _, part := range told {
		part.GroupSnapshotId = taken.ID
		d.ReadyToUse = d.ReadyToUse && part.GetReadyToUse()
	}
	d.Snapshots = told
	return d, nil
}

// matches refuses a list of snapshots that are not those of the group snapshot.
func (p *project) matches(ctx context.Context, id string, listed []string) error {
	if len(listed) == 0 {
		return nil
	}
	parts, err := p.SnapshotsOfGroup(ctx, id)
	if err != nil {
		return unseen(ctx, "list snapshots of group snapshot "+id, err)
	}
	var actual []string
	for _, s := range parts {
		actual = append(actual, s.ID)
	}
	slices.Sort(actual)
	if desired := slices.Sorted(slices.Values(listed)); !slices.Equal(actual, desired) {
		return invalid("group snapshot %s has the snapshots %v, and the request names %v", id, actual, desired)
	}
	return nil
}

// DeleteVolumeGroupSnapshot deletes a group snapshot with its snapshots, and waits
// until they are gone.
func (s *Service) DeleteVolumeGroupSnapshot(ctx context.Context, r *csi.DeleteVolumeGroupSnapshotRequest) (*csi.DeleteVolumeGroupSnapshotResponse, error) {
	if r.GetGroupSnapshotId() == "" {
		return nil, invalid("the request has no group snapshot id")
	}
	ctx, p, done, err := s.begin(ctx, r.GetSecrets(), "group snapshot "+r.GetGroupSnapshotId())
	if err != nil {
		return nil, err
	}
	defer done()
	taken, err := p.GroupSnapshot(ctx, r.GetGroupSnapshotId())
	if errors.Is(err, cloud.ErrNotFound) {
		return &csi.DeleteVolumeGroupSnapshotResponse{}, s.sweep(ctx, p)
	}
	if err != nil {
		return nil, unseen(ctx, "read group snapshot "+r.GetGroupSnapshotId(), err)
	}
	if err := p.matches(ctx, taken.ID, r.GetSnapshotIds()); err != nil {
		return nil, err
	}
	if err := s.dropGroup(ctx, p, taken); err != nil {
		return nil, err
	}
	return &csi.DeleteVolumeGroupSnapshotResponse{}, s.sweep(ctx, p)
}

// GetVolumeGroupSnapshot tells how a group snapshot does.
func (s *Service) GetVolumeGroupSnapshot(ctx context.Context, r *csi.GetVolumeGroupSnapshotRequest) (*csi.GetVolumeGroupSnapshotResponse, error) {
	p, err := s.project(r.GetSecrets())
	if err != nil {
		return nil, err
	}
	if r.GetGroupSnapshotId() == "" {
		return nil, invalid("the request has no group snapshot id")
	}
	taken, err := p.GroupSnapshot(ctx, r.GetGroupSnapshotId())
	if errors.Is(err, cloud.ErrNotFound) {
		return nil, status.Errorf(codes.NotFound, "there is no group snapshot %s", r.GetGroupSnapshotId())
	}
	if err != nil {
		return nil, unseen(ctx, "read group snapshot "+r.GetGroupSnapshotId(), err)
	}
	if err := p.matches(ctx, taken.ID, r.GetSnapshotIds()); err != nil {
		return nil, err
	}
	answer, err := s.describeGroup(ctx, p, taken)
	if err != nil {
		return nil, err
	}
	return &csi.GetVolumeGroupSnapshotResponse{GroupSnapshot: answer}, nil
}
