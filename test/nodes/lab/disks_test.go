package lab

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A machine must not see the disk of another, nor by an old link the one that got
// its device since.
func TestLinksAreThoseOfTheServer(t *testing.T) {
	folder := t.TempDir()
	for _, desired := range []map[string]string{
		{"virtio-a": "/dev/loop1", "virtio-b": "/dev/loop2"},
		{"virtio-b": "/dev/loop1"},
		{},
	} {
		want := map[string]string{}
		for name, device := range desired {
			want[name] = device
		}
		if err := setLinks(folder, desired); err != nil {
			t.Fatal(err)
		}
		got := map[string]string{}
		entries, err := os.ReadDir(folder)
		if err != nil {
			t.Fatal(err)
		}
		for _, entry := range entries {
			device, err := os.Readlink(filepath.Join(folder, entry.Name()))
			if err != nil {
				t.Fatal(err)
			}
			got[entry.Name()] = device
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("links (-want +got):\n%s", diff)
		}
	}
	missing := filepath.Join(folder, "none")
	if err := setLinks(missing, map[string]string{"virtio-a": "/dev/loop1"}); err != nil {
		t.Errorf("a machine that is not up yet: %v", err)
	}
	if _, err := os.Stat(missing); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a machine that is not up yet got a folder: %v", err)
	}
}
