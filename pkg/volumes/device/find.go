package device

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// serialLimit is how much of a serial virtio-blk shows
// (VIRTIO_BLK_ID_BYTES, Virtual I/O Device specification 1.2, 5.2.6).
const serialLimit = 20

// Find is the device of a volume. The error is ErrAbsent while there is none and
// ErrDoubtful when devices and links contradict each other.
func (h Host) Find(volumeID string) (Disk, error) {
	if !plain(volumeID) {
		return Disk{}, fmt.Errorf("%w: %q is no id of a volume", ErrAbsent, volumeID)
	}
	found := map[string]string{}
	sure, err := h.byLink(volumeID, found)
	if err != nil {
		return Disk{}, err
	}
	// Others are asked only where it is needed: one whose storage hangs may never answer.
	if !sure {
		if err := h.bySerial(volumeID, found); err != nil {
			return Disk{}, err
		}
	}
	names := slices.Sorted(maps.Keys(found))
	switch len(names) {
	case 0:
		return Disk{}, fmt.Errorf("%w %s", ErrAbsent, volumeID)
	case 1:
		return h.disk(names[0], found[names[0]])
	default:
		return Disk{}, fmt.Errorf("%w %s: %s all answer to it", ErrDoubtful, volumeID, strings.Join(names, ", "))
	}
}

// longest is the longest id that CSI has, in bytes (its specification, "Size limits").
const longest = 128

// plain keeps ids from leading out of the folders that they are looked up in.
func plain(id string) bool {
	return id != "" && len(id) <= longest && !strings.ContainsFunc(id, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && r != '-' && r != '_'
	})
}

// bySerial adds the devices whose serial is the volume's, with how it was seen.
func (h Host) bySerial(volumeID string, found map[string]string) error {
	entries, err := os.ReadDir(filepath.Join(h.Sys, "block"))
	if err != nil {
		return fmt.Errorf("list the block devices: %w", err)
	}
	for _, entry := range entries {
		if same, serial := h.identity(entry.Name(), volumeID); same == yes {
			found[entry.Name()] = "serial " + serial
		}
	}
	return nil
}

// byLink adds the devices that links of the volume lead to. It is sure where they
// lead to one, and that says that it is the volume.
func (h Host) byLink(volumeID string, found map[string]string) (sure bool, err error) {
	for _, link := range linkNames(volumeID) {
		target, err := filepath.EvalSymlinks(filepath.Join(h.Links, link))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return false, fmt.Errorf("follow the link %s: %w", link, err)
		}
		name := filepath.Base(target)
		if _, err := os.Stat(h.block(name)); err != nil {
			continue // it leads to what is no device any more
		}
		switch same, serial := h.identity(name, volumeID); {
		case same == no:
			return false, fmt.Errorf("%w %s: the link %s leads to %s, whose serial is %s", ErrDoubtful, volumeID, link, name, serial)
		case same == yes:
			found[name], sure = "serial "+serial, true
		case found[name] == "":
			found[name] = "link " + link
		}
	}
	return sure && len(found) == 1, nil
}

// linkNames are the names that udev gives a volume: libvirt sets the serial of a
// disk to the volume's id, of which virtio-blk and old QEMU show 20 characters.
func linkNames(volumeID string) []string {
	short := volumeID[:min(serialLimit, len(volumeID))]
	names := []string{
		"virtio-" + short, "virtio-" + volumeID,
		"scsi-0QEMU_QEMU_HARDDISK_" + short, "scsi-0QEMU_QEMU_HARDDISK_" + volumeID,
		"wwn-0x" + strings.ReplaceAll(volumeID, "-", ""),
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// answer is what a device says about being a volume.
type answer int

const (
	unknown answer = iota // it has no serial
	yes
	no
)

// identity asks a device whether it is the volume.
func (h Host) identity(name, volumeID string) (answer, string) {
	serial := h.serial(name)
	if h.wide(name, volumeID) {
		return yes, serial
	}
	switch {
	case serial == "":
		return unknown, ""
	case isSerialOf(serial, volumeID):
		return yes, serial
	default:
		return no, serial
	}
}

func isSerialOf(serial, volumeID string) bool {
	serial, volumeID = strings.ToLower(serial), strings.ToLower(volumeID)
	if serial == volumeID || serial == strings.ReplaceAll(volumeID, "-", "") {
		return true
	}
	return len(serial) == serialLimit && strings.HasPrefix(volumeID, serial)
}

// serial is what a device calls itself: virtio-blk and NVMe have a text, SCSI
// has page 0x80 of its vital product data (SPC-4, 7.8.13).
func (h Host) serial(name string) string {
	for _, file := range []string{"serial", "device/serial"} {
		if text, err := os.ReadFile(filepath.Join(h.block(name), file)); err == nil {
			if s := strings.Trim(string(text), " \n\x00"); s != "" {
				return s
			}
		}
	}
	page, err := os.ReadFile(filepath.Join(h.block(name), "device", "vpd_pg80"))
	if err != nil || len(page) < 4 {
		return ""
	}
	length := int(page[2])<<8 | int(page[3])
	return strings.Trim(string(page[4:min(len(page), 4+length)]), " \x00")
}

// wide says whether the world wide name of a device is the volume's id.
func (h Host) wide(name, volumeID string) bool {
	text, err := os.ReadFile(filepath.Join(h.block(name), "device", "wwid"))
	if err != nil {
		return false
	}
	wwid := strings.ToLower(strings.TrimSpace(string(text)))
	return wwid == "naa."+strings.ReplaceAll(strings.ToLower(volumeID), "-", "")
}
