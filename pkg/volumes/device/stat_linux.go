package device

import (
	"os"
	"syscall"
)

// sysStat is the number of the device that a node stands for.
func sysStat(info os.FileInfo) (uint64, bool) {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}
	return stat.Rdev, true
}
