package simulator

import "net/http"

// Limits, quotas and compute services, as nova/api/openstack/compute/limits.py,
// quota_sets.py and services.py have them. Nothing here is ever refused for its
// quota: the quotas that matter to a cluster's network are Neutron's.

func (n *nova) registerLimits(t routeTable) {
	t["GET /limits"] = n.showLimits
	t["GET /os-quota-sets/{id}"] = n.showQuotas
	t["GET /os-quota-sets/{id}/defaults"] = n.showQuotas
	t["GET /os-quota-sets/{id}/detail"] = n.showQuotas
	t["GET /os-services"] = n.listServices
}

// usage counts a project's servers, cores and MiB of memory.
func (n *nova) usage(projectID string) (servers, cores, ram int) {
	for _, s := range n.servers {
		if s.ProjectID == projectID {
			servers, cores, ram = servers+1, cores+s.Flavor.VCPUs, ram+s.Flavor.RAM
		}
	}
	return servers, cores, ram
}

func (n *nova) showLimits(r *request) response {
	servers, cores, ram := n.usage(r.Token.ProjectID)
	return novaOK("limits", map[string]any{
		"rate": []any{},
		"absolute": map[string]int{
			"maxTotalInstances": -1, "maxTotalCores": -1, "maxTotalRAMSize": -1, "maxServerMeta": maxMetadata,
			"maxTotalKeypairs": 100, "maxServerGroups": 10, "maxServerGroupMembers": 10,
			"totalInstancesUsed": servers, "totalCoresUsed": cores, "totalRAMUsed": ram, "totalServerGroupsUsed": 0,
		},
	})
}

func (n *nova) showQuotas(r *request) response {
	id := r.Vars["id"]
	if id != r.Token.ProjectID && !r.Token.Admin {
		return novaError(http.StatusForbidden, "Policy doesn't allow os_compute_api:os-quota-sets:show to be performed.")
	}
	servers, cores, ram := n.usage(id)
	quotas := map[string]any{"id": id}
	for resource, quota := range map[string]struct{ limit, used int }{
		"instances": {-1, servers}, "cores": {-1, cores}, "ram": {-1, ram}, "key_pairs": {100, 0},
		"metadata_items": {maxMetadata, 0}, "server_groups": {10, 0}, "server_group_members": {10, 0},
	} {
		quotas[resource] = quota.limit
		if r.Pattern == "GET /os-quota-sets/{id}/detail" {
			quotas[resource] = map[string]int{"limit": quota.limit, "in_use": quota.used, "reserved": 0}
		}
	}
	return novaOK("quota_set", quotas)
}

func (n *nova) listServices(r *request) response {
	if !r.Token.Admin {
		return novaError(http.StatusForbidden, "Policy doesn't allow os_compute_api:os-services:list to be performed.")
	}
	return novaOK("services", []any{})
}
