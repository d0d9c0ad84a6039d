package csi

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/component-base/version"

	"underlay/pkg/config"
	"underlay/pkg/openstack/session"
	"underlay/pkg/openstack/storage"
	"underlay/pkg/volumes/cluster"
	"underlay/pkg/volumes/controller"
)

// newController wires the controller service. It touches no network: the cloud
// may be down while this process starts.
func newController(ctx context.Context, f *flags, cfg *config.Config) (*controller.Service, error) {
	clouds := globals(cfg)
	first, err := chosen(f.cloudName, clouds)
	if err != nil {
		return nil, err
	}
	o := controller.Options{
		Clouds: map[string]controller.Cloud{}, Default: first, Cluster: f.cluster, Topology: f.topology,
		AdditionalTopology: f.additionalTopology, IgnoreVolumeZone: cfg.BlockStorage.IgnoreVolumeAZ,
	}
	for name, g := range clouds {
		connection, err := session.New(*g, session.Options{
			RequestTimeout: cfg.Metadata.RequestTimeout,
			UserAgent:      strings.Join(append([]string{"underlay-csi/" + version.Get().GitVersion}, f.userAgent...), " "),
			Reload:         func() (config.Global, error) { return reload(f.cloudConfig, name) },
		})
		if err != nil {
			return nil, fmt.Errorf("make the client of cloud %q: %w", name, err)
		}
		client := storage.New(connection, storage.Options{IgnoreMicroversion: cfg.BlockStorage.IgnoreVolumeMicroversion})
		go client.Run(ctx)
		o.Clouds[name] = client
	}
	if err := useCluster(&o, f.claimAnnotations); err != nil {
		return nil, err
	}
	return controller.New(o)
}

// chosen is the cloud that is used where a secret names none: the first that
// --cloud-name names, else [Global], else the only one.
func chosen(names []string, clouds map[string]*config.Global) (string, error) {
	known := slices.Sorted(maps.Keys(clouds))
	for _, name := range names {
		if clouds[name] == nil {
			return "", fmt.Errorf("--cloud-name=%s: cloud.conf has only %q", name, known)
		}
	}
	switch {
	case len(names) > 0:
		return names[0], nil
	case clouds[""] != nil:
		return "", nil
	case len(known) == 1:
		return known[0], nil
	default:
		return "", fmt.Errorf("cloud.conf has the clouds %q and no [Global]: say with --cloud-name which comes first", known)
	}
}

// useCluster lets the controller service read claims and record events, where it
// runs in a Pod.
func useCluster(o *controller.Options, claims bool) error {
	in, err := cluster.InPod()
	if errors.Is(err, cluster.ErrOutside) && !claims {
		return nil
	}
	if err != nil {
		return fmt.Errorf("--pvc-annotations: %w", err)
	}
	reader := cluster.New(in)
	if claims {
		o.Claims = claimReader{reader}
	}
	o.Announcer = newAnnouncer(reader)
	return nil
}
