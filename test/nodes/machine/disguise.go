package machine

import (
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// firmwareUUID is where the kubelet reads the system UUID on most computers
// (github.com/google/cadvisor, utils/sysfs). Where there is no such file it reads
// /etc/machine-id in the end.
const firmwareUUID = "sys/class/dmi/id/product_uuid"

// kernelTunables are what the kubelet demands of the kernel and sets by itself
// where it finds otherwise (pkg/kubelet/cm/container_manager_linux.go). They are
// the whole computer's, so a machine sees files in their place that say what the
// kubelet wants to read, and the real ones stay as they are.
var kernelTunables = map[string]string{
	"vm/overcommit_memory":      "1",
	"vm/panic_on_oom":           "0",
	"kernel/panic":              "10",
	"kernel/panic_on_oops":      "1",
	"kernel/keys/root_maxkeys":  "1000000",
	"kernel/keys/root_maxbytes": "25000000",
}

// disguise covers what would tell the machine about the computer it runs on, or
// let it change that.
func disguise(spec Spec, root string) error {
	covers := map[string]string{}
	for name, value := range kernelTunables {
		covers["proc/sys/"+name] = value
	}
	covers[firmwareUUID] = spec.UUID
	for target, value := range covers {
		target = filepath.Join(root, target)
		if _, err := os.Stat(target); os.IsNotExist(err) {
			continue // another kernel, another computer
		}
		source := spec.path("covers/" + filepath.Base(target))
		if err := os.MkdirAll(filepath.Dir(source), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(source, []byte(value+"\n"), 0o644); err != nil {
			return err
		}
		if err := unix.Mount(source, target, "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("cover %s: %w", target, err)
		}
	}
	return File{Path: "/etc/machine-id", Content: []byte(spec.UUID + "\n"), Mode: 0o444}.write(root)
}
