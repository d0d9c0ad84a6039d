package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"underlay/internal/kube"
	"underlay/test/nodes/lab"
)

// home is the one place of a lab that stays.
var home = filepath.Join(lab.Place(), "underlay-nodes")

// Files in it. The first process writes what it knows of itself; the text is for
// people and says that the lab is ready.
const (
	serverPID = "server.pid"
	insidePID = "inside.pid"
	readyText = "ready.txt"
)

// serverLog is what the first process says; it is there before the folder is.
var serverLog = filepath.Join(os.TempDir(), "underlay-nodesctl.log")

const (
	upTimeout   = 30 * time.Minute // Kubernetes may have to be built first
	downTimeout = 2 * time.Minute
)

// up starts a server that outlives this process, shows what it says until it is
// ready, and then how to use the lab.
func up(ctx context.Context, desired wish) error {
	lacks := lab.Lacks(ctx)
	if desired.volumes {
		lacks = append(lacks, lab.DriverLacks()...)
	}
	if len(lacks) > 0 {
		return fmt.Errorf("this computer lacks: %s", strings.Join(lacks, "; "))
	}
	if lab.InUse(home) {
		return errors.New("a lab is up already: " + filepath.Join(home, readyText))
	}
	log, err := os.Create(serverLog)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	server := exec.Command("/proc/self/exe", "serve", "-root", desired.root, //nolint:noctx // it outlives this process
		"-nodes", strconv.Itoa(desired.nodes), "-volumes="+strconv.FormatBool(desired.volumes))
	server.Stdout, server.Stderr = log, log
	server.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := server.Start(); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Wait() }()
	return follow(ctx, log.Name(), ended, func() error { return server.Process.Signal(syscall.SIGTERM) })
}

// follow copies the server's log until the lab is ready. If it never is, it is stopped.
func follow(ctx context.Context, log string, ended <-chan error, stop func() error) error {
	ctx, cancel := context.WithTimeout(ctx, upTimeout)
	defer cancel()
	reader, err := os.Open(log)
	if err != nil {
		return err
	}
	defer func() { _ = reader.Close() }()
	for {
		_, _ = io.Copy(os.Stderr, reader)
		if text, err := os.ReadFile(filepath.Join(home, readyText)); err == nil {
			_, err = os.Stdout.Write(text)
			return err
		}
		select {
		case err := <-ended:
			_, _ = io.Copy(os.Stderr, reader)
			return fmt.Errorf("the lab has ended before it was ready: %w", err)
		case <-ctx.Done():
			return errors.Join(ctx.Err(), stop(), <-ended)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// serve is the process that holds a lab: it builds, encloses, and lets the API
// server and the cloud be reached on loopback.
func serve(ctx context.Context, desired wish) (err error) {
	enclosure, err := lab.OpenEnclosure("")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, enclosure.Close()) }()
	if err := writeNumber(serverPID, os.Getpid()); err != nil {
		return err
	}
	options, err := prepare(ctx, enclosure.Dir, desired)
	if err != nil {
		return err
	}
	stopRelays, message, err := openRelays(ctx, options, desired.nodes)
	if err != nil {
		return err
	}
	defer stopRelays()
	err = enclosure.Run(ctx, message, nil, func(pid int) { _ = writeNumber(insidePID, pid) }) // only exec needs it
	if ctx.Err() != nil {
		return nil // it was asked to end
	}
	return err
}

// prepare builds what a lab runs, and opens a real cloud if the environment names one.
func prepare(ctx context.Context, dir string, desired wish) (lab.Options, error) {
	options, err := lab.Build(ctx, dir, desired.root, kube.LogProgress(os.Stderr))
	if err != nil {
		return options, err
	}
	if err := options.OpenRealCloud(ctx); err != nil || !desired.volumes {
		return options, err
	}
	if !options.CanAttach() {
		return options, errors.New("this OpenStack makes no block devices of volumes")
	}
	options.Disks = true
	return options, lab.BuildDriver(ctx, &options, func(what string) { fmt.Fprintln(os.Stderr, what) })
}

// down asks the server to end and waits until nothing is left.
func down(ctx context.Context) error {
	if pid, err := readNumber(serverPID); err == nil && lab.InUse(home) {
		if err := syscall.Kill(pid, syscall.SIGTERM); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("end the lab: %w", err)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, downTimeout)
	defer cancel()
	for lab.InUse(home) {
		select {
		case <-ctx.Done():
			return fmt.Errorf("the lab does not end: %w", ctx.Err())
		case <-time.After(100 * time.Millisecond):
		}
	}
	if err := os.Remove(serverLog); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return lab.Sweep() // of one that was killed
}

// execute runs a command in a node's namespaces, by way of the lab's.
func execute(args []string) error {
	if len(args) < 2 {
		return errors.New("usage:\n" + usage)
	}
	inside, err := readNumber(insidePID)
	if err != nil {
		return fmt.Errorf("is a lab up? %w", err)
	}
	machine, err := readNumber(filepath.Join(labName, args[0], lab.MachinePID))
	if err != nil {
		return fmt.Errorf("is there a node %s? %w", args[0], err)
	}
	nsenter, err := exec.LookPath("nsenter")
	if err != nil {
		return err
	}
	command := []string{"nsenter", "--all", "--target", strconv.Itoa(inside), "--", nsenter, "--all", "--target", strconv.Itoa(machine), "--"}
	return syscall.Exec(nsenter, append(command, args[1:]...), os.Environ())
}

func writeNumber(name string, number int) error {
	return os.WriteFile(filepath.Join(home, name), []byte(strconv.Itoa(number)), 0o644)
}

func readNumber(name string) (int, error) {
	content, err := os.ReadFile(filepath.Join(home, name))
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(string(content)))
}
