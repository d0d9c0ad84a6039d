package lab

import (
	"os"
	"path/filepath"
	"testing"
)

func TestAFolderIsInUseUntilNothingElseIsInIt(t *testing.T) {
	dir := t.TempDir()
	held, err := lock(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = held.Close() })
	for _, name := range []string{"a", "z/z"} { // before and after the lock in the alphabet
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := empty(dir); err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 1 || !InUse(dir) {
		t.Errorf("left: got %v (%v), in use %v, want the lock, held", left, err, InUse(dir))
	}
	if err := empty(filepath.Join(dir, "none")); err != nil {
		t.Errorf("a folder that is not there: %v", err)
	}
}
