package kube

import "syscall"

// dieWithParent has the kernel end the child when the thread that started it
// ends: nothing is left behind by a parent that was killed. StartProcess keeps
// that thread for as long as the child lives (golang.org/issue/27505).
func dieWithParent(attr *syscall.SysProcAttr) { attr.Pdeathsig = syscall.SIGKILL }
