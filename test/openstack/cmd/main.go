//go:build linux

// Command cmd starts and ends a real OpenStack for tests: make openstack-up and
// make openstack-down call it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"

	"underlay/test/openstack/testbed"
)

const usage = `Usage: go run ./test/openstack/cmd [flags] up|fetch|down

up     makes a fresh OpenStack, or leaves the one that is up alone
fetch  does of that what needs the network: the packages. It starts nothing
down   ends it and removes its state; the packages stay for the next time

Flags:
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		_, _ = fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out, messages io.Writer) error {
	opts := testbed.Options{Progress: out, Ports: map[string]int{}}
	purge := false
	flags := flag.NewFlagSet("cmd", flag.ContinueOnError)
	flags.SetOutput(messages)
	flags.Usage = func() {
		_, _ = fmt.Fprint(messages, usage)
		flags.PrintDefaults()
	}
	flags.StringVar(&opts.Dir, "dir", "", "the folder of packages and state (default $XDG_CACHE_HOME/underlay/openstack)")
	flags.StringVar(&opts.Mirror, "mirror", testbed.DefaultMirror, "where Debian packages come from")
	flags.IntVar(&opts.PortOffset, "port-offset", 0, "is added to every port that -port does not name")
	flags.Func("port", "one port, as `name=number`; may be given again", func(text string) error {
		name, number, _ := strings.Cut(text, "=")
		port, err := strconv.ParseUint(number, 10, 16)
		opts.Ports[name] = int(port)
		return err
	})
	flags.Func("with", "services on request, as `names` with commas between: "+strings.Join(testbed.RequestNames(), ", "), func(text string) error {
		opts.With = append(opts.With, strings.Split(text, ",")...)
		return nil
	})
	flags.BoolVar(&opts.LoopDevices, "loop-devices", false, "with cinder: a volume that is attached becomes a loop device of this machine")
	flags.BoolVar(&purge, "purge", false, "with down: remove the packages as well")
	if err := flags.Parse(args); err != nil {
		return err
	}
	bed, err := testbed.New(opts)
	if err != nil {
		return err
	}
	switch verb := flags.Arg(0); {
	case flags.NArg() == 1 && verb == "up":
		if err := bed.Up(ctx); err != nil {
			return err
		}
		_, err := fmt.Fprintf(out, "\nTo use it, in this shell:\n\n  . %s\n", bed.EnvFile())
		return err
	case flags.NArg() == 1 && verb == "fetch":
		return bed.Fetch(ctx)
	case flags.NArg() == 1 && verb == "down":
		return bed.Down(ctx, purge)
	}
	flags.Usage()
	return errors.New("say up, fetch or down")
}
