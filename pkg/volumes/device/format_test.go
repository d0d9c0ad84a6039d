package device_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"underlay/pkg/volumes/device"
	"underlay/test/disk"
)

func command(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %v: %v: %s", name, args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// bench is one real device, as a volume.
type bench struct {
	*disk.Disk
	host  device.Host
	found device.Disk
	tools device.Tools
	// encrypted says that the volume's type encrypts it.
	encrypted bool
}

func (b bench) volume() device.Volume { return device.Volume{ID: volumeID, Encrypted: b.encrypted} }

func newBench(t *testing.T, bytes int64) bench {
	t.Helper()
	b := bench{Disk: disk.New(t, bytes), tools: device.NewTools()}
	b.host = loopHost(t, b.Disk)
	var err error
	if b.found, err = b.host.Find(volumeID); err != nil {
		t.Fatal(err)
	}
	return b
}

func (b bench) format(t *testing.T, kind string, options ...string) error {
	t.Helper()
	return b.tools.Format(t.Context(), b.host, b.found, device.Wish{Volume: b.volume(), Type: kind, Options: options})
}

func (b bench) look(t *testing.T) device.Content {
	t.Helper()
	content, err := b.tools.Look(t.Context(), b.found, b.volume())
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func TestFormatEveryFilesystem(t *testing.T) {
	if !disk.Able(t) {
		return
	}
	for kind, options := range map[string][]string{"ext3": nil, "ext4": {"-b", "4096"}, "xfs": {"-m", "reflink=1"}, "btrfs": {"-L", "a"}} {
		t.Run(kind, func(t *testing.T) {
			b := newBench(t, 512<<20)
			if got := b.look(t); got.Kind != device.Blank {
				t.Fatalf("got %+v, want blank", got)
			}
			if err := b.format(t, kind, options...); err != nil {
				t.Fatal(err)
			}
			if got := b.look(t); got.Kind != device.Filesystem || got.Type != kind {
				t.Errorf("got %+v, want %s", got, kind)
			}
			where := t.TempDir()
			command(t, "mount", b.Path, where)
			defer command(t, "umount", where)
			if err := os.WriteFile(filepath.Join(where, "file"), []byte("kept"), 0o600); err != nil {
				t.Error(err)
			}
			if err := b.format(t, kind); !errors.Is(err, device.ErrForeign) {
				t.Errorf("a mounted device: got %v, want %v", err, device.ErrForeign)
			}
		})
	}
}

// TestFormatTouchesNothingThatIsThere tries each thing that a device may hold.
func TestFormatTouchesNothingThatIsThere(t *testing.T) {
	if !disk.Able(t) {
		return
	}
	for name, prepare := range map[string]func(t *testing.T, b bench){
		"ext4":              func(t *testing.T, b bench) { command(t, "mkfs.ext4", "-q", b.Path) },
		"xfs":               func(t *testing.T, b bench) { command(t, "mkfs.xfs", "-q", b.Path) },
		"swap":              func(t *testing.T, b bench) { command(t, "mkswap", b.Path) },
		"a partition table": func(t *testing.T, b bench) { b.Write(t, 510, []byte{0x55, 0xaa}) },
		"text at the start": func(t *testing.T, b bench) { b.Write(t, 0, []byte("mine")) },
		"text at the end":   func(t *testing.T, b bench) { b.Write(t, 320<<20-4, []byte("mine")) },
		"a head that is wiped": func(t *testing.T, b bench) {
			command(t, "mkfs.ext4", "-q", b.Path)
			b.Write(t, 0, make([]byte, 64<<10))
		},
		"another's marker": func(t *testing.T, b bench) { b.Write(t, 317<<20, []byte("underlay: a filesystem is being made")) },
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, 320<<20)
			prepare(t, b)
			before := command(t, "sh", "-c", "head -c 16M "+b.File+" | sha256sum; tail -c 16M "+b.File+" | sha256sum")
			if err := b.format(t, "ext4"); !errors.Is(err, device.ErrForeign) {
				t.Errorf("got %v, want %v", err, device.ErrForeign)
			}
			if after := command(t, "sh", "-c", "head -c 16M "+b.File+" | sha256sum; tail -c 16M "+b.File+" | sha256sum"); after != before {
				t.Error("the device was changed")
			}
		})
	}
}

// TestFormatRefusesWhatItCannotRead: the file behind the device is shorter than
// the device, so that the kernel gives an input/output error for the rest. blkid
// answers to that as to an empty device, which must not count.
func TestFormatRefusesWhatItCannotRead(t *testing.T) {
	if !disk.Able(t) {
		return
	}
	b := newBench(t, 512<<20)
	b.Resize(t, 0)
	err := b.format(t, "ext4")
	if err == nil || errors.Is(err, device.ErrForeign) {
		t.Errorf("got %v, want what could not be read", err)
	}
	if _, err := b.tools.Look(t.Context(), b.found, device.Volume{ID: volumeID}); err == nil {
		t.Error("an unreadable device is judged")
	}
	if info, err := os.Stat(b.File); err != nil || info.Size() != 0 {
		t.Errorf("the device was written to: %v, %v", info.Size(), err)
	}
}

// TestFormatAgainAfterItWasKilled: a mkfs that ends half-way, or just before
// anybody hears of it, leaves a device that is formatted by the next call.
func TestFormatAgainAfterItWasKilled(t *testing.T) {
	real, err := exec.LookPath("mkfs.ext4")
	if !disk.Able(t) || err != nil {
		return
	}
	t.Run("half-way", func(t *testing.T) {
		formatAgain(t, "printf half | dd of=$last bs=1 seek=70000 conv=notrunc status=none")
	})
	t.Run("at its end", func(t *testing.T) { formatAgain(t, real+" \"$@\"") })
}

// formatAgain kills a mkfs after a command.
func formatAgain(t *testing.T, work string) {
	b := newBench(t, 512<<20)
	path := os.Getenv("PATH")
	bin := t.TempDir()
	script := "#!/bin/sh\nfor last; do :; done\n" + work + "\nkill -9 $$\n"
	if err := os.WriteFile(filepath.Join(bin, "mkfs.ext4"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+":"+path)
	if err := b.format(t, "ext4"); err == nil {
		t.Fatal("a mkfs that was killed is a success")
	}
	if got := b.look(t); got.Kind != device.Unfinished {
		t.Fatalf("got %+v, want unfinished", got)
	}
	t.Setenv("PATH", path)
	other := device.Wish{Volume: device.Volume{ID: "1" + volumeID[1:]}, Type: "ext4"}
	b.Link(t, b.host.Links, other.Volume.ID)
	if err := b.tools.Format(t.Context(), b.host, b.found, other); !errors.Is(err, device.ErrForeign) {
		t.Errorf("another volume's marker: got %v, want %v", err, device.ErrForeign)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // the caller has gone: a mkfs still runs to its end
	if err := b.tools.Format(ctx, b.host, b.found, device.Wish{Volume: device.Volume{ID: volumeID}, Type: "ext4"}); err != nil {
		t.Fatal(err)
	}
	if got := b.look(t); got.Kind != device.Filesystem || got.Type != "ext4" {
		t.Errorf("got %+v, want ext4", got)
	}
	command(t, "fsck.ext4", "-fn", b.Path)
}

// TestFormatLooksForTheDeviceAgain: between the first look and mkfs the name went
// to another volume.
func TestFormatLooksForTheDeviceAgain(t *testing.T) {
	if !disk.Able(t) {
		return
	}
	b, other := newBench(t, 64<<20), disk.New(t, 64<<20)
	if err := os.Remove(filepath.Join(b.host.Links, "virtio-"+volumeID[:20])); err != nil {
		t.Fatal(err)
	}
	if err := b.format(t, "ext4"); !errors.Is(err, device.ErrAbsent) {
		t.Errorf("got %v, want %v", err, device.ErrAbsent)
	}
	other.Link(t, b.host.Links, volumeID)
	if err := b.format(t, "ext4"); !errors.Is(err, device.ErrDoubtful) {
		t.Errorf("got %v, want %v", err, device.ErrDoubtful)
	}
	if got := b.look(t); got.Kind != device.Blank {
		t.Errorf("got %+v, want blank still", got)
	}
	if err := b.format(t, "../ext4"); err == nil {
		t.Error("a path is taken for a filesystem")
	}
}

func TestGrow(t *testing.T) {
	if !disk.Able(t) {
		return
	}
	for _, kind := range []string{"ext4", "xfs", "btrfs"} {
		t.Run(kind, func(t *testing.T) {
			b := newBench(t, 512<<20)
			if err := b.format(t, kind); err != nil {
				t.Fatal(err)
			}
			where := t.TempDir()
			command(t, "mount", b.Path, where)
			defer command(t, "umount", where)
			grow := func(required int64) error {
				_, err := b.tools.Grow(t.Context(), b.found, where, required)
				return err
			}
			b.Resize(t, 1<<30)
			if err := grow(1 << 30); !errors.Is(err, device.ErrSmall) {
				t.Errorf("the device has not grown: got %v, want %v", err, device.ErrSmall)
			}
			b.Rescan(t)
			if kind == "ext4" && !disk.MayGrowMounted(t) {
				if err := grow(1 << 30); err == nil || !strings.Contains(err.Error(), "Permission denied") {
					t.Errorf("got %v, want what the kernel refuses", err)
				}
				return
			}
			before := size(t, where)
			for range 2 {
				if err := grow(1 << 30); err != nil {
					t.Fatal(err)
				}
			}
			if after := size(t, where); after < before+(500<<20) {
				t.Errorf("grew from %d to %d bytes, want the 512 MiB more that the device has", before, after)
			}
		})
	}
}

// size is that of the filesystem that is mounted there, in bytes.
func size(t *testing.T, where string) int64 {
	t.Helper()
	var s unix.Statfs_t
	if err := unix.Statfs(where, &s); err != nil {
		t.Fatal(err)
	}
	return int64(s.Blocks) * s.Bsize
}

func TestCheckRepairsOrRefuses(t *testing.T) {
	if !disk.Able(t) {
		return
	}
	b := newBench(t, 64<<20)
	if err := b.format(t, "ext4"); err != nil {
		t.Fatal(err)
	}
	if err := b.tools.Check(t.Context(), b.Path); err != nil {
		t.Errorf("a good filesystem: %v", err)
	}
	// The root folder is overwritten and the filesystem says that it has errors: -a
	// leaves that to a person.
	command(t, "debugfs", "-w", "-R", "clri <2>", b.Path)
	command(t, "debugfs", "-w", "-R", "set_super_value state 2", b.Path)
	if err := b.tools.Check(t.Context(), b.Path); !errors.Is(err, device.ErrDamaged) {
		t.Errorf("got %v, want %v", err, device.ErrDamaged)
	}
}

// TestAMarkerIsNotBelievedOverFiles: a mkfs was killed, another driver that knows no
// marker took the volume, made its filesystem and wrote files; then the volume came back.
func TestAMarkerIsNotBelievedOverFiles(t *testing.T) {
	if !disk.Able(t) {
		return
	}
	// Without discard, as on a device that has none: that would take the marker away.
	for kind, options := range map[string][]string{"ext4": {"-F", "-E", "nodiscard"}, "xfs": {"-f", "-K"}, "btrfs": {"-f", "-K"}} {
		t.Run(kind, func(t *testing.T) {
			b := newBench(t, 512<<20)
			killed(t, b, kind, "")
			if got := b.look(t); got.Kind != device.Unfinished {
				t.Fatalf("got %+v, want unfinished", got)
			}
			command(t, "mkfs."+kind, append(options, "-q", b.Path)...)
			if got := b.look(t); got.Kind != device.Unfinished {
				t.Errorf("without files: got %+v, want unfinished", got)
			}
			where := t.TempDir()
			command(t, "mount", "-t", kind, b.Path, where)
			if err := os.WriteFile(filepath.Join(where, "file"), []byte("kept"), 0o600); err != nil {
				t.Error(err)
			}
			command(t, "umount", where)
			if got := b.look(t); got.Kind != device.Filesystem || got.Type != kind {
				t.Errorf("got %+v, want the %s that has files", got, kind)
			}
		})
	}
}

// TestAnXFSThatWasBegun says so itself, and blkid calls it finished.
func TestAnXFSThatWasBegun(t *testing.T) {
	if !disk.Able(t) {
		return
	}
	b := newBench(t, 512<<20)
	killed(t, b, "xfs", "mkfs.xfs -q -f -K")
	b.Write(t, 126, []byte{1})
	if got := b.look(t); got.Kind != device.Unfinished {
		t.Errorf("got %+v, want unfinished", got)
	}
	b.Write(t, 126, []byte{0, 0, 0, 0}) // and one that is finished and damaged
	b.Write(t, 4096, make([]byte, 64<<10))
	if _, err := b.tools.Look(t.Context(), b.found, device.Volume{ID: volumeID}); !errors.Is(err, device.ErrForeign) {
		t.Errorf("got %v, want %v", err, device.ErrForeign)
	}
}

// killed has a mkfs end badly after a command.
func killed(t *testing.T, b bench, kind, work string) {
	t.Helper()
	path, bin := os.Getenv("PATH"), t.TempDir()
	script := "#!/bin/sh\nPATH=" + path + "\nfor last; do :; done\n"
	if work != "" {
		script += work + " $last\n"
	}
	if err := os.WriteFile(filepath.Join(bin, "mkfs."+kind), []byte(script+"kill -9 $$\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+":"+path)
	if err := b.format(t, kind); err == nil {
		t.Fatal("a mkfs that was killed is a success")
	}
	t.Setenv("PATH", path)
}
