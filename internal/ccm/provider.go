package ccm

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/client-go/kubernetes"
	"k8s.io/cloud-provider/app"
	appconfig "k8s.io/cloud-provider/app/config"
	"k8s.io/cloud-provider/names"
	"k8s.io/component-base/version"
	controllermanager "k8s.io/controller-manager/app"
	"k8s.io/klog/v2"

	"underlay/internal/lease"
	provider "underlay/pkg/cloudprovider"
	"underlay/pkg/config"
	"underlay/pkg/openstack"
)

// newProvider reads cloud.conf and wires the provider. It touches no network:
// the cloud may be down while this process starts.
func newProvider(cmd *cobra.Command, flags *flags, c *appconfig.CompletedConfig) (*provider.Provider, error) {
	shared := c.ComponentConfig.KubeCloudShared
	path := shared.CloudProvider.CloudConfigFile
	cfg, err := loadConfig(path)
	if err != nil {
		return nil, err
	}
	client, err := openstack.New(cfg.Global, openstack.Options{
		RequestTimeout: cfg.Metadata.RequestTimeout,
		UserAgent:      userAgent(flags.userAgent),
		Reload:         func() (config.Global, error) { return reloadGlobal(path) },
	})
	if err != nil {
		return nil, fmt.Errorf("make the OpenStack client: %w", err)
	}
	holder, err := leaseHolder(c)
	if err != nil {
		return nil, err
	}
	p, err := provider.New(provider.Options{
		Config:     cfg,
		Client:     client,
		Kubernetes: c.Client,
		Events:     c.EventRecorder,
		Routes: provider.RouteFlags{
			ConfigureCloudRoutes: shared.ConfigureCloudRoutes,
			Explicit:             cmd.Flags().Changed("configure-cloud-routes"),
			ControllerOff: !controllermanager.IsControllerEnabled(
				names.NodeRouteController, app.ControllersDisabledByDefault, c.ComponentConfig.Generic.Controllers),
			ClusterCIDR: shared.ClusterCIDR,
		},
		ClusterName:        shared.ClusterName,
		RegionalProviderID: os.Getenv("OS_CCM_REGIONAL") == "true",
		MonitorPeriod:      c.ComponentConfig.NodeLifecycleController.NodeMonitorPeriod.Duration,
		DeletionBrake:      flags.deletionBrake,
		Lease:              holder,
	})
	if err != nil {
		return nil, err
	}
	serveCloudCheck(flags.checkAddress, client)
	return p, nil
}

// userAgent names this program, its version, and what the operator adds.
func userAgent(added []string) string {
	return strings.Join(append([]string{"underlay/" + version.Get().GitVersion}, added...), " ")
}

// loadConfig reads cloud.conf, logs warnings and notes, and returns all errors at once.
func loadConfig(path string) (*config.Config, error) {
	cfg, report := config.Load(path)
	for _, problem := range report.Problems {
		if problem.Severity != config.Error {
			klog.Background().Info("cloud.conf: "+problem.Error(), "severity", problem.Severity)
		}
	}
	if err := report.Err(); err != nil {
		return nil, fmt.Errorf("read the cloud configuration: %w\ncheck it with: underlay config check %s", err, path)
	}
	return cfg, nil
}

// reloadGlobal reads the credentials anew after one of their files changed.
func reloadGlobal(path string) (config.Global, error) {
	cfg, report := config.Load(path)
	if err := report.Err(); err != nil {
		return config.Global{}, err
	}
	return cfg.Global, nil
}

// leaseHolder is nil without leader election.
func leaseHolder(c *appconfig.CompletedConfig) (*lease.Holder, error) {
	election := c.ComponentConfig.Generic.LeaderElection
	if !election.LeaderElect || election.ResourceLock != "leases" {
		return nil, nil
	}
	hostname, err := os.Hostname()
	if err != nil {
		return nil, fmt.Errorf("read the host name: %w", err)
	}
	client, err := kubernetes.NewForConfig(c.Kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("make the client for the leader lease: %w", err)
	}
	holder := lease.NewHolder(client.CoordinationV1().Leases(election.ResourceNamespace), election.ResourceName, hostname)
	// The elector's client is made of this configuration later; the holder's was made before.
	c.Kubeconfig.Wrap(holder.Wrap)
	return holder, nil
}
