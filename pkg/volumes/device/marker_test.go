package device_test

import (
	"errors"
	"strings"
	"testing"

	"underlay/pkg/volumes/device"
	"underlay/test/disk"
)

// leavings are the most that a mkfs leaves on a device of which blkid names nothing: all
// but the superblock, which is written last; of btrfs the superblock with another magic.
// mkfs.xfs writes its superblock first.
var leavings = map[string]string{
	"ext3":  "mkfs.ext3 -q -F -E nodiscard $last && dd if=/dev/zero of=$last bs=1024 seek=1 count=1 conv=notrunc status=none #",
	"ext4":  "mkfs.ext4 -q -F -b 4096 -E nodiscard $last && dd if=/dev/zero of=$last bs=1024 seek=1 count=1 conv=notrunc status=none #",
	"xfs":   ": #",
	"btrfs": "mkfs.btrfs -q -f -K $last && printf '!' | dd of=$last bs=1 seek=65600 conv=notrunc status=none #",
	"vfat":  ": #",
}

// TestWhatAMkfsLeftIsFormattedAgain needs nobody's help, whatever was killed.
func TestWhatAMkfsLeftIsFormattedAgain(t *testing.T) {
	if !disk.Able(t) {
		return
	}
	for kind, work := range leavings {
		if kind == "vfat" {
			continue // has no mkfs here
		}
		for name, encrypted := range map[string]bool{"": false, " on noise": true} {
			t.Run(kind+name, func(t *testing.T) {
				const size = 320 << 20
				b := newBench(t, size)
				if b.encrypted = encrypted; encrypted {
					b.Write(t, 0, noise(t, size))
				}
				killed(t, b, kind, work)
				if got := b.look(t); got.Kind != device.Unfinished || got.Type != "" {
					t.Fatalf("got %+v, want unfinished and no name", got)
				}
				if err := b.format(t, kind); err != nil {
					t.Fatal(err)
				}
				if got := b.look(t); got.Kind != device.Filesystem || got.Type != kind {
					t.Errorf("got %+v, want %s", got, kind)
				}
			})
		}
	}
}

// TestAMarkerIsNotBelievedOverData: a mkfs was killed, and then the volume was used
// raw, with data that blkid does not name.
func TestAMarkerIsNotBelievedOverData(t *testing.T) {
	if !disk.Able(t) {
		return
	}
	const size = 320 << 20
	for kind, places := range map[string][]int64{
		"ext3": {0, 512, 1500}, "ext4": {0, 512, 1500}, "btrfs": {0, 4096, 60000},
		"xfs": {0, 4096, 1 << 20, size / 2, size - 1<<20}, "vfat": {0, 4096, size / 2},
	} {
		for _, at := range places {
			for name, work := range map[string]string{"nothing": "", "all": leavings[kind]} {
				b := newBench(t, size)
				killed(t, b, kind, work)
				b.Write(t, at, []byte("mine"))
				for _, err := range []error{b.lookError(t), b.format(t, kind)} {
					if !errors.Is(err, device.ErrForeign) || !strings.Contains(err.Error(), "blkdiscard --zeroout "+b.Path) {
						t.Errorf("%s that wrote %s, data at byte %d: got %v, want %v and what to do", kind, name, at, err, device.ErrForeign)
					}
				}
				b.Detach(t)
			}
		}
	}
}

func (b bench) lookError(t *testing.T) error {
	t.Helper()
	_, err := b.tools.Look(t.Context(), b.found, b.volume())
	return err
}

// TestWhatTheMessageNamesHelps: the command makes the volume blank for good.
func TestWhatTheMessageNamesHelps(t *testing.T) {
	if !disk.Able(t) {
		return
	}
	b := newBench(t, 64<<20)
	killed(t, b, "ext4", leavings["ext4"])
	b.Write(t, 0, []byte("mine"))
	err := b.lookError(t)
	if err == nil {
		t.Fatal("somebody's data is formatted")
	}
	_, rest, _ := strings.Cut(err.Error(), "`")
	order, _, _ := strings.Cut(rest, "`")
	command(t, "sh", "-c", order)
	if got := b.look(t); got.Kind != device.Blank {
		t.Errorf("after %q: got %+v, want blank", order, got)
	}
	if err := b.format(t, "ext4"); err != nil {
		t.Error(err)
	}
}
