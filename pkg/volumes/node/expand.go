package node

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"

	"underlay/pkg/volumes/device"
)

// NodeExpandVolume makes the filesystem as large as the volume is now. It is done
// only when the device has the size that was asked for. A raw volume is never resized.
func (s *Service) NodeExpandVolume(ctx context.Context, r *csi.NodeExpandVolumeRequest) (*csi.NodeExpandVolumeResponse, error) {
	if err := required(r.GetVolumeId(), "the volume path", r.GetVolumePath()); err != nil {
		return nil, err
	}
	wanted := r.GetCapacityRange().GetRequiredBytes()
	if limit := r.GetCapacityRange().GetLimitBytes(); limit > 0 && limit < wanted {
		return nil, refuse(codes.OutOfRange, "the limit of %d bytes is below the %d that are required", limit, wanted)
	}
	release, err := s.busy.hold(r.GetVolumeId())
	if err != nil {
		return nil, err
	}
	defer release()
	size, err := s.expand(ctx, r, wanted)
	if err != nil {
		return nil, answer(err)
	}
	return &csi.NodeExpandVolumeResponse{CapacityBytes: size}, nil
}

func (s *Service) expand(ctx context.Context, r *csi.NodeExpandVolumeRequest, wanted int64) (int64, error) {
	raw, err := s.isRaw(r)
	if err != nil {
		return 0, err
	}
	d, err := s.options.Host.Find(r.GetVolumeId())
	if errors.Is(err, device.ErrAbsent) {
		return 0, refuse(codes.NotFound, "%v", err)
	}
	if err != nil {
		return 0, err
	}
	if !raw {
		if err := s.holds(r.GetVolumePath(), r.GetVolumeId(), d); err != nil {
			return 0, err
		}
	}
	if s.options.Rescan {
		if err := s.options.Host.Rescan(d); err != nil {
			return 0, err
		}
	}
	if d, err = s.await(ctx, r.GetVolumeId(), wanted); err != nil {
		return 0, err
	}
	if raw {
		return device.Size(d.Path)
	}
	return s.tools.Grow(ctx, d, r.GetVolumePath(), wanted)
}

// isRaw says whether the volume is used without a filesystem. The kubelet does
// not always say it: then the path does.
func (s *Service) isRaw(r *csi.NodeExpandVolumeRequest) (bool, error) {
	_, isBlock, err := device.NumberAt(r.GetVolumePath())
	if errors.Is(err, os.ErrNotExist) {
		return false, refuse(codes.NotFound, "there is no %s", r.GetVolumePath())
	}
	if err != nil {
		return false, fmt.Errorf("look at the volume path: %w", err)
	}
	return isBlock || r.GetVolumeCapability().GetBlock() != nil, nil
}

// holds refuses a path at which another device is mounted, or none.
func (s *Service) holds(path, volumeID string, d device.Disk) error {
	m, isMounted, err := at(path)
	switch {
	case err != nil:
		return err
	case !isMounted:
		return refuse(codes.NotFound, "nothing is mounted at %s", path)
	case m.number != d.Number:
		return refuse(codes.FailedPrecondition, "%s has device %s mounted, and volume %s is %s (%s)", path, m.number, volumeID, d.Path, d.Number)
	}
	return nil
}
