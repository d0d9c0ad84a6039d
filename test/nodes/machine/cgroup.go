package machine

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

const cgroups = "/sys/fs/cgroup"

// hierarchies are the mounted control group hierarchies: one with cgroup v2, one a
// controller with v1.
func hierarchies() ([]string, error) {
	var status unix.Statfs_t
	if err := unix.Statfs(cgroups, &status); err != nil {
		return nil, fmt.Errorf("find control groups: %w", err)
	}
	if status.Type == unix.CGROUP2_SUPER_MAGIC {
		return []string{cgroups}, nil
	}
	entries, err := os.ReadDir(cgroups)
	if err != nil {
		return nil, fmt.Errorf("find control groups: %w", err)
	}
	var found []string
	for _, entry := range entries {
		if entry.IsDir() { // "cpu,cpuacct" has a link for each of its names
			found = append(found, filepath.Join(cgroups, entry.Name()))
		}
	}
	return found, nil
}

// MakeCgroup makes a group in every hierarchy.
func MakeCgroup(name string) error {
	all, err := hierarchies()
	if err != nil {
		return err
	}
	for _, hierarchy := range all {
		if err := os.MkdirAll(filepath.Join(hierarchy, name), 0o755); err != nil {
			return fmt.Errorf("make control group: %w", err)
		}
	}
	return fillCpusets(name)
}

// fillCpusets gives a group of cgroup v1, and those above it, the processors of
// its parent: a new one has none and takes no process (cpusets(7)).
func fillCpusets(name string) error {
	parent := filepath.Join(cgroups, "cpuset")
	for part := range strings.SplitSeq(strings.Trim(name, "/"), "/") {
		child := filepath.Join(parent, part)
		for _, file := range []string{"cpuset.cpus", "cpuset.mems"} {
			value, err := os.ReadFile(filepath.Join(parent, file))
			if errors.Is(err, fs.ErrNotExist) {
				return nil // cgroup v2, or no such controller
			}
			if err != nil {
				return err
			}
			if err := os.WriteFile(filepath.Join(child, file), value, 0o644); err != nil {
				return fmt.Errorf("fill the processors of control group %s: %w", name, err)
			}
		}
		parent = child
	}
	return nil
}

// cgroupPatience is how long the kernel may take to let go of a group whose
// processes have ended.
const cgroupPatience = 10 * time.Second

// RemoveCgroup removes a group and all below it, in every hierarchy. Its processes
// must have ended. A group that is not there is no error.
func RemoveCgroup(name string) error {
	all, err := hierarchies()
	if err != nil {
		return err
	}
	until := time.Now().Add(cgroupPatience)
	for _, hierarchy := range all {
		for {
			err := removeGroups(filepath.Join(hierarchy, name))
			if err == nil {
				break
			}
			if time.Now().After(until) {
				return fmt.Errorf("remove control group: %w", err)
			}
			time.Sleep(50 * time.Millisecond)
		}
	}
	return nil
}

// removeGroups removes folders from the lowest to the highest. Their files go with them.
func removeGroups(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if entry.IsDir() {
			if err := removeGroups(filepath.Join(dir, entry.Name())); err != nil {
				return err
			}
		}
	}
	if err := unix.Rmdir(dir); err != nil && !errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("%s: %w", dir, err)
	}
	return nil
}
