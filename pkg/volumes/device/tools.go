package device

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"k8s.io/klog/v2"
	"k8s.io/mount-utils"
	"k8s.io/utils/exec"
)

// Tools are the programs of the machine that know filesystems: blkid, mkfs.*,
// fsck, resize2fs, xfs_growfs, btrfs.
type Tools struct {
	run    exec.Interface
	blkid  *mount.SafeFormatAndMount
	resize *mount.ResizeFs
}

// NewTools uses the programs in PATH.
func NewTools() Tools {
	run := exec.New()
	return Tools{run: run, blkid: &mount.SafeFormatAndMount{Exec: run}, resize: mount.NewResizeFs(run)}
}

// probe is the filesystem or partition table that blkid sees, or "".
func (t Tools) probe(ctx context.Context, path string) (string, error) {
	kind, err := t.blkid.GetDiskFormat(path)
	if err != nil {
		return "", fmt.Errorf("ask blkid what is on %s: %w", path, err)
	}
	klog.FromContext(ctx).V(4).Info("Asked blkid", "device", path, "type", kind)
	return kind, nil
}

// DefaultType is the filesystem of a volume that names none.
const DefaultType = "ext4"

// mkfsArguments are those of mkfs.TYPE for a device that is known to be blank:
// it need not ask, nor discard what is not there. Those of the user come last and win.
func mkfsArguments(kind, path string, options []string) []string {
	var own []string
	switch kind {
	case "ext2", "ext3", "ext4":
		own = []string{"-F", "-m0", "-E", "nodiscard"}
	case "xfs", "btrfs":
		own = []string{"-f", "-K"}
	}
	return append(append(own, options...), path)
}

// KnownType says whether a name can be that of a filesystem: it becomes a part of
// a program's name.
func KnownType(kind string) bool {
	return kind != "" && !strings.ContainsFunc(kind, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'a' || r > 'z')
	})
}

// output keeps what a program said short enough for an error.
func output(out []byte) string {
	const limit = 500
	text := strings.Join(strings.Fields(string(out)), " ")
	if len(text) > limit {
		text = "…" + text[len(text)-limit:]
	}
	return text
}

// The exit codes of fsck(8).
const (
	fsckCorrected   = 1
	fsckUncorrected = 4
)

// ErrDamaged means: a filesystem has errors that only a person may repair.
var ErrDamaged = errors.New("the filesystem is damaged")

// Check repairs what is safe to repair on an ext2, ext3 or ext4 that is not mounted.
func (t Tools) Check(ctx context.Context, path string) error {
	log := klog.FromContext(ctx).WithValues("device", path)
	out, err := t.run.CommandContext(context.WithoutCancel(ctx), "fsck", "-a", path).CombinedOutput()
	if err == nil {
		return nil
	}
	var exit exec.ExitError
	switch {
	case !errors.As(err, &exit):
		log.Error(err, "The filesystem is mounted without a check")
	case exit.ExitStatus()&fsckUncorrected != 0:
		return fmt.Errorf("check %s: %w: %s", path, ErrDamaged, output(out))
	case exit.ExitStatus() == fsckCorrected:
		log.Info("Repaired the filesystem", "output", output(out))
	default:
		log.Info("The check of the filesystem did not work", "status", exit.ExitStatus(), "output", output(out))
	}
	return nil
}
