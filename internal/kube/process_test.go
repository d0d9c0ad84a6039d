package kube

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func start(t *testing.T, path string, args ...string) *Process {
	t.Helper()
	p, err := StartProcess(t.Context(), ProcessSpec{Name: "child", Path: path, Args: args, LogFile: filepath.Join(t.TempDir(), "log")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
	return p
}

func TestAProcessIsStoppedByASignal(t *testing.T) {
	p := start(t, "sleep", "600")
	if !p.Running() {
		t.Fatalf("not running: %v", p.Err())
	}
	if group, err := syscall.Getpgid(p.PID()); err != nil || group == syscall.Getpgrp() {
		t.Errorf("process group: got %d (%v), want one of its own", group, err)
	}
	if err := p.Stop(time.Minute); err != nil {
		t.Fatal(err)
	}
	if p.Running() || p.ExitCode() != -1 {
		t.Errorf("running %v, exit code %d, want ended by a signal", p.Running(), p.ExitCode())
	}
	if err := p.Signal(os.Interrupt); err != nil {
		t.Errorf("signal after the end: %v, want none", err)
	}
}

func TestAProcessThatDoesNotStopIsKilled(t *testing.T) {
	p := start(t, "sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.05; done")
	for !strings.Contains(p.LogTail(1), "ready") {
		time.Sleep(5 * time.Millisecond)
	}
	if err := p.Stop(50 * time.Millisecond); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Errorf("got %v, want an error that says so", err)
	}
	if p.Running() {
		t.Error("still running")
	}
}

func TestAProcessThatFailsIsExplainedByItsLog(t *testing.T) {
	p := start(t, "sh", "-c", "echo no such cloud >&2; exit 3")
	err := p.Err()
	if err == nil || !strings.Contains(err.Error(), "exit status 3") || !strings.Contains(err.Error(), "no such cloud") {
		t.Errorf("got %v, want the exit status and the end of the log", err)
	}
	if p.ExitCode() != 3 {
		t.Errorf("exit code: got %d, want 3", p.ExitCode())
	}
}

func TestAProcessThatEndsWellIsNoError(t *testing.T) {
	if err := start(t, "true").Err(); err != nil {
		t.Errorf("got %v", err)
	}
}

func TestAMissingProgramIsAnError(t *testing.T) {
	_, err := StartProcess(t.Context(), ProcessSpec{Name: "etcd", Path: filepath.Join(t.TempDir(), "etcd"), LogFile: filepath.Join(t.TempDir(), "log")})
	if err == nil || !strings.Contains(err.Error(), "start etcd") {
		t.Errorf("got %v, want the program's name", err)
	}
}
