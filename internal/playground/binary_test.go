package playground_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"underlay/internal/playground"
)

// builder stands for go build: it ends when two of it have written what -o names.
const builder = `#!/bin/sh
while [ "$1" != -o ]; do shift; done
echo program > "$2"
mkdir "$MET/1" 2>/dev/null || mkdir "$MET/2"
while [ ! -d "$MET/2" ]; do sleep 0.01; done
`

// Builds at the same time, within one process too, do not take each other's file away.
func TestTwoBuildsAtOnce(t *testing.T) {
	tools, dir := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(tools, "go"), []byte(builder), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", tools+":"+os.Getenv("PATH"))
	t.Setenv("MET", t.TempDir())
	ended := make(chan error, 2)
	for range 2 {
		go func() {
			_, err := playground.BuildController(t.Context(), dir)
			ended <- err
		}()
	}
	if err := errors.Join(<-ended, <-ended); err != nil {
		t.Error(err)
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 1 || files[0].Name() != playground.ControllerName {
		t.Errorf("got %v, %v, want the program alone", files, err)
	}
}
