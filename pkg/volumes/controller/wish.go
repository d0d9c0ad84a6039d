package controller

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"underlay/internal/cloud"
	"underlay/pkg/volumes/block"
	"underlay/pkg/volumes/verdict"
)

// Annotations of a claim that place its volume beside, or away from, others:
// names or ids of volumes, separated by commas.
const (
	annotationAffinity     = "cinder.csi.openstack.org/affinity"
	annotationAntiAffinity = "cinder.csi.openstack.org/anti-affinity"
)

func (s sizes) text() string {
	if s.most == 0 {
		return fmt.Sprintf("%d or more", s.least)
	}
	return fmt.Sprintf("%d to %d", s.least, s.most)
}

// wish says what to ask Cinder for.
func (c *creation) wish(ctx context.Context) (block.VolumeRequest, error) {
	o := c.order
	w := block.VolumeRequest{
		Name: o.name, Description: "Created by " + block.DriverName, Type: o.volumeType, SizeGiB: max(o.sizes.least, 1), Metadata: maps.Clone(o.metadata),
	}
	source, err := c.source(ctx, &w)
	if err != nil {
		return w, err
	}
	if w.SizeGiB = max(w.SizeGiB, source.sizeGiB); o.sizes.most != 0 && w.SizeGiB > o.sizes.most {
		return w, status.Errorf(codes.OutOfRange, "the source has %d GiB, and at most %d are asked for", source.sizeGiB, o.sizes.most)
	}
	if w.AvailabilityZone, err = c.zone(ctx, source.zone); err != nil {
		return w, err
	}
	if err := c.checkShared(ctx); err != nil {
		return w, err
	}
	return w, c.hints(ctx, &w)
}

// origin is what a volume is made from, as far as it binds the volume.
type origin struct {
	sizeGiB int64
	zone    string
}

// source reads what the volume is to be made from, and waits until it can be.
func (c *creation) source(ctx context.Context, w *block.VolumeRequest) (origin, error) {
	if c.order.fromVolume != "" {
		v, err := c.p.ready(ctx, verdict.SourceVolume, c.order.fromVolume)
		w.SourceVolumeID = v.ID
		return origin{v.SizeGiB, v.AvailabilityZone}, err
	}
	if c.order.fromSnapshot == "" {
		return origin{}, nil
	}
	snapshot, err := c.p.copied(ctx, c.order.fromSnapshot)
	if err != nil {
		return origin{}, err
	}
	if snapshot, err = c.p.restorable(ctx, snapshot); err != nil {
		return origin{}, err
	}
	if snapshot.backup {
		w.SourceBackupID = snapshot.id
		w.Description = c.s.restoreMark(snapshot.id)
		return origin{sizeGiB: snapshot.sizeGiB}, nil
	}
	w.SourceSnapshotID = snapshot.id
	there := []copied{snapshot}
	err = c.p.locate(ctx, there)
	return origin{snapshot.sizeGiB, there[0].zone}, err
}

// ready reads a volume and waits until the question about it is answered with act.
func (p *project) ready(ctx context.Context, q verdict.Question, id string) (block.Volume, error) {
	decide := func(v block.Volume) verdict.Verdict {
		return verdict.Decide(q, verdict.Facts{Status: string(v.Status)})
	}
	v, err := p.volume(ctx, id)
	if err != nil {
		return v, unseen(ctx, "read volume "+id, err)
	}
	if decide(v).Do == verdict.Wait {
		if v, err = p.settle(ctx, id, func(v block.Volume) bool { return decide(v).Do != verdict.Wait }); err != nil {
			return v, err
		}
	}
	if rule := decide(v); rule.Do == verdict.Refuse {
		return v, refusal(rule, "volume "+id, string(v.Status), "")
	}
	return v, nil
}

// placed says whether the zones of Kubernetes are those of Cinder.
func (s *Service) placed() bool { return s.options.Topology && !s.options.IgnoreVolumeZone }

// zone chooses where the volume is made; "" leaves it to Cinder.
func (c *creation) zone(ctx context.Context, sourceZone string) (string, error) {
	wanted := c.zones()
	if c.s.options.IgnoreVolumeZone && len(wanted) == 0 {
		return "", nil
	}
	if sourceZone != "" {
		if len(wanted) == 0 || slices.Contains(wanted, sourceZone) {
			return sourceZone, nil
		}
		return "", status.Errorf(codes.ResourceExhausted, "the source is in zone %q, from which Cinder does not copy to %v", sourceZone, wanted)
	}
	if len(wanted) == 0 {
		return "", nil
	}
	there, err := c.p.Zones(ctx)
	if err != nil || len(there) == 0 {
		return wanted[0], nil //nolint:nilerr // Cinder checks the zone itself; ours is only the better sentence
	}
	for _, zone := range wanted {
		if slices.Contains(there, zone) {
			return zone, nil
		}
	}
	return "", status.Errorf(codes.ResourceExhausted, "none of the zones %v is one of Cinder's, which are %v; where every zone reaches the storage, set ignore-volume-az in [BlockStorage]", wanted, there)
}

// checkShared makes sure that a volume for several writers will be one.
func (c *creation) checkShared(ctx context.Context) error {
	if !c.order.shared {
		return nil
	}
	if c.order.volumeType == "" {
		return invalid("ReadWriteMany needs a StorageClass whose parameter type names a volume type with multiattach")
	}
	t, err := c.p.Type(ctx, c.order.volumeType)
	if errors.Is(err, cloud.ErrNotFound) {
		return invalid("there is no volume type %q", c.order.volumeType)
	}
	if err != nil {
		return unseen(ctx, "read volume type "+c.order.volumeType, err)
	}
	if !t.Multiattach {
		return invalid("ReadWriteMany needs a volume type with multiattach, which %q is not", t.Name)
	}
	return nil
}

// hints asks for the hosts that the claim's annotations ask for.
func (c *creation) hints(ctx context.Context, w *block.VolumeRequest) error {
	if c.s.options.Claims == nil || c.order.claim.Name == "" {
		return nil
	}
	annotations, err := c.s.options.Claims.Annotations(ctx, c.order.claim)
	if errors.Is(err, cloud.ErrNotFound) {
		return nil
	}
	if err != nil {
		return unseen(ctx, "read claim "+c.order.claim.Namespace+"/"+c.order.claim.Name, err)
	}
	if w.SameHost, err = c.named(ctx, annotations[annotationAffinity]); err != nil {
		return err
	}
	w.DifferentHost, err = c.named(ctx, annotations[annotationAntiAffinity])
	return err
}

// named turns names and ids of volumes into ids.
func (c *creation) named(ctx context.Context, list string) ([]string, error) {
	var ids []string
	for _, name := range strings.Split(list, ",") {
		name = strings.TrimSpace(name)
		if name == "" {
			continue
		}
		found, err := c.p.VolumesNamed(ctx, name)
		if err != nil {
			return nil, unseen(ctx, "look for volume "+name, err)
		}
		if len(found) == 0 {
			ids = append(ids, name)
			continue
		}
		for _, v := range found {
			ids = append(ids, v.ID)
		}
	}
	return ids, nil
}
