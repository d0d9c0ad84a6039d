package device

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"k8s.io/klog/v2"
)

// Wish is a filesystem to be made.
type Wish struct {
	Volume Volume
	// Type is the filesystem, Options what is given to its mkfs.
	Type    string
	Options []string
}

// Format makes a filesystem on a device, if it is the volume's and blank, which
// is judged here and not before; but Look must have said of what is Unfinished that
// it is. It runs to its end whatever becomes of ctx: half a filesystem helps nobody.
// ErrForeign: there is something on the device.
func (t Tools) Format(ctx context.Context, h Host, d Disk, wish Wish) error {
	ctx = context.WithoutCancel(ctx)
	if !KnownType(wish.Type) {
		return fmt.Errorf("format %s: %q is no filesystem", d.Path, wish.Type)
	}
	size, err := t.begin(ctx, h, d, wish)
	if err != nil {
		return fmt.Errorf("format %s for volume %s: %w", d.Path, wish.Volume.ID, err)
	}
	started := time.Now()
	out, err := t.run.CommandContext(ctx, "mkfs."+wish.Type, mkfsArguments(wish.Type, d.Path, wish.Options)...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("run mkfs.%s on %s: %w: %s", wish.Type, d.Path, err, output(out))
	}
	if err := t.end(ctx, d, wish); err != nil {
		return fmt.Errorf("format %s for volume %s: %w", d.Path, wish.Volume.ID, err)
	}
	klog.FromContext(ctx).Info("Made a filesystem", "volume", wish.Volume.ID, "device", d.Path, "identity", d.Proof,
		"bytes", size, "type", wish.Type, "options", wish.Options, "took", time.Since(started).Round(time.Millisecond))
	return nil
}

// begin looks at everything once more and writes the marker. The device is held
// alone meanwhile: the kernel gives it to nobody who mounts it.
func (t Tools) begin(ctx context.Context, h Host, d Disk, wish Wish) (int64, error) {
	f, err := os.OpenFile(d.Path, os.O_RDWR|os.O_EXCL, 0)
	if errors.Is(err, syscall.EBUSY) {
		return 0, fmt.Errorf("%w: it is in use", ErrForeign)
	}
	if err != nil {
		return 0, err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	again, err := h.Find(wish.Volume.ID)
	if err != nil {
		return 0, err
	}
	if opened, ok := numberOf(info); !ok || opened != d.Number || again.Number != d.Number {
		return 0, fmt.Errorf("%w: it was %s, and now %s is the volume", ErrDoubtful, d.Number, again.Number)
	}
	size, err := sizeOf(f)
	if err != nil {
		return 0, err
	}
	content, err := t.look(ctx, f, size, d, wish.Volume)
	if err != nil {
		return 0, err
	}
	if err := mayFormat(content); err != nil {
		return 0, err
	}
	return size, mark(f, size, wish.Volume.ID, wish.Type)
}

func mayFormat(c Content) error {
	switch c.Kind {
	case Blank, Unfinished:
		return nil
	case Filesystem:
		return fmt.Errorf("%w: there is %s on it", ErrForeign, c.Type)
	default:
		return fmt.Errorf("%w: there is data at byte %d that is no known filesystem", ErrForeign, c.At)
	}
}

// end checks what mkfs did and takes the marker away.
func (t Tools) end(ctx context.Context, d Disk, wish Wish) error {
	kind, err := t.probe(ctx, d.Path)
	if err != nil {
		return err
	}
	if kind != wish.Type {
		return fmt.Errorf("mkfs.%s ended well, and blkid sees %q", wish.Type, kind)
	}
	f, err := os.OpenFile(d.Path, os.O_RDWR|os.O_EXCL, 0)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	size, err := sizeOf(f)
	if err != nil {
		return err
	}
	return unmark(f, size, wish.Volume.ID)
}
