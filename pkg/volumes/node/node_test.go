package node_test

import (
	"context"
	"crypto/rand"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"underlay/pkg/volumes/block"
	"underlay/pkg/volumes/device"
	"underlay/pkg/volumes/metadata"
	"underlay/pkg/volumes/node"
	"underlay/test/disk"
)

const (
	volumeID = "0aeb2c4d-5e6f-4a1b-8c2d-3e4f5a6b7c8d"
	small    = 64 << 20
	xfsSize  = 320 << 20 // mkfs.xfs makes none below 300 MiB
)

// machine is a fixed identity.
type machine metadata.Machine

func (m machine) Read(context.Context) (metadata.Machine, error) { return metadata.Machine(m), nil }

// world is one node with one volume attached.
type world struct {
	*testing.T
	disk            *disk.Disk
	host            device.Host
	service         *node.Service
	staging, target string
}

// newWorld is nil where the machine cannot have block devices.
func newWorld(t *testing.T, bytes int64) *world {
	t.Helper()
	if !disk.Able(t) {
		return nil
	}
	w := &world{T: t, disk: disk.New(t, bytes), host: device.Local()}
	w.host.Links = t.TempDir()
	w.disk.Link(t, w.host.Links, volumeID)
	root := t.TempDir()
	w.staging, w.target = filepath.Join(root, "globalmount"), filepath.Join(root, "pod", "mount")
	w.restart()
	t.Cleanup(func() {
		for _, path := range []string{w.target, w.target + "2", w.staging} {
			release(path)
		}
	})
	return w
}

// release unmounts until nothing is mounted, also after the end of the test's context.
func release(path string) {
	for exec.Command("umount", path).Run() == nil {
	}
}

// restart is a new process of the driver.
func (w *world) restart() {
	w.service = node.New(node.Options{Host: w.host, Identity: machine{}, AttachLimit: 256, DeviceWait: 300 * time.Millisecond})
}

func (w *world) command(name string, args ...string) string {
	w.Helper()
	out, err := exec.CommandContext(w.Context(), name, args...).CombinedOutput()
	if err != nil {
		w.Fatalf("%s %v: %v: %s", name, args, err, out)
	}
	return strings.TrimSpace(string(out))
}

func mountCapability(kind string, flags ...string) *csi.VolumeCapability {
	return &csi.VolumeCapability{
		AccessType: &csi.VolumeCapability_Mount{Mount: &csi.VolumeCapability_MountVolume{FsType: kind, MountFlags: flags}},
		AccessMode: &csi.VolumeCapability_AccessMode{Mode: csi.VolumeCapability_AccessMode_SINGLE_NODE_WRITER},
	}
}

func blockCapability() *csi.VolumeCapability {
	return &csi.VolumeCapability{
		AccessType: &csi.VolumeCapability_Block{Block: &csi.VolumeCapability_BlockVolume{}},
		AccessMode: &csi.VolumeCapability_AccessMode{Mode: csi.VolumeCapability_AccessMode_SINGLE_NODE_WRITER},
	}
}

func withMode(c *csi.VolumeCapability, mode csi.VolumeCapability_AccessMode_Mode) *csi.VolumeCapability {
	c.AccessMode.Mode = mode
	return c
}

func (w *world) stage(c *csi.VolumeCapability, volumeContext ...string) error {
	r := &csi.NodeStageVolumeRequest{VolumeId: volumeID, StagingTargetPath: w.staging, VolumeCapability: c, VolumeContext: map[string]string{}}
	for pair := range slices.Chunk(volumeContext, 2) {
		r.VolumeContext[pair[0]] = pair[1]
	}
	_, err := w.service.NodeStageVolume(w.Context(), r)
	return err
}

func (w *world) publish(c *csi.VolumeCapability, path string, readOnly bool) error {
	_, err := w.service.NodePublishVolume(w.Context(), &csi.NodePublishVolumeRequest{
		VolumeId: volumeID, StagingTargetPath: w.staging, TargetPath: path, VolumeCapability: c, Readonly: readOnly,
	})
	return err
}

func (w *world) unpublish(path string) error {
	_, err := w.service.NodeUnpublishVolume(w.Context(), &csi.NodeUnpublishVolumeRequest{VolumeId: volumeID, TargetPath: path})
	return err
}

func (w *world) unstage() error {
	_, err := w.service.NodeUnstageVolume(w.Context(), &csi.NodeUnstageVolumeRequest{VolumeId: volumeID, StagingTargetPath: w.staging})
	return err
}

func (w *world) expand(path string, bytes int64, c *csi.VolumeCapability) (int64, error) {
	answer, err := w.service.NodeExpandVolume(w.Context(), &csi.NodeExpandVolumeRequest{
		VolumeId: volumeID, VolumePath: path, CapacityRange: &csi.CapacityRange{RequiredBytes: bytes}, VolumeCapability: c,
	})
	return answer.GetCapacityBytes(), err
}

// twice makes each call two times, the second by another process: both succeed.
func (w *world) twice(what string, call func() error) {
	w.Helper()
	for i := range 2 {
		if err := call(); err != nil {
			w.Fatalf("%s, call %d: %v", what, i+1, err)
		}
		w.restart()
	}
}

// want checks the code and a part of the sentence of an error.
func want(t *testing.T, what string, err error, code codes.Code, part string) {
	t.Helper()
	if status.Code(err) != code || (err != nil && !strings.Contains(err.Error(), part)) {
		t.Errorf("%s: got %v, want %s with %q", what, err, code, part)
	}
}

func (w *world) write(text string) {
	w.Helper()
	if err := os.WriteFile(filepath.Join(w.target, "file"), []byte(text), 0o600); err != nil {
		w.Error(err)
	}
}

func (w *world) read() string {
	w.Helper()
	text, err := os.ReadFile(filepath.Join(w.target, "file"))
	if err != nil {
		w.Error(err)
	}
	return string(text)
}

// TestLifeOfAFilesystem is a Pod that writes and one that reads it back, each
// call made twice, and nothing left at the end.
func TestLifeOfAFilesystem(t *testing.T) {
	for kind, bytes := range map[string]int64{"": small, "ext3": small, "ext4": small, "xfs": xfsSize, "btrfs": xfsSize} {
		t.Run("type "+kind, func(t *testing.T) {
			w := newWorld(t, bytes)
			if w == nil {
				return
			}
			c := mountCapability(kind, "noatime")
			for i := range 2 {
				w.twice("stage", func() error { return w.stage(c) })
				w.twice("publish", func() error { return w.publish(c, w.target, false) })
				if i == 0 {
					w.write("kept")
				} else if got := w.read(); got != "kept" {
					t.Errorf("got %q, want what was written", got)
				}
				if got := w.command("findmnt", "-n", "-o", "FSTYPE,OPTIONS", w.target); !strings.Contains(got, "noatime") || (kind != "" && !strings.HasPrefix(got, kind)) {
					t.Errorf("mounted as %s", got)
				}
				w.twice("unpublish", func() error { return w.unpublish(w.target) })
				w.twice("unstage", w.unstage)
			}
			for _, path := range []string{w.target, w.staging} {
				if _, err := os.Stat(path); !os.IsNotExist(err) {
					t.Errorf("%s is left: %v", path, err)
				}
			}
		})
	}
}

func TestLifeOfARawVolume(t *testing.T) {
	w := newWorld(t, small)
	if w == nil {
		return
	}
	c := blockCapability()
	w.twice("stage", func() error { return w.stage(c) })
	w.twice("publish", func() error { return w.publish(c, w.target, false) })
	info, err := os.Stat(w.target)
	if err != nil || info.Mode()&os.ModeDevice == 0 {
		t.Fatalf("got %v, %v; want a block device", info.Mode(), err)
	}
	w.command("dd", "if=/dev/zero", "of="+w.target, "bs=1M", "count=1", "conv=notrunc", "status=none")
	stats, err := w.service.NodeGetVolumeStats(t.Context(), &csi.NodeGetVolumeStatsRequest{VolumeId: volumeID, VolumePath: w.target})
	if err != nil || len(stats.Usage) != 1 || stats.Usage[0].Total != small {
		t.Errorf("got %v, %v; want the size alone", stats, err)
	}
	// A filesystem that the Pod made on it is its own business.
	w.command("mkfs.ext4", "-q", w.disk.Path)
	w.disk.Resize(t, 2*small)
	if _, err := w.expand(w.target, 2*small, nil); status.Code(err) != codes.Unavailable {
		t.Errorf("the device has not grown: got %v", err)
	}
	w.disk.Rescan(t)
	if got, err := w.expand(w.target, 2*small, nil); err != nil || got != 2*small {
		t.Errorf("got %d, %v", got, err)
	}
	if got := w.command("dumpe2fs", "-h", w.disk.Path); !strings.Contains(got, "Block count:              16384") && !strings.Contains(got, "Block count:              65536") {
		t.Errorf("the filesystem inside of a raw volume was changed:\n%s", got)
	}
	w.twice("unpublish", func() error { return w.unpublish(w.target) })
	w.twice("unstage", w.unstage)
	if _, err := os.Stat(w.target); !os.IsNotExist(err) {
		t.Errorf("the target is left: %v", err)
	}
}

func TestReadOnly(t *testing.T) {
	w := newWorld(t, small)
	if w == nil {
		return
	}
	c := mountCapability("ext4")
	want(t, "an empty volume, read-only", w.stage(withMode(mountCapability(""), csi.VolumeCapability_AccessMode_MULTI_NODE_READER_ONLY)), codes.FailedPrecondition, "not formatted")
	w.twice("stage", func() error { return w.stage(c) })
	w.twice("publish", func() error { return w.publish(c, w.target, true) })
	if err := os.WriteFile(filepath.Join(w.target, "file"), nil, 0o600); err == nil {
		t.Error("a read-only volume was written")
	}
	want(t, "writable at the same path", w.publish(c, w.target, false), codes.AlreadyExists, "read-only true")
	if err := w.publish(c, w.target+"2", false); err != nil {
		t.Errorf("writable elsewhere: %v", err)
	}
	for _, path := range []string{w.target, w.target + "2"} {
		if err := w.unpublish(path); err != nil {
			t.Error(err)
		}
	}
	if err := w.unstage(); err != nil {
		t.Error(err)
	}
	reader := withMode(mountCapability("ext4"), csi.VolumeCapability_AccessMode_MULTI_NODE_READER_ONLY)
	w.twice("stage for readers", func() error { return w.stage(reader) })
	w.twice("publish for readers", func() error { return w.publish(reader, w.target, false) })
	if got := w.command("findmnt", "-n", "-o", "OPTIONS", w.staging); !strings.HasPrefix(got, "ro") {
		t.Errorf("staged with %s", got)
	}
}

// TestWhatIsNeverFormatted: copies that are empty, and devices with something on them.
func TestWhatIsNeverFormatted(t *testing.T) {
	for name, tc := range map[string]struct {
		prepare func(w *world)
		kind    string
		context []string
		part    string
	}{
		"snapshot":             {context: []string{block.ContextOrigin, block.OriginSnapshot}, part: "filled from a snapshot"},
		"clone":                {context: []string{block.ContextOrigin, block.OriginVolume}, part: "filled from a volume"},
		"restore":              {context: []string{block.ContextOrigin, block.OriginBackup}, part: "filled from a backup"},
		"copy by the peer":     {context: []string{block.ContextResize, "true"}, part: "filled from something"},
		"data":                 {prepare: func(w *world) { w.disk.Write(w.T, 1<<20, []byte("mine")) }, part: "data at byte 1048576"},
		"another filesystem":   {prepare: func(w *world) { w.command("mkfs.ext4", "-q", w.disk.Path) }, kind: "btrfs", part: "has ext4 on it, and btrfs was asked for"},
		"a partition table":    {prepare: func(w *world) { w.command("sh", "-c", "echo ',,L' | sfdisk -q "+w.disk.Path) }, part: "partitions"},
		"an unreadable device": {prepare: func(w *world) { w.disk.Resize(w.T, 0) }, part: "input/output error"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, small)
			if w == nil {
				return
			}
			if tc.prepare != nil {
				tc.prepare(w)
			}
			code := codes.FailedPrecondition
			if name == "an unreadable device" {
				code = codes.Unavailable
			}
			before := w.command("sha256sum", w.disk.File)
			want(t, "stage", w.stage(mountCapability(tc.kind), tc.context...), code, tc.part)
			if after := w.command("sha256sum", w.disk.File); after != before {
				t.Error("the device was changed")
			}
		})
	}
}

// TestInTreeVolume has no volume context and no filesystem type, and an xfs from
// years ago on it.
func TestInTreeVolume(t *testing.T) {
	w := newWorld(t, xfsSize)
	if w == nil {
		return
	}
	w.command("mkfs.xfs", "-q", w.disk.Path)
	w.twice("stage", func() error { return w.stage(mountCapability("")) })
	if got := w.command("findmnt", "-n", "-o", "FSTYPE", w.staging); got != "xfs" {
		t.Errorf("mounted as %s", got)
	}
}

// TestAFilesystemThatDoesNotGrowIsUsed: nobody asked for growth when a volume is
// staged that was made empty; the kubelet does when it wants it. A copy that is
// larger than its origin is wanted with its own size.
func TestAFilesystemThatDoesNotGrowIsUsed(t *testing.T) {
	w := newWorld(t, small)
	if w == nil {
		return
	}
	c, bin := mountCapability("ext4"), t.TempDir()
	if err := os.WriteFile(filepath.Join(bin, "resize2fs"), []byte("#!/bin/sh\necho the old interface is wanted\nexit 1\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	w.twice("stage", func() error { return w.stage(c) })
	w.twice("publish", func() error { return w.publish(c, w.target, false) })
	_, err := w.expand(w.target, small, c)
	want(t, "expand", err, codes.Unavailable, "the old interface is wanted")
	want(t, "stage a copy", w.stage(c, block.ContextResize, "true"), codes.Unavailable, "the old interface is wanted")
}

// TestAnEncryptedVolumeShowsLess: of a volume whose type encrypts it the machine
// sees what the header of LUKS leaves.
func TestAnEncryptedVolumeShowsLess(t *testing.T) {
	const gib, header = int64(1 << 30), int64(16 << 20)
	w := newWorld(t, gib-header)
	if w == nil {
		return
	}
	c := mountCapability("xfs")
	if _, err := w.service.NodeStageVolume(t.Context(), &csi.NodeStageVolumeRequest{
		VolumeId: volumeID, StagingTargetPath: w.staging, VolumeCapability: c, PublishContext: map[string]string{block.PublishSize: strconv.FormatInt(gib, 10)},
	}); err != nil {
		t.Fatal(err)
	}
	_, err := w.expand(w.staging, 2*gib, c)
	want(t, "expand before the device has grown", err, codes.Unavailable, "has not grown")
	w.disk.Resize(t, 2*gib-header)
	w.disk.Rescan(t)
	if got, err := w.expand(w.staging, 2*gib, c); err != nil || got != 2*gib-header {
		t.Errorf("got %d, %v", got, err)
	}
}

// TestAnEncryptedVolumeThatWasNeverWritten shows noise; one that is not encrypted,
// or that shows anything else, is not formatted.
func TestAnEncryptedVolumeThatWasNeverWritten(t *testing.T) {
	w := newWorld(t, small)
	if w == nil {
		return
	}
	noise := make([]byte, small)
	if _, err := rand.Read(noise); err != nil {
		t.Fatal(err)
	}
	stage := func(encrypted string) error {
		_, err := w.service.NodeStageVolume(t.Context(), &csi.NodeStageVolumeRequest{
			VolumeId: volumeID, StagingTargetPath: w.staging, VolumeCapability: mountCapability("ext4"),
			PublishContext: map[string]string{block.PublishEncrypted: encrypted},
		})
		return err
	}
	w.disk.Write(t, 0, noise)
	want(t, "not encrypted", stage(""), codes.FailedPrecondition, "no filesystem")
	w.disk.Write(t, small-1<<20, []byte(strings.Repeat("somebody's", 400)))
	want(t, "written", stage("true"), codes.FailedPrecondition, "no filesystem")
	w.disk.Write(t, 0, noise)
	w.twice("stage", func() error { return stage("true") })
	if got := w.command("findmnt", "-n", "-o", "FSTYPE", w.staging); got != "ext4" {
		t.Errorf("mounted as %s", got)
	}
}

// TestALinkThatLags: a link still leads to what had the volume's name before; udev
// puts it right a moment later.
func TestALinkThatLags(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, small)
		if w == nil {
			return
		}
		w.service = node.New(node.Options{Host: w.host, Identity: machine{}, AttachLimit: 256})
		old := filepath.Join(w.host.Links, "virtio-"+volumeID)
		if err := os.Symlink(disk.New(t, small).Path, old); err != nil {
			t.Fatal(err)
		}
		want(t, "stage", w.stage(mountCapability("")), codes.FailedPrecondition, "all answer to it")
		time.AfterFunc(time.Second, func() {
			if err := os.Remove(old); err != nil {
				t.Error(err)
			}
		})
		if err := w.stage(mountCapability("")); err != nil {
			t.Error(err)
		}
	})
}

// TestAFilesystemThatCannotGrow is used with the size that it has: one that the
// volume was brought along with, or that a class asks for.
func TestAFilesystemThatCannotGrow(t *testing.T) {
	for name, c := range map[string]*csi.VolumeCapability{"brought along": mountCapability(""), "asked for": mountCapability("ext2")} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, small)
			if w == nil {
				return
			}
			if name == "brought along" {
				w.command("mkfs.ext2", "-q", w.disk.Path)
			}
			w.twice("stage", func() error { return w.stage(c) })
			w.twice("publish", func() error { return w.publish(c, w.target, false) })
			w.write("kept")
			_, err := w.expand(w.target, small, c)
			want(t, "expand", err, codes.FailedPrecondition, "ext2")
			if got := w.read(); got != "kept" {
				t.Errorf("got %q", got)
			}
		})
	}
}

func TestMkfsOptions(t *testing.T) {
	w := newWorld(t, small)
	if w == nil {
		return
	}
	if err := w.stage(mountCapability("ext4"), block.ContextMkfs, "-L files -i 65536"); err != nil {
		t.Fatal(err)
	}
	if got := w.command("blkid", "-p", "-s", "LABEL", "-o", "value", w.disk.Path); got != "files" {
		t.Errorf("got label %q", got)
	}
}

// TestMountedDeviceIsCompared: what is at the paths is another volume's.
func TestMountedDeviceIsCompared(t *testing.T) {
	w := newWorld(t, small)
	if w == nil {
		return
	}
	c := mountCapability("ext4")
	other := disk.New(t, small)
	w.command("mkfs.ext4", "-q", other.Path)
	w.command("mkdir", "-p", w.staging)
	w.command("mount", other.Path, w.staging)
	want(t, "stage", w.stage(c), codes.FailedPrecondition, "has device")
	want(t, "publish", w.publish(c, w.target, false), codes.FailedPrecondition, "has device")
	_, err := w.expand(w.staging, small, c)
	want(t, "expand", err, codes.FailedPrecondition, "has device")
	w.command("umount", w.staging)
	if err := w.stage(c); err != nil {
		t.Fatal(err)
	}
	w.command("mkdir", "-p", w.target)
	w.command("mount", other.Path, w.target)
	want(t, "publish over another", w.publish(c, w.target, false), codes.FailedPrecondition, "has device")
}

// TestWhatADeviceLeftIsTakenAway: the volume was detached under its mounts and came
// back as another device. sysfs shows what there is now, and not the old one.
func TestWhatADeviceLeftIsTakenAway(t *testing.T) {
	w := newWorld(t, small)
	if w == nil {
		return
	}
	c := mountCapability("ext4")
	old := disk.New(t, small)
	w.command("mkfs.ext4", "-q", old.Path)
	w.command("mkdir", "-p", w.staging, w.target)
	w.command("mount", old.Path, w.staging)
	w.command("mount", "--bind", w.staging, w.target)
	sys := t.TempDir()
	number, _, err := device.NumberAt(w.disk.Path)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"block/" + w.disk.Name() + "/dev": number.String(), "dev/block/" + number.String(): ""} {
		path := filepath.Join(sys, name)
		w.command("mkdir", "-p", filepath.Dir(path))
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	w.host.Sys = sys
	w.restart()
	want(t, "publish before stage", w.publish(c, w.target, false), codes.Unavailable, "is gone")
	w.twice("stage", func() error { return w.stage(c) })
	w.twice("publish", func() error { return w.publish(c, w.target, false) })
	if got := w.command("findmnt", "-n", "-o", "SOURCE", w.target); got != w.disk.Path {
		t.Errorf("%s is mounted, want %s", got, w.disk.Path)
	}
}

func TestOneWriterHasOnePath(t *testing.T) {
	for name, c := range map[string]*csi.VolumeCapability{"mount": mountCapability(""), "block": blockCapability()} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, small)
			if w == nil {
				return
			}
			withMode(c, csi.VolumeCapability_AccessMode_SINGLE_NODE_SINGLE_WRITER)
			w.twice("stage", func() error { return w.stage(c) })
			w.twice("publish", func() error { return w.publish(c, w.target, false) })
			want(t, "a second path", w.publish(c, w.target+"2", false), codes.FailedPrecondition, "one path")
			withMode(c, csi.VolumeCapability_AccessMode_SINGLE_NODE_MULTI_WRITER)
			w.twice("a second path for many", func() error { return w.publish(c, w.target+"2", false) })
		})
	}
}

func TestExpandAndStats(t *testing.T) {
	w := newWorld(t, xfsSize)
	if w == nil {
		return
	}
	c := mountCapability("xfs")
	w.twice("stage", func() error { return w.stage(c) })
	w.twice("publish", func() error { return w.publish(c, w.target, false) })
	total := func() int64 {
		stats, err := w.service.NodeGetVolumeStats(t.Context(), &csi.NodeGetVolumeStatsRequest{VolumeId: volumeID, VolumePath: w.target})
		if err != nil {
			t.Fatal(err)
		}
		if len(stats.Usage) != 2 || stats.Usage[1].Unit != csi.VolumeUsage_INODES || stats.Usage[0].Available <= 0 {
			t.Errorf("got %v", stats.Usage)
		}
		return stats.Usage[0].Total
	}
	before := total()
	w.disk.Resize(t, 2*xfsSize)
	_, err := w.expand(w.target, 2*xfsSize, c)
	want(t, "before the device has grown", err, codes.Unavailable, "has not grown yet")
	w.disk.Rescan(t)
	w.twice("expand", func() error { _, err := w.expand(w.target, 2*xfsSize, c); return err })
	if after := total(); after < before+xfsSize*9/10 {
		t.Errorf("grew from %d to %d", before, after)
	}
	// Grown while it was nowhere mounted: staging sees to it.
	for _, err := range []error{w.unpublish(w.target), w.unstage()} {
		if err != nil {
			t.Fatal(err)
		}
	}
	w.disk.Resize(t, 3*xfsSize)
	w.disk.Rescan(t)
	w.twice("stage", func() error { return w.stage(c) })
	w.twice("publish", func() error { return w.publish(c, w.target, false) })
	if after := total(); after < 3*xfsSize*8/10 {
		t.Errorf("got %d after staging a device of %d", after, 3*xfsSize)
	}
}

// TestStageGoesOnFromAnyPoint: the process was killed after a step of staging, and
// the next one finds what the step left.
func TestStageGoesOnFromAnyPoint(t *testing.T) {
	for name, left := range map[string]func(w *world){
		"the folder":   func(w *world) { w.command("mkdir", "-p", w.staging) },
		"a filesystem": func(w *world) { w.command("mkfs.xfs", "-q", w.disk.Path) },
		"a mount": func(w *world) {
			w.command("mkfs.xfs", "-q", w.disk.Path)
			w.command("mkdir", "-p", w.staging)
			w.command("mount", w.disk.Path, w.staging)
		},
		"a mount upon itself": func(w *world) {
			w.command("mkfs.xfs", "-q", w.disk.Path)
			w.command("mkdir", "-p", w.staging)
			w.command("mount", w.disk.Path, w.staging)
			w.command("mount", "--bind", w.staging, w.staging)
		},
		"a mount, not grown": func(w *world) {
			w.command("mkfs.xfs", "-q", w.disk.Path)
			w.command("mkdir", "-p", w.staging)
			w.command("mount", w.disk.Path, w.staging)
			w.disk.Resize(w.T, 2*xfsSize)
			w.disk.Rescan(w.T)
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, xfsSize)
			if w == nil {
				return
			}
			left(w)
			c := mountCapability("xfs")
			w.twice("stage", func() error { return w.stage(c) })
			w.twice("publish", func() error { return w.publish(c, w.target, false) })
			w.write("kept")
			size, err := device.Size(w.disk.Path)
			if err != nil {
				t.Fatal(err)
			}
			stats, err := w.service.NodeGetVolumeStats(t.Context(), &csi.NodeGetVolumeStatsRequest{VolumeId: volumeID, VolumePath: w.target})
			if err != nil || stats.GetUsage()[0].GetTotal() < size*8/10 {
				t.Errorf("got %v, %v on a device of %d", stats, err, size)
			}
			w.twice("unpublish", func() error { return w.unpublish(w.target) })
			w.twice("unstage", w.unstage)
			if got := w.command("sh", "-c", "grep -c "+w.disk.Path+" /proc/mounts || true"); got != "0" {
				t.Errorf("mounted %s times still", got)
			}
		})
	}
}
