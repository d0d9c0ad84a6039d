// Package flannel is the real flannel on the nodes of a lab: its daemon with the
// VXLAN backend and its CNI plugin, built from their source, and deployed as a
// DaemonSet with the names that flannel's own manifest has. It is what pod routes
// are compared with, and what clusters move away from.
package flannel

import (
	"bytes"
	"context"
	_ "embed" // the build modules
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// Version is that of the daemon, as flannel tags it.
const Version = "v0.28.4"

// program is a main package in a build module of its own.
type program struct {
	name, pkg string
	mod, sum  []byte
	ldflags   string
}

var (
	//go:embed build/flanneld.mod
	daemonMod []byte
	//go:embed build/flanneld.sum
	daemonSum []byte
	//go:embed build/plugin.mod
	pluginMod []byte
	//go:embed build/plugin.sum
	pluginSum []byte
)

// One of the daemon's backends is written in C, so it is linked as flannel's own
// release is: static, with a C compiler.
var (
	daemon = program{"flanneld", "github.com/flannel-io/flannel", daemonMod, daemonSum,
		`-s -w -extldflags "-static" -X github.com/flannel-io/flannel/pkg/version.Version=` + Version}
	plugin = program{"plugin", "github.com/containernetworking/plugins/plugins/meta/flannel", pluginMod, pluginSum, "-s -w"}
)

// Lacks says what this computer lacks to build flannel; nothing when it can.
func Lacks() []string {
	if _, err := exec.LookPath("gcc"); err != nil {
		return []string{"the program gcc (on Debian and Ubuntu: apt-get install gcc libc6-dev)"}
	}
	return nil
}

// binary finds a program in the user's cache, or builds it: once, and not by two
// processes at the same time. say hears what takes long.
func (p program) binary(ctx context.Context, say func(string)) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find the cache folder: %w", err)
	}
	home := filepath.Join(cache, "underlay", "flannel", Version, p.name)
	target := filepath.Join(home, p.name)
	if err := os.MkdirAll(home, 0o755); err != nil {
		return "", fmt.Errorf("build %s: %w", p.name, err)
	}
	lock, err := os.OpenFile(filepath.Join(home, "lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return "", fmt.Errorf("build %s: %w", p.name, err)
	}
	defer func() { _ = lock.Close() }()
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX); err != nil {
		return "", fmt.Errorf("build %s: %w", p.name, err)
	}
	if _, err := os.Stat(target); err == nil {
		return target, nil
	}
	if err := p.build(ctx, home, target, say); err != nil {
		return "", fmt.Errorf("build %s: %w", p.name, err)
	}
	return target, nil
}

// build writes the module and has the go command build it into a file that gets
// its name when it is whole.
func (p program) build(ctx context.Context, home, target string, say func(string)) error {
	err := errors.Join(
		os.WriteFile(filepath.Join(home, "go.mod"), p.mod, 0o644),
		os.WriteFile(filepath.Join(home, "go.sum"), p.sum, 0o644),
	)
	if err != nil {
		return err
	}
	began, done := time.Now(), make(chan error, 1)
	go func() {
		cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-tags=osusergo,netgo", "-ldflags="+p.ldflags, "-o", target+".new", p.pkg)
		cmd.Dir = home
		cmd.Env = append(os.Environ(), "CGO_ENABLED=1", "GOFLAGS=-mod=readonly -buildvcs=false", "GOWORK=off")
		out, err := cmd.CombinedOutput()
		if err != nil {
			err = fmt.Errorf("%w: %s", err, bytes.TrimSpace(out))
		}
		done <- err
	}()
	say("building " + p.name + " of flannel " + Version + " from source: up to two minutes on 2 cores, this once")
	for {
		select {
		case err := <-done:
			if err != nil {
				return err
			}
			return os.Rename(target+".new", target)
		case <-time.After(10 * time.Second):
			say(fmt.Sprintf("building %s, %d s", p.name, int(time.Since(began).Seconds())))
		}
	}
}
