package node

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
	"k8s.io/klog/v2"

	"underlay/pkg/volumes/device"
)

// NodeStageVolume makes the volume ready on this node: its filesystem is mounted
// at the staging path, as large as the device. A raw volume only needs its device.
func (s *Service) NodeStageVolume(ctx context.Context, r *csi.NodeStageVolumeRequest) (*csi.NodeStageVolumeResponse, error) {
	wish, err := stageWishOf(r)
	if err != nil {
		return nil, err
	}
	release, err := s.busy.hold(wish.volumeID)
	if err != nil {
		return nil, err
	}
	defer release()
	d, err := s.await(ctx, wish.volumeID, wish.size)
	if err == nil && !wish.block {
		err = s.stage(ctx, d, wish)
	}
	if err != nil {
		return nil, answer(err)
	}
	return &csi.NodeStageVolumeResponse{}, nil
}

func (s *Service) stage(ctx context.Context, d device.Disk, wish stageWish) error {
	done, err := s.staged(ctx, d, wish)
	if err != nil {
		return err
	}
	if !done {
		if err := os.MkdirAll(wish.path, 0o750); err != nil {
			return fmt.Errorf("make the staging path: %w", err)
		}
		kind, err := s.filesystem(ctx, d, wish)
		if err != nil {
			return err
		}
		if err := s.mount(ctx, d, kind, wish); err != nil {
			return err
		}
	}
	if wish.readOnly {
		return nil
	}
	_, err = s.tools.Grow(ctx, d, wish.path, wish.size)
	if err == nil || wish.origin != "" && !errors.Is(err, device.ErrFixed) {
		return err
	}
	// Nobody asked for it: the kubelet does (NodeExpandVolume) where it is wanted.
	klog.FromContext(ctx).Info("The filesystem is used with the size that it has", "volume", wish.volumeID, "device", d.Path, "err", err)
	return nil
}

// staged says whether the device is mounted at the staging path already. What
// another device left there that is gone is taken away; anything else is refused.
func (s *Service) staged(ctx context.Context, d device.Disk, wish stageWish) (bool, error) {
	m, isMounted, err := at(wish.path)
	switch {
	case err != nil:
		return false, err
	case !isMounted:
		return false, noLink(wish.path)
	case m.number == d.Number:
		return true, nil
	case !s.options.Host.Present(m.number):
		return false, s.dropStale(ctx, m)
	default:
		return false, refuse(codes.FailedPrecondition, "%s has device %s mounted, and volume %s is %s (%s)", wish.path, m.number, wish.volumeID, d.Path, d.Number)
	}
}

// filesystem is the type of the filesystem to mount: the one on the device, or one
// that is made now because there is none.
func (s *Service) filesystem(ctx context.Context, d device.Disk, wish stageWish) (string, error) {
	content, err := s.tools.Look(ctx, d, wish.volume())
	if err != nil {
		return "", err
	}
	switch content.Kind {
	case device.Filesystem:
		return s.existing(ctx, d, content.Type, wish)
	case device.Blank, device.Unfinished:
		return s.made(ctx, d, wish)
	default:
		return "", refuse(codes.FailedPrecondition,
			"%s (volume %s) has data at byte %d and no filesystem that blkid knows: it is neither mounted nor formatted; wipe it yourself if it may go",
			d.Path, wish.volumeID, content.At)
	}
}

func (s *Service) existing(ctx context.Context, d device.Disk, found string, wish stageWish) (string, error) {
	kind, ok := compatible(wish.kind, found)
	if !ok {
		return "", refuse(codes.FailedPrecondition, "%s (volume %s) has %s on it, and %s was asked for", d.Path, wish.volumeID, found, wish.kind)
	}
	if wish.readOnly || !slices.Contains(ext, found) {
		return kind, nil // the others repair themselves when they are mounted
	}
	return kind, s.tools.Check(ctx, d.Path)
}

// ext are the filesystems that the kernel's ext4 reads.
var ext = []string{"ext2", "ext3", "ext4"}

// compatible is the type to mount a filesystem as: the kernel's ext4 reads its elders.
func compatible(asked, found string) (string, bool) {
	switch {
	case !device.KnownType(found): // a partition table, as blkid's answer is read
		return "", false
	case asked == "" || asked == found:
		return found, true
	default:
		return asked, slices.Contains(ext, asked) && slices.Contains(ext, found)
	}
}

func (s *Service) made(ctx context.Context, d device.Disk, wish stageWish) (string, error) {
	switch {
	case wish.origin != "":
		return "", refuse(codes.FailedPrecondition, "volume %s was filled from %s and has no filesystem: it is not formatted", wish.volumeID, article(wish.origin))
	case wish.readOnly:
		return "", refuse(codes.FailedPrecondition, "volume %s is empty and was asked for read-only: it is not formatted", wish.volumeID)
	}
	kind := wish.kind
	if kind == "" {
		kind = device.DefaultType
	}
	return kind, s.tools.Format(ctx, s.options.Host, d, device.Wish{Volume: wish.volume(), Type: kind, Options: wish.mkfs})
}

func article(origin string) string {
	if origin == "something" {
		return origin
	}
	return "a " + origin
}

// mount mounts the device and sees that it is the device which is mounted.
func (s *Service) mount(ctx context.Context, d device.Disk, kind string, wish stageWish) error {
	flags := slices.Clone(wish.flags)
	if wish.readOnly && !slices.Contains(flags, "ro") {
		flags = append(flags, "ro")
	}
	if kind == "xfs" && !slices.Contains(flags, "nouuid") {
		// A copy has the UUID of what it was copied from, which may be mounted here too.
		flags = append(flags, "nouuid")
	}
	if err := s.mounter.Mount(d.Path, wish.path, kind, flags); err != nil {
		return fmt.Errorf("mount volume %s: %w", wish.volumeID, err)
	}
	m, isMounted, err := at(wish.path)
	if err != nil {
		return err
	}
	if !isMounted || m.number != d.Number {
		return fmt.Errorf("mount volume %s: %s has %s now, not %s", wish.volumeID, wish.path, m.number, d.Number)
	}
	klog.FromContext(ctx).Info("Mounted", "volume", wish.volumeID, "device", d.Path, "identity", d.Proof, "type", kind, "path", wish.path, "flags", strings.Join(flags, ","))
	return nil
}

// NodeUnstageVolume unmounts the volume from the staging path.
func (s *Service) NodeUnstageVolume(ctx context.Context, r *csi.NodeUnstageVolumeRequest) (*csi.NodeUnstageVolumeResponse, error) {
	if err := required(r.GetVolumeId(), "the staging path", r.GetStagingTargetPath()); err != nil {
		return nil, err
	}
	release, err := s.busy.hold(r.GetVolumeId())
	if err != nil {
		return nil, err
	}
	defer release()
	err = s.release(ctx, r.GetStagingTargetPath())
	if errors.Is(err, syscall.ENOTEMPTY) {
		// What lies in the folder under the mount is not the volume's.
		klog.FromContext(ctx).Info("The staging path is unmounted, and something else is in it", "path", r.GetStagingTargetPath())
		err = nil
	}
	if err != nil {
		return nil, answer(err)
	}
	return &csi.NodeUnstageVolumeResponse{}, nil
}
