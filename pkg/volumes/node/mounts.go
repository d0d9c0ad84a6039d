package node

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"k8s.io/klog/v2"
	"k8s.io/mount-utils"

	"underlay/pkg/volumes/device"
)

const mountTable = "/proc/self/mountinfo"

// mounted is one mount, as the kernel tells it.
type mounted struct {
	path, root string
	// number is the device of the filesystem; zero where it has none.
	number   device.Number
	readOnly bool
}

// mounts are all mounts of this namespace, the latest of a path last.
func mounts() ([]mounted, error) {
	infos, err := mount.ParseMountInfo(mountTable)
	if err != nil {
		return nil, fmt.Errorf("read the table of mounts: %w", err)
	}
	all := make([]mounted, 0, len(infos))
	for i := range infos {
		info := &infos[i]
		m := mounted{
			path: info.MountPoint, root: info.Root,
			number:   device.Number{Major: uint32(info.Major), Minor: uint32(info.Minor)},
			readOnly: slices.Contains(info.MountOptions, "ro"),
		}
		if m.number.Major == 0 && strings.HasPrefix(info.Source, "/") {
			// btrfs has a number of its own; its source is the device.
			if n, isBlock, err := device.NumberAt(info.Source); err == nil && isBlock {
				m.number = n
			}
		}
		all = append(all, m)
	}
	return all, nil
}

// at is what is mounted on a path now. It does not touch the path itself, so
// that one whose device is gone cannot hold it up.
func at(path string) (mounted, bool, error) {
	all, err := mounts()
	if err != nil {
		return mounted{}, false, err
	}
	path = canonical(path)
	for _, m := range slices.Backward(all) {
		if m.path == path {
			return m, true, nil
		}
	}
	return mounted{}, false, nil
}

// canonical follows the links on the way to a path, as the kernel did, but not the
// path itself, whatever slash is at its end.
func canonical(path string) string {
	path = filepath.Clean(path)
	parent, err := filepath.EvalSymlinks(filepath.Dir(path))
	if err != nil {
		return path
	}
	return filepath.Join(parent, filepath.Base(path))
}

// release takes away all that is mounted on a path, and then the path, which
// must be empty. A path that is not there is released; one that is a link is refused.
func (s *Service) release(ctx context.Context, path string) error {
	const most = 8 // mounts upon each other, by mistake
	for range most {
		_, isMounted, err := at(path)
		if err != nil {
			return err
		}
		if !isMounted {
			break
		}
		if err := s.mounter.Unmount(path); err != nil {
			return fmt.Errorf("unmount %s: %w", path, err)
		}
		klog.FromContext(ctx).Info("Unmounted", "path", path)
	}
	if err := noLink(path); err != nil {
		return err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove %s: %w", path, err)
	}
	return nil
}

// dropStale unmounts what a device left behind that the machine has no more: the
// volume was detached under its mount, and came back as another device.
func (s *Service) dropStale(ctx context.Context, m mounted) error {
	klog.FromContext(ctx).Info("The mounted device is gone; unmounting what is left", "path", m.path, "device", m.number.String())
	if err := s.mounter.Unmount(m.path); err != nil {
		return fmt.Errorf("unmount %s, whose device %s is gone: %w", m.path, m.number, err)
	}
	return nil
}
