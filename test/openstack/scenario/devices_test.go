package scenario_test

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"time"
)

// devices is the environment variable with the folder where a testbed with loop
// devices shows what each server has.
const devices = "UNDERLAY_OPENSTACK_DEVICES"

// kept is what is written into a volume, and must be there wherever it goes.
var kept = bytes.Repeat([]byte("kept where it goes.\n"), 1<<16)

// device opens a volume at a node; nil where servers have no devices.
func (s *volumeStory) device(volume, node string) *os.File {
	s.Helper()
	folder := os.Getenv(devices)
	if folder == "" || s.on.who.Password == "simulated" {
		return nil
	}
	file, err := os.OpenFile(filepath.Join(folder, node, "by-id", "virtio-"+volume[:20]), os.O_RDWR, 0)
	if err != nil {
		s.Fatalf("the volume's device at the node: %v", err)
	}
	return file
}

func (s *volumeStory) write(volume, node string) {
	s.Helper()
	file := s.device(volume, node)
	if file == nil {
		return
	}
	defer file.Close()
	if _, err := file.Write(kept); err != nil {
		s.Fatal(err)
	}
	if err := file.Sync(); err != nil {
		s.Fatal(err)
	}
}

func (s *volumeStory) read(volume, node string) {
	s.Helper()
	file := s.device(volume, node)
	if file == nil {
		return
	}
	defer file.Close()
	got := make([]byte, len(kept))
	if _, err := io.ReadFull(file, got); err != nil || !bytes.Equal(got, kept) {
		s.Errorf("volume %s at %s: got %.60q (%v), want what was written", volume, node, got, err)
	}
}

// grown waits until the device has a size: Nova hears of it after Cinder has answered.
func (s *volumeStory) grown(volume, node string, size int64) {
	s.Helper()
	file := s.device(volume, node)
	if file == nil {
		return
	}
	defer file.Close()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(300 * time.Millisecond) {
		got, err := file.Seek(0, io.SeekEnd)
		if err == nil && got == size {
			return
		}
		if time.Now().After(deadline) {
			s.Fatalf("the device: got %d bytes (%v), want %d", got, err, size)
		}
	}
}
