package simulator

import (
	"net/http"
	"strings"
)

// Zones, services and pools, as cinder/api/contrib/availability_zones.py,
// services.py and scheduler_stats.py have them.

// cinderPool is what every backend says it holds, in GiB.
const cinderPool = 10000

func (s *cinder) registerZones(t routeTable) {
	s.on(t, "GET /os-availability-zone", 0, http.StatusOK, func(*request) (any, error) {
		views := []any{}
		for _, zone := range s.cloud.options.VolumeZones {
			views = append(views, map[string]any{"zoneName": zone, "zoneState": map[string]bool{"available": true}})
		}
		return map[string]any{"availabilityZoneInfo": views}, nil
	})
	s.on(t, "GET /extensions", 0, http.StatusOK, func(*request) (any, error) {
		return map[string]any{"extensions": []any{}}, nil
	})
	s.on(t, "GET /os-services", 0, http.StatusOK, func(r *request) (any, error) {
		if !r.Token.Admin {
			return nil, cinderPolicy("volume_extension:services:index")
		}
		views := []any{}
		for _, b := range s.backends {
			host, _, _ := strings.Cut(b.host, "#")
			views = append(views, map[string]any{
				"binary": "cinder-volume", "host": host, "zone": b.zone, "status": "enabled", "state": "up", "updated_at": nil,
			})
		}
		return map[string]any{"services": views}, nil
	})
	s.on(t, "GET /scheduler-stats/get_pools", 0, http.StatusOK, func(r *request) (any, error) {
		if !r.Token.Admin {
			return nil, cinderPolicy("scheduler_extension:scheduler_stats:get_pools")
		}
		views := []any{}
		for _, b := range s.backends {
			view := map[string]any{"name": b.host}
			if isYes(r.Query.Get("detail")) {
				view["capabilities"] = map[string]any{"total_capacity_gb": cinderPool, "free_capacity_gb": cinderPool - s.held(b), "volume_backend_name": backendName}
			}
			views = append(views, view)
		}
		return map[string]any{"pools": views}, nil
	})
}

// held is how many GiB of volumes a backend has.
func (s *cinder) held(b cinderBackend) (size int) {
	for _, v := range s.volumes.rows {
		if v.host == b.host {
			size += v.size
		}
	}
	return size
}
