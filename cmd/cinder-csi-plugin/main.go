// Command cinder-csi-plugin gives Kubernetes volumes of OpenStack's Cinder, by the
// Container Storage Interface.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/logs/json/register"         // --logging-format=json
	_ "k8s.io/component-base/metrics/prometheus/version" // kubernetes_build_info

	"underlay/internal/csi"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	command := csi.NewCommand()
	command.SetContext(ctx)
	code := cli.Run(command)
	stop()
	os.Exit(code)
}
