package machine

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
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
	if all[0] == cgroups { // cgroup v2; beside v1 it has nothing for a kubelet
		return handDown(all[0], name)
	}
	return fillCpusets(name)
}

// controllers are those that the kubelet wants in its root group, as far as the
// machine has them (getSupportedUnifiedControllers in k8s.io/kubernetes/pkg/kubelet/cm).
var controllers = []string{"cpu", "cpuset", "hugetlb", "memory", "pids"}

// handDown gives a group of cgroup v2 the controllers, from the top of the
// hierarchy down: each group has only those that the one above it enables
// (https://docs.kernel.org/admin-guide/cgroup-v2.html#controlling-controllers). At
// the top they stay enabled, as every container engine leaves them.
func handDown(hierarchy, name string) error {
	content, err := os.ReadFile(filepath.Join(hierarchy, "cgroup.controllers"))
	if err != nil {
		return fmt.Errorf("read the controllers of control groups: %w", err)
	}
	var enable []string
	for controller := range strings.FieldsSeq(string(content)) {
		if slices.Contains(controllers, controller) {
			enable = append(enable, "+"+controller)
		}
	}
	group := hierarchy
	for part := range strings.SplitSeq(strings.Trim(name, "/"), "/") {
		if err := os.WriteFile(filepath.Join(group, "cgroup.subtree_control"), []byte(strings.Join(enable, " ")), 0o644); err != nil {
			return fmt.Errorf("enable controllers below control group %s: %w", group, err)
		}
		group = filepath.Join(group, part)
	}
	return nil
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
				return nil // no such controller
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
