package playground

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// ControllerName is the product's binary.
const ControllerName = "openstack-cloud-controller-manager"

// controllerPackage is where its main package is, within the module.
const controllerPackage = "underlay/cmd/" + ControllerName

// FindController returns the product's binary: the one beside this program, or,
// when this program runs from within the source tree (go run, go test), one built from there.
func FindController(ctx context.Context) (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("find %s: %w", ControllerName, err)
	}
	beside := filepath.Join(filepath.Dir(self), ControllerName)
	if _, err := os.Stat(beside); err == nil {
		return beside, nil
	}
	root, err := sourceRoot(ctx)
	if err != nil {
		return "", fmt.Errorf("find %s: it is neither beside %s nor can it be built: %w", ControllerName, self, err)
	}
	return BuildController(ctx, filepath.Join(root, "bin"))
}

// BuildController builds the product's binary from the source tree into dir.
// It may run several times at once: the binary is replaced in one step. flags
// are further ones of go build; -race needs a C compiler.
func BuildController(ctx context.Context, dir string, flags ...string) (string, error) {
	path := filepath.Join(dir, ControllerName)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("make the folder of %s: %w", ControllerName, err)
	}
	own, err := os.MkdirTemp(dir, ".build-")
	if err != nil {
		return "", fmt.Errorf("make a folder to build %s in: %w", ControllerName, err)
	}
	defer func() { _ = os.RemoveAll(own) }()
	temporary := filepath.Join(own, ControllerName)
	cgo := "CGO_ENABLED=0"
	if slices.Contains(flags, "-race") {
		cgo = "CGO_ENABLED=1"
	}
	args := slices.Concat([]string{"build"}, flags, []string{"-o", temporary, controllerPackage})
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Env = append(os.Environ(), cgo)
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", errors.Join(fmt.Errorf("build %s: %w", ControllerName, err), errors.New(strings.TrimSpace(string(out))))
	}
	return path, os.Rename(temporary, path)
}

// sourceRoot is the folder of this module, when the working directory is inside it.
func sourceRoot(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Path}} {{.Dir}}").Output()
	if err != nil {
		return "", fmt.Errorf("look for the source tree: %w", err)
	}
	name, dir, _ := strings.Cut(strings.TrimSpace(string(out)), " ")
	if name != "underlay" {
		return "", fmt.Errorf("the working directory belongs to %s", name)
	}
	return dir, nil
}
