package device

import (
	"fmt"
	"io"
	"slices"
)

// quiet is how much of the start of a device is zero from the first write of a mkfs until
// it writes the superblock, by which blkid names the filesystem. Who uses a volume raw
// writes there first. A mkfs that is not in this table writes its superblock first, or
// nobody knows when.
//
// ext: the boot block and the place of the superblock, which is written last
// (zap_sector in misc/mke2fs.c, ext2fs_flush2 in lib/ext2fs/closefs.c of e2fsprogs).
// btrfs: 64 KiB. The superblock follows them, with a magic that is no filesystem's until
// all is written (BTRFS_MAGIC_TEMPORARY in kernel-shared/ctree.h of btrfs-progs).
var quiet = map[string]int64{"ext2": 2 * kib, "ext3": 2 * kib, "ext4": 2 * kib, "btrfs": 64 * kib}

// leavings refuses a device, of which blkid names nothing, with more on it than what a mkfs of that
// kind leaves when it is killed: somebody has used the volume since. Either there is
// nothing but the marker, or the start is as that mkfs makes it.
func leavings(r io.ReaderAt, size int64, d Disk, v Volume, kind string) error {
	at, blank, err := nothing(unmarked{r, size}, size, v)
	if err != nil || blank {
		return err
	}
	if start := min(quiet[kind], size); start > 0 {
		head := make([]byte, start)
		if n, err := r.ReadAt(head, 0); n < len(head) {
			return fmt.Errorf("read the first %d bytes: %w", start, err)
		}
		i := slices.IndexFunc(head, func(b byte) bool { return b != 0 })
		if i < 0 {
			return nil
		}
		at = int64(i)
	}
	return fmt.Errorf("%w: a mkfs.%s was cut off here, and it did not write the data at byte %d: somebody used the volume without a filesystem; if that may go, run `blkdiscard --zeroout %s` on this node",
		ErrForeign, kind, at, d.Path)
}

// unmarked is a device that bears a marker, as if it had none: in its place is what is
// in the block before it.
type unmarked struct {
	io.ReaderAt
	size int64
}

// ReadAt is that of the device, but for the place of the marker.
func (u unmarked) ReadAt(p []byte, at int64) (int, error) {
	n, err := u.ReaderAt.ReadAt(p, at)
	from, to := max(markerAt(u.size), at), min(markerAt(u.size)+markerSize, at+int64(n))
	if from >= to {
		return n, err
	}
	if n, err := u.ReaderAt.ReadAt(p[from-at:to-at], from-markerSize); int64(n) < to-from {
		return int(from - at), fmt.Errorf("read the block before the marker: %w", err)
	}
	return n, err
}
