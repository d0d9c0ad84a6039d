package lab

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"

	"underlay/internal/kube"
	"underlay/internal/ociarchive"
)

// Build makes all that a lab runs, into dir. It needs the network for what is not
// in Go's caches yet, so it is done before a lab is enclosed. root is the top of
// the source tree.
func Build(ctx context.Context, dir, root string, progress func(kube.Progress)) (Options, error) {
	root, err := filepath.Abs(root)
	if err != nil {
		return Options{}, err
	}
	opts := Options{
		Dir: dir, Root: root,
		ControllerImage: filepath.Join(dir, "controller.tar"), ProbeImage: filepath.Join(dir, "probe.tar"),
	}
	if opts.Binaries, err = kube.Build(ctx, progress, Programs...); err != nil {
		return opts, err
	}
	controller, err := compile(ctx, root, dir, "./cmd/openstack-cloud-controller-manager")
	if err != nil {
		return opts, err
	}
	if err := ociarchive.Controller(ociarchive.ControllerRef, controller, runtime.GOARCH).WriteFile(opts.ControllerImage); err != nil {
		return opts, err
	}
	probe, err := compile(ctx, root, dir, "./test/nodes/probe")
	if err != nil {
		return opts, err
	}
	return opts, ociarchive.Image{
		Ref: ProbeRef, Entrypoint: []string{"/probe"}, Cmd: []string{"pause"}, Architecture: runtime.GOARCH,
		Files: []ociarchive.File{{Path: "/probe", Source: probe, Mode: 0o755}},
	}.WriteFile(opts.ProbeImage)
}

// compile builds a static binary of the source tree into dir.
func compile(ctx context.Context, root, dir, pkg string) (string, error) {
	out := filepath.Join(dir, filepath.Base(pkg))
	cmd := exec.CommandContext(ctx, "go", "build", "-ldflags=-s -w", "-o", out, pkg)
	cmd.Dir, cmd.Env = root, append(os.Environ(), "CGO_ENABLED=0")
	if text, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build %s: %w: %s", pkg, err, bytes.TrimSpace(text))
	}
	return out, nil
}
