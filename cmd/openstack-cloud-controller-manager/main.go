// Command openstack-cloud-controller-manager runs the cloud controllers of a
// Kubernetes cluster on OpenStack: nodes and pod routes.
package main

import (
	"os"

	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/logs/json/register"          // --logging-format=json
	_ "k8s.io/component-base/metrics/prometheus/clientgo" // client metrics
	_ "k8s.io/component-base/metrics/prometheus/version"  // kubernetes_build_info

	genericapiserver "k8s.io/apiserver/pkg/server"

	"underlay/internal/ccm"
)

func main() {
	os.Exit(cli.Run(ccm.NewCommand(genericapiserver.SetupSignalHandler())))
}
