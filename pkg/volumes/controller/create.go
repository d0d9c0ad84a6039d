package controller

import (
	"context"
	"errors"
	"slices"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"k8s.io/klog/v2"

	"underlay/internal/cloud"
	"underlay/pkg/volumes/block"
	"underlay/pkg/volumes/verdict"
)

// creation is one CreateVolume.
type creation struct {
	s     *Service
	p     *project
	order *order
	// asked says that this request has sent its one POST.
	asked bool
}

// CreateVolume makes a volume, or finds the one that an earlier request with this
// name has made, and waits until it is available.
func (s *Service) CreateVolume(ctx context.Context, r *csi.CreateVolumeRequest) (*csi.CreateVolumeResponse, error) {
	o, err := s.readOrder(r)
	if err != nil {
		return nil, err
	}
	ctx, p, done, err := s.begin(ctx, r.GetSecrets(), "the volume name "+o.name)
	if err != nil {
		return nil, err
	}
	defer done()
	c := &creation{s: s, p: p, order: o}
	v, err := c.run(ctx)
	if err != nil {
		return nil, err
	}
	return &csi.CreateVolumeResponse{Volume: s.describeOrdered(o, v, r.GetVolumeContentSource())}, nil
}

// run goes round until the volume is made or cannot be.
func (c *creation) run(ctx context.Context) (block.Volume, error) {
	for {
		v, extras, err := c.find(ctx)
		if err != nil {
			return v, err
		}
		rule := verdict.Decide(verdict.CreateVolume, verdict.Facts{Status: string(v.Status)})
		if rule.Do != verdict.Act && rule.Do != verdict.Clear {
			if err := c.compare(ctx, v); err != nil {
				return v, err
			}
		}
		switch rule.Do {
		case verdict.Done:
			return v, c.finish(ctx, v, extras)
		case verdict.Act:
			err = c.make(ctx)
		case verdict.Wait:
			err = c.wait(ctx, v.ID)
		case verdict.Clear:
			err = c.discard(ctx, v)
		default:
			err = refusal(rule, "volume "+v.ID, string(v.Status), "")
		}
		if err != nil {
			return v, err
		}
	}
}

// finish puts in order what the making of a volume has left.
func (c *creation) finish(ctx context.Context, v block.Volume, extras []block.Volume) error {
	if err := c.remark(ctx, v); err != nil {
		return err
	}
	return c.removeExtras(ctx, v, extras)
}

// make sends the POST, once a request, and waits for what comes of it.
func (c *creation) make(ctx context.Context) error {
	if c.asked {
		return unfinished("volume %s was made, and has been deleted by somebody else before it was ready", c.order.name)
	}
	wish, err := c.wish(ctx)
	if err != nil {
		return err
	}
	c.asked = true
	v, err := c.p.CreateVolume(ctx, wish)
	if errors.Is(err, cloud.ErrNotFound) {
		return unwritten(ctx, "create volume "+c.order.name+" (its type, its source or a volume of its affinity does not exist)", err)
	}
	if err != nil {
		return unwritten(ctx, "create volume "+c.order.name, err)
	}
	klog.FromContext(ctx).Info("Volume asked for", "volume", v.ID, "name", v.Name, "sizeGiB", v.SizeGiB, "zone", v.AvailabilityZone)
	return c.wait(ctx, v.ID)
}

// wait waits until the volume is no longer being made.
func (c *creation) wait(ctx context.Context, id string) error {
	_, err := c.p.settle(ctx, id, func(v block.Volume) bool {
		return verdict.Decide(verdict.CreateVolume, verdict.Facts{Status: string(v.Status)}).Do != verdict.Wait
	})
	return err
}

// discard deletes a volume of ours that failed, and answers with the reason. The
// answer is final only when the volume is gone for certain.
func (c *creation) discard(ctx context.Context, v block.Volume) error {
	why := c.p.reason(ctx, v.ID)
	if why == "" {
		why = "Cinder does not say why"
	}
	if err := c.p.drop(ctx, v); err != nil {
		return unfinished("volume %s (%s) failed: %s; and it is not deleted yet: %s", v.Name, v.ID, why, status.Convert(err).Message())
	}
	klog.FromContext(ctx).Info("Volume that failed is deleted", "volume", v.ID, "name", v.Name, "reason", why)
	return status.Errorf(codes.ResourceExhausted, "Cinder could not make volume %s: %s", v.Name, why)
}

// drop deletes a volume that nobody has ever used, and waits until it is gone.
func (p *project) drop(ctx context.Context, v block.Volume) error {
	for asked := false; ; {
		rule := verdict.Decide(verdict.DeleteVolume, anywhere(v))
		switch {
		case rule.Do == verdict.Done:
			return nil
		case rule.Do == verdict.Act && !asked:
			asked = true
			// What is refused as busy may be a DELETE whose answer was lost: the loop looks.
			if err := p.DeleteVolume(ctx, v.ID); err != nil && !isAny(err, cloud.ErrNotFound, cloud.ErrBusy) {
				return unwritten(ctx, "delete volume "+v.ID, err)
			}
		case rule.Do == verdict.Act:
			return unfinished("volume %s was to be deleted, and Cinder has it %s again", v.ID, v.Status)
		case rule.Do == verdict.Wait:
		default:
			return refusal(rule, "volume "+v.ID, string(v.Status), "")
		}
		var err error
		if v, err = p.settle(ctx, v.ID, idle); err != nil {
			return err
		}
	}
}

// idle says whether deletion has come to an end, one way or the other.
func idle(v block.Volume) bool {
	return verdict.Decide(verdict.DeleteVolume, verdict.Facts{Status: string(v.Status)}).Do != verdict.Wait
}

// anywhere are the facts where it matters only whether a volume is attached at all.
func anywhere(v block.Volume) verdict.Facts {
	f := verdict.Facts{Status: string(v.Status), Attachment: verdict.Nowhere}
	if len(v.Attachments) > 0 {
		f.Attachment = verdict.Elsewhere
	}
	return f
}

// isAny says whether an error is of one of the classes.
func isAny(err error, classes ...error) bool {
	return slices.ContainsFunc(classes, func(class error) bool { return errors.Is(err, class) })
}
