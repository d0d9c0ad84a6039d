package simulator

import "net/http"

// Availability zones, limits and key pairs: what clients look at besides
// servers. See nova/api/openstack/compute/availability_zone.py, limits.py, keypairs.py.

func (n *nova) registerZones(t routeTable) {
	t["GET /os-availability-zone"] = n.listZones
	t["GET /limits"] = n.showLimits
	t["GET /os-keypairs"] = func(*request) response { return novaOK("keypairs", []any{}) }
	t["GET /os-server-groups"] = func(*request) response { return novaOK("server_groups", []any{}) }
}

func (n *nova) listZones(*request) response {
	views := []any{}
	for _, zone := range n.cloud.options.Zones {
		views = append(views, map[string]any{
			"zoneName": zone, "zoneState": map[string]bool{"available": true}, "hosts": nil,
		})
	}
	return novaOK("availabilityZoneInfo", views)
}

// showLimits has generous quotas: what is counted here is Neutron's.
func (n *nova) showLimits(r *request) response {
	used, cores, ram := 0, 0, 0
	for _, s := range n.servers {
		if s.ProjectID == r.Token.ProjectID {
			used, cores, ram = used+1, cores+s.Flavor.VCPUs, ram+s.Flavor.RAM
		}
	}
	return response{Status: http.StatusOK, Body: map[string]any{"limits": map[string]any{
		"rate": []any{},
		"absolute": map[string]int{
			"maxTotalInstances": -1, "maxTotalCores": -1, "maxTotalRAMSize": -1, "maxServerMeta": maxMetadata,
			"maxTotalKeypairs": 100, "maxServerGroups": 10, "maxServerGroupMembers": 10,
			"totalInstancesUsed": used, "totalCoresUsed": cores, "totalRAMUsed": ram, "totalServerGroupsUsed": 0,
		},
	}}}
}
