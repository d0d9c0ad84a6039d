package simulator

import (
	"maps"
	"net/http"
)

// Quotas as octavia/api/v2/controllers/quotas.py and check_quota_met in
// octavia/db/repositories.py have them; -1 is without limit, and the default.

// lbQuotas are the resources that have one, with the name that errors use.
var lbQuotas = map[string]string{
	"load_balancer": "Load Balancer", "listener": "Listener", "pool": "Pool", "member": "Member",
	"health_monitor": "Health Monitor", "l7policy": "L7 Policy", "l7rule": "L7 Rule",
}

// SetLoadBalancerQuota sets one of a project's quotas at Octavia:
// "load_balancer", "listener", "pool", "member", "health_monitor"; -1 is without
// limit. The empty project is the plain member's.
func (c *Cloud) SetLoadBalancerQuota(projectID, resource string, limit int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if projectID == "" {
		projectID = c.projectID()
	}
	c.octavia.setQuota(projectID, resource, limit)
}

func (o *octavia) setQuota(projectID, resource string, limit int) {
	if o.quotas[projectID] == nil {
		o.quotas[projectID] = map[string]int{}
	}
	o.quotas[projectID][resource] = limit
}

// quotaLimits are a project's limits.
func (o *octavia) quotaLimits(projectID string) map[string]int {
	limits := map[string]int{}
	for name := range lbQuotas {
		limits[name] = -1
	}
	maps.Copy(limits, o.quotas[projectID])
	return limits
}

// checkQuota is the refusal of more rows than the project may have.
func (o *octavia) checkQuota(resource, projectID string, more int) error {
	limit := o.quotaLimits(projectID)[resource]
	if limit < 0 || more == 0 {
		return nil
	}
	for _, v := range o.rows {
		if v.base().ProjectID == projectID && v.resource() == lbQuotas[resource] {
			more++
		}
	}
	if more > limit {
		return octaviaErrorf(http.StatusForbidden, "Quota has been met for resources: %s", lbQuotas[resource])
	}
	return nil
}

func (o *octavia) registerQuotas(t routeTable) {
	o.on(t, "GET /quotas/{project}", 0, http.StatusOK, o.showQuota)
	o.on(t, "GET /quotas/{project}/default", 0, http.StatusOK, func(r *request) (any, error) {
		if c := callerOf(r); !c.admin && c.project != r.Vars["project"] {
			return nil, errOctaviaPolicy
		}
		return map[string]any{"quota": o.quotaLimits("")}, nil
	})
	o.on(t, "GET /quotas", 0, http.StatusOK, func(r *request) (any, error) {
		all, c := []any{}, callerOf(r)
		for project := range o.quotas {
			if !c.admin && project != c.project {
				continue
			}
			row := map[string]any{"project_id": project, "tenant_id": project}
			for name, limit := range o.quotaLimits(project) {
				row[name] = limit
			}
			all = append(all, row)
		}
		return map[string]any{"quotas": all, "quotas_links": []any{}}, nil
	})
	o.on(t, "PUT /quotas/{project}", 0, http.StatusAccepted, o.updateQuota)
	o.on(t, "DELETE /quotas/{project}", 0, http.StatusAccepted, func(r *request) (any, error) {
		if !callerOf(r).admin {
			return nil, errOctaviaPolicy
		}
		delete(o.quotas, r.Vars["project"])
		return nil, nil
	})
}

func (o *octavia) showQuota(r *request) (any, error) {
	if c := callerOf(r); !c.admin && c.project != r.Vars["project"] {
		return nil, errOctaviaPolicy
	}
	return map[string]any{"quota": o.quotaLimits(r.Vars["project"])}, nil
}

func (o *octavia) updateQuota(r *request) (any, error) {
	if !callerOf(r).admin {
		return nil, errOctaviaPolicy
	}
	schema := lbSchema{}
	// Two names have an older spelling as well.
	older := map[string]string{"loadbalancer": "load_balancer", "healthmonitor": "health_monitor"}
	for name := range lbQuotas {
		schema = append(schema, lbField{name: name, use: lbPut, check: lbInt(-1, 2000000000)})
	}
	for name := range older {
		schema = append(schema, lbField{name: name, use: lbPut, check: lbInt(-1, 2000000000)})
	}
	in, err := o.readObject(r, "quotas", "quota", schema, lbPut)
	if err != nil {
		return nil, err
	}
	for name, value := range in {
		if newer, found := older[name]; found {
			name = newer
		}
		if limit, given := value.(int); given {
			o.setQuota(r.Vars["project"], name, limit)
		}
	}
	return o.showQuota(r)
}
