package controller

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"k8s.io/klog/v2"

	"underlay/internal/cloud"
	"underlay/pkg/volumes/block"
	"underlay/pkg/volumes/verdict"
)

// ControllerPublishVolume attaches a volume to a server and waits until it is.
func (s *Service) ControllerPublishVolume(ctx context.Context, r *csi.ControllerPublishVolumeRequest) (*csi.ControllerPublishVolumeResponse, error) {
	if r.GetVolumeId() == "" || r.GetNodeId() == "" {
		return nil, invalid("the request has no volume id or no node id")
	}
	if err := checkCapability(r.GetVolumeCapability()); err != nil {
		return nil, err
	}
	ctx, p, done, err := s.begin(ctx, r.GetSecrets(), "volume "+r.GetVolumeId()+" on node "+r.GetNodeId())
	if err != nil {
		return nil, err
	}
	defer done()
	a := &attaching{s: s, p: p, volumeID: r.GetVolumeId(), node: r.GetNodeId(), shares: manyNodes(r.GetVolumeCapability().GetAccessMode().GetMode())}
	v, err := a.run(ctx)
	if err != nil {
		return nil, err
	}
	attachment, _ := v.AttachedTo(a.node)
	told := map[string]string{block.PublishDevice: attachment.Device, block.PublishSize: strconv.FormatInt(v.SizeGiB*gib, 10)}
	if v.Encrypted {
		told[block.PublishEncrypted] = "true"
	}
	return &csi.ControllerPublishVolumeResponse{PublishContext: told}, nil
}

// pendingLook is how often Nova is asked again about an attachment of which Cinder
// tells nothing.
const pendingLook = 5 * time.Second

// attaching is one ControllerPublishVolume.
type attaching struct {
	s              *Service
	p              *project
	volumeID, node string
	// shares says that the request allows other nodes beside this one.
	shares bool
	// asked says that Nova has taken the POST of this request; pending that Nova has
	// the volume at the server, whatever Cinder tells; cleared that something was
	// removed once.
	asked, pending, cleared bool
	// orphans are attachments of which Nova knows nothing.
	orphans []block.Attachment
}

// facts are what a look at the volume alone tells.
func (a *attaching) facts(v block.Volume) verdict.Facts {
	f := verdict.Facts{Status: string(v.Status), Attachment: verdict.Nowhere}
	_, here := v.AttachedTo(a.node)
	switch {
	case here:
		f.Attachment = verdict.Here
	case a.pending:
		f.Attachment = verdict.Pending
	case len(v.Attachments) > 0 && v.Multiattach && a.shares:
		f.Attachment = verdict.Shared
	case len(v.Attachments) > 0:
		f.Attachment = verdict.Elsewhere
	}
	return f
}

func (a *attaching) run(ctx context.Context) (block.Volume, error) {
	v, err := a.p.volume(ctx, a.volumeID)
	if err != nil {
		return v, unseen(ctx, "read volume "+a.volumeID, err)
	}
	for {
		rule, facts, err := a.decide(ctx, v)
		if err != nil {
			return v, err
		}
		switch rule.Do {
		case verdict.Done:
			return v, nil
		case verdict.Act:
			err = a.attach(ctx, v)
		case verdict.Clear:
			err = a.clear(ctx, v)
		case verdict.Wait:
		default:
			err = a.refuse(ctx, rule, v, facts)
		}
		if err != nil {
			return v, err
		}
		if v, err = a.wait(ctx); err != nil {
			return v, err
		}
	}
}

// wait waits until the volume is as the question needs it. What Nova alone knows of
// is asked for again and again: it forgets it where the server is being deleted.
func (a *attaching) wait(ctx context.Context) (block.Volume, error) {
	for a.pending {
		short, cancel := context.WithTimeout(ctx, pendingLook)
		v, err := a.p.settle(short, a.volumeID, a.settled)
		over := short.Err() != nil && ctx.Err() == nil
		cancel()
		if err == nil || !over {
			return v, err
		}
		if a.pending, err = a.p.knows(ctx, a.node, a.volumeID); err != nil {
			return v, err
		}
	}
	return a.p.settle(ctx, a.volumeID, a.settled)
}

// decide asks Nova about the servers that have the volume only where the volume
// is refused for them.
func (a *attaching) decide(ctx context.Context, v block.Volume) (verdict.Verdict, verdict.Facts, error) {
	facts := a.facts(v)
	rule := verdict.Decide(verdict.Publish, facts)
	if rule.Do != verdict.Refuse || a.cleared {
		return rule, facts, nil
	}
	var err error
	switch {
	case facts.Attachment == verdict.Elsewhere:
		a.orphans = v.Attachments
		facts.Holder, err = a.p.holders(ctx, v.Attachments)
	case v.Status == block.StatusErrorAttaching:
		facts.Attachment, err = a.failed(ctx, v)
	}
	return verdict.Decide(verdict.Publish, facts), facts, err
}

// failed finds out what is left of an attachment that failed: the volume does not
// tell it.
func (a *attaching) failed(ctx context.Context, v block.Volume) (verdict.Attachment, error) {
	known, err := a.p.knows(ctx, a.node, v.ID)
	if err != nil {
		return verdict.Nowhere, err
	}
	if known {
		a.pending = true
		return verdict.Pending, nil
	}
	all, err := a.p.Attachments(ctx, v.ID)
	if err != nil && !errors.Is(err, cloud.ErrUnsupported) {
		return verdict.Nowhere, unseen(ctx, "list the attachments of volume "+v.ID, err)
	}
	for _, one := range all {
		if known, err = a.p.knows(ctx, one.ServerID, v.ID); err != nil {
			return verdict.Nowhere, err
		}
		if !known {
			a.orphans = append(a.orphans, one)
		}
	}
	if len(a.orphans) == 0 {
		return verdict.Nowhere, nil
	}
	return verdict.Stale, nil
}

func (a *attaching) settled(v block.Volume) bool {
	return verdict.Decide(verdict.Publish, a.facts(v)).Do != verdict.Wait
}

// attach sends the POST, until Nova has taken one.
func (a *attaching) attach(ctx context.Context, v block.Volume) error {
	if a.asked {
		return a.doubt(ctx, v)
	}
	a.asked = true
	err := a.p.Attach(ctx, a.node, v.ID)
	switch {
	case err == nil:
		klog.FromContext(ctx).Info("Volume is being attached", "volume", v.ID, "server", a.node)
		return nil
	case errors.Is(err, cloud.ErrNotFound):
		return a.missing(ctx, v, err)
	case isAny(err, cloud.ErrBusy, cloud.ErrInvalid):
		return a.explain(ctx, v, err)
	default:
		return unwritten(ctx, "attach volume "+v.ID+" to server "+a.node, err)
	}
}

// doubt looks at Nova where the volume seems free although it was asked for: a
// volume of several servers looks so while another server's attachment ends.
func (a *attaching) doubt(ctx context.Context, v block.Volume) error {
	if len(v.Attachments) > 0 && !a.pending {
		known, err := a.p.knows(ctx, a.node, v.ID)
		if err != nil {
			return err
		}
		if known {
			a.pending = true
			return nil
		}
	}
	why := a.p.reason(ctx, v.ID)
	if why == "" {
		why = "Nova does not say why; the log of the server's hypervisor does"
	}
	return unfinished("Nova began to attach volume %s to server %s and gave up: %s", v.ID, a.node, why)
}

// missing finds out which of the two does not exist.
func (a *attaching) missing(ctx context.Context, v block.Volume, refused error) error {
	state, err := a.p.server(ctx, a.node)
	if err != nil {
		return err
	}
	facts := a.facts(v)
	facts.Server = state
	if rule := verdict.Decide(verdict.Publish, facts); rule.Do == verdict.Refuse {
		return refusal(rule, "volume "+v.ID, string(v.Status), "server "+a.node+" is "+string(state))
	}
	return unwritten(ctx, "attach volume "+v.ID+" to server "+a.node, refused)
}

// explain finds out why Nova does not attach: the server's state, or an attachment
// that is there already.
func (a *attaching) explain(ctx context.Context, v block.Volume, refused error) error {
	known, err := a.p.knows(ctx, a.node, v.ID)
	if err != nil {
		return err
	}
	if known {
		a.pending, a.asked = true, false
		return nil
	}
	state, err := a.p.server(ctx, a.node)
	if err != nil {
		return err
	}
	facts := a.facts(v)
	facts.Server = state
	if rule := verdict.Decide(verdict.Publish, facts); rule.Do == verdict.Refuse {
		return refusal(rule, "volume "+v.ID, string(v.Status), "server "+a.node+" is "+string(state))
	}
	return unfinished("attach volume %s to server %s: %v", v.ID, a.node, refused)
}

// clear removes what is in the way, once a request.
func (a *attaching) clear(ctx context.Context, v block.Volume) error {
	if a.cleared {
		return unfinished("volume %s is %s, and what is in its way cannot be removed", v.ID, v.Status)
	}
	a.cleared = true
	if !a.pending {
		return a.s.clearOrphans(ctx, a.p, v, a.orphans)
	}
	a.pending = false
	if err := a.p.Detach(ctx, a.node, v.ID); err != nil && !errors.Is(err, cloud.ErrNotFound) {
		return unwritten(ctx, "remove the attachment of volume "+v.ID, err)
	}
	return nil
}

func (a *attaching) refuse(ctx context.Context, rule verdict.Verdict, v block.Volume, facts verdict.Facts) error {
	detail := ""
	if len(v.Attachments) > 0 {
		detail = "attached to " + strings.Join(nodes(v), ", ")
	}
	if facts.Holder == verdict.Down || facts.Holder == verdict.Stuck {
		a.s.announce(ctx, v, eventHeld, fmt.Sprintf("Volume %s is wanted on server %s: %s (%s)", v.ID, a.node, rule.Because, detail))
	}
	if a.cleared && len(v.Attachments) > 0 {
		return unfinished("the attachment of volume %s to a server that is gone is being removed (%s)", v.ID, detail)
	}
	if v.Status == block.StatusGone && a.asked { // it was there a moment ago; the next request tells
		return unfinished("volume %s was being attached to server %s, and Cinder does not find it any more", v.ID, a.node)
	}
	if v.Status == block.StatusGone {
		return status.Errorf(codes.NotFound, "volume %s: %s", v.ID, rule.Because)
	}
	return refusal(rule, "volume "+v.ID, string(v.Status), detail)
}
