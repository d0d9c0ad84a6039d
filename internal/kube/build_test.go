package kube

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// small is a program that builds in a second: it comes with the Go distribution.
var small = program{"test2json", "cmd/test2json", &module{
	name: "small", version: "v1.0.0", mod: []byte("module small\n\ngo 1.26.0\n"), ldflags: "-s -w",
}}

func newBuilder(t *testing.T) (*Builder, *[]Progress) {
	t.Helper()
	var heard []Progress
	b := &Builder{
		Cache: t.TempDir(), Progress: func(p Progress) { heard = append(heard, p) },
		started: time.Now(), seen: map[string]bool{},
	}
	return b, &heard
}

func phases(heard []Progress) []Phase {
	var phases []Phase
	for _, p := range heard {
		if len(phases) == 0 || phases[len(phases)-1] != p.Phase {
			phases = append(phases, p.Phase)
		}
	}
	return phases
}

func TestAMissingProgramIsBuiltOnce(t *testing.T) {
	b, heard := newBuilder(t)
	path, err := b.program(t.Context(), small)
	if err != nil {
		t.Fatal(err)
	}
	if want := filepath.Join(b.Cache, "small", "v1.0.0", "bin", "test2json"); path != want {
		t.Errorf("path: got %s, want %s", path, want)
	}
	if out, err := exec.Command(path, "-h").CombinedOutput(); !strings.Contains(string(out), "usage") {
		t.Errorf("the binary does not run: %v\n%s", err, out)
	}
	got := phases(*heard)
	if got[0] != Downloading || got[len(got)-1] != Built {
		t.Errorf("phases: got %v, want %s … %s", got, Downloading, Built)
	}

	before := stat(t, path)
	*heard = nil
	if _, err := b.program(t.Context(), small); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]Phase{Found}, phases(*heard)); diff != "" {
		t.Errorf("second build (-want +got):\n%s", diff)
	}
	if !stat(t, path).ModTime().Equal(before.ModTime()) {
		t.Error("the second build made the binary again")
	}
	if left, _ := filepath.Glob(path + ".*"); len(left) > 0 {
		t.Errorf("temporary files are left: %v", left)
	}
}

func TestABuildWaitsForAnotherProcessAndUsesItsResult(t *testing.T) {
	b, heard := newBuilder(t)
	home := filepath.Join(b.Cache, "small", "v1.0.0")
	unlock, err := b.lock(t.Context(), home, small)
	if err != nil {
		t.Fatal(err)
	}
	target := filepath.Join(home, "bin", "test2json")
	b.Progress = func(p Progress) {
		*heard = append(*heard, p)
		if p.Phase == Waiting { // the other process ends now
			writeExecutable(t, target)
			unlock()
		}
	}
	if _, err := b.program(t.Context(), small); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]Phase{Waiting, Found}, phases(*heard)); diff != "" {
		t.Errorf("phases (-want +got):\n%s", diff)
	}
}

func TestWaitingForAnotherBuildEndsWithTheContext(t *testing.T) {
	b, _ := newBuilder(t)
	unlock, err := b.lock(t.Context(), filepath.Join(b.Cache, "small", "v1.0.0"), small)
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	ctx, cancel := context.WithCancel(t.Context())
	b.Progress = func(Progress) { cancel() }
	if _, err := b.program(ctx, small); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
}

func TestACancelledBuildLeavesNothing(t *testing.T) {
	b, _ := newBuilder(t)
	ctx, cancel := context.WithCancel(t.Context())
	b.Progress = func(p Progress) {
		if p.Phase == Downloading {
			cancel()
		}
	}
	if _, err := b.program(ctx, small); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
	if left, _ := filepath.Glob(filepath.Join(b.Cache, "small", "v1.0.0", "bin", "*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestABuildThatFailsSaysWhatTheGoCommandSaid(t *testing.T) {
	b, _ := newBuilder(t)
	_, err := b.program(t.Context(), program{"nothing", "example.test/nothing", small.module})
	if err == nil || !strings.Contains(err.Error(), "build nothing: ") || !strings.Contains(err.Error(), "example.test/nothing") {
		t.Errorf("got %v, want the program's name and the go command's own words", err)
	}
}

func TestAssetsAreUsedBeforeAnythingIsBuilt(t *testing.T) {
	assets := t.TempDir()
	var want = Binaries{}
	for _, name := range DefaultPrograms {
		want[name] = filepath.Join(assets, name)
		writeExecutable(t, want[name])
	}
	t.Setenv("KUBEBUILDER_ASSETS", assets)
	got, err := Build(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("binaries (-want +got):\n%s", diff)
	}
}

func TestWithoutTheGoCommandTheWayOutIsSaid(t *testing.T) {
	b, _ := newBuilder(t)
	t.Setenv("PATH", t.TempDir())
	_, err := b.program(t.Context(), small)
	if !errors.Is(err, exec.ErrNotFound) || !strings.Contains(err.Error(), "KUBEBUILDER_ASSETS") {
		t.Errorf("got %v, want what to install or set", err)
	}
}

func TestAnUnknownProgramIsAnError(t *testing.T) {
	if _, err := Build(t.Context(), nil, "kube-dns"); err == nil || !strings.Contains(err.Error(), "kube-dns") {
		t.Errorf("got %v, want an error that names it", err)
	}
}

func TestBuildModulesPinTheVersionsThatAreNamed(t *testing.T) {
	for _, test := range []struct{ mod, want string }{
		{string(kubernetesModule.mod), `k8s.io/kubernetes ` + KubernetesVersion},
		{string(etcdModule.mod), `go.etcd.io/etcd/server/v3 ` + EtcdVersion},
	} {
		if !regexp.MustCompile(`(?m)^\s*` + regexp.QuoteMeta(test.want) + `\b`).MatchString(test.mod) {
			t.Errorf("no line %q in the build module", test.want)
		}
	}
	for _, p := range programs {
		if !strings.Contains(string(p.module.mod), p.pkg) {
			t.Errorf("%s: the module of %s has no such tool", p.name, p.pkg)
		}
	}
}

func TestLogProgressIsQuietWhenNothingIsBuilt(t *testing.T) {
	var out bytes.Buffer
	LogProgress(&out)(Progress{Phase: Found, Program: Etcd})
	if out.Len() > 0 {
		t.Errorf("got %q, want nothing", out.String())
	}
}

func TestLogProgressWritesALineAPhaseAndEveryTenthSecond(t *testing.T) {
	var out bytes.Buffer
	tell := LogProgress(&out)
	for second := range 25 {
		tell(Progress{Phase: Compiling, Program: Etcd, Done: second, Total: 400, Elapsed: time.Duration(second) * time.Second})
	}
	tell(Progress{Phase: Linking, Program: Etcd, Elapsed: 25 * time.Second})
	tell(Progress{Phase: Built, Program: Etcd, Path: "/x/etcd", Elapsed: 26 * time.Second})
	want := BuildHint + `
   0s  etcd: compiling, 0 of 400 packages
  10s  etcd: compiling, 10 of 400 packages
  20s  etcd: compiling, 20 of 400 packages
  25s  etcd: linking
  26s  etcd: built, /x/etcd
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}
}

func TestWatchTellsEverySecondAndKeepsTheLastWords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []time.Duration
		began := time.Now()
		g := goCommand{packages: map[string]bool{}, tell: func(Progress) { told = append(told, time.Since(began)) }}
		lines := make(chan string)
		go func() {
			time.Sleep(2500 * time.Millisecond)
			for _, line := range []string{"go: downloading x v1", "fmt", "# x", "x.go:1: broken"} {
				lines <- line
			}
			close(lines)
		}()
		last := g.watch(lines, func(string) {}, func() Progress { return Progress{} })
		if diff := cmp.Diff([]string{"# x", "x.go:1: broken"}, last); diff != "" {
			t.Errorf("last words (-want +got):\n%s", diff)
		}
		want := []time.Duration{0, time.Second, 2 * time.Second}
		if diff := cmp.Diff(want, told[:3]); diff != "" {
			t.Errorf("told at (-want +got):\n%s", diff)
		}
	})
}

func stat(t *testing.T, path string) os.FileInfo {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info
}

func writeExecutable(t *testing.T, path string) {
	t.Helper()
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Error(err)
	}
}
