package kube

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// ProcessSpec is a program to run as a child.
type ProcessSpec struct {
	Name string // for messages
	Path string
	Args []string
	// Env is added to this process's environment.
	Env []string
	// LogFile takes standard output and error; it is appended to.
	LogFile string
	// Attributes may change how the child is started, such as to give it
	// namespaces of its own. It must leave Setpgid and Pdeathsig. May be nil.
	Attributes func(*syscall.SysProcAttr)
}

// Process is a running child. It is ended by its own process id, never by name.
type Process struct {
	Spec ProcessSpec
	cmd  *exec.Cmd
	done chan struct{}
	err  error // of Wait; valid once done is closed
}

// StartProcess starts a child in a process group of its own. The child does not
// end with the context, but with this process, however that ends (on Linux).
func StartProcess(ctx context.Context, spec ProcessSpec) (*Process, error) {
	log, err := os.OpenFile(spec.LogFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", spec.Name, err)
	}
	defer func() { _ = log.Close() }() // the child has its own descriptor by then
	cmd := exec.CommandContext(context.WithoutCancel(ctx), spec.Path, spec.Args...)
	cmd.Env = append(os.Environ(), spec.Env...)
	cmd.Stdout, cmd.Stderr = log, log
	ownGroup(cmd)
	if spec.Attributes != nil {
		spec.Attributes(cmd.SysProcAttr)
	}
	p := &Process{Spec: spec, cmd: cmd, done: make(chan struct{})}
	started := make(chan error, 1)
	go func() {
		// The kernel ends the child with the thread that started it, so that
		// thread must stay until the child has ended.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			p.err = cmd.Wait()
			close(p.done)
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", spec.Name, err)
	}
	return p, nil
}

// PID is the child's process id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Done is closed when the child has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Running says whether the child has not ended yet.
func (p *Process) Running() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// ExitCode waits for the child's end; -1 when a signal ended it.
func (p *Process) ExitCode() int {
	<-p.done
	return p.cmd.ProcessState.ExitCode()
}

// Err waits for the child's end and says why it ended, with the end of its
// log; nil for exit code 0.
func (p *Process) Err() error {
	<-p.done
	if p.err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w\n%s", p.Spec.Name, p.err, p.LogTail(15))
}

// Signal sends a signal to the child; one that has ended is no error.
func (p *Process) Signal(signal os.Signal) error {
	if err := p.cmd.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("signal %s: %w", p.Spec.Name, err)
	}
	return nil
}

// Stop asks the child to end, waits at most grace, then kills it. It returns
// an error when the child had to be killed.
func (p *Process) Stop(grace time.Duration) error {
	if err := p.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case <-p.done:
		return nil
	case <-time.After(grace):
		p.Kill()
		return fmt.Errorf("stop %s: still running after %s, killed", p.Spec.Name, grace)
	}
}

// Kill ends the child at once (SIGKILL) and waits until it is gone.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill() // it fails only when the child has ended
	<-p.done
}

// LogTail returns the last lines of the child's log.
func (p *Process) LogTail(lines int) string {
	content, err := os.ReadFile(p.Spec.LogFile)
	if err != nil {
		return ""
	}
	all := strings.Split(string(bytes.TrimSpace(content)), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
