//go:build linux

package testbed

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"underlay/test/openstack/api"
)

// nova runs with its own fake hypervisor: servers boot at once, and are records
// only. Everything above it is as in production: API, conductor, scheduler,
// cells, the claim in Placement, the ports in Neutron.
// https://docs.openstack.org/nova/2025.1/install/
func nova() service {
	const manage = "/usr/bin/nova-manage"
	return service{
		name: "nova", kind: "compute", path: "/v2.1",
		packages:  []string{"python3-nova", "nova-common"},
		databases: []string{"nova_api", "nova_cell0", "nova"},
		setup: [][]string{
			{manage, "api_db", "sync"},
			{manage, "cell_v2", "map_cell0", "--database_connection", `{{.Database "nova_cell0"}}`},
			{manage, "db", "sync"},
			{manage, "cell_v2", "create_cell", "--name", "cell1"},
		},
		apis: []process{uwsgi("nova", 2, "nova.wsgi.osapi_compute:application")},
		workers: []process{
			console("nova-conductor", "nova.cmd.conductor"),
			console("nova-scheduler", "nova.cmd.scheduler"),
			// It refuses to run where it could read the database's address.
			console("nova-compute", "nova.cmd.compute", "--config-file", "/etc/nova/nova-compute.conf"),
		},
		furnish: func(ctx context.Context, admin *api.Client) error {
			if err := addFlavor(ctx, admin); err != nil {
				return err
			}
			return awaitHypervisor(ctx, admin)
		},
	}
}

func addFlavor(ctx context.Context, admin *api.Client) error {
	return admin.Do(ctx, http.MethodPost, "compute", "/flavors", map[string]any{"flavor": map[string]any{
		"name": "m1.tiny", "ram": 512, "vcpus": 1, "disk": 1,
	}}, nil)
}

// awaitHypervisor waits until the scheduler can place servers: a host is listed
// once it is mapped to its cell, which the scheduler does every few seconds.
func awaitHypervisor(ctx context.Context, admin *api.Client) error {
	for {
		var seen struct {
			Hypervisors []struct{ State, Status string }
		}
		err := admin.Do(ctx, http.MethodGet, "compute", "/os-hypervisors", nil, &seen)
		if err == nil && len(seen.Hypervisors) > 0 && seen.Hypervisors[0].State == "up" {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("no hypervisor is up: %w", ctx.Err()), err)
		case <-time.After(time.Second):
		}
	}
}
