//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// look is what there is now, of the kinds that a test can leave.
func look(ctx context.Context) (footprint, error) {
	seen := footprint{}
	err := errors.Join(
		seen.controlGroups(), seen.loopDevices(), seen.mounts(), seen.interfaces(), seen.routes(),
		seen.firewall(ctx), seen.sysctls(), seen.processes(), seen.folders(),
	)
	return seen, err
}

const cgroups = "/sys/fs/cgroup"

// service matches the groups in which systemd runs what it likes, when it likes.
var service = regexp.MustCompile(`/(system\.slice|user\.slice|init\.scope)(/|$)`)

func (f footprint) controlGroups() error {
	return filepath.WalkDir(cgroups, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist): // gone meanwhile
			return nil
		case err != nil:
			return err
		case !entry.IsDir():
			return nil
		case service.MatchString(path):
			return fs.SkipDir
		}
		f.add("control group", path, "")
		return nil
	})
}

func (f footprint) loopDevices() error {
	files, err := filepath.Glob("/sys/block/loop*/loop/backing_file")
	for _, file := range files {
		f.add("loop device", filepath.Base(filepath.Dir(filepath.Dir(file))), content(file))
	}
	return err
}

// mounts are this namespace's: point, type and source (proc_pid_mountinfo(5)).
func (f footprint) mounts() error {
	table, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return fmt.Errorf("read the mounts: %w", err)
	}
	for line := range strings.Lines(string(table)) {
		before, after, _ := strings.Cut(line, " - ")
		place, what := strings.Fields(before), strings.Fields(after)
		if len(place) > 4 && len(what) > 1 {
			f.add("mount", place[4], what[0]+" "+what[1])
		}
	}
	return nil
}

func (f footprint) interfaces() error {
	all, err := net.Interfaces()
	if err != nil {
		return fmt.Errorf("list interfaces: %w", err)
	}
	for _, i := range all {
		addresses, err := i.Addrs()
		if err != nil {
			return fmt.Errorf("list addresses: %w", err)
		}
		f.add("interface", i.Name, fmt.Sprint(addresses))
	}
	return nil
}

// routes are without the columns that count.
func (f footprint) routes() error {
	for file, columns := range map[string][]int{"/proc/net/route": {0, 1, 2, 7}, "/proc/net/ipv6_route": {0, 1, 4, 9}} {
		table, err := os.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) { // no IPv6
			continue
		}
		if err != nil {
			return fmt.Errorf("read the routes: %w", err)
		}
		for line := range strings.Lines(string(table)) {
			fields := strings.Fields(line)
			var name []string
			for _, column := range columns {
				if column < len(fields) {
					name = append(name, fields[column])
				}
			}
			f.add("route", strings.Join(name, " "), "")
		}
	}
	return nil
}

// firewall is all of nftables, without counters. iptables of today is nftables.
func (f footprint) firewall(ctx context.Context) error {
	out, err := exec.CommandContext(ctx, "nft", "--stateless", "list", "ruleset").Output()
	switch {
	case errors.Is(err, exec.ErrNotFound), os.Geteuid() != 0: // nothing of ours changes it either
		return nil
	case err != nil:
		return fmt.Errorf("list the firewall: %w", err)
	}
	f.add("firewall", "nftables", string(out))
	return nil
}

// sysctlKind is the kind of kernel settings.
const sysctlKind = "sysctl"

// volatile are the files below /proc/sys that the kernel changes by itself, or that
// do something when they are read.
var volatile = regexp.MustCompile(`^(fs/(aio-nr|dentry-state|file-nr|inode-nr|inode-state|quota/.*|binfmt_misc.*)|` +
	`kernel/(ns_last_pid|perf_event_max_sample_rate|pty/nr|random/.*|tainted|hung_task_detect_count)|` +
	`net/netfilter/nf_conntrack_count|vm/(compact_memory|stat_refresh))$`)

func (f footprint) sysctls() error {
	const top = "/proc/sys/"
	return filepath.WalkDir(top, func(path string, entry fs.DirEntry, err error) error {
		name := strings.TrimPrefix(path, top)
		if err != nil || entry.IsDir() || volatile.MatchString(name) {
			return nil //nolint:nilerr // some folders are nobody's to read
		}
		f.add(sysctlKind, name, content(path))
		return nil
	})
}

// mark is the environment variable that .ci/run gives to all that it starts.
const mark = "UNDERLAY_RUN"

// processes are those that carry our mark, and those that see another root or
// another network than we do. Those that we descend from have the mark too, and are not left.
func (f footprint) processes() error {
	found, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return err
	}
	family := ancestors()
	for _, dir := range found {
		if slices.Contains(family, filepath.Base(dir)) || exclude(dir) {
			continue
		}
		f.add("process", filepath.Base(dir), content(dir+"/comm"))
	}
	for _, kind := range []string{"net", "mnt", "pid"} {
		for _, dir := range found {
			if space := link(dir + "/ns/" + kind); space != "" && !service.MatchString(content(dir+"/cgroup")) {
				f.add("namespace", space, "")
			}
		}
	}
	named, err := filepath.Glob("/run/netns/*")
	for _, file := range named {
		f.add("namespace", file, "")
	}
	return err
}

// exclude says whether a process is none of this run's.
func exclude(dir string) bool {
	if value := os.Getenv(mark); value != "" {
		environment, err := os.ReadFile(dir + "/environ")
		if err == nil && slices.Contains(strings.Split(string(environment), "\x00"), mark+"="+value) {
			return false
		}
	}
	root := link(dir + "/root")
	return root == "" || root == "/"
}

// ancestors are the process ids from this one up.
func ancestors() []string {
	var family []string
	for pid := "self"; pid != "" && pid != "0" && len(family) < 100; {
		stat := content("/proc/" + pid + "/stat")
		before, after, _ := strings.Cut(stat, " ")
		fields := strings.Fields(after[strings.LastIndexByte(after, ')')+1:])
		if len(fields) < 2 {
			return family
		}
		family = append(family, before)
		pid = fields[1]
	}
	return family
}

// folders are those in which tests work. TMPDIR is the run's own.
func (f footprint) folders() error {
	patterns := []string{"/var/tmp/underlay*", "/tmp/underlay*"}
	if own := os.Getenv("TMPDIR"); own != "" {
		patterns = append(patterns, own+"/*")
	}
	for _, pattern := range patterns {
		found, err := filepath.Glob(pattern)
		if err != nil {
			return err
		}
		for _, path := range found {
			f.add("folder", path, "")
		}
	}
	return nil
}

// content is a file's, without the end of its last line; "" when it cannot be read.
func content(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

func link(path string) string {
	target, err := os.Readlink(path)
	if err != nil {
		return ""
	}
	return target
}
