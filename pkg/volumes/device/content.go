package device

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
)

// ErrForeign means: there is something on the device that must not be overwritten, or
// that cannot be told from such.
var ErrForeign = errors.New("not formatted")

// Volume is what was attached, as far as it matters to what is on the device.
type Volume struct {
	ID string
	// Encrypted says that its type encrypts it: where nothing was ever written the
	// machine sees noise, not zeros.
	Encrypted bool
}

// Kind is what a device holds.
type Kind int

const (
	// Blank means: nothing, as far as it was read.
	Blank Kind = iota + 1
	// Unfinished means: what is left of a mkfs of ours that did not end. There are no
	// files on it.
	Unfinished
	// Filesystem means: one that blkid names.
	Filesystem
	// Data means: something, which blkid does not name.
	Data
)

// Content is what was found on a device.
type Content struct {
	Kind Kind
	// Type is the filesystem as blkid calls it, or "".
	Type string
	// At is where the first byte of Data is.
	At int64
}

// Look reads what is on a device. blkid's word counts for what is there, never
// for what is not: it gives the same answer for an empty device and for one that
// it could not read (https://github.com/kubernetes/kubernetes/issues/142243). ErrForeign:
// what is there cannot be told from files that somebody has.
func (t Tools) Look(ctx context.Context, d Disk, v Volume) (Content, error) {
	f, err := os.Open(d.Path)
	if err != nil {
		return Content{}, fmt.Errorf("open %s to see what is on it: %w", d.Path, err)
	}
	defer func() { _ = f.Close() }()
	size, err := sizeOf(f)
	if err != nil {
		return Content{}, err
	}
	content, err := t.look(ctx, f, size, d, v)
	if err != nil || content.Kind != Unfinished {
		return content, err
	}
	used, err := t.used(f, d, content.Type)
	if err != nil {
		return Content{}, fmt.Errorf("see what is on %s: %w", d.Path, err)
	}
	if used {
		content.Kind = Filesystem
	}
	return content, nil
}

func (t Tools) look(ctx context.Context, r io.ReaderAt, size int64, d Disk, v Volume) (Content, error) {
	at, blank, err := nothing(r, size, v)
	if err != nil {
		return Content{}, fmt.Errorf("see what is on %s: %w", d.Path, err)
	}
	begun, unfinished, err := marked(r, size, v.ID)
	if err != nil {
		return Content{}, fmt.Errorf("see what is on %s: %w", d.Path, err)
	}
	kind, err := t.probe(ctx, d.Path)
	switch {
	case err != nil:
		return Content{}, err
	case unfinished && kind == "":
		if err := leavings(r, size, d, v, begun); err != nil {
			return Content{}, fmt.Errorf("see what is on %s: %w", d.Path, err)
		}
		return Content{Kind: Unfinished}, nil
	case unfinished:
		return Content{Kind: Unfinished, Type: kind}, nil
	case kind != "":
		return Content{Kind: Filesystem, Type: kind}, nil
	case blank:
		return Content{Kind: Blank}, nil
	default:
		return Content{Kind: Data, At: at}, nil
	}
}

// nothing says whether a device is as if nobody had ever written to it; if not, at is
// where the first byte is.
func nothing(r io.ReaderAt, size int64, v Volume) (at int64, blank bool, err error) {
	at, found, err := FirstData(r, size)
	switch {
	case err != nil:
		return 0, false, err
	case !found:
		return 0, true, nil
	case !v.Encrypted:
		return at, false, nil
	}
	noise, err := Noise(r, size)
	return at, noise, err
}
