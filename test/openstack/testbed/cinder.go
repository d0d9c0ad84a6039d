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

// cinder keeps volumes as sparse files: a driver of ours is below it, see
// drivers/underlay_testbed/cinder.py. API, scheduler, states, quotas and
// backups are real. On request.
// https://docs.openstack.org/cinder/2025.1/install/
func cinder() service {
	return service{
		name: "cinder", kind: "block-storage", path: "/v3",
		aliases:   map[string]string{"volumev3": "/v3/$(project_id)s"},
		packages:  []string{"python3-cinder", "cinder-common"},
		databases: []string{"cinder"},
		setup:     [][]string{{"/usr/bin/cinder-manage", "db", "sync"}},
		apis:      []process{uwsgi("cinder", 2, "cinder.wsgi.api:application")},
		workers: []process{
			console("cinder-scheduler", "cinder.cmd.scheduler"),
			console("cinder-volume", "cinder.cmd.volume"),
			console("cinder-backup", "cinder.cmd.backup"),
		},
		furnish: func(ctx context.Context, admin *api.Client) error {
			if err := errors.Join(addVolumeTypes(ctx, admin), addEncryptedType(ctx, admin)); err != nil {
				return err
			}
			return awaitStorage(ctx, admin)
		},
	}
}

// volumeTypes are by name what a scheduler and a driver read of them. A volume of
// the type "nowhere" finds no backend.
var volumeTypes = map[string]map[string]string{
	"plain":       {},
	"other":       {"volume_backend_name": "files"},
	"multiattach": {"multiattach": "<is> True"},
	"nowhere":     {"volume_backend_name": "nowhere"},
}

// addEncryptedType adds one whose volumes have a key each in Barbican, where there is one.
func addEncryptedType(ctx context.Context, admin *api.Client) error {
	if admin.Endpoint("key-manager") == "" {
		return nil
	}
	var made struct {
		Type struct{ ID string } `json:"volume_type"`
	}
	err := admin.Do(ctx, http.MethodPost, "block-storage", "/types", object{"volume_type": object{"name": "encrypted"}}, &made)
	if err != nil {
		return fmt.Errorf("add volume type encrypted: %w", err)
	}
	luks := object{"provider": "luks", "control_location": "front-end", "cipher": "aes-xts-plain64", "key_size": 256}
	if err := admin.Do(ctx, http.MethodPost, "block-storage", "/types/"+made.Type.ID+"/encryption", object{"encryption": luks}, nil); err != nil {
		return fmt.Errorf("encrypt volume type: %w", err)
	}
	return nil
}

func addVolumeTypes(ctx context.Context, admin *api.Client) error {
	for name, specs := range volumeTypes {
		err := admin.Do(ctx, http.MethodPost, "block-storage", "/types", object{"volume_type": object{"name": name, "extra_specs": specs}}, nil)
		if err != nil {
			return fmt.Errorf("add volume type %s: %w", name, err)
		}
	}
	for name, specs := range map[string]map[string]string{"plain": {}, "consistent": {"consistent_group_snapshot_enabled": "<is> True"}} {
		body := object{"group_type": object{"name": name, "group_specs": specs}}
		err := admin.Do(ctx, http.MethodPost, "block-storage", "/group_types", body, nil, "OpenStack-API-Version: volume 3.11")
		if err != nil {
			return fmt.Errorf("add group type %s: %w", name, err)
		}
	}
	return nil
}

// awaitStorage waits until the scheduler knows of the backend, and the backups' service is up.
func awaitStorage(ctx context.Context, admin *api.Client) error {
	for {
		var seen struct {
			Services []struct{ Binary, State string }
		}
		var pools struct{ Pools []struct{ Name string } }
		err := admin.Do(ctx, http.MethodGet, "block-storage", "/os-services", nil, &seen)
		if err == nil {
			err = admin.Do(ctx, http.MethodGet, "block-storage", "/scheduler-stats/get_pools", nil, &pools)
		}
		if err == nil && len(seen.Services) == 3 && len(pools.Pools) > 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("no storage is up, but %v: %w", seen.Services, ctx.Err())
		case <-time.After(time.Second):
		}
	}
}
