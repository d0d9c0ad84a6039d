package simulator

import (
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// Loop devices, see loop(4).

// loopDevices tells whether the system has them.
const loopDevices = true

// loopMajor is the major number of loop devices (Documentation/admin-guide/devices.txt in Linux).
const loopMajor = 7

// loopDevice is a loop device on a file. It lives as long as someone has it open:
// should the process die, the kernel takes it away.
type loopDevice struct {
	name, path, number string
	device             *os.File
}

// openLoop makes a loop device of a file. Others may take the device that is free
// a moment before us.
func openLoop(image string) (*loopDevice, error) {
	backing, err := os.OpenFile(image, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer func() { _ = backing.Close() }() // the device has it open by itself
	control, err := os.OpenFile("/dev/loop-control", os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer func() { _ = control.Close() }()
	for range 64 {
		number, err := unix.IoctlRetInt(int(control.Fd()), unix.LOOP_CTL_GET_FREE)
		if err != nil {
			return nil, fmt.Errorf("find a free loop device: %w", err)
		}
		loop, err := configureLoop(number, backing)
		if !errors.Is(err, unix.EBUSY) {
			return loop, err
		}
	}
	return nil, errors.New("every free loop device was taken by others")
}

func configureLoop(number int, backing *os.File) (*loopDevice, error) {
	name := fmt.Sprintf("loop%d", number)
	loop := &loopDevice{name: name, path: "/dev/" + name, number: fmt.Sprintf("%d:%d", loopMajor, number)}
	// A /dev that the kernel does not keep has no node of a new device. It stays
	// there: the next one who gets the device needs it.
	err := unix.Mknod(loop.path, unix.S_IFBLK|0o600, int(unix.Mkdev(loopMajor, uint32(number))))
	if err != nil && !errors.Is(err, unix.EEXIST) {
		return nil, fmt.Errorf("make the node %s: %w", loop.path, err)
	}
	if loop.device, err = os.OpenFile(loop.path, os.O_RDWR, 0); err != nil {
		return nil, err
	}
	config := unix.LoopConfig{Fd: uint32(backing.Fd())}
	config.Info.Flags = unix.LO_FLAGS_AUTOCLEAR
	copy(config.Info.File_name[:], backing.Name())
	if err := unix.IoctlLoopConfigure(int(loop.device.Fd()), &config); err != nil {
		return nil, errors.Join(fmt.Errorf("configure %s: %w", loop.path, err), loop.close())
	}
	return loop, nil
}

// resize lets the device see the new size of its file.
func (l *loopDevice) resize() error {
	return unix.IoctlSetInt(int(l.device.Fd()), unix.LOOP_SET_CAPACITY, 0)
}

// flush writes what the kernel holds back into the file.
func (l *loopDevice) flush() error { return l.device.Sync() }

// close lets go of the device, which ends it unless it is mounted.
func (l *loopDevice) close() error { return l.device.Close() }

// copySparse copies the parts of a file that hold data.
func copySparse(to, from string) error {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = source.Close() }()
	target, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(copyData(target, source), target.Close())
}

func copyData(target, source *os.File) error {
	size, err := source.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	for at := int64(0); at < size; {
		begin, err := source.Seek(at, unix.SEEK_DATA)
		if errors.Is(err, unix.ENXIO) {
			break // nothing but a hole up to the end
		}
		if err != nil {
			return err
		}
		if at, err = source.Seek(begin, unix.SEEK_HOLE); err != nil {
			return err
		}
		if _, err := io.Copy(io.NewOffsetWriter(target, begin), io.NewSectionReader(source, begin, at-begin)); err != nil {
			return err
		}
	}
	return target.Truncate(size)
}
