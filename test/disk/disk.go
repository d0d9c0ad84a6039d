// Package disk gives tests real block devices: loop devices over sparse files, and
// the links that udev would make for them.
package disk

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Lacks says what this machine lacks for real block devices and filesystems;
// nothing when it has all.
func Lacks() []string {
	var lacks []string
	if os.Geteuid() != 0 {
		lacks = append(lacks, "root")
	}
	if _, err := os.Stat("/dev/loop-control"); err != nil {
		lacks = append(lacks, "loop devices (/dev/loop-control)")
	}
	for _, p := range []struct{ program, debian string }{
		{"losetup", "mount"}, {"blkid", "util-linux"}, {"mkfs.ext4", "e2fsprogs"}, {"mkfs.xfs", "xfsprogs"}, {"mkfs.btrfs", "btrfs-progs"},
	} {
		if _, err := exec.LookPath(p.program); err != nil {
			lacks = append(lacks, fmt.Sprintf("the program %s (on Debian: apt-get install %s)", p.program, p.debian))
		}
	}
	return lacks
}

// Able says whether the test can run. Where it cannot it says why; with CI=true
// that is an error, unless UNDERLAY_WITHOUT names disks.
func Able(t testing.TB) bool {
	t.Helper()
	lacks := Lacks()
	switch {
	case len(lacks) == 0:
		return true
	case os.Getenv("CI") == "true" && !strings.Contains(os.Getenv("UNDERLAY_WITHOUT"), "disks"):
		t.Errorf("cannot run, and with CI=true must: %s", strings.Join(lacks, "; "))
	default:
		t.Logf("LEFT OUT, this machine lacks: %s", strings.Join(lacks, "; "))
	}
	return false
}

// Disk is a loop device.
type Disk struct {
	// Path is the device, File what is behind it.
	Path, File string
}

// New makes a device with a number of bytes, all zero; it ends with the test.
func New(t testing.TB, bytes int64) *Disk {
	t.Helper()
	d := &Disk{File: filepath.Join(t.TempDir(), "disk")}
	d.Resize(t, bytes)
	d.attach(t)
	t.Cleanup(func() { d.Detach(t) })
	return d
}

func (d *Disk) attach(t testing.TB) {
	t.Helper()
	// Others look for a free loop device at the same time: the loser asks again.
	for range 10 {
		out, err := exec.CommandContext(t.Context(), "losetup", "--find", "--show", d.File).CombinedOutput()
		if err == nil {
			d.Path = strings.TrimSpace(string(out))
			return
		}
		t.Logf("losetup: %v: %s", err, out)
	}
	t.Fatal("no loop device is free")
}

// Detach takes the device away, or lets the kernel do it after the last use.
func (d *Disk) Detach(t testing.TB) {
	t.Helper()
	if d.Path == "" {
		return
	}
	// The context of a test has ended when it is cleaned up.
	if out, err := exec.Command("losetup", "--detach", d.Path).CombinedOutput(); err != nil { //nolint:noctx // see above
		t.Errorf("detach %s: %v: %s", d.Path, err, out)
	}
	d.Path = ""
}

// Name is the device's name in sysfs.
func (d *Disk) Name() string { return filepath.Base(d.Path) }

// Resize gives the file another size; the device learns of it by Rescan.
func (d *Disk) Resize(t testing.TB, bytes int64) {
	t.Helper()
	f, err := os.OpenFile(d.File, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	if err := f.Truncate(bytes); err != nil {
		t.Fatal(err)
	}
}

// Rescan lets the device have the size of its file.
func (d *Disk) Rescan(t testing.TB) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), "losetup", "--set-capacity", d.Path).CombinedOutput(); err != nil {
		t.Fatalf("losetup: %v: %s", err, out)
	}
}

// Link makes the link that udev makes for a volume on virtio-blk.
func (d *Disk) Link(t testing.TB, folder, volumeID string) {
	t.Helper()
	link := filepath.Join(folder, "virtio-"+volumeID[:min(20, len(volumeID))])
	if err := os.Symlink(d.Path, link); err != nil {
		t.Fatal(err)
	}
}

// Write puts bytes on the device.
func (d *Disk) Write(t testing.TB, at int64, data []byte) {
	t.Helper()
	f, err := os.OpenFile(d.Path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	if _, err := f.WriteAt(data, at); err != nil {
		t.Fatal(err)
	}
	if err := f.Sync(); err != nil {
		t.Fatal(err)
	}
}

// MayGrowMounted says whether the kernel lets this process grow an ext4 that is
// mounted: it wants CAP_SYS_RESOURCE for that (ext4_ioctl_check_super), which some
// containers take from root.
func MayGrowMounted(t testing.TB) bool {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "CapEff:")
	var effective uint64
	if _, err := fmt.Sscanf(strings.TrimSpace(rest), "%x", &effective); err != nil {
		t.Fatal(err)
	}
	const sysResource = 24
	if effective&(1<<sysResource) != 0 {
		return true
	}
	t.Log("LEFT OUT: an ext4 that grows while it is mounted needs CAP_SYS_RESOURCE; xfs and btrfs are grown")
	return false
}
