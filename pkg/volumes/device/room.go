package device

import (
	"os"
	"path/filepath"
	"strings"
)

// MostVolumes is how many volumes Nova attaches to one server of any kind
// (nova/virt/libvirt/driver.py counts names from vda to the end of two letters;
// operators lower it by max_disk_devices_to_attach).
const MostVolumes = 256

const (
	classBridge   = "0x060400" // PCI-to-PCI bridge: a port that takes one device
	virtioVendor  = "0x1af4"
	conventional  = 32 // slots of a conventional PCI bus
	virtioBlkOld  = "0x1001"
	virtioBlk     = "0x1042"
	conservative  = 1 // what is always left, so that 0 never means "no limit"
	virtioBlkDisk = "vd"
)

// Room is how many volumes this machine can have attached at once: what its bus
// takes, less the disks that are not volumes of pods, never below 1 nor above limit.
//
// Disks of virtio-blk need a PCI slot each, so a server has room for far fewer
// than Nova would try; disks of virtio-scsi share one.
func (h Host) Room(limit int) int {
	room := MostVolumes
	if slots, ok := h.slots(); ok {
		room = min(room, slots)
	}
	return max(conservative, min(room-h.others(), limit))
}

// disks are the names of the disks that a hypervisor gave.
func (h Host) disks() []string {
	var names []string
	entries, _ := os.ReadDir(filepath.Join(h.Sys, "block"))
	for _, e := range entries {
		for _, prefix := range []string{virtioBlkDisk, "sd", "xvd", "nvme", "hd"} {
			if strings.HasPrefix(e.Name(), prefix) {
				names = append(names, e.Name())
			}
		}
	}
	return names
}

// others is how many disks are not volumes that a pod may have: those without the
// serial of a volume, and the one that the machine started from.
func (h Host) others() int {
	n := 0
	for _, name := range h.disks() {
		if !looksLikeVolume(h.serial(name)) {
			n++
		}
	}
	return max(1, n)
}

// looksLikeVolume tells the serial of a Cinder volume: a UUID or its first 20 characters.
func looksLikeVolume(serial string) bool {
	if len(serial) < serialLimit || serial[8] != '-' || serial[13] != '-' || serial[18] != '-' {
		return false
	}
	return !strings.ContainsFunc(strings.ToLower(serial), func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'a' || r > 'f') && r != '-'
	})
}

// slots is how many disks of virtio-blk the PCI bus takes: the free ports and
// those of such disks. ok is false where the disks are of another kind.
func (h Host) slots() (int, bool) {
	blk := false
	for _, name := range h.disks() {
		blk = blk || strings.HasPrefix(name, virtioBlkDisk)
	}
	folder := filepath.Join(h.Sys, "bus", "pci", "devices")
	devices, err := os.ReadDir(folder)
	if !blk || err != nil || len(devices) == 0 {
		return 0, false
	}
	return count(folder, devices), true
}

// count is how many disks of virtio-blk the devices of a bus leave room for.
func count(folder string, devices []os.DirEntry) int {
	ports, taken, used := 0, 0, map[string]bool{}
	for _, d := range devices {
		path := filepath.Join(folder, d.Name())
		bus, slot, function := address(d.Name())
		switch {
		case attribute(path, "class") == classBridge:
			ports++
		case isBlk(path):
		case bus == "00":
			used[slot] = true
		case function == "0":
			taken++
		}
	}
	if ports > 0 {
		return ports - taken
	}
	return conventional - len(used)
}

// address splits DOMAIN:BUS:SLOT.FUNCTION.
func address(name string) (bus, slot, function string) {
	parts := strings.Split(name, ":")
	if len(parts) != 3 {
		return "", "", ""
	}
	slot, function, _ = strings.Cut(parts[2], ".")
	return parts[1], slot, function
}

func isBlk(path string) bool {
	if attribute(path, "vendor") != virtioVendor {
		return false
	}
	kind := attribute(path, "device")
	return kind == virtioBlk || kind == virtioBlkOld
}

func attribute(path, name string) string {
	text, _ := os.ReadFile(filepath.Join(path, name))
	return strings.TrimSpace(string(text))
}
