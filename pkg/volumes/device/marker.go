package device

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
)

// The marker says on the device itself that its filesystem is being made. It is
// written before mkfs and taken away after it, before anything is mounted: a
// device that has it was never used by this driver, however its mkfs ended, and may be
// formatted again, if nobody else used it meanwhile. Without it a mkfs that was killed would leave a device that is neither
// blank nor usable. It lies where mkfs writes nothing but its data area; where one
// does, the marker is lost and nothing worse.
const (
	markerSize = 4 * kib
	markerBack = 3 * mib // from the end, of which mkfs.btrfs clears 2 MiB
	markerText = "underlay: a filesystem is being made on this volume: "
)

func markerAt(size int64) int64 { return (size - markerBack) / markerSize * markerSize }

// marker is the block that is written for a volume.
func marker(volumeID string) []byte {
	block := make([]byte, markerSize)
	copy(block, markerText+volumeID+"\n")
	sum := sha256.Sum256([]byte(markerText + volumeID))
	copy(block[len(block)-len(sum):], sum[:])
	return block
}

// marked says whether the volume's marker is there.
func marked(r io.ReaderAt, size int64, volumeID string) (bool, error) {
	if size < 2*markerBack {
		return false, nil
	}
	block := make([]byte, markerSize)
	if n, err := r.ReadAt(block, markerAt(size)); n < len(block) {
		return false, fmt.Errorf("read the place of the marker: %w", err)
	}
	return bytes.Equal(block, marker(volumeID)), nil
}

// medium is what a marker is written to.
type medium interface {
	io.ReaderAt
	io.WriterAt
	Sync() error
}

func mark(m medium, size int64, volumeID string) error {
	if size < 2*markerBack {
		return nil // too small for a marker, and for a volume
	}
	return write(m, marker(volumeID), markerAt(size))
}

// unmark takes the marker away, if mkfs left it.
func unmark(m medium, size int64, volumeID string) error {
	there, err := marked(m, size, volumeID)
	if err != nil || !there {
		return err
	}
	return write(m, make([]byte, markerSize), markerAt(size))
}

func write(m medium, block []byte, at int64) error {
	if _, err := m.WriteAt(block, at); err != nil {
		return fmt.Errorf("write the marker: %w", err)
	}
	if err := m.Sync(); err != nil {
		return fmt.Errorf("write the marker: %w", err)
	}
	return nil
}
