package machine

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// loopNodes is how many nodes of loop devices a machine has. A disk of the cloud is
// one, and the kubelet holds a disk without a filesystem by another.
const loopNodes = 256

// loopMajor is their major number (Documentation/admin-guide/devices.txt in Linux).
const loopMajor = 7

// makeDevices gives a machine with disks a /dev of its own, over that of this
// computer: the same devices, and links by identity that lead to its own disks only.
func makeDevices(spec Spec, root string) error {
	if spec.Disks == "" {
		return nil
	}
	dev := filepath.Join(root, "dev")
	if err := unix.Mount("tmpfs", dev, "tmpfs", unix.MS_NOSUID, "mode=0755"); err != nil {
		return fmt.Errorf("mount the machine's /dev: %w", err)
	}
	entries, err := os.ReadDir("/dev")
	if err != nil {
		return fmt.Errorf("list the devices: %w", err)
	}
	for _, entry := range entries {
		if err := copyDevice(entry, filepath.Join(dev, entry.Name())); err != nil {
			return fmt.Errorf("give the machine /dev/%s: %w", entry.Name(), err)
		}
	}
	for minor := range uint32(loopNodes) {
		if err := unix.Mknod(filepath.Join(dev, fmt.Sprintf("loop%d", minor)), unix.S_IFBLK|0o600, int(unix.Mkdev(loopMajor, minor))); err != nil {
			return fmt.Errorf("make the node of a loop device: %w", err)
		}
	}
	return mount{source: spec.Disks, target: "dev/disk/by-id", flags: unix.MS_BIND}.make(root)
}

// copyDevice makes what this computer has in /dev, but disks and loop devices.
func copyDevice(entry os.DirEntry, target string) error {
	source := filepath.Join("/dev", entry.Name())
	switch mode := entry.Type(); {
	case entry.Name() == "disk" || strings.HasPrefix(entry.Name(), "loop") && entry.Name() != "loop-control":
		return nil
	case mode.IsDir():
		return errors.Join(os.Mkdir(target, 0o755), unix.Mount(source, target, "", unix.MS_BIND|unix.MS_REC, ""))
	case mode&os.ModeSymlink != 0:
		leads, err := os.Readlink(source)
		if err != nil {
			return err
		}
		return os.Symlink(leads, target)
	case mode&os.ModeDevice != 0:
		var stat unix.Stat_t
		if err := unix.Stat(source, &stat); err != nil {
			return err
		}
		return errors.Join(unix.Mknod(target, stat.Mode, int(stat.Rdev)), unix.Chmod(target, stat.Mode&0o7777))
	default: // sockets and the like are somebody's
		return nil
	}
}
