package machine

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// mount is one mount of the new root, relative to it.
type mount struct {
	source, target, fstype string
	flags                  uintptr
	data                   string
	file                   bool // the target is a file
}

// enterRoot gives the machine a root of its own: this system's, read through an
// overlay, so that nothing that the machine writes reaches it.
func enterRoot(spec Spec) error {
	// What is mounted from here on stays here.
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	root := spec.path("root")
	for _, dir := range []string{root, spec.path("upper"), spec.path("work")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	layers := fmt.Sprintf("lowerdir=/,upperdir=%s,workdir=%s", spec.path("upper"), spec.path("work"))
	if err := unix.Mount("overlay", root, "overlay", 0, layers); err != nil {
		return fmt.Errorf("mount the root: %w", err)
	}
	for _, m := range append(systemMounts(), stateMounts(spec)...) {
		if err := m.make(root); err != nil {
			return err
		}
	}
	if err := makeDevices(spec, root); err != nil {
		return err
	}
	if err := disguise(spec, root); err != nil {
		return err
	}
	for _, file := range spec.Files {
		if err := file.write(root); err != nil {
			return err
		}
	}
	return pivot(root)
}

func systemMounts() []mount {
	return []mount{
		{source: "proc", target: "proc", fstype: "proc"},
		{source: "/dev", target: "dev", flags: unix.MS_BIND | unix.MS_REC},
		{source: "sysfs", target: "sys", fstype: "sysfs"}, // that of the machine's own network
		{source: "/sys/fs/cgroup", target: "sys/fs/cgroup", flags: unix.MS_BIND | unix.MS_REC},
		{source: "tmpfs", target: "run", fstype: "tmpfs", data: "mode=0755"},
		{source: "tmpfs", target: "tmp", fstype: "tmpfs", data: "mode=1777"},
	}
}

// stateMounts are folders that must not be on an overlay, since they hold
// overlays themselves, or that people want to see from outside; and the programs.
func stateMounts(spec Spec) []mount {
	mounts := []mount{
		{source: spec.path("containerd"), target: "var/lib/containerd", flags: unix.MS_BIND},
		{source: spec.path("kubelet"), target: "var/lib/kubelet", flags: unix.MS_BIND},
		{source: spec.path("log"), target: "var/log", flags: unix.MS_BIND},
		{source: spec.path("cni"), target: "etc/cni/net.d", flags: unix.MS_BIND}, // empty, whatever this computer has
	}
	for name, path := range spec.Binaries {
		mounts = append(mounts, mount{source: path, target: "usr/local/bin/" + name, flags: unix.MS_BIND, file: true})
	}
	for _, socket := range spec.Relays { // an overlay's copy of a socket leads nowhere
		mounts = append(mounts, mount{source: socket, target: relayPath(socket), flags: unix.MS_BIND, file: true})
	}
	for i, path := range spec.Images {
		mounts = append(mounts, mount{source: path, target: imagePath(i), flags: unix.MS_BIND, file: true})
	}
	return mounts
}

// relayPath is where a machine finds a socket, without the first "/".
func relayPath(socket string) string { return "opt/relays/" + filepath.Base(socket) }

// imagePath is where a machine finds its images, without the first "/".
func imagePath(i int) string { return fmt.Sprintf("opt/images/%d.tar", i) }

func (m mount) make(root string) error {
	target := filepath.Join(root, m.target)
	folder := target
	if m.file {
		folder = filepath.Dir(target)
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	if m.file {
		if err := os.WriteFile(target, nil, 0o755); err != nil {
			return err
		}
	} else if filepath.IsAbs(m.source) {
		if err := os.MkdirAll(m.source, 0o755); err != nil {
			return err
		}
	}
	if err := unix.Mount(m.source, target, m.fstype, m.flags, m.data); err != nil {
		return fmt.Errorf("mount %s: %w", m.target, err)
	}
	return nil
}

// write puts a file below root.
func (f File) write(root string) error {
	path := filepath.Join(root, f.Path)
	if f.Mode.IsDir() {
		return errors.Join(os.MkdirAll(path, f.Mode.Perm()), os.Chown(path, f.UID, f.UID), os.Chmod(path, f.Mode.Perm()))
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	// What is there may be a link to what this machine does not have.
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.WriteFile(path, f.Content, f.Mode); err != nil {
		return err
	}
	if err := os.Chown(path, f.UID, f.UID); err != nil {
		return err
	}
	return os.Chmod(path, f.Mode) // whatever the umask says
}

// pivot makes root the root, and nothing of the old one stays visible.
func pivot(root string) error {
	if err := os.Chdir(root); err != nil {
		return err
	}
	if err := unix.PivotRoot(".", "."); err != nil {
		return fmt.Errorf("pivot the root: %w", err)
	}
	if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
		return fmt.Errorf("leave the old root: %w", err)
	}
	if err := os.Chdir("/"); err != nil {
		return err
	}
	// The kubelet passes mounts on to pods.
	return unix.Mount("", "/", "", unix.MS_REC|unix.MS_SHARED, "")
}
