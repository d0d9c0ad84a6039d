//go:build linux

package testbed

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// Nova's drivers are below its own package.
const (
	novaDrivers     = "/usr/lib/python3/dist-packages/nova/virt"
	loopDriver      = novaDrivers + "/underlay.py"
	loopDriverStart = "from underlay_testbed.nova import LoopDevices  # noqa: F401\n"
)

// devicesDir is where drivers/underlay_testbed/nova.py keeps what servers see.
const devicesDir = stateDir + "/devices"

// devices is where they are on this machine, "" when there are none.
func (b *Testbed) devices() string {
	if !b.opts.LoopDevices {
		return ""
	}
	return b.path(devicesDir)
}

// placeLoopDriver puts the driver where Nova looks for one.
func (b *Testbed) placeLoopDriver() error {
	if !b.opts.LoopDevices {
		return nil
	}
	return b.write(loopDriver, loopDriverStart, 0o644)
}

// releaseLoops ends the loop devices whose files are this testbed's. One that
// is mounted goes with its mount.
func (b *Testbed) releaseLoops() error {
	backing, err := filepath.Glob("/sys/block/loop*/loop/backing_file")
	if err != nil {
		return fmt.Errorf("find loop devices: %w", err)
	}
	var problems []error
	for _, note := range backing {
		file, err := os.ReadFile(note)
		if err != nil || !strings.HasPrefix(string(file), b.path(stateDir)+"/") {
			continue // it has just gone, or is not ours
		}
		problems = append(problems, releaseLoop("/dev/"+strings.Split(note, "/")[3]))
	}
	return errors.Join(problems...)
}

func releaseLoop(path string) error {
	device, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("release loop device: %w", err)
	}
	defer func() { _ = device.Close() }() // which it ends with
	if err := unix.IoctlSetInt(int(device.Fd()), unix.LOOP_CLR_FD, 0); err != nil && !errors.Is(err, unix.ENXIO) {
		return fmt.Errorf("release %s: %w", path, err)
	}
	return nil
}
