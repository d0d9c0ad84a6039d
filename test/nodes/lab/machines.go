package lab

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"

	"underlay/internal/kube"
	"underlay/test/nodes/machine"
	"underlay/test/nodes/reexec"
	"underlay/test/nodes/tenant"
)

// Machine is a server of the cloud that is up, or was.
type Machine struct {
	tenant.Server
	// Dir has its logs (log/), and what it wrote.
	Dir     string
	process *kube.Process
	cgroup  string
	disks   string // the folder with the links to its disks; "" without
}

// MachinePID is the file in a machine's folder with the id of its first process,
// as the lab's namespace numbers processes.
const MachinePID = "pid"

// MachineSpec is a machine to add.
type MachineSpec struct {
	Name string
	// ControlPlane gives it the image of the controller manager.
	ControlPlane bool
	// StaticPod provisions it with the control plane's Ignition configuration of
	// manifests/node, and not with the worker's.
	StaticPod bool
	// OtherNetwork leaves out what manifests/node does for pods, and containerd's
	// template: somebody else gives the pods their network.
	OtherNetwork bool
	// Images are archives of further container images.
	Images []string
	// Files are added, and replace those that the node would have.
	Files []machine.File
}

// isolation is what a machine has of its own.
const isolation = syscall.CLONE_NEWNET | syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWUTS | syscall.CLONE_NEWIPC

// Add boots a server in the cloud and the machine for it. The machine joins the
// cluster by itself.
func (l *Lab) Add(ctx context.Context, spec MachineSpec) (*Machine, error) {
	server, err := l.Cloud.Boot(ctx, spec.Name, l.Network.ID)
	if err != nil {
		return nil, err
	}
	address, err := netip.ParseAddr(server.Address)
	if err != nil {
		return nil, fmt.Errorf("boot %s: %w", spec.Name, err)
	}
	m := &Machine{
		Server: server, Dir: l.path(spec.Name),
		cgroup: filepath.Join("/", filepath.Base(l.opts.Dir), spec.Name), disks: l.diskFolder(server.ID),
	}
	l.mu.Lock()
	l.machines = append(l.machines, m)
	l.mu.Unlock()
	if err := l.joinGroup(ctx, server); err != nil {
		return nil, err
	}
	files, flags, errFiles := l.provisioned(spec.StaticPod)
	if spec.OtherNetwork {
		files = slices.DeleteFunc(files, func(file machine.File) bool { return file.Path == masqueradeFile || file.Path == templateFile })
	}
	bootstrap, errBootstrap := l.nodeFiles(spec, m.cgroup)
	if err := errors.Join(errFiles, errBootstrap, machine.MakeCgroup(m.cgroup)); err != nil {
		return nil, fmt.Errorf("boot %s: %w", spec.Name, err)
	}
	metadata, err := l.metadata(ctx, server)
	if err != nil {
		return nil, err
	}
	images := append([]string{l.opts.ProbeImage}, spec.Images...)
	if spec.ControlPlane {
		images = append(images, l.opts.ControllerImage)
	}
	m.process, err = reexec.Start(ctx, reexec.Child{
		Task: machineTask, Name: "machine", Dir: m.Dir, Namespaces: isolation,
		Spec: machine.Spec{
			Name: spec.Name, Dir: m.Dir, Cgroup: m.cgroup, UUID: server.ID,
			Relays: l.opts.Relays, Address: netip.PrefixFrom(address, nodeSubnet.Bits()), Gateway: l.Network.Gateway,
			Disks: m.disks, Metadata: metadata,
			Binaries: map[string]string{"kubelet": l.opts.Binaries[kube.Kubelet], "kube-proxy": l.opts.Binaries[kube.Proxy]},
			Images:   images, Files: slices.Concat(files, bootstrap, spec.Files), // a later one replaces an earlier one
			Programs: programs(spec.Name, flags),
		},
	})
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(m.Dir, MachinePID), []byte(strconv.Itoa(m.process.PID())), 0o644); err != nil {
		return nil, err
	}
	return m, plug(ctx, l.router.PID(), m.process.PID(), server.Port, machine.Interface)
}

// Machines are all that were added and not removed.
func (l *Lab) Machines() []*Machine {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.machines)
}

// PowerOff ends a machine at once, as a power cut does. Its server stays.
func (m *Machine) PowerOff() error {
	if m.process != nil {
		m.process.Kill()
	}
	if m.disks == "" {
		return nil
	}
	return dropStacked(m.disks)
}

// Running says whether the machine is up.
func (m *Machine) Running() bool { return m.process != nil && m.process.Running() }

// Log is the end of what the machine's first process said.
func (m *Machine) Log() string { return m.process.LogTail(20) }

// Exec runs a command on the machine.
func (m *Machine) Exec(ctx context.Context, args ...string) (string, error) {
	enter := []string{"--target", strconv.Itoa(m.process.PID()), "--all", "--"}
	out, err := exec.CommandContext(ctx, "nsenter", append(enter, args...)...).CombinedOutput()
	if err != nil {
		return string(out), fmt.Errorf("on %s: %v: %w: %s", m.Name, args, err, out)
	}
	return string(out), nil
}

// Remove powers a machine off and deletes its server and what it left.
func (l *Lab) Remove(ctx context.Context, m *Machine) error {
	if err := m.PowerOff(); err != nil {
		return err
	}
	if err := l.Cloud.DeleteServer(ctx, m.ID); err != nil {
		return err
	}
	if err := machine.RemoveCgroup(m.cgroup); err != nil {
		return err
	}
	l.mu.Lock()
	l.machines = slices.DeleteFunc(l.machines, func(other *Machine) bool { return other == m })
	l.mu.Unlock()
	return os.RemoveAll(m.Dir)
}
