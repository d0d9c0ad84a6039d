// Command requirements says which tests this machine cannot run, and why. It
// prints their names as UNDERLAY_WITHOUT takes them, and the reasons to standard
// error. With CI=true it is an error if something is missing that UNDERLAY_WITHOUT does
// not name already: nothing is left out by chance.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"

	"underlay/test/dataplane/flannel"
	"underlay/test/disk"
	"underlay/test/nodes/lab"
)

func main() {
	if err := run(context.Background(), requirements, os.Getenv, os.Stdout, os.Stderr); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
}

// without and continuous are environment variables.
const (
	without    = "UNDERLAY_WITHOUT"
	continuous = "CI"
)

// requirement is what a group of tests needs beyond Go and git.
type requirement struct {
	name  string // in UNDERLAY_WITHOUT
	tests string // what is left out
	// lacks says what is missing; nothing when the tests can run.
	lacks func(context.Context) []string
}

var requirements = []requirement{
	{"openstackclient", "the openstack command on the simulator (test/openstackclient)", program("python3-openstackclient", "openstack")},
	{"chromium", "the live page in a browser (test/livepage)", program("chromium", "chromium", "chromium-browser", "google-chrome")},
	{"cloud-init", "cloud-init's own check of the files for nodes (hack/nodefiles)", program("cloud-init", "cloud-init")},
	{"openstack", "real OpenStack services (test/contract, test/openstack/scenario)", cloud},
	{"disks", "real block devices and filesystems (pkg/volumes/device, pkg/volumes/node, test/sanity)", func(context.Context) []string { return disk.Lacks() }},
	{"nodes", "real kubelets and real packets (test/nodes)", nodes},
}

// nodes wants what test/nodes wants.
func nodes(ctx context.Context) []string {
	return slices.Concat(lab.Lacks(ctx), flannel.Lacks(), lab.DriverLacks())
}

// program wants one of several.
func program(debian string, names ...string) func(context.Context) []string {
	return func(context.Context) []string {
		for _, name := range names {
			if _, err := exec.LookPath(name); err == nil {
				return nil
			}
		}
		return []string{"the program " + names[0] + " (on Debian: apt-get install " + debian + ")"}
	}
}

func cloud(context.Context) []string {
	if os.Getenv("UNDERLAY_OPENSTACK") != "" {
		return nil
	}
	return []string{"UNDERLAY_OPENSTACK (as root: make openstack-up starts one and says how to name it)"}
}

func run(ctx context.Context, all []requirement, env func(string) string, out, messages io.Writer) error {
	var names, chance []string
	for _, name := range strings.Split(env(without), ",") {
		if name != "" {
			names = append(names, name)
		}
	}
	for _, r := range all {
		reason := without + " says so"
		if !slices.Contains(names, r.name) {
			lacks := r.lacks(ctx)
			if len(lacks) == 0 {
				continue
			}
			reason = "missing: " + strings.Join(lacks, "; ")
			names, chance = append(names, r.name), append(chance, r.name)
		}
		_, _ = fmt.Fprintf(messages, "Left out: %s: %s.\n", r.tests, reason)
	}
	if env(continuous) == "true" && len(chance) > 0 {
		return errors.New("with CI=true nothing is left out by chance, and this machine cannot: " + strings.Join(chance, ", "))
	}
	_, err := fmt.Fprintln(out, strings.Join(names, ","))
	return err
}
