//go:build linux

package testbed

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// mount gives the root a /proc, the one thing of the running machine that the
// services need. Device nodes are in the root itself.
func (b *Testbed) mount() error {
	if b.mounted() {
		return nil
	}
	if err := syscall.Mount("proc", b.path("/proc"), "proc", syscall.MS_NOSUID|syscall.MS_NODEV|syscall.MS_NOEXEC, ""); err != nil {
		return fmt.Errorf("mount /proc: %w", err)
	}
	return nil
}

func (b *Testbed) unmount() error {
	if !b.mounted() {
		return nil
	}
	if err := syscall.Unmount(b.path("/proc"), syscall.MNT_DETACH); err != nil {
		return fmt.Errorf("unmount /proc: %w", err)
	}
	return nil
}

func (b *Testbed) mounted() bool {
	_, err := os.Stat(b.path("/proc/self"))
	return err == nil
}

// removeRoot removes the packages; never while something is mounted among them.
func (b *Testbed) removeRoot() error {
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return fmt.Errorf("read the mounts: %w", err)
	}
	inside := strings.ReplaceAll(b.root, " ", `\040`) + "/" // as proc_pid_mountinfo(5) writes it
	for line := range strings.Lines(string(mounts)) {
		if fields := strings.Fields(line); len(fields) > 4 && strings.HasPrefix(fields[4]+"/", inside) {
			return fmt.Errorf("remove %s: %s is mounted", b.root, fields[4])
		}
	}
	if err := os.RemoveAll(b.root); err != nil {
		return fmt.Errorf("remove %s: %w", b.root, err)
	}
	return nil
}

// lock keeps two runs apart.
func (b *Testbed) lock() (unlock func(), err error) {
	if os.Geteuid() != 0 {
		return nil, errors.New("this needs root: the services live in a folder that they see as /")
	}
	file, err := os.OpenFile(filepath.Join(b.opts.Dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the testbed: %w", err)
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("lock the testbed: another run is busy with %s", b.opts.Dir), file.Close())
	}
	return func() { _ = file.Close() }, nil
}
