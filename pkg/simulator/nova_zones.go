package simulator

import "net/http"

// Availability zones and what little clients look at besides servers. See
// nova/api/openstack/compute/availability_zone.py, keypairs.py, server_groups.py.

func (n *nova) registerZones(t routeTable) {
	t["GET /os-availability-zone"] = n.listZones
	t["GET /os-availability-zone/detail"] = n.detailZones
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

// detailZones is for admins: which compute hosts are where.
func (n *nova) detailZones(r *request) response {
	if !r.Token.Admin {
		return novaError(http.StatusForbidden, "Policy doesn't allow os_compute_api:os-availability-zone:detail to be performed.")
	}
	views := []any{}
	for _, zone := range n.cloud.options.Zones {
		hosts := map[string]any{}
		for _, s := range n.servers {
			if s.Zone == zone {
				hosts[s.Host] = map[string]any{"nova-compute": map[string]any{"active": true, "available": true, "updated_at": nil}}
			}
		}
		views = append(views, map[string]any{
			"zoneName": zone, "zoneState": map[string]bool{"available": true}, "hosts": hosts,
		})
	}
	return novaOK("availabilityZoneInfo", views)
}
