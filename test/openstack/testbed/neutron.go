//go:build linux

package testbed

import (
	"context"
	"net/http"

	"underlay/test/openstack/api"
)

// neutron is the API server only: no agents, so packets go nowhere. Our ML2
// driver takes the place of the L2 agents, and binds every port.
// https://docs.openstack.org/neutron/2025.1/install/
func neutron() service {
	api := uwsgi("neutron", 2, "neutron.wsgi.api:application")
	api.env = []string{"OS_NEUTRON_CONFIG_DIR=/etc/neutron", "OS_NEUTRON_CONFIG_FILES=neutron.conf;plugins/ml2/ml2_conf.ini"}
	return service{
		name: "neutron", kind: "network",
		packages:  []string{"python3-neutron", "neutron-common"},
		databases: []string{"neutron"},
		setup: [][]string{{
			"/usr/bin/neutron-db-manage", "--config-file", "/etc/neutron/neutron.conf", "--config-file", "/etc/neutron/plugins/ml2/ml2_conf.ini",
			"upgrade", "heads",
		}},
		apis:    []process{api},
		furnish: addExternalNetwork,
	}
}

// addExternalNetwork is where routers have their gateways and floating IPs come from.
func addExternalNetwork(ctx context.Context, admin *api.Client) error {
	var made struct{ Network struct{ ID string } }
	err := admin.Do(ctx, http.MethodPost, "network", "/v2.0/networks", map[string]any{"network": map[string]any{
		"name": "public", "router:external": true, "provider:network_type": "flat", "provider:physical_network": "public",
	}}, &made)
	if err != nil {
		return err
	}
	return admin.Do(ctx, http.MethodPost, "network", "/v2.0/subnets", map[string]any{"subnet": map[string]any{
		"name": "public", "network_id": made.Network.ID, "ip_version": 4, "cidr": "203.0.113.0/24", "enable_dhcp": false,
	}}, nil)
}
