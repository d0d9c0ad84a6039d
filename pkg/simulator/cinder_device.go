package simulator

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Real devices: each volume is a sparse file, and what a server has attached is a
// loop device of this machine that looks as the disk of a guest does. So the node
// side of a driver can be run against the simulator: what it formats, mounts and
// writes is there when the volume is attached again, and in its copies.

// VolumeDevices says where volumes become block devices.
type VolumeDevices struct {
	// Images is the folder of the sparse files: volumes, snapshots and backups by id.
	Images string
	// Links is the folder of links by identity, which stands for /dev/disk/by-id:
	// "virtio-" and the first 20 characters of the volume's id.
	Links string
	// Sys is the folder that stands for /sys: it gets block/NAME with the files
	// serial, dev and size, and dev/block/MAJOR:MINOR.
	Sys string
}

// UseVolumeDevices makes block devices of volumes from now on, those that are
// there included. It needs Linux and a privileged user; without the privilege
// attaching fails as if the hypervisor could not. Close removes all of it.
func (c *Cloud) UseVolumeDevices(where VolumeDevices) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cinder.settle()
	if !loopDevices {
		return errors.New("volumes become block devices on Linux only")
	}
	if c.cinder.devices != nil || len(c.cinder.attachments.rows) > 0 {
		return errors.New("volumes are in use already")
	}
	d := &volumeDevices{VolumeDevices: where, held: map[string]*heldDevice{}, images: map[string]bool{}}
	for _, folder := range []string{where.Images, where.Links, d.block(""), d.numbers()} {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return fmt.Errorf("make the folder of devices: %w", err)
		}
	}
	for _, v := range c.cinder.volumes.rows {
		if err := d.create(v); err != nil {
			return errors.Join(err, d.close())
		}
	}
	c.cinder.devices = d
	return nil
}

// Close removes the devices of volumes and their files. A cloud without them
// needs no Close.
func (c *Cloud) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	err := c.cinder.devices.close()
	c.cinder.devices = nil
	return err
}

// volumeDevices makes real block devices; nil makes none.
type volumeDevices struct {
	VolumeDevices
	// held are the volumes that are devices now.
	held map[string]*heldDevice
	// images are the ids of the files.
	images map[string]bool
	// failed is what could not be removed, which Close tells.
	failed []error
}

// heldDevice is a device with the servers that use it.
type heldDevice struct {
	*loopDevice
	users int
}

const gibibyte = int64(1) << 30

func (d *volumeDevices) image(id string) string   { return filepath.Join(d.Images, id) }
func (d *volumeDevices) block(name string) string { return filepath.Join(d.Sys, "block", name) }
func (d *volumeDevices) numbers() string          { return filepath.Join(d.Sys, "dev", "block") }

// virtioSerial is as much of an id as a virtio disk shows (VIRTIO_BLK_ID_BYTES).
func virtioSerial(id string) string { return id[:min(20, len(id))] }

func (d *volumeDevices) link(id string) string {
	return filepath.Join(d.Links, "virtio-"+virtioSerial(id))
}

// create makes the file of a volume, with what its source holds.
func (d *volumeDevices) create(v *cinderVolume) error {
	if d == nil {
		return nil
	}
	if source := cmp.Or(v.sourceID, v.snapshotID, v.backupID); d.images[source] {
		if err := d.copyTo(v.ID, source); err != nil {
			return err
		}
	} else {
		f, err := os.OpenFile(d.image(v.ID), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if err != nil {
			return fmt.Errorf("make the file of volume %s: %w", v.ID, err)
		}
		d.images[v.ID] = true
		if err := f.Close(); err != nil {
			return fmt.Errorf("make the file of volume %s: %w", v.ID, err)
		}
	}
	return d.grow(v.ID, v.size)
}

// remove deletes a file and its device.
func (d *volumeDevices) remove(id string) {
	if d == nil || !d.images[id] {
		return
	}
	if held := d.held[id]; held != nil {
		held.users = 1
		d.detach(id)
	}
	delete(d.images, id)
	d.failed = append(d.failed, os.Remove(d.image(id)))
}

// grow makes a file, and its device, as large as the volume.
func (d *volumeDevices) grow(id string, gib int) error {
	if d == nil {
		return nil
	}
	if err := os.Truncate(d.image(id), int64(gib)*gibibyte); err != nil {
		return fmt.Errorf("grow the file of volume %s: %w", id, err)
	}
	held := d.held[id]
	if held == nil {
		return nil
	}
	if err := held.resize(); err != nil {
		return fmt.Errorf("grow the device of volume %s: %w", id, err)
	}
	return d.tellSize(held, gib)
}

// copyTo copies a file with its holes, as it is now.
func (d *volumeDevices) copyTo(to, from string) error {
	if d == nil {
		return nil
	}
	if held := d.held[from]; held != nil {
		if err := held.flush(); err != nil {
			return fmt.Errorf("flush the device of volume %s: %w", from, err)
		}
	}
	d.images[to] = true
	if err := copySparse(d.image(to), d.image(from)); err != nil {
		return fmt.Errorf("copy volume %s to %s: %w", from, to, err)
	}
	return nil
}

// attach makes the device of a volume, or counts one more server that has it.
func (d *volumeDevices) attach(id string, gib int) error {
	if d == nil {
		return nil
	}
	if held := d.held[id]; held != nil {
		held.users++
		return nil
	}
	loop, err := openLoop(d.image(id))
	if err != nil {
		return fmt.Errorf("make a device of volume %s: %w", id, err)
	}
	held := &heldDevice{loop, 1}
	d.held[id] = held
	if err := d.show(held, id, gib); err != nil {
		d.detach(id)
		d.failed = nil // of what never was there
		return err
	}
	return nil
}

// show lets a device look as the disk of a guest does.
func (d *volumeDevices) show(held *heldDevice, id string, gib int) error {
	folder := d.block(held.name)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return fmt.Errorf("show device %s: %w", held.name, err)
	}
	for file, text := range map[string]string{"serial": virtioSerial(id), "dev": held.number + "\n"} {
		if err := os.WriteFile(filepath.Join(folder, file), []byte(text), 0o644); err != nil {
			return fmt.Errorf("show device %s: %w", held.name, err)
		}
	}
	if err := d.tellSize(held, gib); err != nil {
		return err
	}
	for link, target := range map[string]string{
		filepath.Join(d.numbers(), held.number): filepath.Join("..", "..", "block", held.name), d.link(id): held.path,
	} {
		if err := os.Symlink(target, link); err != nil {
			return fmt.Errorf("link to device %s: %w", held.name, err)
		}
	}
	return nil
}

// tellSize writes the size in sectors of 512 bytes, as sysfs has it.
func (d *volumeDevices) tellSize(held *heldDevice, gib int) error {
	text := fmt.Sprintf("%d\n", int64(gib)*gibibyte/512)
	if err := os.WriteFile(filepath.Join(d.block(held.name), "size"), []byte(text), 0o644); err != nil {
		return fmt.Errorf("tell the size of device %s: %w", held.name, err)
	}
	return nil
}

// detach takes a device away when no server has it any more. Whoever still has it
// mounted keeps it until the unmount, as the kernel does with loop devices.
func (d *volumeDevices) detach(id string) {
	if d == nil || d.held[id] == nil {
		return
	}
	held := d.held[id]
	if held.users--; held.users > 0 {
		return
	}
	delete(d.held, id)
	d.failed = append(d.failed,
		os.Remove(d.link(id)), os.Remove(filepath.Join(d.numbers(), held.number)), os.RemoveAll(d.block(held.name)), held.close())
}

// close removes everything.
func (d *volumeDevices) close() error {
	if d == nil {
		return nil
	}
	for id := range d.images {
		d.remove(id)
	}
	return errors.Join(d.failed...)
}
