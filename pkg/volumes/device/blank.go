package device

import (
	"fmt"
	"io"
	"slices"
)

const (
	kib = int64(1) << 10
	mib = int64(1) << 20
	gib = int64(1) << 30

	// edge is how much of both ends of a device is read: every filesystem,
	// partition table, LVM, LUKS and RAID has something there.
	edge = 4 * mib
	// probe is how much is read elsewhere, and probes in how many places.
	probe  = 64 * kib
	probes = 32
)

// copies are where filesystems keep copies of their superblock, which outlive a
// wiped head: ext4 with 1 KiB and 4 KiB blocks, btrfs.
var copies = []int64{8 * mib, 64 * mib, 128 * mib, 256 * gib}

// span is a part of a device.
type span struct{ from, length int64 }

// spans are the parts of a device that must be zero for it to be blank.
func spans(size int64) []span {
	if size <= 2*edge {
		return []span{{0, size}}
	}
	all := []span{{0, edge}, {size - edge, edge}}
	starts := slices.Clone(copies)
	for i := range int64(probes) {
		starts = append(starts, size/probes*i/(4*kib)*(4*kib))
	}
	slices.Sort(starts)
	for _, from := range slices.Compact(starts) {
		if from >= edge && from+probe <= size-edge {
			all = append(all, span{from, probe})
		}
	}
	return all
}

// FirstData looks for anything but zeros where filesystems keep what they are:
// both ends, the places of copies, and evenly in between. What cannot be read is
// an error, never blank.
func FirstData(r io.ReaderAt, size int64) (at int64, found bool, err error) {
	err = each(r, size, func(from int64, part []byte) bool {
		i := slices.IndexFunc(part, func(b byte) bool { return b != 0 })
		at, found = from+int64(i), i >= 0
		return !found
	})
	if err != nil || !found {
		return 0, false, err
	}
	return at, true, nil
}

// each reads the parts of a device that are judged, until one is enough.
func each(r io.ReaderAt, size int64, goOn func(at int64, part []byte) bool) error {
	if size <= 0 {
		return fmt.Errorf("a device of %d bytes cannot be judged", size)
	}
	buffer := make([]byte, mib)
	for _, s := range spans(size) {
		for from := s.from; from < s.from+s.length; from += int64(len(buffer)) {
			part := buffer[:min(int64(len(buffer)), s.from+s.length-from)]
			if n, err := r.ReadAt(part, from); n < len(part) {
				return fmt.Errorf("read %d bytes at %d: %w", len(part), from, err)
			}
			if !goOn(from, part) {
				return nil
			}
		}
	}
	return nil
}
