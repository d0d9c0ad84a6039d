// Package csi is the command line of cinder-csi-plugin: its flags, the reading of
// cloud.conf, and the wiring of the controller and the node service.
//
// The same program runs on every node, so nothing here, nor below, may import
// k8s.io/cloud-provider or k8s.io/client-go (docs/adr says why).
package csi

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	logsapi "k8s.io/component-base/logs/api/v1"
	"k8s.io/component-base/version"

	"underlay/pkg/config"
	"underlay/pkg/volumes"
	"underlay/pkg/volumes/device"
	"underlay/pkg/volumes/metadata"
	"underlay/pkg/volumes/node"
)

// NewCommand makes the command. It runs until its context ends.
func NewCommand() *cobra.Command {
	f, logging := &flags{}, logsapi.NewLoggingConfiguration()
	cmd := &cobra.Command{
		Use:   "cinder-csi-plugin",
		Short: "Gives Kubernetes volumes of OpenStack's Cinder",
		Long: `Serves the Container Storage Interface for volumes of OpenStack's Cinder: beside the
sidecars of Kubernetes as the controller, and on every node as the node service. The
node service needs no credentials of the cloud.`,
		Args:          cobra.NoArgs,
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := logsapi.ValidateAndApply(logging, nil); err != nil {
				return fmt.Errorf("begin to log: %w", err)
			}
			return run(cmd.Context(), f)
		},
	}
	f.addTo(cmd.Flags())
	logsapi.AddFlags(logging, cmd.PersistentFlags())
	return cmd
}

// run serves until ctx ends.
func run(ctx context.Context, f *flags) error {
	if !f.controller && !f.node {
		return errors.New("--provide-controller-service and --provide-node-service are both false: there is nothing to serve")
	}
	cfg, err := load(ctx, f.cloudConfig, f.controller)
	if err != nil {
		return err
	}
	o := volumes.Options{
		Endpoint: f.endpoint, Version: version.Get().GitVersion, Topology: f.topology, HTTP: f.http,
	}
	if f.node {
		o.Node = node.New(nodeOptions(f, cfg))
		if f.register {
			o.Register = &volumes.Registration{Folder: f.registrationFolder, Path: f.registrationPath}
		}
	}
	if f.controller {
		service, err := newController(ctx, f, cfg)
		if err != nil {
			return fmt.Errorf("make the controller service: %w", err)
		}
		o.Controller, o.Groups = service, service
	}
	return volumes.Serve(ctx, o)
}

func nodeOptions(f *flags, cfg *config.Config) node.Options {
	return node.Options{
		Host: device.Host{Sys: f.sysfs, Dev: "/dev", Links: f.deviceLinks},
		Identity: metadata.New(metadata.Options{
			Order: cfg.Metadata.SearchOrder, Timeout: cfg.Metadata.RequestTimeout, URL: f.metadataURL,
		}),
		AttachLimit: cfg.BlockStorage.NodeVolumeAttachLimit,
		Zone:        f.topology,
		Segments:    f.additionalTopology,
		Rescan:      cfg.BlockStorage.RescanOnResize,
	}
}
