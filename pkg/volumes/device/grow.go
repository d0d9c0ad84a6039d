package device

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"
	"k8s.io/klog/v2"
)

// ErrSmall means: the device is smaller than the volume is said to be; the machine may
// learn of it later.
var ErrSmall = errors.New("the device has not grown yet")

// ErrFixed means: the filesystem is of a type that keeps its size.
var ErrFixed = errors.New("the filesystem cannot grow")

// growing are the filesystems that grow while they are mounted.
var growing = []string{"ext3", "ext4", "xfs", "btrfs"}

// Grow makes the mounted filesystem as large as its device, which must be Enough for
// a volume of required bytes (0: any size). It gives the size of the device. Asking again
// changes nothing.
func (t Tools) Grow(ctx context.Context, d Disk, mountedAt string, required int64) (int64, error) {
	size, err := Size(d.Path)
	if err != nil {
		return 0, err
	}
	if !Enough(size, required) {
		return size, fmt.Errorf("%w: %s has %d bytes, not %d", ErrSmall, d.Path, size, required)
	}
	kind, err := t.probe(ctx, d.Path)
	if err != nil {
		return 0, err
	}
	if kind != "" && !slices.Contains(growing, kind) {
		return size, fmt.Errorf("%w: there is %s on %s", ErrFixed, kind, d.Path)
	}
	before, err := capacity(mountedAt)
	if err != nil {
		return 0, err
	}
	needed, err := t.resize.NeedResize(d.Path, mountedAt)
	if err != nil {
		return 0, fmt.Errorf("see whether the filesystem on %s must grow: %w", d.Path, err)
	}
	if !needed {
		return size, nil
	}
	if _, err := t.resize.Resize(d.Path, mountedAt); err != nil {
		return 0, fmt.Errorf("grow the filesystem on %s: %w", d.Path, err)
	}
	after, err := capacity(mountedAt)
	if err != nil {
		return 0, err
	}
	if after != before {
		klog.FromContext(ctx).Info("Grew the filesystem", "device", d.Path, "deviceBytes", size, "before", before, "after", after)
	}
	return size, nil
}

// capacity is the size of a mounted filesystem in bytes.
func capacity(path string) (int64, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(path, &s); err != nil {
		return 0, fmt.Errorf("read the size of the filesystem at %s: %w", path, err)
	}
	return int64(s.Blocks) * s.Bsize, nil
}
