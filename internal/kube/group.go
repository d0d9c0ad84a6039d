package kube

import (
	"os/exec"
	"syscall"
)

// ownGroup keeps a child out of this process's group, so that Ctrl-C in the
// terminal reaches this process only, which then ends its children in order.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	dieWithParent(cmd.SysProcAttr)
}

// endGroup ends a command that ownGroup set apart, with the processes that it
// started itself (the go command starts compilers).
func endGroup(cmd *exec.Cmd) error {
	return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM)
}
