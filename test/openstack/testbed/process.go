//go:build linux

package testbed

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Folders in the root.
const (
	// stateDir has everything that a run makes, apart from configuration.
	stateDir = "/srv/underlay"
	logDir   = stateDir + "/log"
	runDir   = stateDir + "/run"
)

// process is a program that serves until Down.
type process struct {
	name    string
	command []string // rendered as a template
	env     []string
	// port is the name of the port where it is ready when it accepts
	// connections, or answers HTTP if it is a service's; "" = ready at once.
	port string
	// ready replaces that check.
	ready func(context.Context) error

	ended chan struct{}
	err   error // of its end; valid once ended is closed
}

// path is where something in the root is on this machine.
func (b *Testbed) path(inside string) string { return filepath.Join(b.root, inside) }

// command runs in the root, with nothing of this process's environment but what
// fetches packages.
func (b *Testbed) command(ctx context.Context, argv ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir = "/"
	cmd.Env = []string{
		"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LC_ALL=C.UTF-8", "DEBIAN_FRONTEND=noninteractive", "PYTHONPATH=" + driversDir,
	}
	for _, name := range []string{"http_proxy", "https_proxy"} {
		if value := os.Getenv(name); value != "" {
			cmd.Env = append(cmd.Env, name+"="+value)
		}
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: b.root, Setsid: true}
	return cmd
}

// run waits for a command in the root; its output goes to a log of that name.
func (b *Testbed) run(ctx context.Context, log string, argv ...string) error {
	file, err := b.openLog(log)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }() // the command has written by then
	cmd := b.command(ctx, argv...)
	cmd.Stdout, cmd.Stderr = file, file
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("run %s: %w\n%s", strings.Join(argv, " "), err, b.logTail(log))
	}
	return nil
}

// startAll starts processes at once and waits until each is ready.
func (b *Testbed) startAll(ctx context.Context, all []process) error {
	for i := range all {
		if err := b.start(ctx, &all[i]); err != nil {
			return err
		}
	}
	var waiting []func() error
	for i := range all {
		waiting = append(waiting, func() error { return b.await(ctx, &all[i]) })
	}
	return together(len(waiting), waiting)
}

// start has the process outlive this program, in a session of its own.
func (b *Testbed) start(ctx context.Context, p *process) error {
	argv, err := b.renderAll(service{}, p.command)
	if err != nil {
		return err
	}
	env, err := b.renderAll(service{}, p.env)
	if err != nil {
		return err
	}
	log, err := b.openLog(p.name)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }() // the process has a descriptor of its own
	cmd := b.command(context.WithoutCancel(ctx), argv...)
	cmd.Env = append(cmd.Env, env...)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", p.name, err)
	}
	p.ended = make(chan struct{})
	go func() {
		p.err = cmd.Wait()
		close(p.ended)
	}()
	b.running = append(b.running, p)
	return b.record(p.name, cmd.Process.Pid)
}

// await waits until the process is ready, has ended, or the context has.
func (b *Testbed) await(ctx context.Context, p *process) error {
	ready := p.ready
	switch _, infrastructure := infrastructurePorts[p.port]; {
	case ready != nil:
	case p.port == "":
		return nil
	case infrastructure:
		ready = func(ctx context.Context) error { return accepts(ctx, b.address(p.port)) }
	default:
		ready = func(ctx context.Context) error { return answers(ctx, b.url(p.port)) }
	}
	for {
		err := ready(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-p.ended:
			return fmt.Errorf("%s has ended: %w\n%s", p.name, p.err, b.logTail(p.name))
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("%s is not ready: %w\n%s", p.name, ctx.Err(), b.logTail(p.name)), err)
		case <-time.After(250 * time.Millisecond):
		}
	}
}

func (b *Testbed) openLog(name string) (*os.File, error) {
	file, err := os.OpenFile(b.logFile(name), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open the log of %s: %w", name, err)
	}
	return file, nil
}

func (b *Testbed) logFile(name string) string { return filepath.Join(b.path(logDir), name+".log") }

// logTail is the end of a log, for messages.
func (b *Testbed) logTail(name string) string {
	content, err := os.ReadFile(b.logFile(name))
	if err != nil {
		return ""
	}
	lines := strings.Split(strings.TrimSpace(string(content)), "\n")
	return strings.Join(lines[max(0, len(lines)-15):], "\n")
}
