//go:build !linux

package kube

import "syscall"

// dieWithParent: only Linux can do this.
func dieWithParent(*syscall.SysProcAttr) {}
