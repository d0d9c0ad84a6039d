package controller

import (
	"context"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"underlay/pkg/volumes/block"
	"underlay/pkg/volumes/verdict"
)

// manyNodes says whether a mode has the volume on several nodes at a time.
func manyNodes(mode csi.VolumeCapability_AccessMode_Mode) bool {
	return manyWriters(mode) || mode == csi.VolumeCapability_AccessMode_MULTI_NODE_READER_ONLY
}

// manyWriters says whether a mode has the volume written on one node and used on others.
func manyWriters(mode csi.VolumeCapability_AccessMode_Mode) bool {
	return mode == csi.VolumeCapability_AccessMode_MULTI_NODE_MULTI_WRITER || mode == csi.VolumeCapability_AccessMode_MULTI_NODE_SINGLE_WRITER
}

// unsafe says why a capability is one that destroys data, or "". Two nodes that
// mount ext4, xfs or btrfs, of which one writes, destroy it.
func unsafe(c *csi.VolumeCapability) string {
	if c.GetMount() != nil && manyWriters(c.GetAccessMode().GetMode()) {
		return "a filesystem on a volume that several nodes use and one writes destroys itself; ask for ReadWriteMany with volumeMode: Block, or for ReadWriteOnce"
	}
	return ""
}

// checkCapabilities refuses what no Cinder volume can do.
func checkCapabilities(all []*csi.VolumeCapability) error {
	if len(all) == 0 {
		return invalid("the request has no volume capabilities")
	}
	for _, c := range all {
		if err := checkCapability(c); err != nil {
			return err
		}
	}
	return nil
}

func checkCapability(c *csi.VolumeCapability) error {
	if c == nil {
		return invalid("the request has no volume capability")
	}
	if c.GetAccessMode().GetMode() == csi.VolumeCapability_AccessMode_UNKNOWN {
		return invalid("a volume capability has no access mode")
	}
	if c.GetBlock() == nil && c.GetMount() == nil {
		return invalid("a volume capability says neither block nor mount")
	}
	if why := unsafe(c); why != "" {
		return invalid("%s", why)
	}
	return nil
}

// ValidateVolumeCapabilities confirms what a volume can do.
func (s *Service) ValidateVolumeCapabilities(ctx context.Context, r *csi.ValidateVolumeCapabilitiesRequest) (*csi.ValidateVolumeCapabilitiesResponse, error) {
	p, err := s.project(r.GetSecrets())
	if err != nil {
		return nil, err
	}
	if r.GetVolumeId() == "" {
		return nil, invalid("the request has no volume id")
	}
	if len(r.GetVolumeCapabilities()) == 0 {
		return nil, invalid("the request has no volume capabilities")
	}
	v, err := p.volume(ctx, r.GetVolumeId())
	if err != nil {
		return nil, unseen(ctx, "read volume "+r.GetVolumeId(), err)
	}
	if v.Status == block.StatusGone {
		return nil, refusal(verdict.Verdict{Code: codes.NotFound, Because: "there is no such volume"}, "volume "+v.ID, string(v.Status), "")
	}
	for _, c := range r.GetVolumeCapabilities() {
		if err := checkCapability(c); err != nil {
			return &csi.ValidateVolumeCapabilitiesResponse{Message: status.Convert(err).Message()}, nil
		}
		if manyNodes(c.GetAccessMode().GetMode()) && !v.Multiattach {
			return &csi.ValidateVolumeCapabilitiesResponse{Message: "the type of the volume does not allow several servers at a time"}, nil
		}
	}
	return &csi.ValidateVolumeCapabilitiesResponse{Confirmed: &csi.ValidateVolumeCapabilitiesResponse_Confirmed{
		VolumeContext: r.GetVolumeContext(), VolumeCapabilities: r.GetVolumeCapabilities(),
		Parameters: r.GetParameters(), MutableParameters: r.GetMutableParameters(),
	}}, nil
}
