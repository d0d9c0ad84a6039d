package kube

import (
	"errors"
	"os"
	"syscall"
)

// errLocked: another process holds the file.
var errLocked = errors.New("held by another process")

// lockFile takes an advisory lock that ends when the file is closed or the
// process ends, whichever way it ends: a crash leaves nothing to clean up.
func lockFile(file *os.File) error {
	err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return errLocked
	}
	return err
}
