package simulator_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"underlay/pkg/simulator"
)

const gib = int64(1) << 30

// deviceFolders are folders for the devices of volumes.
func deviceFolders(t *testing.T) simulator.VolumeDevices {
	t.Helper()
	root := t.TempDir()
	return simulator.VolumeDevices{
		Images: filepath.Join(root, "images"), Links: filepath.Join(root, "by-id"), Sys: filepath.Join(root, "sys"),
	}
}

func writeAt(t *testing.T, path string, at int64, text string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	defer func() { _ = f.Close() }()
	if _, err := f.WriteAt([]byte(text), at); err != nil {
		t.Fatalf("write: %v", err)
	}
}

func readAt(t *testing.T, path string, at int64, length int) string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	defer func() { _ = f.Close() }()
	text := make([]byte, length)
	if _, err := f.ReadAt(text, at); err != nil {
		t.Fatalf("read %s at %d: %v", path, at, err)
	}
	return string(bytes.TrimRight(text, "\x00"))
}

// What a volume holds is in its copies, and stays while it grows.
func TestVolumeFiles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStorage(t, simulator.Options{})
		old := s.AddVolume(simulator.VolumeSpec{Name: "before"})
		where := deviceFolders(t)
		if err := s.UseVolumeDevices(where); err != nil {
			t.Fatalf("use devices: %v", err)
		}
		file := func(id string) string { return filepath.Join(where.Images, id) }
		id := s.create(`{"size":1}`)
		writeAt(t, file(id), gib-5, "tail!")
		snapshot := s.make("snapshots", "snapshot", `{"volume_id":"`+id+`"}`)
		backup := s.make("backups", "backup", `{"volume_id":"`+id+`"}`)
		s.wait(id, "available")
		writeAt(t, file(id), gib-5, "later")
		copies := []string{
			s.create(`{"size":2,"snapshot_id":"` + snapshot + `"}`), s.create(`{"size":3,"backup_id":"` + backup + `"}`),
		}
		for _, from := range append(copies, snapshot, backup) {
			if got := readAt(t, file(from), gib-5, 5); got != "tail!" {
				t.Errorf("%s: got %q, want what was there before", from, got)
			}
		}
		clone := s.create(`{"source_volid":"` + id + `"}`)
		if got := readAt(t, file(clone), gib-5, 5); got != "later" {
			t.Errorf("clone: got %q", got)
		}
		s.want(s.do("POST", "/volumes/"+id+"/action", `{"os-extend":{"new_size":4}}`), 202)
		s.wait(id, "available")
		info, err := os.Stat(file(id))
		if err != nil || info.Size() != 4*gib || readAt(t, file(id), gib-5, 5) != "later" {
			t.Errorf("grown: got %v, %v", info, err)
		}
		s.want(s.do("POST", "/backups/"+backup+"/restore", `{"restore":{"volume_id":"`+id+`"}}`), 202)
		s.wait(id, "available")
		if got := readAt(t, file(id), gib-5, 5); got != "tail!" {
			t.Errorf("restored: got %q", got)
		}
		s.want(s.do("DELETE", "/volumes/"+clone, ""), 202)
		s.wait(clone, "gone")
		if _, err := os.Stat(file(clone)); !os.IsNotExist(err) {
			t.Errorf("file of a deleted volume: got %v", err)
		}
		if _, err := os.Stat(file(old)); err != nil {
			t.Errorf("file of a volume that was there: %v", err)
		}
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
		if left, err := os.ReadDir(where.Images); err != nil || len(left) != 0 {
			t.Errorf("left after Close: %v, %v", left, err)
		}
	})
}

// An attached volume is a block device with the identity that a guest sees. Who
// may make none sees the attachment fail as if the hypervisor could not.
func TestVolumeDevices(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStorage(t, simulator.Options{})
		where := deviceFolders(t)
		if err := s.UseVolumeDevices(where); err != nil {
			t.Fatalf("use devices: %v", err)
		}
		node := s.AddServer(simulator.ServerSpec{Name: "node"})
		id := s.create(`{"size":1}`)
		s.attach(node.ID, id)
		if os.Geteuid() != 0 {
			s.wait(id, "available")
			return
		}
		s.wait(id, "in-use")
		link := filepath.Join(where.Links, "virtio-"+id[:20])
		device, err := filepath.EvalSymlinks(link)
		if err != nil {
			t.Fatalf("link: %v", err)
		}
		folder := filepath.Join(where.Sys, "block", filepath.Base(device))
		if got := readAt(t, filepath.Join(folder, "serial"), 0, 20); got != id[:20] {
			t.Errorf("serial: got %q, want %q", got, id[:20])
		}
		number := strings.TrimSpace(readAt(t, filepath.Join(folder, "dev"), 0, 4))
		if _, err := os.Stat(filepath.Join(where.Sys, "dev", "block", number)); err != nil {
			t.Errorf("device by number: %v", err)
		}
		writeAt(t, device, 4096, "hello")
		s.want(s.do("POST", "/snapshots", `{"snapshot":{"volume_id":"`+id+`"}}`), 202)
		snapshot := at(s.do("GET", "/snapshots", "").body, "snapshots", 0, "id").(string)
		if got := readAt(t, filepath.Join(where.Images, snapshot), 4096, 5); got != "hello" {
			t.Errorf("snapshot of a device: got %q", got)
		}
		s.want(s.do("POST", "/volumes/"+id+"/action", `{"os-extend":{"new_size":2}}`), 202)
		s.wait(id, "in-use")
		writeAt(t, device, 2*gib-5, "large")
		if got := readAt(t, filepath.Join(folder, "size"), 0, 7); got != "4194304" {
			t.Errorf("size in sectors: got %q", got)
		}
		s.want(s.nova("DELETE", "/servers/"+node.ID+"/os-volume_attachments/"+id, ""), 202)
		s.wait(id, "available")
		for _, gone := range []string{link, folder} {
			if _, err := os.Lstat(gone); !os.IsNotExist(err) {
				t.Errorf("%s is left after the detachment: %v", gone, err)
			}
		}
		if got := readAt(t, filepath.Join(where.Images, id), 2*gib-5, 5); got != "large" {
			t.Errorf("written data: got %q", got)
		}
		s.attach(node.ID, id)
		s.wait(id, "in-use")
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
		for _, kind := range []string{where.Links, filepath.Join(where.Sys, "block"), where.Images} {
			if left, err := os.ReadDir(kind); err != nil || len(left) != 0 {
				t.Errorf("left in %s: %v, %v", kind, left, err)
			}
		}
	})
}
