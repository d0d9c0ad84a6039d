package controller

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"underlay/internal/owner"
	"underlay/pkg/volumes/block"
	"underlay/pkg/volumes/verdict"
)

// find looks for the volume of the name among those of this cluster. Cinder lets
// several have one name: the oldest that can be used wins, the others are extras.
// Volumes of the name that are not this cluster's are left alone.
func (c *creation) find(ctx context.Context) (block.Volume, []block.Volume, error) {
	named, err := c.p.VolumesNamed(ctx, c.order.name)
	if err != nil {
		return block.Volume{}, nil, unseen(ctx, "look for volume "+c.order.name, err)
	}
	named = slices.DeleteFunc(named, func(v block.Volume) bool {
		return v.Name != c.order.name || !sameCluster(v.Metadata, c.order.metadata) && !c.s.restored(c.order, v)
	})
	if len(named) == 0 {
		return block.Volume{Name: c.order.name, Status: block.StatusGone}, nil, nil
	}
	slices.SortFunc(named, func(a, b block.Volume) int {
		return cmp.Or(cmp.Compare(worth(a), worth(b)), a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID))
	})
	return named[0], named[1:], nil
}

// restoreMark is the description of a volume that is restored from a backup. A
// restore replaces the metadata of the volume with those that the backup's volume
// had (cinder/backup/driver.py, _restore_vol_meta), another cluster's perhaps; it
// leaves name and description alone.
func (s *Service) restoreMark(backup string) string {
	return owner.Cut("Restored from backup " + backup + " by " + block.DriverName + " for cluster " + s.options.Cluster)
}

// restored says whether a volume is the one that this cluster restores from the
// backup that is asked for.
func (s *Service) restored(o *order, v block.Volume) bool {
	return o.fromSnapshot != "" && v.Description == s.restoreMark(o.fromSnapshot)
}

// remark gives a restored volume its own metadata back.
func (c *creation) remark(ctx context.Context, v block.Volume) error {
	if !c.s.restored(c.order, v) {
		return nil
	}
	missing := maps.Clone(c.order.metadata)
	maps.DeleteFunc(missing, func(key, value string) bool {
		actual, ok := v.Metadata[key]
		return ok && actual == value
	})
	if len(missing) == 0 {
		return nil
	}
	if err := c.p.SetMetadata(ctx, v.ID, missing); err != nil {
		// Whatever the reason, the volume is there: this is not the end of it.
		return unfinished("set metadata of volume %s, which is restored: %v", v.ID, err)
	}
	return nil
}

// worth orders namesakes: those that were made, then those that are being made,
// then the rest.
func worth(v block.Volume) int {
	switch verdict.Decide(verdict.CreateVolume, verdict.Facts{Status: string(v.Status)}).Do {
	case verdict.Done:
		return 0
	case verdict.Wait:
		if v.Status == block.StatusDeleting {
			return 3
		}
		return 1
	default:
		return 2
	}
}

// removeExtras deletes the other volumes of the name, which nobody was told of.
// One that is attached is somebody's all the same, and stays.
func (c *creation) removeExtras(ctx context.Context, winner block.Volume, extras []block.Volume) error {
	for _, v := range extras {
		if len(v.Attachments) > 0 || v.Status == block.StatusErrorDeleting {
			continue
		}
		if err := c.p.drop(ctx, v); err != nil {
			return unfinished("volume %s was made twice, and %s, which is empty, is not deleted yet: %s", v.Name, v.ID, status.Convert(err).Message())
		}
		c.s.announce(ctx, winner, eventDuplicate, "Volume "+v.Name+" was made twice: "+winner.ID+" is kept, "+v.ID+", which was empty, is deleted")
	}
	return nil
}

// compare refuses a volume of the name that is not what the request asks for.
func (c *creation) compare(ctx context.Context, v block.Volume) error {
	differs := func(what string, actual, desired any) error {
		return status.Errorf(codes.AlreadyExists, "volume %s (%s) exists with another %s: it has %v, and %v is asked for", v.Name, v.ID, what, actual, desired)
	}
	o := c.order
	if !o.sizes.has(v.SizeGiB) && v.SizeGiB > 0 {
		return differs("size in GiB", v.SizeGiB, o.sizes.text())
	}
	if v.SourceVolumeID != o.fromVolume {
		return differs("source volume", quote(v.SourceVolumeID), quote(o.fromVolume))
	}
	if from := cmp.Or(v.SourceSnapshotID, v.SourceBackupID); from != o.fromSnapshot && !c.s.restored(o, v) {
		return differs("source snapshot", quote(from), quote(o.fromSnapshot))
	}
	if err := c.compareType(ctx, v, differs); err != nil {
		return err
	}
	if zones := c.zones(); len(zones) > 0 && !slices.Contains(zones, v.AvailabilityZone) {
		return differs("availability zone", quote(v.AvailabilityZone), zones)
	}
	return nil
}

// zones are where the volume may be, the best first; nil is anywhere.
func (c *creation) zones() []string {
	switch {
	case c.order.zone != "": // a zone of Cinder's, also where those of Kubernetes are others
		return []string{c.order.zone}
	case c.s.placed():
		return c.order.zones
	default:
		return nil
	}
}

func (c *creation) compareType(ctx context.Context, v block.Volume, differs func(string, any, any) error) error {
	if c.order.shared && !v.Multiattach {
		return differs("type (it must allow several servers at a time)", quote(v.Type), quote(c.order.volumeType))
	}
	if c.order.volumeType == "" || c.order.volumeType == v.Type {
		return nil
	}
	desired, err := c.p.Type(ctx, c.order.volumeType) // it may be an id
	if err != nil {
		return unseen(ctx, "read volume type "+c.order.volumeType, err)
	}
	if desired.Name != v.Type {
		return differs("type", quote(v.Type), quote(desired.Name))
	}
	return nil
}

func quote(text string) string {
	if text == "" {
		return "none"
	}
	return `"` + text + `"`
}
