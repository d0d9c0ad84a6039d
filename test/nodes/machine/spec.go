// Package machine makes a process and its namespaces look like a computer to the
// kubelet: a root file system of its own, its own network interface, its own
// processes, a host name and a system UUID. On it run containerd, the kubelet and
// kube-proxy, as on a server of the cloud.
//
// Nothing of it can stay behind but the folder and the control groups that its
// spec names: interfaces, mounts and processes go with the namespaces.
package machine

import (
	"fmt"
	"net/netip"
	"os"
)

// Task is the name of Run for reexec.
const Task = "machine"

// Interface is the name of a machine's network interface.
const Interface = "eth0"

// File is a file, or by its mode a directory, that a machine has before it starts
// anything.
type File struct {
	Path    string
	Content []byte
	Mode    os.FileMode
	// UID is the owner and the group.
	UID int
}

// Program is something that a machine runs for as long as it is up.
type Program struct {
	Name string
	Args []string
}

// Spec says what a machine is like.
type Spec struct {
	Name string
	// Dir is its folder outside: what it writes is below.
	Dir string
	// Cgroup is its group in every hierarchy, such as "/lab/node-1".
	Cgroup string
	// UUID is what the firmware says, in Nova's case the server's id.
	UUID string
	// Address with the length of its subnet, and the gateway.
	Address netip.Prefix
	Gateway netip.Addr
	// Relays are addresses of the machine's loopback that lead out by sockets: those
	// of a cloud whose catalog says so.
	Relays map[string]string
	// Binaries are put into /usr/local/bin by name.
	Binaries map[string]string
	// Disks is a folder outside with links to the disks that the machine has, which
	// it sees as /dev/disk/by-id; "" gives it the devices of this computer as they are.
	Disks string
	// Metadata is what the metadata service answers here; nil where there is none.
	Metadata []byte
	// Images are archives of container images.
	Images []string
	Files  []File
	// Programs start when containerd has the images.
	Programs []Program
}

// path is a file below the machine's folder outside.
func (s Spec) path(name string) string { return s.Dir + "/" + name }

// check finds what would give a machine that is hard to understand.
func (s Spec) check() error {
	switch {
	case s.Name == "" || s.Dir == "" || s.Cgroup == "" || s.UUID == "":
		return fmt.Errorf("machine %q: no name, folder, control group or UUID", s.Name)
	case !s.Address.IsValid() || !s.Gateway.IsValid():
		return fmt.Errorf("machine %s: no address or gateway", s.Name)
	}
	return nil
}
