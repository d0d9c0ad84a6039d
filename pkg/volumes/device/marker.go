package device

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"strings"
)

// The marker says on the device itself that its filesystem is being made, and of which
// type. It is written before mkfs and taken away after it, before anything is mounted: no
// filesystem of a device that has it was ever used by this driver, however its mkfs ended, and it
// may be formatted again, if nobody else used it meanwhile (see used and leavings). Without it a
// mkfs that was killed would leave a device that is neither blank nor usable. It lies where mkfs
// writes nothing but its data area; where one does, the marker is lost and nothing worse.
const (
	markerSize = 4 * kib
	markerBack = 3 * mib // from the end, of which mkfs.btrfs clears 2 MiB
	markerText = "underlay: a filesystem is being made on this volume: "
)

func markerAt(size int64) int64 { return (size - markerBack) / markerSize * markerSize }

// marker is the block that is written for a volume, of which a filesystem is made.
func marker(volumeID, kind string) []byte {
	block := make([]byte, markerSize)
	text := markerText + volumeID + " " + kind
	copy(block, text+"\n")
	sum := sha256.Sum256([]byte(text))
	copy(block[len(block)-len(sum):], sum[:])
	return block
}

// marked says whether the volume's marker is there, and which filesystem was begun.
func marked(r io.ReaderAt, size int64, volumeID string) (kind string, there bool, err error) {
	if size < 2*markerBack {
		return "", false, nil
	}
	block := make([]byte, markerSize)
	if n, err := r.ReadAt(block, markerAt(size)); n < len(block) {
		return "", false, fmt.Errorf("read the place of the marker: %w", err)
	}
	line, _, _ := bytes.Cut(block, []byte("\n"))
	kind, ours := strings.CutPrefix(string(line), markerText+volumeID+" ")
	return kind, ours && bytes.Equal(block, marker(volumeID, kind)), nil
}

// medium is what a marker is written to.
type medium interface {
	io.ReaderAt
	io.WriterAt
	Sync() error
}

func mark(m medium, size int64, volumeID, kind string) error {
	if size < 2*markerBack {
		return nil // too small for a marker, and for a volume
	}
	return write(m, marker(volumeID, kind), markerAt(size))
}

// unmark takes the marker away, if mkfs left it.
func unmark(m medium, size int64, volumeID string) error {
	_, there, err := marked(m, size, volumeID)
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
