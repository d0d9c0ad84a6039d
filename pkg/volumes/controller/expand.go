package controller

import (
	"context"
	"errors"
	"strings"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"k8s.io/klog/v2"

	"underlay/internal/cloud"
	"underlay/pkg/volumes/block"
	"underlay/pkg/volumes/verdict"
)

// ControllerExpandVolume grows a volume, attached or not, and waits until Cinder
// tells the new size.
func (s *Service) ControllerExpandVolume(ctx context.Context, r *csi.ControllerExpandVolumeRequest) (*csi.ControllerExpandVolumeResponse, error) {
	if r.GetVolumeId() == "" {
		return nil, invalid("the request has no volume id")
	}
	if r.GetCapacityRange() == nil {
		return nil, invalid("the request has no capacity range")
	}
	desired, err := readSizes(r.GetCapacityRange(), 1)
	if err != nil {
		return nil, err
	}
	ctx, p, done, err := s.begin(ctx, r.GetSecrets(), "volume "+r.GetVolumeId())
	if err != nil {
		return nil, err
	}
	defer done()
	v, err := (&growth{s: s, p: p, desired: desired}).run(ctx, r.GetVolumeId())
	if err != nil {
		return nil, err
	}
	// A raw block device has no filesystem that could grow. Where the request does
	// not say, the node looks.
	return &csi.ControllerExpandVolumeResponse{CapacityBytes: v.SizeGiB * gib, NodeExpansionRequired: r.GetVolumeCapability().GetBlock() == nil}, nil
}

// growth is one ControllerExpandVolume.
type growth struct {
	s       *Service
	p       *project
	desired sizes
	// asked says that this request has sent its one POST, reset that it has asked
	// Cinder to forget an earlier failure.
	asked, reset bool
}

func (g *growth) run(ctx context.Context, id string) (block.Volume, error) {
	v, err := g.p.volume(ctx, id)
	if err != nil {
		return v, unseen(ctx, "read volume "+id, err)
	}
	for {
		if g.grown(v) {
			if !g.desired.has(v.SizeGiB) {
				return v, status.Errorf(codes.OutOfRange, "volume %s has %d GiB already, and at most %d are asked for", id, v.SizeGiB, g.desired.most)
			}
			return v, nil
		}
		rule := verdict.Decide(verdict.Expand, anywhere(v))
		switch rule.Do {
		case verdict.Act:
			err = g.extend(ctx, v)
		case verdict.Clear:
			err = g.forget(ctx, rule, v)
		case verdict.Wait:
		default:
			return v, g.refuse(ctx, rule, v)
		}
		if err != nil {
			return v, err
		}
		if v, err = g.p.settle(ctx, id, func(v block.Volume) bool { return verdict.Decide(verdict.Expand, anywhere(v)).Do != verdict.Wait }); err != nil {
			return v, err
		}
	}
}

// grown says whether a volume is large enough and not just growing. The size of
// one whose extension failed is the old one.
func (g *growth) grown(v block.Volume) bool {
	return v.SizeGiB >= g.desired.least && v.Status != block.StatusExtending && v.Status != block.StatusGone && v.Status != block.StatusDeleting
}

// extend sends the POST, once a request.
func (g *growth) extend(ctx context.Context, v block.Volume) error {
	if g.asked {
		return unfinished("Cinder began to extend volume %s and gave up at %d GiB: %s", v.ID, v.SizeGiB, g.p.reason(ctx, v.ID))
	}
	g.asked = true
	err := g.p.ExtendVolume(ctx, v.ID, g.desired.least)
	switch {
	case err == nil:
		klog.FromContext(ctx).Info("Volume is being extended", "volume", v.ID, "fromGiB", v.SizeGiB, "toGiB", g.desired.least)
		return nil
	case errors.Is(err, cloud.ErrUnsupported):
		return status.Errorf(codes.FailedPrecondition, "extend volume %s: this Cinder extends no volume that is attached; scale the Pods down first: %v", v.ID, err)
	default:
		return unwritten(ctx, "extend volume "+v.ID, err)
	}
}

// forget asks Cinder to call a volume available again whose extension failed.
// Most clouds leave that to their operators.
func (g *growth) forget(ctx context.Context, rule verdict.Verdict, v block.Volume) error {
	if g.reset {
		return g.refuse(ctx, rule, v)
	}
	g.reset = true
	err := g.p.ResetError(ctx, v.ID)
	if errors.Is(err, cloud.ErrDenied) || errors.Is(err, cloud.ErrUnsupported) {
		return g.refuse(ctx, rule, v)
	}
	if err != nil {
		return unwritten(ctx, "reset the state of volume "+v.ID, err)
	}
	klog.FromContext(ctx).Info("Volume is available again after an extension that failed", "volume", v.ID)
	return nil
}

func (g *growth) refuse(ctx context.Context, rule verdict.Verdict, v block.Volume) error {
	if v.Status != block.StatusErrorExtending {
		return refusal(rule, "volume "+v.ID, string(v.Status), "")
	}
	why := g.p.reason(ctx, v.ID)
	g.s.announce(ctx, v, eventNotGrown, strings.TrimSpace("Cinder could not extend volume "+v.ID+". "+why))
	return status.Errorf(codes.FailedPrecondition, "volume %s is %s: the extension failed, the data is as it was, and the operator of the cloud has to reset the volume's state; %s", v.ID, v.Status, why)
}
