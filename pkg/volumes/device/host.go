package device

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// Host says where a machine shows its block devices.
type Host struct {
	// Sys is where sysfs is mounted, Dev where the device nodes are, Links the
	// folder of links by identity that udev keeps.
	Sys, Dev, Links string
}

// Local is this machine.
func Local() Host {
	return Host{Sys: "/sys", Dev: "/dev", Links: "/dev/disk/by-id"}
}

var (
	// ErrAbsent means: no device answers to the volume; it may come.
	ErrAbsent = errors.New("no device of this volume")
	// ErrDoubtful means: what the machine says of its devices contradicts itself.
	ErrDoubtful = errors.New("cannot tell which device is the volume")
)

// Disk is one block device.
type Disk struct {
	// Name is its name in sysfs, Path its node.
	Name, Path string
	// Number tells devices apart, as long as they are there.
	Number Number
	// Proof says by what it was known, for people.
	Proof string
}

// Number is a device number.
type Number struct{ Major, Minor uint32 }

// String is MAJOR:MINOR, as the kernel writes it.
func (n Number) String() string { return fmt.Sprintf("%d:%d", n.Major, n.Minor) }

// numberOf reads the number of a device node.
func numberOf(info os.FileInfo) (Number, bool) {
	stat, ok := sysStat(info)
	if !ok || info.Mode()&os.ModeDevice == 0 || info.Mode()&os.ModeCharDevice != 0 {
		return Number{}, false
	}
	return Number{Major: unix.Major(stat), Minor: unix.Minor(stat)}, true
}

// NumberAt is the number of the block device that a path leads to, links
// followed; false when it is something else.
func NumberAt(path string) (Number, bool, error) {
	info, err := os.Stat(path)
	if err != nil {
		return Number{}, false, err
	}
	n, ok := numberOf(info)
	return n, ok, nil
}

// Present says whether the machine still has the device with this number.
func (h Host) Present(n Number) bool {
	_, err := os.Stat(filepath.Join(h.Sys, "dev", "block", n.String()))
	return err == nil
}

// block is the folder of one device in sysfs.
func (h Host) block(name string) string { return filepath.Join(h.Sys, "block", name) }

// disk makes a Disk of a name in sysfs, and checks that its node is that device.
func (h Host) disk(name, proof string) (Disk, error) {
	d := Disk{Name: name, Path: filepath.Join(h.Dev, strings.ReplaceAll(name, "!", "/")), Proof: proof}
	text, err := os.ReadFile(filepath.Join(h.block(name), "dev"))
	if err != nil {
		return d, fmt.Errorf("read the number of device %s: %w", name, err)
	}
	if _, err := fmt.Sscanf(string(text), "%d:%d", &d.Number.Major, &d.Number.Minor); err != nil {
		return d, fmt.Errorf("read the number of device %s: %w", name, err)
	}
	actual, isBlock, err := NumberAt(d.Path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return d, fmt.Errorf("%w: %s has no node yet", ErrAbsent, d.Path)
	case err != nil:
		return d, fmt.Errorf("look at %s: %w", d.Path, err)
	case !isBlock || actual != d.Number:
		return d, fmt.Errorf("%w: %s is not the device %s (%s) of sysfs", ErrDoubtful, d.Path, name, d.Number)
	}
	return d, nil
}
