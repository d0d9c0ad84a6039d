// Command underlay is the operator's tool: it checks a configuration, simulates
// an OpenStack and shows the whole product at work.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"underlay/internal/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := cli.Run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}
