// Package ccm is the command line of openstack-cloud-controller-manager: the
// framework's flags with defaults for OpenStack, ours beside them, and an end
// that hands over to a successor at once.
package ccm

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/cloud-provider/app"
	appconfig "k8s.io/cloud-provider/app/config"
	"k8s.io/cloud-provider/names"
	"k8s.io/cloud-provider/options"
	"k8s.io/klog/v2"

	cloudprovider "k8s.io/cloud-provider"

	provider "underlay/pkg/cloudprovider"
)

// stopTimeout bounds the clean end. It is less than the 30 s that a Pod gets by default.
const stopTimeout = 20 * time.Second

// exitBadConfig is the exit code for a configuration that cannot work, the same
// that `underlay config check` has.
const exitBadConfig = 2

// NewCommand makes the command; stop begins the clean end.
func NewCommand(stop <-chan struct{}) *cobra.Command {
	defaults := frameworkDefaults()
	applyDefaults(defaults)
	own := &flags{}

	var running *provider.Provider
	var cmd *cobra.Command
	initialize := func(config *appconfig.CompletedConfig) cloudprovider.Interface {
		p, err := newProvider(cmd, own, config)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			klog.FlushAndExit(klog.ExitFlushTimeout, exitBadConfig)
		}
		running = p
		return p
	}
	cmd = app.NewCloudControllerManagerCommand(defaults, initialize, app.DefaultInitFuncConstructors, names.CCMControllerAliases(), own.sets(), stop)
	cmd.Use = "openstack-cloud-controller-manager"
	cmd.Long = `Runs the cloud controllers of a Kubernetes cluster on OpenStack: it says what each
node is, writes each node's pod CIDR into the tenant router, makes a load balancer for
each Service that wants one, and removes nodes whose servers are gone. It reads one cloud.conf (--cloud-config).`
	runE := cmd.RunE
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := runE(cmd, args); err != nil {
			return err
		}
		return stopCleanly(running)
	}
	return cmd
}

// frameworkDefaults are the options as k8s.io/cloud-provider has them.
func frameworkDefaults() *options.CloudControllerManagerOptions {
	defaults, err := options.NewCloudControllerManagerOptions()
	if err != nil {
		// They do not convert: an error of the build, not of the user.
		klog.ErrorS(err, "Unable to make the default options")
		klog.FlushAndExit(klog.ExitFlushTimeout, 1)
	}
	return defaults
}

// applyDefaults sets the defaults that fit this provider.
func applyDefaults(o *options.CloudControllerManagerOptions) {
	o.KubeCloudShared.CloudProvider.Name = provider.Name
	// The cloud client shares reads and batches writes, so workers cost no calls.
	// A worker waits while Octavia boots a load balancer, a minute or more.
	o.ServiceController.ConcurrentServiceSyncs = 128
	o.NodeController.ConcurrentNodeSyncs = 16
	o.NodeLifecycleController.ConcurrentNodeLifecycleSyncs = 16
	// Each node that joins costs about ten calls to the API server.
	o.Generic.ClientConnection.QPS = 100
	o.Generic.ClientConnection.Burst = 200
}

// stopCleanly hands over to a successor. A failure only delays that: the lease
// expires by itself.
func stopCleanly(p *provider.Provider) error {
	if p == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	if err := p.Stop(ctx); err != nil {
		klog.FromContext(ctx).Error(err, "Stopped, but the successor waits for the lease to expire")
	}
	return nil
}
