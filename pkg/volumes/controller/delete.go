package controller

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"k8s.io/klog/v2"

	"underlay/internal/cloud"
	"underlay/pkg/volumes/block"
	"underlay/pkg/volumes/verdict"
)

// DeleteVolume deletes a volume and waits until it is gone.
func (s *Service) DeleteVolume(ctx context.Context, r *csi.DeleteVolumeRequest) (*csi.DeleteVolumeResponse, error) {
	if r.GetVolumeId() == "" {
		return nil, invalid("the request has no volume id")
	}
	ctx, p, done, err := s.begin(ctx, r.GetSecrets(), "volume "+r.GetVolumeId())
	if err != nil {
		return nil, err
	}
	defer done()
	if err := (&deletion{s: s, p: p}).run(ctx, r.GetVolumeId()); err != nil {
		return nil, err
	}
	return &csi.DeleteVolumeResponse{}, nil
}

// deletion is one DeleteVolume.
type deletion struct {
	s *Service
	p *project
	// asked says that this request has sent its one DELETE, cleared that it has
	// removed the attachments that were left.
	asked, cleared bool
	// orphans are the attachments that hold the volume though their servers are gone.
	orphans []block.Attachment
}

func (d *deletion) run(ctx context.Context, id string) error {
	v, err := d.p.volume(ctx, id)
	if err != nil {
		return unseen(ctx, "read volume "+id, err)
	}
	for {
		rule, err := d.decide(ctx, v)
		if err != nil {
			return err
		}
		switch rule.Do {
		case verdict.Done:
			return nil
		case verdict.Act:
			err = d.delete(ctx, v)
		case verdict.Clear:
			d.cleared = true
			err = d.s.clearOrphans(ctx, d.p, v, d.orphans)
		case verdict.Wait:
		default:
			err = d.refuse(ctx, rule, v)
		}
		if err != nil {
			return err
		}
		if v, err = d.p.settle(ctx, id, idle); err != nil {
			return err
		}
	}
}

// decide asks Nova about the servers that have the volume only where the volume
// is refused for them.
func (d *deletion) decide(ctx context.Context, v block.Volume) (verdict.Verdict, error) {
	facts := anywhere(v)
	rule := verdict.Decide(verdict.DeleteVolume, facts)
	if rule.Do != verdict.Refuse || d.cleared || !slices.Contains(held, v.Status) {
		return rule, nil
	}
	var err error
	if d.orphans = v.Attachments; len(d.orphans) == 0 {
		if d.orphans, err = d.p.Attachments(ctx, v.ID); err != nil && !errors.Is(err, cloud.ErrUnsupported) {
			return rule, unseen(ctx, "list the attachments of volume "+v.ID, err)
		}
	}
	if len(d.orphans) > 0 {
		facts.Attachment = verdict.Stale
	}
	facts.Holder, err = d.p.holders(ctx, d.orphans)
	return verdict.Decide(verdict.DeleteVolume, facts), err
}

// held are the statuses of a volume that an attachment causes.
var held = []block.Status{block.StatusReserved, block.StatusAttaching, block.StatusInUse, block.StatusErrorAttaching, block.StatusErrorDetaching}

// delete sends the DELETE, once a request.
func (d *deletion) delete(ctx context.Context, v block.Volume) error {
	if d.asked {
		return unfinished("volume %s was to be deleted, and Cinder has it %s again", v.ID, v.Status)
	}
	if err := d.s.leaveGroup(ctx, d.p, v); err != nil {
		return err
	}
	d.asked = true
	err := d.p.DeleteVolume(ctx, v.ID)
	switch {
	case err == nil:
		klog.FromContext(ctx).Info("Volume is being deleted", "volume", v.ID, "name", v.Name)
		return nil
	case errors.Is(err, cloud.ErrNotFound):
		return nil
	case isAny(err, cloud.ErrBusy, cloud.ErrInvalid):
		return d.explain(ctx, v, err)
	default:
		return unwritten(ctx, "delete volume "+v.ID, err)
	}
}

// explain says why Cinder refuses to delete a volume that looks free: most often
// it has snapshots, which Cinder does not name.
func (d *deletion) explain(ctx context.Context, v block.Volume, refused error) error {
	// A DELETE whose answer was lost is refused when it is sent again.
	if now, err := d.p.volume(ctx, v.ID); err == nil && (now.Status == block.StatusDeleting || now.Status == block.StatusGone) {
		return nil
	}
	snapshots, _, err := d.p.SnapshotPage(ctx, v.ID, "", 0)
	if err != nil || len(snapshots) == 0 {
		return unwritten(ctx, "delete volume "+v.ID, refused)
	}
	var names []string
	for i, snapshot := range snapshots {
		if i == 5 {
			names = append(names, "…")
			break
		}
		names = append(names, fmt.Sprintf("%s (%s)", snapshot.Name, snapshot.ID))
	}
	return status.Errorf(codes.FailedPrecondition, "volume %s has %d snapshots, and Cinder deletes it only after them: %s", v.ID, len(snapshots), strings.Join(names, ", "))
}

func (d *deletion) refuse(ctx context.Context, rule verdict.Verdict, v block.Volume) error {
	var detail string
	switch {
	case v.Status == block.StatusErrorDeleting:
		detail = d.p.reason(ctx, v.ID)
		d.s.announce(ctx, v, eventLeft, strings.TrimSpace("Cinder could not delete volume "+v.ID+". "+detail))
	case len(v.Attachments) > 0:
		detail = "attached to " + strings.Join(nodes(v), ", ")
	}
	return refusal(rule, "volume "+v.ID, string(v.Status), detail)
}
