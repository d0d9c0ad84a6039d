// Package e2e judges the product as a whole: its real binary between a real
// Kubernetes control plane and the simulated OpenStack, over real sockets.
// Every test has a world of its own, so all run in parallel.
package e2e

import (
	"context"
	"flag"
	"fmt"
	"os"
	"testing"

	"underlay/internal/kube"
	"underlay/internal/playground"
)

// What TestMain builds.
var (
	binaries   kube.Binaries
	controller string
)

// buildFlags has -race under go test -race; a world that ends looks for what it finds.
var buildFlags []string

func TestMain(m *testing.M) {
	flag.Parse()
	dir, err := os.MkdirTemp("", "underlay-e2e-")
	if err == nil {
		err = prepare(dir)
	}
	code := 1
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	} else {
		code = m.Run()
	}
	if err := os.RemoveAll(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(code)
}

func prepare(dir string) error {
	// These tests wait far more than they compute.
	if err := flag.Set("test.parallel", "5"); err != nil {
		return err
	}
	ctx := context.Background()
	var err error
	if binaries, err = kube.Build(ctx, kube.LogProgress(os.Stderr)); err != nil {
		return err
	}
	controller, err = playground.BuildController(ctx, dir, buildFlags...)
	return err
}
