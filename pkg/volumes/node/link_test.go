package node_test

import (
	"os"
	"path/filepath"
	"testing"

	"google.golang.org/grpc/codes"
)

// link puts a symbolic link where a path of the kubelet's shall be.
func (w *world) link(path, to string) {
	w.Helper()
	w.command("mkdir", "-p", filepath.Dir(path))
	if err := os.Symlink(to, path); err != nil {
		w.Fatal(err)
	}
}

// untouched: the link leads where it led, and nothing is mounted there but what was.
func (w *world) untouched(path, to, mounted string) {
	w.Helper()
	if got, err := os.Readlink(path); err != nil || got != to {
		w.Errorf("%s leads to %q, %v; want %q still", path, got, err, to)
	}
	if got := w.command("sh", "-c", "findmnt -n -o SOURCE --mountpoint "+to+" || true"); got != mounted {
		w.Errorf("at %s there is %q mounted, want %q", to, got, mounted)
	}
}

// TestNothingIsMountedThroughALink: it would lie over a folder of the host, wherever
// the link leads.
func TestNothingIsMountedThroughALink(t *testing.T) {
	w := newWorld(t, small)
	if w == nil {
		return
	}
	c, host := mountCapability("ext4"), t.TempDir()
	t.Cleanup(func() { release(host) })
	for name, to := range map[string]string{"a folder": host, "nowhere": filepath.Join(t.TempDir(), "none")} {
		w.link(w.staging, to)
		want(t, "stage on a link to "+name, w.stage(c), codes.FailedPrecondition, w.staging+" is a symbolic link to "+to)
		want(t, "unstage from a link to "+name, w.unstage(), codes.FailedPrecondition, "symbolic link")
		w.untouched(w.staging, to, "")
		w.command("rm", w.staging)
	}
	w.twice("stage", func() error { return w.stage(c) })
	for name, to := range map[string]string{"a folder": host, "nowhere": filepath.Join(t.TempDir(), "none")} {
		w.link(w.target, to)
		want(t, "publish on a link to "+name, w.publish(c, w.target, false), codes.FailedPrecondition, w.target+" is a symbolic link to "+to)
		want(t, "with a slash at its end", w.publish(c, w.target+"/", false), codes.FailedPrecondition, "symbolic link")
		w.untouched(w.target, to, "")
		w.command("rm", w.target)
	}
	w.twice("publish", func() error { return w.publish(c, w.target, false) })
}

// TestNothingIsUnmountedThroughALink: neither what it leads to is ours, nor the link.
func TestNothingIsUnmountedThroughALink(t *testing.T) {
	w := newWorld(t, small)
	if w == nil {
		return
	}
	c := mountCapability("ext4")
	w.twice("stage", func() error { return w.stage(c) })
	w.link(w.target, w.staging)
	want(t, "unpublish", w.unpublish(w.target), codes.FailedPrecondition, w.target+" is a symbolic link to "+w.staging)
	want(t, "with a slash at its end", w.unpublish(w.target+"/"), codes.FailedPrecondition, "symbolic link")
	w.untouched(w.target, w.staging, w.disk.Path)
	w.command("rm", w.target)
	w.twice("unpublish", func() error { return w.unpublish(w.target) })
}

// TestARawVolumeIsNotPublishedThroughALink, not even through one to its own device.
func TestARawVolumeIsNotPublishedThroughALink(t *testing.T) {
	w := newWorld(t, small)
	if w == nil {
		return
	}
	c, file := blockCapability(), filepath.Join(t.TempDir(), "file")
	w.command("touch", file)
	t.Cleanup(func() { release(file) })
	for _, to := range []string{file, w.disk.Path, filepath.Join(t.TempDir(), "none")} {
		w.link(w.target, to)
		want(t, "publish on a link to "+to, w.publish(c, w.target, false), codes.FailedPrecondition, w.target+" is a symbolic link to "+to)
		want(t, "unpublish from it", w.unpublish(w.target), codes.FailedPrecondition, "symbolic link")
		w.untouched(w.target, to, "")
		w.command("rm", w.target)
	}
	w.twice("publish", func() error { return w.publish(c, w.target, false) })
}

// TestTheKubeletsFolderMayBeALink: /var/lib/kubelet often leads to another disk.
func TestTheKubeletsFolderMayBeALink(t *testing.T) {
	w := newWorld(t, small)
	if w == nil {
		return
	}
	elsewhere, kubelet := t.TempDir(), filepath.Join(t.TempDir(), "kubelet")
	w.link(kubelet, elsewhere)
	w.staging, w.target = filepath.Join(kubelet, "plugins", "globalmount"), filepath.Join(kubelet, "pods", "mount")
	c := mountCapability("ext4")
	w.twice("stage", func() error { return w.stage(c) })
	w.twice("publish", func() error { return w.publish(c, w.target, false) })
	w.write("kept")
	if got, err := os.ReadFile(filepath.Join(elsewhere, "pods", "mount", "file")); err != nil || string(got) != "kept" {
		t.Errorf("got %q, %v, want what was written", got, err)
	}
	w.twice("unpublish", func() error { return w.unpublish(w.target) })
	w.twice("unstage", w.unstage)
	for _, path := range []string{w.target, w.staging} {
		if _, err := os.Lstat(path); !os.IsNotExist(err) {
			t.Errorf("%s is left: %v", path, err)
		}
	}
	w.twice("publish raw", func() error { return w.publish(blockCapability(), w.target, false) })
	w.twice("unpublish raw", func() error { return w.unpublish(w.target) })
}
