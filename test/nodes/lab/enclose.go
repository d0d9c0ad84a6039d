package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"underlay/test/nodes/machine"
)

// Enclosure is the place in which a lab runs: a process with namespaces of its own,
// without any way out, and a folder.
type Enclosure struct {
	// Dir is the folder; its name is also that of the control group.
	Dir  string
	lock *os.File
}

// lockName is the file by which a folder is known to be an enclosure's, and held.
const lockName = "enclosure.lock"

// namePrefix begins the name of every enclosure's folder.
const namePrefix = "underlay-nodes"

// Place is where the folders of enclosures are: on a real file system, since
// machines put overlays there.
func Place() string {
	if dir := os.Getenv("UNDERLAY_NODES_DIR"); dir != "" {
		return dir
	}
	return "/var/tmp"
}

// OpenEnclosure makes a folder of its own and removes what others left that were
// killed. suffix tells enclosures apart that exist at the same time.
func OpenEnclosure(suffix string) (*Enclosure, error) {
	if err := Sweep(); err != nil {
		return nil, err
	}
	e := &Enclosure{Dir: filepath.Join(Place(), namePrefix+suffix)}
	if err := os.MkdirAll(e.Dir, 0o755); err != nil {
		return nil, fmt.Errorf("make the lab's folder: %w", err)
	}
	var err error
	if e.lock, err = lock(e.Dir); err != nil {
		return nil, err
	}
	return e, nil
}

// Close removes what is left when the enclosed process has ended.
func (e *Enclosure) Close() error {
	err := remove(e.Dir)
	return errors.Join(err, e.lock.Close())
}

// remove removes a folder and the control group of its name.
func remove(dir string) error {
	return errors.Join(machine.RemoveCgroup("/"+filepath.Base(dir)), empty(dir), os.RemoveAll(dir))
}

// empty removes all of a folder but the lock, so that it counts as in use for as
// long as anything else is there.
func empty(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	problems := []error{err}
	for _, entry := range entries {
		if entry.Name() != lockName {
			problems = append(problems, os.RemoveAll(filepath.Join(dir, entry.Name())))
		}
	}
	return errors.Join(problems...)
}

// lock holds a folder until the file is closed, which the end of the process does too.
func lock(dir string) (*os.File, error) {
	file, err := os.OpenFile(filepath.Join(dir, lockName), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the lab's folder: %w", err)
	}
	if err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("lock the lab's folder %s: somebody uses it: %w", dir, err), file.Close())
	}
	return file, nil
}

// InUse says whether somebody holds an enclosure's folder.
func InUse(dir string) bool {
	if _, err := os.Stat(filepath.Join(dir, lockName)); err != nil {
		return false
	}
	held, err := lock(dir)
	if err != nil {
		return true
	}
	_ = held.Close()
	return false
}

// Sweep removes enclosures that nobody holds any more: those of processes that
// were killed.
func Sweep() error {
	locks, err := filepath.Glob(filepath.Join(Place(), namePrefix+"*", lockName))
	if err != nil {
		return err
	}
	for _, file := range locks {
		dir := filepath.Dir(file)
		held, err := lock(dir)
		if err != nil {
			continue // in use
		}
		if err := errors.Join(remove(dir), held.Close()); err != nil {
			return fmt.Errorf("remove what another lab left: %w", err)
		}
	}
	return nil
}

// insideVariable marks the enclosed process. Its value is for the program.
const insideVariable = "UNDERLAY_NODES_INSIDE"

// Inside is what Run was given; false in a process that is not enclosed.
func Inside() (string, bool) { return os.LookupEnv(insideVariable) }

// Run starts this very program with the same arguments, or those given, enclosed,
// and waits for its end. message is what Inside gives there; started, which may be
// nil, gets its process id. When the context ends it is asked to end; when this
// process ends, it ends at once, with all that it started.
func (e *Enclosure) Run(ctx context.Context, message string, args []string, started func(pid int)) error {
	cmd := exec.CommandContext(ctx, "/proc/self/exe", args...)
	cmd.Env = append(os.Environ(), insideVariable+"="+message)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: isolation, Pdeathsig: syscall.SIGKILL, Setpgid: true}
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = closeTimeout
	ended := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // the child ends with this thread
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		if err == nil {
			if started != nil {
				started(cmd.Process.Pid)
			}
			err = cmd.Wait()
		}
		ended <- err
	}()
	return <-ended
}

// SettleIn is the first thing that an enclosed process does.
func SettleIn(ctx context.Context, opts Options) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	if err := unix.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		return fmt.Errorf("mount proc: %w", err)
	}
	if err := batch(ctx, 0, "link set lo up"); err != nil {
		return err
	}
	return opts.openRelays(ctx)
}

// Exists names what has the prefix of an enclosure on this computer: control groups
// and mounts. After Close there is nothing.
func (e *Enclosure) Exists() ([]string, error) {
	var found []string
	name := filepath.Base(e.Dir)
	groups, err := filepath.Glob("/sys/fs/cgroup/*/" + name)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat("/sys/fs/cgroup/" + name); err == nil {
		groups = append(groups, "/sys/fs/cgroup/"+name)
	}
	for _, group := range groups {
		found = append(found, "control group "+group)
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(mounts)) {
		if strings.Contains(line, e.Dir) {
			found = append(found, "mount "+strings.TrimSpace(line))
		}
	}
	if _, err := os.Stat(e.Dir); err == nil {
		found = append(found, "folder "+e.Dir)
	}
	return found, nil
}
