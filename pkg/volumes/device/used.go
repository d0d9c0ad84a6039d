package device

import (
	"fmt"
	"io"
	"os"
	"slices"

	"k8s.io/mount-utils"
)

// used says whether there are files on a device that bears the marker of an
// unfinished mkfs. Another driver, which knows no marker, may have made a filesystem
// on it since, or found the one that only lacked the removal of the marker. ErrForeign:
// there is something of which that cannot be told.
func (t Tools) used(r io.ReaderAt, d Disk, kind string) (bool, error) {
	switch kind {
	case "": // see leavings
		return false, nil
	case "ext2", "ext3", "ext4", "btrfs":
	case "xfs":
		if begun, err := inProgress(r); err != nil || begun {
			return false, err
		}
	default: // no mkfs of ours makes it
		return true, nil
	}
	names, err := t.list(d.Path, kind)
	if err != nil {
		return false, fmt.Errorf("%w: a mkfs did not end here, and whether the %s on it was used since cannot be seen: %w", ErrForeign, kind, err)
	}
	return slices.ContainsFunc(names, func(name string) bool { return name != "lost+found" }), nil
}

// inProgress reads the byte of an xfs that says that its mkfs has not ended
// (sb_inprogress in fs/xfs/libxfs/xfs_format.h).
func inProgress(r io.ReaderAt) (bool, error) {
	const at = 126
	b := make([]byte, 1)
	if n, err := r.ReadAt(b, at); n < len(b) {
		return false, fmt.Errorf("read the superblock: %w", err)
	}
	return b[0] != 0, nil
}

// list mounts a filesystem read-only for as long as it reads the names in its root.
func (t Tools) list(path, kind string) (names []string, err error) {
	where, err := os.MkdirTemp("", "unfinished-")
	if err != nil {
		return nil, fmt.Errorf("make a folder to mount %s at: %w", path, err)
	}
	defer func() {
		if failed := os.Remove(where); failed != nil && err == nil {
			err = fmt.Errorf("remove the folder that %s was mounted at: %w", path, failed)
		}
	}()
	flags := []string{"ro"}
	if kind == "xfs" {
		flags = append(flags, "nouuid")
	}
	mounter := mount.NewWithoutSystemd("")
	if err := mounter.Mount(path, where, kind, flags); err != nil {
		return nil, err
	}
	defer func() {
		if failed := mounter.Unmount(where); failed != nil && err == nil {
			err = failed
		}
	}()
	entries, err := os.ReadDir(where)
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names, err
}
