package lab

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// dropStacked detaches the loop devices that a kubelet made of the disks in a folder
// of links: it holds the device of a pod's raw volume by one. They are the kernel's,
// and a machine that has lost its power leaves them.
func dropStacked(folder string) error {
	links, err := filepath.Glob(filepath.Join(folder, "*"))
	if err != nil || len(links) == 0 {
		return err
	}
	disks := map[uint64]bool{}
	for _, link := range links {
		var disk unix.Stat_t
		if err := unix.Stat(link, &disk); err == nil { // one that is gone has nothing on it
			disks[disk.Rdev] = true
		}
	}
	loops, err := filepath.Glob("/dev/loop[0-9]*")
	problems := []error{err}
	for _, loop := range loops {
		problems = append(problems, dropLoop(loop, disks))
	}
	return errors.Join(problems...)
}

// dropLoop detaches a loop device if it is made of one of the disks.
func dropLoop(path string, disks map[uint64]bool) error {
	loop, err := os.Open(path)
	if err != nil {
		return nil // it has gone meanwhile
	}
	defer func() { _ = loop.Close() }()
	status, err := unix.IoctlLoopGetStatus64(int(loop.Fd()))
	if err != nil || !disks[status.Rdevice] {
		return nil // it is free, or another's
	}
	if err := unix.IoctlSetInt(int(loop.Fd()), unix.LOOP_CLR_FD, 0); err != nil && !errors.Is(err, unix.ENXIO) {
		return fmt.Errorf("detach %s: %w", path, err)
	}
	return nil
}
