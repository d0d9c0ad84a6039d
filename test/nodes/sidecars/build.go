// Package sidecars is what Kubernetes has beside a CSI driver: the provisioner, the
// attacher, the resizer, the snapshotter and the snapshot controller, built from
// their source, as images under the names by which manifests ask for them.
package sidecars

import (
	"bytes"
	"context"
	_ "embed" // the build module
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

var (
	//go:embed build/sidecars.mod
	sidecarsMod []byte
	//go:embed build/sidecars.sum
	sidecarsSum []byte
	//go:embed build/provisioner.mod
	provisionerMod []byte
	//go:embed build/provisioner.sum
	provisionerSum []byte
)

// Names are those of the programs, which their images have as well.
var Names = []string{"csi-provisioner", "csi-attacher", "csi-resizer", "csi-snapshotter", SnapshotController}

// SnapshotController is the one that a cluster has once, for all drivers.
const SnapshotController = "snapshot-controller"

// module is a Go module that exists only to build programs at pinned versions.
type module struct {
	name     string
	mod, sum []byte
	// packages are the main packages.
	packages []string
}

var modules = []module{
	{"sidecars", sidecarsMod, sidecarsSum, []string{
		"github.com/kubernetes-csi/external-attacher/v4/cmd/csi-attacher",
		"github.com/kubernetes-csi/external-resizer/v2/cmd/csi-resizer",
		"github.com/kubernetes-csi/external-snapshotter/v8/cmd/csi-snapshotter",
		"github.com/kubernetes-csi/external-snapshotter/v8/cmd/snapshot-controller",
	}},
	{"provisioner", provisionerMod, provisionerSum, []string{
		"github.com/kubernetes-csi/external-provisioner/v6/cmd/csi-provisioner",
	}},
}

// Modules with the manifests of the snapshot controller.
const (
	snapshotterModule = "github.com/kubernetes-csi/external-snapshotter/v8"
	clientModule      = "github.com/kubernetes-csi/external-snapshotter/client/v8"
)

// workshop is the folder in the user's cache with the modules and the programs.
type workshop struct {
	dir string
	say func(string)
}

// open holds the folder until the returned function is called, so that no two
// processes build at the same time. say hears what takes long.
func open(say func(string)) (*workshop, func(), error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return nil, nil, fmt.Errorf("find the cache folder: %w", err)
	}
	w := &workshop{dir: filepath.Join(cache, "underlay", "sidecars"), say: say}
	if err := os.MkdirAll(w.bin(""), 0o755); err != nil {
		return nil, nil, fmt.Errorf("build the sidecars: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(w.dir, "lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, nil, fmt.Errorf("build the sidecars: %w", err)
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX); err != nil {
		return nil, nil, errors.Join(fmt.Errorf("build the sidecars: %w", err), lock.Close())
	}
	return w, func() { _ = lock.Close() }, nil
}

func (w *workshop) bin(name string) string { return filepath.Join(w.dir, "bin", name) }

// build makes what is not there for this very module.
func (w *workshop) build(ctx context.Context, m module) error {
	src, built := filepath.Join(w.dir, m.name), w.bin(m.name+".sum")
	if sum, err := os.ReadFile(built); err == nil && bytes.Equal(sum, m.sum) {
		return nil
	}
	err := errors.Join(
		os.MkdirAll(src, 0o755),
		os.WriteFile(filepath.Join(src, "go.mod"), m.mod, 0o644),
		os.WriteFile(filepath.Join(src, "go.sum"), m.sum, 0o644),
	)
	if err != nil {
		return fmt.Errorf("build the sidecars: %w", err)
	}
	began, done := time.Now(), make(chan error, 1)
	go func() {
		_, err := w.goCommand(ctx, m, append([]string{"build", "-trimpath", "-ldflags=-s -w", "-o", w.bin("") + "/"}, m.packages...)...)
		done <- err
	}()
	w.say("building the CSI " + m.name + " from source: some minutes on 2 cores, this once")
	for {
		select {
		case err := <-done:
			if err != nil {
				return fmt.Errorf("build the CSI %s: %w", m.name, err)
			}
			return os.WriteFile(built, m.sum, 0o644) // they are whole
		case <-time.After(10 * time.Second):
			w.say(fmt.Sprintf("building the CSI %s, %d s", m.name, int(time.Since(began).Seconds())))
		}
	}
}

// folder is where the source of a module is that m requires.
func (w *workshop) folder(ctx context.Context, m module, required string) (string, error) {
	if _, err := w.goCommand(ctx, m, "mod", "download", required); err != nil {
		return "", fmt.Errorf("find the source of %s: %w", required, err)
	}
	out, err := w.goCommand(ctx, m, "list", "-m", "-f", "{{.Dir}}", required)
	if err != nil {
		return "", fmt.Errorf("find the source of %s: %w", required, err)
	}
	return strings.TrimSpace(string(out)), nil
}

// goCommand runs the go command in a module and returns what it prints.
func (w *workshop) goCommand(ctx context.Context, m module, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = filepath.Join(w.dir, m.name)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-mod=readonly -buildvcs=false", "GOWORK=off")
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go %s: %w: %s", args[0], err, bytes.TrimSpace(said.Bytes()))
	}
	return out, nil
}
