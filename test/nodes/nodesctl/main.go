// Command nodesctl keeps a lab of real nodes for as long as somebody wants to look
// at it: `make nodes-up`, `make nodes-down`.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"underlay/test/nodes/lab"
	"underlay/test/nodes/reexec"
)

const usage = `nodesctl up [-nodes N] [-volumes] [-root DIR]   a lab with N real nodes (3), in the background;
                                                -volumes: with the CSI driver and its sidecars
nodesctl build [-root DIR]                      only build what real nodes run beside the product
nodesctl down                                   end it and remove all of it
nodesctl exec NODE COMMAND [ARG...]             run a command on a node`

// wish is what a lab shall be.
type wish struct {
	root    string
	nodes   int
	volumes bool
}

func main() {
	reexec.Dispatch(lab.Tasks())
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	if message, inside := lab.Inside(); inside {
		return stay(ctx, message)
	}
	flags := flag.NewFlagSet("nodesctl", flag.ContinueOnError)
	var desired wish
	flags.IntVar(&desired.nodes, "nodes", 3, "How many nodes.")
	flags.BoolVar(&desired.volumes, "volumes", false, "Deploy the CSI driver, and give the nodes disks.")
	flags.StringVar(&desired.root, "root", ".", "The top of the source tree.")
	if len(os.Args) < 2 {
		return errors.New("usage:\n" + usage)
	}
	if err := flags.Parse(os.Args[2:]); err != nil {
		return err
	}
	switch os.Args[1] {
	case "up":
		return up(ctx, desired)
	case "build":
		return build(ctx, desired.root)
	case "serve": // what up starts
		return serve(ctx, desired)
	case "down":
		return down(ctx)
	case "exec":
		return execute(flags.Args())
	default:
		return errors.New("usage:\n" + usage)
	}
}
