package device_test

import (
	"fmt"
	"testing"

	"underlay/pkg/volumes/device"
)

// pci adds a PCI device to a sysfs.
func pci(sys map[string]string, address, class, vendor, kind string) {
	for name, text := range map[string]string{"class": class, "vendor": vendor, "device": kind} {
		sys["bus/pci/devices/"+address+"/"+name] = text + "\n"
	}
}

// q35 is a virtio machine of libvirt: ports, of which two have a network card and the root disk.
func q35(ports int) map[string]string {
	sys := map[string]string{"block/vda/serial": "", "block/loop0/ro": "", "block/sr0/ro": ""}
	pci(sys, "0000:00:00.0", "0x060000", "0x8086", "0x29c0")
	for i := range ports {
		pci(sys, fmt.Sprintf("0000:00:01.%d", i), "0x060400", "0x1b36", "0x000c")
	}
	pci(sys, "0000:01:00.0", "0x020000", "0x1af4", "0x1041")
	pci(sys, "0000:02:00.0", "0x010000", "0x1af4", "0x1042")
	return sys
}

func with(sys map[string]string, more map[string]string) map[string]string {
	for k, v := range more {
		sys[k] = v
	}
	return sys
}

func TestRoomIsThatOfTheMachine(t *testing.T) {
	i440 := map[string]string{"block/vda/serial": ""}
	pci(i440, "0000:00:00.0", "0x060000", "0x8086", "0x1237")
	pci(i440, "0000:00:01.0", "0x060100", "0x8086", "0x7000")
	pci(i440, "0000:00:01.1", "0x010180", "0x8086", "0x7010")
	pci(i440, "0000:00:03.0", "0x020000", "0x1af4", "0x1000")
	pci(i440, "0000:00:04.0", "0x010000", "0x1af4", "0x1001")
	for name, tc := range map[string]struct {
		sys   map[string]string
		limit int
		want  int
	}{
		"nothing is known":         {map[string]string{}, 256, 255},
		"virtio-scsi":              {map[string]string{"block/sda/device/vpd_pg80": page80("x")}, 256, 255},
		"virtio-scsi, limited":     {map[string]string{"block/sda/removable": "0"}, 24, 24},
		"q35":                      {q35(28), 256, 26},
		"q35 with a volume":        {with(q35(28), map[string]string{"block/vdb/serial": volumeID[:20]}), 256, 26},
		"q35 with an ephemeral":    {with(q35(28), map[string]string{"block/vdb/serial": ""}), 256, 25},
		"q35 from a volume":        {with(q35(28), map[string]string{"block/vda/serial": volumeID[:20]}), 256, 26},
		"q35 full":                 {q35(1), 256, 1},
		"q35, limited":             {q35(28), 8, 8},
		"limit 0 is no free ride":  {q35(28), 0, 1},
		"conventional PCI, 4 used": {i440, 256, 28},
	} {
		t.Run(name, func(t *testing.T) {
			sys := t.TempDir()
			files(t, sys, tc.sys)
			if got := (device.Host{Sys: sys}).Room(tc.limit); got != tc.want {
				t.Errorf("got %d, want %d", got, tc.want)
			}
		})
	}
}
