package node

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
	"k8s.io/klog/v2"

	"underlay/pkg/volumes/device"
)

// NodePublishVolume shows a staged volume at the target path: a folder for a
// filesystem, a block device for a raw volume.
func (s *Service) NodePublishVolume(ctx context.Context, r *csi.NodePublishVolumeRequest) (*csi.NodePublishVolumeResponse, error) {
	wish, err := publishWishOf(r)
	if err != nil {
		return nil, err
	}
	release, err := s.busy.hold(wish.volumeID)
	if err != nil {
		return nil, err
	}
	defer release()
	if wish.block {
		err = s.publishBlock(ctx, wish)
	} else {
		err = s.publishMount(ctx, wish)
	}
	if err != nil {
		return nil, answer(err)
	}
	return &csi.NodePublishVolumeResponse{}, nil
}

func (s *Service) publishMount(ctx context.Context, wish publishWish) error {
	staged, isMounted, err := at(wish.staging)
	if err != nil {
		return err
	}
	if !isMounted {
		return refuse(codes.FailedPrecondition, "volume %s is not staged at %s", wish.volumeID, wish.staging)
	}
	if err := s.isStill(wish.volumeID, staged); err != nil {
		return err
	}
	done, err := s.publishedMount(ctx, staged, wish)
	if err != nil || done {
		return err
	}
	if err := s.alone(wish, staged.number); err != nil {
		return err
	}
	if err := os.MkdirAll(wish.path, 0o750); err != nil {
		return fmt.Errorf("make the target path: %w", err)
	}
	return s.bind(ctx, wish.staging, wish)
}

// publishedMount says whether the target path is what is staged already. What a
// device left there that is gone is taken away; anything else is refused.
func (s *Service) publishedMount(ctx context.Context, staged mounted, wish publishWish) (bool, error) {
	there, isMounted, err := at(wish.path)
	switch {
	case err != nil:
		return false, err
	case !isMounted:
		return false, noLink(wish.path)
	case there.number != staged.number && !s.options.Host.Present(there.number):
		return false, s.dropStale(ctx, there)
	default:
		return true, asWished(there, staged, wish)
	}
}

// isStill refuses a staging path whose device is not the volume any more.
func (s *Service) isStill(volumeID string, staged mounted) error {
	if !s.options.Host.Present(staged.number) {
		return fmt.Errorf("the device %s of volume %s, mounted at %s, is gone", staged.number, volumeID, staged.path)
	}
	d, err := s.options.Host.Find(volumeID)
	switch {
	case errors.Is(err, device.ErrAbsent):
		return nil // udev has lost its link; staging compared them
	case err != nil:
		return err
	case d.Number != staged.number:
		return refuse(codes.FailedPrecondition, "%s has device %s mounted, and volume %s is %s (%s)", staged.path, staged.number, volumeID, d.Path, d.Number)
	}
	return nil
}

// asWished compares what is at the target path with what was asked for.
func asWished(there, staged mounted, wish publishWish) error {
	if there.number != staged.number {
		return refuse(codes.FailedPrecondition, "%s has device %s mounted, and volume %s is %s", wish.path, there.number, wish.volumeID, staged.number)
	}
	// What is staged read-only cannot be published otherwise.
	if there.readOnly != (wish.readOnly || staged.readOnly) {
		return refuse(codes.AlreadyExists, "volume %s is published at %s with read-only %t", wish.volumeID, wish.path, there.readOnly)
	}
	return nil
}

// alone refuses a second path for a volume that only one may have.
func (s *Service) alone(wish publishWish, number device.Number) error {
	if !wish.single {
		return nil
	}
	all, err := mounts()
	if err != nil {
		return err
	}
	for _, m := range all {
		// The kubelet binds folders of a published volume for containers: those are not publications.
		if m.number != number || m.root != "/" || m.path == canonical(wish.staging) || strings.Contains(m.path, "/volume-subpaths/") {
			continue
		}
		if m.path != canonical(wish.path) {
			return refuse(codes.FailedPrecondition, "volume %s may have one path on this node and is published at %s", wish.volumeID, m.path)
		}
	}
	return nil
}

// perMount are the flags that a bind mount may have for itself; all others are the
// filesystem's, and staging set them.
var perMount = []string{
	"nosuid", "suid", "nodev", "dev", "noexec", "exec", "noatime", "atime", "nodiratime", "diratime",
	"relatime", "norelatime", "strictatime", "nostrictatime",
}

func (s *Service) bind(ctx context.Context, source string, wish publishWish) error {
	options := []string{"bind"}
	for _, flag := range wish.flags {
		if slices.Contains(perMount, flag) {
			options = append(options, flag)
		}
	}
	if wish.readOnly {
		options = append(options, "ro")
	}
	if err := s.mounter.Mount(source, wish.path, "", options); err != nil {
		return fmt.Errorf("publish volume %s: %w", wish.volumeID, err)
	}
	klog.FromContext(ctx).Info("Published", "volume", wish.volumeID, "source", source, "path", wish.path, "readOnly", wish.readOnly, "block", wish.block)
	return nil
}

// publishBlock binds the device node to a file. Read-only is kept by the container
// runtime, which gives the container the device without the right to write.
func (s *Service) publishBlock(ctx context.Context, wish publishWish) error {
	d, err := s.await(ctx, wish.volumeID, 0)
	if err != nil {
		return err
	}
	done, err := s.publishedBlock(ctx, d, wish)
	if err != nil || done {
		return err
	}
	if err := s.aloneBlock(wish, d); err != nil {
		return err
	}
	if err := touch(wish.path); err != nil {
		return err
	}
	return s.bind(ctx, d.Path, wish)
}

// publishedBlock says whether the target path is the device already. What a
// device left there that is gone is taken away; anything else is refused.
func (s *Service) publishedBlock(ctx context.Context, d device.Disk, wish publishWish) (bool, error) {
	if err := noLink(wish.path); err != nil {
		return false, err
	}
	there, isBlock, err := device.NumberAt(wish.path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("look at the target path: %w", err)
	case !isBlock:
		return false, nil
	case there == d.Number:
		return true, nil
	}
	m, isMounted, err := at(wish.path)
	if err != nil {
		return false, err
	}
	if !isMounted || s.options.Host.Present(there) {
		return false, refuse(codes.FailedPrecondition, "%s is device %s, and volume %s is %s (%s)", wish.path, there, wish.volumeID, d.Path, d.Number)
	}
	m.number = there
	return false, s.dropStale(ctx, m)
}

// aloneBlock is alone for raw volumes: a bind mount of a device node has the
// node's name as its root.
func (s *Service) aloneBlock(wish publishWish, d device.Disk) error {
	if !wish.single {
		return nil
	}
	all, err := mounts()
	if err != nil {
		return err
	}
	for _, m := range all {
		if filepath.Base(m.root) != filepath.Base(d.Path) || m.path == canonical(wish.path) {
			continue
		}
		if there, isBlock, err := device.NumberAt(m.path); err == nil && isBlock && there == d.Number {
			return refuse(codes.FailedPrecondition, "volume %s may have one path on this node and is published at %s", wish.volumeID, m.path)
		}
	}
	return nil
}

// touch makes an empty file.
func touch(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return fmt.Errorf("make the folder of the target path: %w", err)
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDONLY|syscall.O_NOFOLLOW, 0o660)
	if err != nil {
		return fmt.Errorf("make the target path: %w", err)
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("make the target path: %w", err)
	}
	return nil
}

// NodeUnpublishVolume takes the volume from the target path, and the path away.
func (s *Service) NodeUnpublishVolume(ctx context.Context, r *csi.NodeUnpublishVolumeRequest) (*csi.NodeUnpublishVolumeResponse, error) {
	if err := required(r.GetVolumeId(), "the target path", r.GetTargetPath()); err != nil {
		return nil, err
	}
	release, err := s.busy.hold(r.GetVolumeId())
	if err != nil {
		return nil, err
	}
	defer release()
	if err := s.release(ctx, r.GetTargetPath()); err != nil {
		return nil, answer(err)
	}
	return &csi.NodeUnpublishVolumeResponse{}, nil
}
