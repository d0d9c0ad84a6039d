//go:build !linux

package simulator

import "errors"

// loopDevices tells whether the system has loop devices.
const loopDevices = false

var errNoLoops = errors.New("loop devices are Linux'")

// loopDevice is never made here.
type loopDevice struct{ name, path, number string }

func openLoop(string) (*loopDevice, error) { return nil, errNoLoops }
func copySparse(string, string) error      { return errNoLoops }
func (*loopDevice) resize() error          { return errNoLoops }
func (*loopDevice) flush() error           { return errNoLoops }
func (*loopDevice) close() error           { return errNoLoops }
