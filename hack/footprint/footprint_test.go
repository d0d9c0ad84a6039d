//go:build linux

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDifferences(t *testing.T) {
	before := footprint{
		"mount":      {"/": "ext4 /dev/vda", "/mnt": "tmpfs tmpfs", "/tmp/underlay-nodes-1/run": "tmpfs tmpfs"},
		sysctlKind:   {"kernel/panic": "0", "vm/swappiness": "60"},
		"interface":  {"lo": "[127.0.0.1/8]"},
		"namespace":  {"net:[1]": "", "net:[0]": ""},
		"process":    {"33": "etcd"},
		"empty kind": {},
	}
	after := footprint{
		"mount":     {"/": "ext4 /dev/vda", "/srv": "proc proc"},
		sysctlKind:  {"kernel/panic": "10", "vm/swappiness": "60", "net/bridge/new": "1"},
		"interface": {"lo": "[127.0.0.1/8]"},
		"namespace": {"net:[1]": "", "net:[2]": ""},
		"process":   {"77": "etcd"},
	}
	want := []string{
		`changed: sysctl kernel/panic from "0" to "10"`,
		"gone: mount /mnt",
		"left: mount /srv proc proc",
		"left: namespace net:[2] ",
		"left: process 77 etcd",
	}
	if diff := cmp.Diff(want, before.differences(after)); diff != "" {
		t.Errorf("differences (-want +got):\n%s", diff)
	}
	if got := before.differences(before); got != nil {
		t.Errorf("got %v for the same machine, want none", got)
	}
}

// A process of this run, a folder and a file that a test would leave are seen.
func TestLook(t *testing.T) {
	t.Setenv(mark, t.Name())
	own := t.TempDir()
	t.Setenv("TMPDIR", own)
	before, err := look(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{"control group", "interface", "mount", "namespace", sysctlKind} {
		if len(before[kind]) == 0 {
			t.Errorf("no %s is seen", kind)
		}
	}
	left := filepath.Join(own, "left")
	if err := os.Mkdir(left, 0o700); err != nil {
		t.Fatal(err)
	}
	sleeper := exec.CommandContext(t.Context(), "sleep", "600")
	if err := sleeper.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sleeper.Wait() }) // it is killed with the test's context
	after, err := look(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Join(before.differences(after), "\n")
	for _, want := range []string{"left: folder " + left, "left: process"} {
		if !strings.Contains(got, want) {
			t.Errorf("got %q, want %q in it", got, want)
		}
	}
}

func TestUsage(t *testing.T) {
	for _, args := range [][]string{nil, {"save"}, {"remember", "x"}, {"compare", filepath.Join(t.TempDir(), "missing")}} {
		if err := run(t.Context(), args, &strings.Builder{}); err == nil {
			t.Errorf("%v: no error", args)
		}
	}
}

func TestSaveAndCompare(t *testing.T) {
	file := filepath.Join(t.TempDir(), "footprint")
	if err := run(t.Context(), []string{"save", file}, &strings.Builder{}); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(file); err != nil || info.Size() < 100 {
		t.Errorf("the footprint is %v (%v)", info, err)
	}
}
