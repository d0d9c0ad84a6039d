package controller

import (
	"cmp"
	"maps"

	"github.com/container-storage-interface/spec/lib/go/csi"

	"underlay/pkg/volumes/block"
)

// describeOrdered is a volume as the answer to CreateVolume: with the context
// that the node service reads, which follows from the request alone.
func (s *Service) describeOrdered(o *order, v block.Volume, source *csi.VolumeContentSource) *csi.Volume {
	d := s.describe(v)
	d.ContentSource = source
	d.VolumeContext = map[string]string{}
	if o.mkfs != "" {
		d.VolumeContext[block.ContextMkfs] = o.mkfs
	}
	switch {
	case o.fromVolume != "":
		d.VolumeContext[block.ContextOrigin] = block.OriginVolume
	case s.restored(o, v):
		d.VolumeContext[block.ContextOrigin] = block.OriginBackup
	case o.fromSnapshot != "":
		d.VolumeContext[block.ContextOrigin] = block.OriginSnapshot
	}
	if source != nil {
		// A filesystem that already fills its volume is not changed by being told to grow.
		d.VolumeContext[block.ContextResize] = "true"
	}
	if s.options.IgnoreVolumeZone && s.options.Topology && len(o.topologies) > 0 {
		d.AccessibleTopology = o.topologies
	}
	return d
}

// describe is a volume as the lists have it.
func (s *Service) describe(v block.Volume) *csi.Volume {
	d := &csi.Volume{VolumeId: v.ID, CapacityBytes: v.SizeGiB * gib, AccessibleTopology: s.topology(v.AvailabilityZone)}
	switch {
	case v.SourceVolumeID != "":
		d.ContentSource = &csi.VolumeContentSource{Type: &csi.VolumeContentSource_Volume{Volume: &csi.VolumeContentSource_VolumeSource{VolumeId: v.SourceVolumeID}}}
	case v.SourceSnapshotID+v.SourceBackupID != "":
		d.ContentSource = &csi.VolumeContentSource{Type: &csi.VolumeContentSource_Snapshot{
			Snapshot: &csi.VolumeContentSource_SnapshotSource{SnapshotId: cmp.Or(v.SourceSnapshotID, v.SourceBackupID)},
		}}
	}
	return d
}

// topology is where a volume of a zone can be used.
func (s *Service) topology(zone string) []*csi.Topology {
	segments := maps.Clone(s.options.AdditionalTopology)
	if segments == nil {
		segments = map[string]string{}
	}
	if s.placed() && zone != "" {
		segments[block.TopologyZone] = zone
	}
	if !s.options.Topology || len(segments) == 0 {
		return nil
	}
	return []*csi.Topology{{Segments: segments}}
}

// nodes are the servers that a volume is attached to.
func nodes(v block.Volume) []string {
	var ids []string
	for _, a := range v.Attachments {
		if a.ServerID != "" {
			ids = append(ids, a.ServerID)
		}
	}
	return ids
}
