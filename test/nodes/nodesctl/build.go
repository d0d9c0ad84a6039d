package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"underlay/internal/kube"
	"underlay/test/dataplane/flannel"
	"underlay/test/nodes/lab"
)

// build builds all that the tests on real nodes run, as they do it themselves: what
// takes long is in the user's cache then. root is the top of the source tree.
func build(ctx context.Context, root string) (err error) {
	if lacks := slices.Concat(flannel.Lacks(), lab.DriverLacks()); len(lacks) > 0 {
		return fmt.Errorf("this computer lacks %s", strings.Join(lacks, "; "))
	}
	dir, err := os.MkdirTemp("", "nodes-build-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	options, err := lab.Build(ctx, dir, root, kube.LogProgress(os.Stderr))
	if err != nil {
		return err
	}
	say := func(what string) { fmt.Fprintln(os.Stderr, what) }
	if err := flannel.BuildImage(ctx, dir, say); err != nil {
		return err
	}
	return lab.BuildDriver(ctx, &options, say)
}
