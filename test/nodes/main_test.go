// Package nodes shows the product at work on real nodes: three kubelets with
// containerd and kube-proxy, each in namespaces of its own, a router that forwards
// what the cloud's API says, and the controller manager as its manifests deploy it.
// Real packets go from pod to pod.
//
// It needs root on Linux, containerd and the CNI plugins. Where these are not, the
// tests are left out and say so; with CI=true they fail instead, unless
// UNDERLAY_WITHOUT=nodes says that it is meant.
package nodes

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"testing"

	"underlay/internal/kube"
	"underlay/test/dataplane/flannel"
	"underlay/test/nodes/lab"
	"underlay/test/nodes/reexec"
)

// without is the variable that says what shall be left out, with commas between.
const without = "UNDERLAY_WITHOUT"

// built is what the tests run; TestMain fills it in. flannelImage is an archive.
var (
	built        lab.Options
	flannelImage string
)

func TestMain(m *testing.M) {
	reexec.Dispatch(lab.Tasks())
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, m)
	stop()
	os.Exit(code)
}

func run(ctx context.Context, m *testing.M) int {
	message, inside := lab.Inside()
	if !inside {
		return outside(ctx)
	}
	err := json.Unmarshal([]byte(message), &built)
	flannelImage = flannel.Archive(built.Dir)
	if err == nil {
		err = lab.SettleIn(ctx, built)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// outside prepares what needs the network, has the tests run enclosed, and checks
// that nothing of them stays on this computer.
func outside(ctx context.Context) int {
	if slices.Contains(strings.Split(os.Getenv(without), ","), "nodes") {
		fmt.Printf("left out: %s says so\n", without)
		return 0
	}
	if lacks := slices.Concat(lab.Lacks(ctx), flannel.Lacks(), lab.DriverLacks()); len(lacks) > 0 {
		fmt.Printf("left out: this computer lacks %s\n", strings.Join(lacks, "; "))
		if os.Getenv("CI") == "true" {
			return 1
		}
		return 0
	}
	if err := enclosed(ctx); err != nil {
		if exit := new(exec.ExitError); errors.As(err, &exit) {
			return max(1, exit.ExitCode()) // the tests have said why
		}
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func enclosed(ctx context.Context) (err error) {
	before, err := hostState()
	if err != nil {
		return err
	}
	enclosure, err := lab.OpenEnclosure(fmt.Sprintf("-test-%d", os.Getpid()))
	if err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, enclosure.Close(), unchanged(before, enclosure))
	}()
	options, err := lab.Build(ctx, enclosure.Dir, "../..", kube.LogProgress(os.Stderr))
	if err != nil {
		return err
	}
	say := func(what string) { fmt.Fprintln(os.Stderr, what) }
	if err := flannel.BuildImage(ctx, enclosure.Dir, say); err != nil {
		return err
	}
	if err := lab.BuildDriver(ctx, &options, say); err != nil {
		return err
	}
	if err := options.OpenRealCloud(ctx); err != nil {
		return err
	}
	message, err := json.Marshal(options)
	if err != nil {
		return err
	}
	return enclosure.Run(ctx, string(message), os.Args[1:], nil)
}

// tunables are the settings of the whole computer that a kubelet changes.
var tunables = []string{"vm/overcommit_memory", "vm/panic_on_oom", "kernel/panic", "kernel/panic_on_oops", "kernel/keys/root_maxkeys", "kernel/keys/root_maxbytes"}

// hostState is what a test that leaks would change on this computer.
func hostState() (map[string]string, error) {
	state := map[string]string{}
	for _, name := range tunables {
		content, err := os.ReadFile("/proc/sys/" + name)
		if err != nil && !os.IsNotExist(err) {
			return nil, err
		}
		state[name] = strings.TrimSpace(string(content))
	}
	for _, what := range []string{"link", "route"} {
		out, err := exec.Command("ip", what).Output()
		if err != nil {
			return nil, fmt.Errorf("list ip %s: %w", what, err)
		}
		state["ip "+what] = string(out)
	}
	return state, nil
}

func unchanged(before map[string]string, enclosure *lab.Enclosure) error {
	after, err := hostState()
	if err != nil {
		return err
	}
	var problems []error
	for name, value := range before {
		if after[name] != value {
			problems = append(problems, fmt.Errorf("the tests changed %s of this computer from %q to %q", name, value, after[name]))
		}
	}
	left, err := enclosure.Exists()
	for _, what := range left {
		problems = append(problems, fmt.Errorf("the tests left %s", what))
	}
	return errors.Join(append(problems, err)...)
}
