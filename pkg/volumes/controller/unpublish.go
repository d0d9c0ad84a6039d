package controller

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"k8s.io/klog/v2"

	"underlay/internal/cloud"
	"underlay/internal/poll"
	"underlay/pkg/volumes/block"
	"underlay/pkg/volumes/verdict"
)

// patience is how long a detachment may take before Nova is asked how the server
// is doing: a hypervisor that is down never ends it.
const patience = 10 * time.Second

// ControllerUnpublishVolume detaches a volume from a server, or from all where the
// request names none, and waits until Cinder and Nova both say so.
func (s *Service) ControllerUnpublishVolume(ctx context.Context, r *csi.ControllerUnpublishVolumeRequest) (*csi.ControllerUnpublishVolumeResponse, error) {
	p, err := s.project(r.GetSecrets())
	if err != nil {
		return nil, err
	}
	if r.GetVolumeId() == "" {
		return nil, invalid("the request has no volume id")
	}
	ctx, cancel := within(ctx)
	defer cancel()
	v, err := p.volume(ctx, r.GetVolumeId())
	if err != nil {
		return nil, unseen(ctx, "read volume "+r.GetVolumeId(), err)
	}
	from := []string{r.GetNodeId()}
	if r.GetNodeId() == "" {
		if from, err = p.holding(ctx, v); err != nil {
			return nil, err
		}
	}
	for i, node := range from {
		if i > 0 { // what was seen is old by now
			if v, err = p.volume(ctx, v.ID); err != nil {
				return nil, unseen(ctx, "read volume "+r.GetVolumeId(), err)
			}
		}
		if err := s.detachFrom(ctx, p, v, node); err != nil {
			return nil, err
		}
	}
	return &csi.ControllerUnpublishVolumeResponse{}, nil
}

func (s *Service) detachFrom(ctx context.Context, p *project, v block.Volume, node string) error {
	release, err := s.inflight.take("volume " + v.ID + " on node " + node)
	if err != nil {
		return err
	}
	defer release()
	return (&detaching{s: s, p: p, node: node}).run(ctx, v)
}

// detaching is the detachment of one volume from one server.
type detaching struct {
	s    *Service
	p    *project
	node string
	// asked says that this request has sent its one DELETE, cleared that it has
	// removed an attachment that was left.
	asked, cleared bool
	// server says that Nova was asked how the server does.
	server bool
	// gap is the time until Nova is looked at again.
	gap time.Duration
}

func (d *detaching) run(ctx context.Context, v block.Volume) error {
	for {
		facts, err := d.look(ctx, v)
		if err != nil {
			return err
		}
		rule := verdict.Decide(verdict.Unpublish, facts)
		switch rule.Do {
		case verdict.Done:
			return nil
		case verdict.Act:
			err = d.detach(ctx, v)
		case verdict.Clear:
			err = d.clear(ctx, v)
		case verdict.Wait:
		default:
			err = d.refuse(ctx, rule, v, facts.Server)
		}
		if err != nil {
			return err
		}
		if facts.Attachment == verdict.Pending {
			v, err = d.pause(ctx, v)
		} else {
			v, err = d.wait(ctx, v)
		}
		if err != nil {
			return err
		}
	}
}

// look compares what Cinder tells with what Nova knows, where Cinder tells of no
// attachment: it may not tell of one that is beginning, and Nova forgets one that
// has ended a moment later than Cinder.
func (d *detaching) look(ctx context.Context, v block.Volume) (verdict.Facts, error) {
	facts := verdict.Facts{Status: string(v.Status), Attachment: verdict.Nowhere}
	if _, here := v.AttachedTo(d.node); here {
		facts.Attachment = verdict.Here
		return facts, nil
	}
	if v.Status == block.StatusGone || d.cleared {
		return facts, nil
	}
	known, err := d.p.knows(ctx, d.node, v.ID)
	if !known || err != nil {
		return facts, err
	}
	facts.Attachment = verdict.Pending
	if !d.asked && !d.server {
		d.server = true
		facts.Server, err = d.p.server(ctx, d.node)
	}
	return facts, err
}

// detach sends the DELETE, once a request.
func (d *detaching) detach(ctx context.Context, v block.Volume) error {
	if d.asked {
		return unfinished("Nova began to detach volume %s from server %s and gave up; the server's guest may hold on to the device", v.ID, d.node)
	}
	d.asked = true
	err := d.p.Detach(ctx, d.node, v.ID)
	switch {
	case err == nil:
		klog.FromContext(ctx).Info("Volume is being detached", "volume", v.ID, "server", d.node)
		return nil
	case errors.Is(err, cloud.ErrNotFound):
		return d.forgotten(ctx, v)
	case isAny(err, cloud.ErrBusy, cloud.ErrInvalid):
		return d.explain(ctx, v, err)
	default:
		return unwritten(ctx, "detach volume "+v.ID+" from server "+d.node, err)
	}
}

// forgotten is what happens when Nova answers a detachment with 404: the server is
// gone, or has nothing of the volume. It asks again before it believes that.
func (d *detaching) forgotten(ctx context.Context, v block.Volume) error {
	known, err := d.p.knows(ctx, d.node, v.ID)
	if err != nil {
		return err
	}
	if known {
		return unfinished("Nova has volume %s at server %s, and does not find it when it is to be detached", v.ID, d.node)
	}
	rule := verdict.Decide(verdict.Unpublish, verdict.Facts{Status: string(v.Status), Attachment: verdict.Stale})
	if rule.Do != verdict.Clear {
		return refusal(rule, "volume "+v.ID, string(v.Status), "")
	}
	return d.clear(ctx, v)
}

// clear removes the attachment to this server that Nova knows nothing of.
func (d *detaching) clear(ctx context.Context, v block.Volume) error {
	if d.cleared {
		return unfinished("the attachment of volume %s to server %s, of which Nova knows nothing, does not go away", v.ID, d.node)
	}
	d.cleared = true
	here, _ := v.AttachedTo(d.node)
	return d.s.clearOrphans(ctx, d.p, v, []block.Attachment{here})
}

// explain finds out why Nova does not detach.
func (d *detaching) explain(ctx context.Context, v block.Volume, refused error) error {
	state, err := d.p.server(ctx, d.node)
	if err != nil {
		return err
	}
	rule := verdict.Decide(verdict.Unpublish, verdict.Facts{Status: string(v.Status), Attachment: verdict.Here, Server: state})
	switch rule.Do {
	case verdict.Refuse:
		return d.refuse(ctx, rule, v, state)
	case verdict.Clear:
		return d.clear(ctx, v)
	default:
		return unfinished("detach volume %s from server %s: %v", v.ID, d.node, refused)
	}
}

// wait waits until the attachment to this server is gone or the volume is no
// longer changing. Where that takes long it looks at the server once.
func (d *detaching) wait(ctx context.Context, v block.Volume) (block.Volume, error) {
	settled := func(v block.Volume) bool {
		_, here := v.AttachedTo(d.node)
		facts := verdict.Facts{Status: string(v.Status), Attachment: verdict.Here}
		return !here || verdict.Decide(verdict.Unpublish, facts).Do != verdict.Wait
	}
	first, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	seen, err := d.p.settle(first, v.ID, settled)
	if err == nil || ctx.Err() != nil || status.Code(err) != codes.DeadlineExceeded {
		return seen, err
	}
	state, err := d.p.server(ctx, d.node)
	if err != nil {
		return seen, err
	}
	rule := verdict.Decide(verdict.Unpublish, verdict.Facts{Status: string(seen.Status), Attachment: verdict.Here, Server: state})
	if rule.Do == verdict.Refuse {
		return seen, d.refuse(ctx, rule, seen, state)
	}
	return d.p.settle(ctx, v.ID, settled)
}

// pause lets a little time go by and reads the volume again: Nova has no list of
// the attachments of many servers.
func (d *detaching) pause(ctx context.Context, v block.Volume) (block.Volume, error) {
	d.gap = min(max(d.gap*2, poll.Gap), poll.GapMax)
	timer := time.NewTimer(d.gap)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		return v, unseen(ctx, fmt.Sprintf("Nova still has volume %s at server %s, and Cinder has it %s", v.ID, d.node, v.Status), context.Cause(ctx))
	}
	seen, err := d.p.volume(ctx, v.ID)
	if err != nil {
		return v, unseen(ctx, "read volume "+v.ID, err)
	}
	return seen, nil
}

func (d *detaching) refuse(ctx context.Context, rule verdict.Verdict, v block.Volume, state verdict.Server) error {
	if state == verdict.Stuck || state == verdict.Down {
		d.s.announce(ctx, v, eventHeld, fmt.Sprintf("Volume %s cannot be detached from server %s: %s", v.ID, d.node, rule.Because))
	}
	detail := "server " + d.node
	if state != verdict.Unasked {
		detail += " is " + string(state)
	}
	return refusal(rule, "volume "+v.ID, string(v.Status), detail)
}
