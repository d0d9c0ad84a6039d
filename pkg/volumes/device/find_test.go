package device_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"underlay/pkg/volumes/device"
	"underlay/test/disk"
)

const volumeID = "0aeb2c4d-5e6f-4a1b-8c2d-3e4f5a6b7c8d"

// files makes files below a folder.
func files(t *testing.T, root string, content map[string]string) {
	t.Helper()
	for name, text := range content {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// page80 is a page of vital product data with a serial.
func page80(serial string) string {
	return "\x00\x80" + string([]byte{byte(len(serial) >> 8), byte(len(serial))}) + serial
}

// TestFindKnowsADeviceByWhatItSays lists the ways in which hypervisors tell the
// id of a volume. The nodes are no devices here, so the best answer is the doubt
// about the node of exactly the right device.
func TestFindKnowsADeviceByWhatItSays(t *testing.T) {
	for name, tc := range map[string]struct {
		files map[string]string
		links map[string]string
		want  string // part of the error
		class error
	}{
		"nothing":                 {class: device.ErrAbsent},
		"virtio, 20 characters":   {files: map[string]string{"block/vdb/serial": volumeID[:20]}, want: "/vdb", class: device.ErrDoubtful},
		"virtio, all of it":       {files: map[string]string{"block/vdb/serial": volumeID + "\n"}, want: "/vdb", class: device.ErrDoubtful},
		"NVMe":                    {files: map[string]string{"block/nvme1n1/device/serial": strings.ReplaceAll(volumeID, "-", "")}, want: "/nvme1n1", class: device.ErrDoubtful},
		"SCSI":                    {files: map[string]string{"block/sdc/device/vpd_pg80": page80(volumeID)}, want: "/sdc", class: device.ErrDoubtful},
		"SCSI, 20 characters":     {files: map[string]string{"block/sdc/device/vpd_pg80": page80(volumeID[:20])}, want: "/sdc", class: device.ErrDoubtful},
		"world wide name":         {files: map[string]string{"block/sdc/device/wwid": "naa." + strings.ReplaceAll(volumeID, "-", "") + "\n"}, want: "/sdc", class: device.ErrDoubtful},
		"19 characters only":      {files: map[string]string{"block/vdb/serial": volumeID[:19]}, class: device.ErrAbsent},
		"another":                 {files: map[string]string{"block/vdb/serial": "f" + volumeID[1:20]}, class: device.ErrAbsent},
		"damaged page":            {files: map[string]string{"block/sdc/device/vpd_pg80": "\x00\x80\xff\xffabc"}, class: device.ErrAbsent},
		"link, no serial":         {files: map[string]string{"block/sdd/removable": "0"}, links: map[string]string{"wwn-0x" + strings.ReplaceAll(volumeID, "-", ""): "sdd"}, want: "/sdd", class: device.ErrDoubtful},
		"link and serial":         {files: map[string]string{"block/vdb/serial": volumeID[:20]}, links: map[string]string{"virtio-" + volumeID[:20]: "vdb"}, want: "/vdb", class: device.ErrDoubtful},
		"link to another serial":  {files: map[string]string{"block/vdb/serial": "somebody else"}, links: map[string]string{"virtio-" + volumeID[:20]: "vdb"}, want: "somebody else", class: device.ErrDoubtful},
		"link to what is gone":    {links: map[string]string{"virtio-" + volumeID[:20]: "vdz"}, class: device.ErrAbsent},
		"two serials":             {files: map[string]string{"block/vdb/serial": volumeID[:20], "block/vdc/serial": volumeID[:20]}, want: "vdb, vdc all answer", class: device.ErrDoubtful},
		"serial and another link": {files: map[string]string{"block/vdb/serial": volumeID[:20], "block/sdc/removable": "0"}, links: map[string]string{"virtio-" + volumeID: "sdc"}, want: "sdc, vdb all answer", class: device.ErrDoubtful},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			h := device.Host{Sys: filepath.Join(root, "sys"), Dev: filepath.Join(root, "dev"), Links: filepath.Join(root, "by-id")}
			files(t, root, map[string]string{"sys/block/vda/serial": "", "sys/block/vda/dev": "254:0", "by-id/other": ""})
			files(t, h.Sys, tc.files)
			for path := range tc.files {
				name := strings.Split(path, "/")[1]
				files(t, root, map[string]string{"sys/block/" + name + "/dev": "254:16\n", "dev/" + name: ""})
			}
			for link, target := range tc.links {
				files(t, root, map[string]string{"dev/" + target: ""})
				if err := os.Symlink(filepath.Join(h.Dev, target), filepath.Join(h.Links, link)); err != nil {
					t.Fatal(err)
				}
			}
			_, err := h.Find(volumeID)
			if !errors.Is(err, tc.class) || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %v with %q", err, tc.class, tc.want)
			}
		})
	}
}

// TestFindDoesNotAskADiskThatHangs: where a link and the serial of its device agree,
// no other disk is asked, since one whose storage hangs may never answer.
func TestFindDoesNotAskADiskThatHangs(t *testing.T) {
	root := t.TempDir()
	h := device.Host{Sys: filepath.Join(root, "sys"), Dev: filepath.Join(root, "dev"), Links: filepath.Join(root, "by-id")}
	files(t, root, map[string]string{
		"sys/block/vda/dev": "254:0", "sys/block/vdb/serial": volumeID[:20], "sys/block/vdb/dev": "254:16", "dev/vdb": "", "by-id/other": "",
	})
	hangs := filepath.Join(h.Sys, "block", "vda", "serial")
	if err := unix.Mkfifo(hangs, 0o600); err != nil { // to open it waits for who writes to it
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(h.Dev, "vdb"), filepath.Join(h.Links, "virtio-"+volumeID[:20])); err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() {
		_, err := h.Find(volumeID)
		done <- err
	}()
	select {
	case err := <-done:
		if !errors.Is(err, device.ErrDoubtful) || !strings.Contains(err.Error(), "/vdb") { // a file is no device
			t.Errorf("got %v", err)
		}
	case <-time.After(20 * time.Second):
		t.Error("it waits for the disk that hangs")
		if f, err := os.OpenFile(hangs, os.O_WRONLY, 0); err == nil {
			_ = f.Close()
		}
		<-done
	}
}

// TestFindTakesAnyID: short ids and ids that are paths are no device, and no panic.
func TestFindTakesAnyID(t *testing.T) {
	for _, id := range []string{"", "a", "../../etc/passwd", "vol 1", strings.Repeat("a", 300)} {
		root := t.TempDir()
		files(t, root, map[string]string{"block/vda/dev": "254:0"})
		if _, err := (device.Host{Sys: root, Dev: root, Links: root}).Find(id); !errors.Is(err, device.ErrAbsent) {
			t.Errorf("%q: got %v, want %v", id, err, device.ErrAbsent)
		}
	}
}

// loopHost is this machine with links of its own, and a device that has one.
func loopHost(t *testing.T, d *disk.Disk) device.Host {
	t.Helper()
	h := device.Local()
	h.Links = t.TempDir()
	d.Link(t, h.Links, volumeID)
	return h
}

func TestFindRealDevice(t *testing.T) {
	if !disk.Able(t) {
		return
	}
	d := disk.New(t, 32<<20)
	h := loopHost(t, d)
	got, err := h.Find(volumeID)
	if err != nil {
		t.Fatal(err)
	}
	number, isBlock, err := device.NumberAt(d.Path)
	if err != nil || !isBlock || got.Path != d.Path || got.Number != number || !strings.HasPrefix(got.Proof, "link virtio-") {
		t.Errorf("got %+v, want %s %v (%v)", got, d.Path, number, err)
	}
	if !h.Present(got.Number) {
		t.Error("a device that is there is said to be gone")
	}
	if h.Present(device.Number{Major: 4000, Minor: 1}) {
		t.Error("a device that never was is said to be there")
	}
	if size, err := device.Size(d.Path); err != nil || size != 32<<20 {
		t.Errorf("got size %d and %v", size, err)
	}
}

// TestFindRefusesAWrongNode: sysfs says one thing and /dev another.
func TestFindRefusesAWrongNode(t *testing.T) {
	if !disk.Able(t) {
		return
	}
	d := disk.New(t, 32<<20)
	sys := t.TempDir()
	files(t, sys, map[string]string{"block/" + d.Name() + "/serial": volumeID, "block/" + d.Name() + "/dev": "4000:1"})
	h := device.Host{Sys: sys, Dev: "/dev", Links: t.TempDir()}
	if _, err := h.Find(volumeID); !errors.Is(err, device.ErrDoubtful) {
		t.Errorf("got %v, want %v", err, device.ErrDoubtful)
	}
}

func TestRescanAndDiscoverAskTheKernel(t *testing.T) {
	sys := t.TempDir()
	files(t, sys, map[string]string{"block/sdb/device/rescan": "", "class/scsi_host/host0/scan": "", "class/scsi_host/host1/scan": "", "block/vdb/dev": "1:1"})
	h := device.Host{Sys: sys}
	for _, name := range []string{"sdb", "vdb"} {
		if err := h.Rescan(device.Disk{Name: name}); err != nil {
			t.Error(err)
		}
	}
	if err := h.Discover(); err != nil {
		t.Error(err)
	}
	for file, want := range map[string]string{"block/sdb/device/rescan": "1", "class/scsi_host/host0/scan": "- - -", "class/scsi_host/host1/scan": "- - -"} {
		if got, err := os.ReadFile(filepath.Join(sys, file)); err != nil || string(got) != want {
			t.Errorf("%s: got %q and %v, want %q", file, got, err, want)
		}
	}
}
