package controller

import (
	"context"
	"maps"
	"slices"
	"sync"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"underlay/pkg/volumes/block"
)

// A snapshot can be used where its volume is: a volume that is made from it is made
// there, whatever is asked for (cinder.conf, cloned_volume_same_az; and most drivers
// can do nothing else). A backup can be restored in every zone.
//
// Cinder tells the zone of a volume and in no microversion that of a snapshot
// (cinder/api/v3/views/snapshots.py), so that volumes are read for it. It stays the
// same as long as the snapshot is there, since Cinder moves no volume that has one
// (cinder/volume/api.py, migrate_volume; cinder/volume/manager.py, retype).

const (
	// mostPlaces bounds what places remembers.
	mostPlaces = 10_000
	// fewVolumes are read one by one, more of them with the list.
	fewVolumes = 3
)

// places remembers the zones of snapshots by id. A process that has just begun
// knows none and reads them again.
type places struct {
	mu    sync.Mutex
	zones map[string]string
}

func newPlaces() *places { return &places{zones: map[string]string{}} }

// zone is "" where it is not known.
func (p *places) zone(id string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.zones[id]
}

func (p *places) keep(id, zone string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.zones) >= mostPlaces {
		clear(p.zones)
	}
	p.zones[id] = zone
}

// locate fills in the zones of snapshots. A backup has none, and neither has a
// snapshot that goes with its volume.
func (p *project) locate(ctx context.Context, all []copied) error {
	unknown := map[string]bool{}
	for i, c := range all {
		if c.backup {
			continue
		}
		if all[i].zone = p.places.zone(c.id); all[i].zone == "" {
			unknown[c.volumeID] = true
		}
	}
	zones, err := p.zonesOf(ctx, unknown)
	if err != nil {
		return err
	}
	for i, c := range all {
		if zone := zones[c.volumeID]; zone != "" && !c.backup {
			all[i].zone = zone
			p.places.keep(c.id, zone)
		}
	}
	return nil
}

// zonesOf reads the zones of volumes, with one call for each or with the list,
// which ends where all have been seen.
func (p *project) zonesOf(ctx context.Context, volumes map[string]bool) (map[string]string, error) {
	zones := map[string]string{}
	if len(volumes) <= fewVolumes {
		for _, id := range slices.Sorted(maps.Keys(volumes)) {
			v, err := p.volume(ctx, id)
			if err != nil {
				return nil, unseen(ctx, "read volume "+id, err)
			}
			zones[id] = v.AvailabilityZone
		}
		return zones, nil
	}
	for marker := ""; ; {
		page, next, err := p.VolumePage(ctx, marker, 0)
		if err != nil {
			return nil, unseen(ctx, "list volumes", err)
		}
		for _, v := range page {
			if volumes[v.ID] {
				zones[v.ID] = v.AvailabilityZone
			}
		}
		if marker = next; marker == "" || len(zones) == len(volumes) {
			return zones, nil
		}
	}
}

// describeCopies are copies in CSI's words, with where they can be used.
func (s *Service) describeCopies(ctx context.Context, p *project, all ...copied) ([]*csi.Snapshot, error) {
	if s.placed() {
		if err := p.locate(ctx, all); err != nil {
			return nil, err
		}
	}
	out := make([]*csi.Snapshot, 0, len(all))
	for _, c := range all {
		d := c.describe()
		d.AccessibleTopology = s.topology(c.zone)
		out = append(out, d)
	}
	return out, nil
}

// describeCopy is describeCopies of one.
func (s *Service) describeCopy(ctx context.Context, p *project, c copied) (*csi.Snapshot, error) {
	all, err := s.describeCopies(ctx, p, c)
	if err != nil {
		return nil, err
	}
	return all[0], nil
}

// usable refuses a snapshot that could be used in none of the places where it has to
// be. Those that are only preferred change nothing: a volume does not move.
func (c *copying) usable(ctx context.Context, r *csi.TopologyRequirement) error {
	if !c.s.placed() || len(r.GetRequisite()) == 0 {
		return nil
	}
	v, err := c.p.volume(ctx, c.volumeID)
	if err != nil {
		return unseen(ctx, "read volume "+c.volumeID, err)
	}
	var zones []string
	for _, t := range r.GetRequisite() {
		zone := t.GetSegments()[block.TopologyZone]
		if zone == "" || v.AvailabilityZone == "" || zone == v.AvailabilityZone {
			return nil
		}
		zones = append(zones, zone)
	}
	return status.Errorf(codes.ResourceExhausted, "volume %s is in zone %q, so that a snapshot of it cannot be used in %v; a backup can", c.volumeID, v.AvailabilityZone, zones)
}
