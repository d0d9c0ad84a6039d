//go:build linux

package testbed

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// suite is the Debian release that has OpenStack 2025.1.
const suite = "trixie"

// keyring verifies the packages (Debian package debian-archive-keyring).
const keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"

// Notes in the root of what it has already.
const (
	baseNote     = "/.underlay-base"
	packagesNote = "/.underlay-packages"
)

// basePackages serve all services.
var basePackages = []string{
	"ca-certificates", "iproute2", "procps", // to look around
	"mariadb-server", "rabbitmq-server", "memcached", "uwsgi-core", "uwsgi-plugin-python3", "python3-pymysql", "python3-memcache",
}

// install makes the root with all packages. What is there from an earlier run stays.
func (b *Testbed) install(ctx context.Context) error {
	if err := b.checkPorts(ctx); err != nil {
		return err
	}
	if _, err := os.Stat(b.path(baseNote)); err != nil {
		if err := b.bootstrap(ctx); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(b.path(logDir), 0o755); err != nil {
		return fmt.Errorf("make the folder of logs: %w", err)
	}
	if err := b.mount(); err != nil {
		return err
	}
	return b.installPackages(ctx)
}

// bootstrap makes a minimal Debian.
func (b *Testbed) bootstrap(ctx context.Context) error {
	if err := b.removeRoot(); err != nil { // half of one, from a run that was interrupted
		return err
	}
	if err := b.hostTools(ctx); err != nil {
		return err
	}
	log := filepath.Join(b.opts.Dir, "bootstrap.log")
	b.progress.detail = func() string { return lastLine(log) }
	file, err := os.Create(log)
	if err != nil {
		return fmt.Errorf("open the log of the bootstrap: %w", err)
	}
	defer func() { _ = file.Close() }() // a log
	source := func(address, suite string) string { return "deb " + address + " " + suite + " main" }
	mirror := strings.TrimRight(b.opts.Mirror, "/")
	cmd := exec.CommandContext(ctx, "mmdebstrap", "--variant=minbase", "--keyring="+keyring, suite, b.root,
		source(mirror, suite), source(mirror, suite+"-updates"), source(mirror+"-security", suite+"-security"))
	cmd.Stdout, cmd.Stderr = file, file
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // it unmounts what it has mounted
	cmd.WaitDelay = time.Minute
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("bootstrap Debian: %w; see %s", err, log)
	}
	return errors.Join(
		b.write("/usr/sbin/policy-rc.d", "#!/bin/sh\n# Packages start no services here.\nexit 101\n", 0o755),
		b.write("/etc/dpkg/dpkg.cfg.d/underlay", "force-unsafe-io\npath-exclude=/usr/share/doc/*\npath-exclude=/usr/share/man/*\npath-exclude=/usr/share/locale/*\n", 0o644),
		b.write(baseNote, suite+"\n", 0o644),
	)
}

// hostTools installs on this machine what makes a Debian.
func (b *Testbed) hostTools(ctx context.Context) error {
	_, missing := exec.LookPath("mmdebstrap")
	_, keyless := os.Stat(keyring)
	if missing == nil && keyless == nil {
		return nil
	}
	b.progress.say("installing mmdebstrap and debian-archive-keyring on this machine")
	for _, args := range [][]string{{"update", "-q"}, {"install", "-q", "-y", "--no-install-recommends", "mmdebstrap", "debian-archive-keyring"}} {
		cmd := exec.CommandContext(ctx, "apt-get", args...)
		cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("apt-get %s: %w\n%s", args[0], err, out)
		}
	}
	return nil
}

// installPackages installs those that the root does not have.
func (b *Testbed) installPackages(ctx context.Context) error {
	wanted := slices.Clone(basePackages)
	for _, s := range b.services {
		wanted = append(wanted, s.packages...)
	}
	note, err := os.ReadFile(b.path(packagesNote))
	if err != nil && !os.IsNotExist(err) {
		return fmt.Errorf("read the list of packages: %w", err)
	}
	had := strings.Fields(string(note))
	missing := slices.DeleteFunc(slices.Clone(wanted), func(name string) bool { return slices.Contains(had, name) })
	if len(missing) == 0 {
		return nil
	}
	resolver, err := os.ReadFile("/etc/resolv.conf")
	if err != nil {
		return fmt.Errorf("read this machine's resolver: %w", err)
	}
	if err := b.write("/etc/resolv.conf", string(resolver), 0o644); err != nil {
		return err
	}
	const log = "packages"
	b.progress.detail = func() string { return lastLine(b.logFile(log)) }
	if err := b.run(ctx, log, "/usr/bin/apt-get", "update", "-q"); err != nil {
		return err
	}
	if err := b.run(ctx, log, append([]string{"/usr/bin/apt-get", "install", "-q", "-y", "--no-install-recommends"}, missing...)...); err != nil {
		return err
	}
	if err := b.run(ctx, log, "/usr/bin/apt-get", "clean"); err != nil {
		return err
	}
	return b.write(packagesNote, strings.Join(append(had, missing...), "\n")+"\n", 0o644)
}

// write makes a file in the root, with its folders, in place of one that is there.
func (b *Testbed) write(inside, content string, mode os.FileMode) error {
	path := b.path(inside)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("write %s: %w", inside, err)
	}
	if err := os.RemoveAll(path); err != nil { // it may be a link to somewhere on this machine
		return fmt.Errorf("write %s: %w", inside, err)
	}
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		return fmt.Errorf("write %s: %w", inside, err)
	}
	return nil
}

// lastLine is the end of a log that is being written.
func lastLine(path string) string {
	content, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	lines := strings.Split(strings.TrimSpace(string(content)), "\n")
	last := strings.TrimSpace(lines[len(lines)-1])
	return last[:min(len(last), 100)]
}
