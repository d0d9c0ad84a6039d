package machine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"underlay/internal/kube"
	"underlay/test/nodes/relay"
)

// cableTimeout is how long a machine waits for its network interface, and
// containerdTimeout how long for containerd to answer.
const (
	cableTimeout      = 30 * time.Second
	containerdTimeout = 30 * time.Second
)

// Run is the first process of a machine, in its namespaces. It returns when the
// context ends, and the machine is gone with it.
func Run(ctx context.Context, text []byte) error {
	// The machine has a /tmp of its own: a folder of whoever started it is not there.
	if err := os.Unsetenv("TMPDIR"); err != nil {
		return fmt.Errorf("forget the folder for temporary files: %w", err)
	}
	var spec Spec
	if err := json.Unmarshal(text, &spec); err != nil {
		return err
	}
	if err := errors.Join(spec.check(), unix.Sethostname([]byte(spec.Name))); err != nil {
		return err
	}
	if err := enterRoot(spec); err != nil {
		return err
	}
	if err := errors.Join(configureNetwork(ctx, spec), reachCloud(ctx, spec)); err != nil {
		return err
	}
	containerd, err := start(ctx, Program{Name: "containerd"})
	if err != nil {
		return err
	}
	if err := importImages(ctx, containerd, len(spec.Images)); err != nil {
		return err
	}
	running := []*kube.Process{containerd}
	for _, program := range spec.Programs {
		process, err := start(ctx, program)
		if err != nil {
			return err
		}
		running = append(running, process)
	}
	return watch(ctx, running)
}

// reachCloud opens what leads to the cloud, and to what the cloud tells the machine.
func reachCloud(ctx context.Context, spec Spec) error {
	for address, socket := range spec.Relays {
		if _, err := relay.Open(ctx, "tcp", address, "unix", "/"+relayPath(socket)); err != nil {
			return err
		}
	}
	return serveMetadata(ctx, spec.Metadata)
}

func start(ctx context.Context, program Program) (*kube.Process, error) {
	return kube.StartProcess(ctx, kube.ProcessSpec{
		Name: program.Name, Path: program.Name, Args: program.Args, LogFile: "/var/log/" + program.Name + ".log",
	})
}

// configureNetwork waits for the interface and gives it the address that the
// cloud gave the server, applies /etc/sysctl.d and loads /etc/nftables.conf, as
// the start of a distribution does.
func configureNetwork(ctx context.Context, spec Spec) error {
	until := time.Now().Add(cableTimeout)
	for {
		_, err := net.InterfaceByName(Interface)
		if err == nil {
			break
		}
		if time.Now().After(until) {
			return fmt.Errorf("wait for %s: %w", Interface, err)
		}
		time.Sleep(20 * time.Millisecond)
	}
	commands := []string{
		"ip link set lo up",
		"ip addr add " + spec.Address.String() + " dev " + Interface,
		"ip link set " + Interface + " up",
		"ip route add default via " + spec.Gateway.String(),
	}
	for _, file := range spec.Files {
		switch {
		case strings.HasPrefix(file.Path, "/etc/sysctl.d/"):
			commands = append(commands, "sysctl -q -p "+file.Path)
		case strings.HasPrefix(file.Path, "/etc/nftables.d/"):
			commands = append(commands, "nft -f "+file.Path)
		}
	}
	for _, command := range commands {
		if err := execute(ctx, strings.Fields(command)...); err != nil {
			return err
		}
	}
	return nil
}

// importImages waits for containerd and gives it the archives.
func importImages(ctx context.Context, containerd *kube.Process, count int) error {
	until := time.Now().Add(containerdTimeout)
	for {
		err := execute(ctx, "ctr", "version")
		if err == nil {
			break
		}
		if !containerd.Running() {
			return containerd.Err()
		}
		if time.Now().After(until) {
			return fmt.Errorf("wait for containerd: %w", err)
		}
		time.Sleep(100 * time.Millisecond)
	}
	for i := range count {
		if err := execute(ctx, "ctr", "--namespace", "k8s.io", "images", "import", "/"+imagePath(i)); err != nil {
			return err
		}
	}
	return nil
}

func execute(ctx context.Context, args ...string) error {
	if out, err := exec.CommandContext(ctx, args[0], args[1:]...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", strings.Join(args, " "), err, bytes.TrimSpace(out))
	}
	return nil
}

// watch is what the first process does from then on: it buries those whose parents
// have gone, and starts again what ends, as systemd does with Restart=always.
// kube-proxy counts on that: it ends when the addresses of its node change.
func watch(ctx context.Context, running []*kube.Process) error {
	for {
		for i, process := range running {
			if process.Running() {
				continue
			}
			fmt.Fprintf(os.Stderr, "%s has ended: %v\n", process.Spec.Name, process.Err())
			again, err := start(ctx, Program{Name: process.Spec.Name, Args: process.Spec.Args})
			if err != nil {
				return err
			}
			running[i] = again
		}
		bury(running)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(time.Second):
		}
	}
}

// bury takes the exit status of dead children that nobody here has started:
// containerd's shims leave such.
func bury(running []*kube.Process) {
	stats, err := os.ReadDir("/proc")
	if err != nil {
		return
	}
	own := map[int]bool{}
	for _, process := range running {
		own[process.PID()] = true
	}
	for _, entry := range stats {
		if pid, dead := deadChild(entry.Name()); dead && !own[pid] {
			_, _ = unix.Wait4(pid, nil, unix.WNOHANG, nil) // gone already is as good
		}
	}
}

// deadChild reads /proc/PID/stat (proc(5)): "PID (name) state parent …".
func deadChild(name string) (pid int, dead bool) {
	stat, err := os.ReadFile("/proc/" + name + "/stat")
	if err != nil {
		return 0, false
	}
	_, after, _ := strings.Cut(string(stat), ") ") // names with ") " are not ours
	var state string
	var parent int
	if _, err := fmt.Sscanf(string(stat), "%d", &pid); err != nil {
		return 0, false
	}
	if _, err := fmt.Sscanf(after, "%s %d", &state, &parent); err != nil {
		return 0, false
	}
	return pid, state == "Z" && parent == 1
}
