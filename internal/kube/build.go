package kube

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// Binaries are executables by program name.
type Binaries map[string]string

// Builder makes upstream programs from source, once each: a program whose
// binary exists for the pinned version is not made again.
type Builder struct {
	// Cache is the folder that keeps <module>/<version>/{src,bin}.
	// Empty means the folder "underlay" of os.UserCacheDir.
	Cache string
	// Assets is a folder with ready binaries; those that it has are used
	// as they are, the others are made.
	Assets string
	// Progress hears what happens, from the goroutine that called Build. May be nil.
	Progress func(Progress)

	started time.Time
	seen    map[string]bool // packages that this Build has compiled
}

// Build returns the named programs (DefaultPrograms when none is named) and
// makes those that are missing. The folder that KUBEBUILDER_ASSETS names is
// looked at first, as envtest does. Two processes that build at the same time
// take turns, so nothing is made twice.
func Build(ctx context.Context, progress func(Progress), names ...string) (Binaries, error) {
	b := &Builder{Assets: os.Getenv("KUBEBUILDER_ASSETS"), Progress: progress}
	return b.Build(ctx, names...)
}

// Build is the package's Build with this Builder's settings.
func (b *Builder) Build(ctx context.Context, names ...string) (Binaries, error) {
	b.started, b.seen = time.Now(), map[string]bool{}
	wanted, err := lookup(names)
	if err != nil {
		return nil, err
	}
	if b.Cache == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return nil, fmt.Errorf("find the cache folder: %w", err)
		}
		b.Cache = filepath.Join(cache, "underlay")
	}
	binaries := Binaries{}
	for _, p := range wanted {
		path, err := b.program(ctx, p)
		if err != nil {
			return nil, err
		}
		binaries[p.name] = path
	}
	return binaries, nil
}

func (b *Builder) tell(p Progress) {
	if b.Progress == nil {
		return
	}
	p.Elapsed = time.Since(b.started)
	b.Progress(p)
}

// program finds or makes one binary.
func (b *Builder) program(ctx context.Context, p program) (string, error) {
	home := filepath.Join(b.Cache, p.module.name, p.module.version)
	target := filepath.Join(home, "bin", p.name)
	for _, path := range []string{filepath.Join(b.Assets, p.name), target} {
		if b.Assets == "" && path != target {
			continue
		}
		if executable(path) {
			b.tell(Progress{Phase: Found, Program: p.name, Path: path})
			return path, nil
		}
	}
	if _, err := exec.LookPath("go"); err != nil {
		return "", fmt.Errorf("build %s: the go command is needed once and is not in PATH; or set KUBEBUILDER_ASSETS to a folder with %s: %w",
			p.name, p.name, err)
	}
	unlock, err := b.lock(ctx, home, p)
	if err != nil {
		return "", fmt.Errorf("build %s: %w", p.name, err)
	}
	defer unlock()
	if executable(target) { // made by another process while this one waited
		b.tell(Progress{Phase: Found, Program: p.name, Path: target})
		return target, nil
	}
	if err := b.compile(ctx, p, home, target); err != nil {
		return "", fmt.Errorf("build %s: %w", p.name, err)
	}
	b.tell(Progress{Phase: Built, Program: p.name, Path: target})
	return target, nil
}

// lock holds the module's folder; the lock ends with the process at the latest.
func (b *Builder) lock(ctx context.Context, home string, p program) (unlock func(), err error) {
	if err := os.MkdirAll(filepath.Join(home, "bin"), 0o755); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Join(home, "src"), 0o755); err != nil {
		return nil, err
	}
	file, err := os.OpenFile(filepath.Join(home, "lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	for {
		err := lockFile(file)
		if err == nil {
			return func() { _ = file.Close() }, nil
		}
		if !errors.Is(err, errLocked) {
			_ = file.Close()
			return nil, fmt.Errorf("lock %s: %w", file.Name(), err)
		}
		b.tell(Progress{Phase: Waiting, Program: p.name})
		select {
		case <-ctx.Done():
			_ = file.Close()
			return nil, ctx.Err()
		case <-time.After(500 * time.Millisecond):
		}
	}
}

// compile writes the module's files and builds one program into a temporary
// file beside the target, so that a half-written binary is never found.
func (b *Builder) compile(ctx context.Context, p program, home, target string) error {
	src := filepath.Join(home, "src")
	for name, content := range map[string][]byte{"go.mod": p.module.mod, "go.sum": p.module.sum} {
		if err := os.WriteFile(filepath.Join(src, name), content, 0o644); err != nil {
			return err
		}
	}
	goTool := goCommand{dir: src, packages: b.seen, tell: func(now Progress) {
		now.Program = p.name
		b.tell(now)
	}}
	total, err := goTool.list(ctx, p.pkg)
	if err != nil {
		return err
	}
	temporary := fmt.Sprintf("%s.%d", target, os.Getpid())
	defer func() { _ = os.Remove(temporary) }() // gone, when all went well
	if err := goTool.build(ctx, p.pkg, p.module.ldflags, temporary, total); err != nil {
		return err
	}
	return os.Rename(temporary, target)
}

func executable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}
