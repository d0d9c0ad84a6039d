package node

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"golang.org/x/sys/unix"
	"google.golang.org/grpc/codes"

	"underlay/pkg/volumes/device"
)

// NodeGetVolumeStats tells how full a volume is; of a raw one, how large.
func (s *Service) NodeGetVolumeStats(_ context.Context, r *csi.NodeGetVolumeStatsRequest) (*csi.NodeGetVolumeStatsResponse, error) {
	if err := required(r.GetVolumeId(), "the volume path", r.GetVolumePath()); err != nil {
		return nil, err
	}
	usage, err := usageAt(r.GetVolumePath())
	if err != nil {
		return nil, answer(err)
	}
	return &csi.NodeGetVolumeStatsResponse{Usage: usage}, nil
}

func usageAt(path string) ([]*csi.VolumeUsage, error) {
	_, isBlock, err := device.NumberAt(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, refuse(codes.NotFound, "there is no %s", path)
	}
	if err != nil {
		return nil, fmt.Errorf("look at the volume path: %w", err)
	}
	if isBlock {
		size, err := device.Size(path)
		return []*csi.VolumeUsage{{Unit: csi.VolumeUsage_BYTES, Total: size}}, err
	}
	_, isMounted, err := at(path)
	if err != nil {
		return nil, err
	}
	if !isMounted {
		return nil, refuse(codes.NotFound, "nothing is mounted at %s", path)
	}
	var fs unix.Statfs_t
	if err := unix.Statfs(path, &fs); err != nil {
		return nil, fmt.Errorf("read how full %s is: %w", path, err)
	}
	total, free, available := int64(fs.Blocks)*fs.Bsize, int64(fs.Bfree)*fs.Bsize, int64(fs.Bavail)*fs.Bsize
	return []*csi.VolumeUsage{
		{Unit: csi.VolumeUsage_BYTES, Total: total, Used: total - free, Available: available},
		{Unit: csi.VolumeUsage_INODES, Total: int64(fs.Files), Used: int64(fs.Files - fs.Ffree), Available: int64(fs.Ffree)},
	}, nil
}
