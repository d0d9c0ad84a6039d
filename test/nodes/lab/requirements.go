package lab

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// packages are those of Debian and Ubuntu that have the programs.
const packages = "containerd runc containernetworking-plugins iproute2 nftables iptables conntrack util-linux procps"

var commands = []string{"containerd", "containerd-shim-runc-v2", "ctr", "runc", "ip", "nft", "nsenter", "sysctl"}

// Lacks says what this computer lacks for a lab; nothing when it can have one.
func Lacks(ctx context.Context) []string {
	if runtime.GOOS != "linux" {
		return []string{"Linux"}
	}
	if os.Geteuid() != 0 {
		return []string{"root"}
	}
	var lacks []string
	for _, command := range commands {
		if _, err := exec.LookPath(command); err != nil {
			lacks = append(lacks, "the program "+command)
		}
	}
	if PluginFolder() == "" {
		lacks = append(lacks, fmt.Sprintf("the CNI plugins %s in one of %s", strings.Join(cniPlugins, ", "), strings.Join(cniFolders, ", ")))
	}
	if len(lacks) > 0 {
		lacks = append(lacks, "(on Debian and Ubuntu: apt-get install "+packages+")")
	}
	for _, test := range []func(context.Context) error{makesNamespaces, makesOverlays, makesCgroups} {
		if err := test(ctx); err != nil {
			lacks = append(lacks, err.Error())
		}
	}
	return lacks
}

func makesNamespaces(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, "true")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: isolation}
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("the right to make namespaces: %w", err)
	}
	return nil
}

// makesOverlays tries what a machine's root is made of.
func makesOverlays(context.Context) error {
	dir, err := os.MkdirTemp(Place(), "overlay-")
	if err != nil {
		return fmt.Errorf("a folder to write to: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	for _, name := range []string{"upper", "work", "root"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
			return err
		}
	}
	root := filepath.Join(dir, "root")
	if err := unix.Mount("overlay", root, "overlay", 0, fmt.Sprintf("lowerdir=/,upperdir=%s/upper,workdir=%s/work", dir, dir)); err != nil {
		return fmt.Errorf("overlays in %s (set UNDERLAY_NODES_DIR to a folder on a disk): %w", Place(), err)
	}
	return unix.Unmount(root, unix.MNT_DETACH)
}

func makesCgroups(context.Context) error {
	entries, err := os.ReadDir("/sys/fs/cgroup")
	if err != nil {
		return fmt.Errorf("control groups: %w", err)
	}
	if len(entries) == 0 {
		return fmt.Errorf("control groups at /sys/fs/cgroup")
	}
	if unix.Access("/sys/fs/cgroup", unix.W_OK) != nil {
		return fmt.Errorf("control groups that can be written")
	}
	return nil
}
