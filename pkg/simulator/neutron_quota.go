package simulator

import (
	"encoding/json"
	"maps"
)

// Quotas as neutron/extensions/quotasv2.py, quotasv2_detail.py and
// neutron/db/quota/driver.py have them; -1 is without limit.

// defaultQuotas are those of neutron/conf/quota.py and the extensions' own.
var defaultQuotas = map[string]int{
	"network": 100, "subnet": 100, "port": 500, "router": 10, "floatingip": 50,
	"security_group": 10, "security_group_rule": 100, "rbac_policy": 10, "subnetpool": -1, "trunk": -1,
}

// SetQuota sets one of a project's Neutron quotas: "port", "floatingip",
// "security_group" and so on; -1 is without limit. The empty project is the plain member's.
func (c *Cloud) SetQuota(projectID, resource string, limit int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if projectID == "" {
		projectID = c.projectID()
	}
	c.neutron.setQuota(projectID, resource, limit)
}

func (n *neutron) setQuota(projectID, resource string, limit int) {
	if n.quotas[projectID] == nil {
		n.quotas[projectID] = map[string]int{}
	}
	n.quotas[projectID][resource] = limit
}

// quotaDefaults are the limits of a project that nobody changed. The resource
// router_route is there only in a cloud that has it in place of max_routes.
func (n *neutron) quotaDefaults() map[string]int {
	limits := maps.Clone(defaultQuotas)
	if routes := n.cloud.options.RouterRouteQuota; routes != 0 {
		limits["router_route"] = routes
	}
	return limits
}

func (n *neutron) quotaLimits(projectID string) map[string]int {
	limits := n.quotaDefaults()
	maps.Copy(limits, n.quotas[projectID])
	return limits
}

// checkQuota is the refusal of more rows than the project may have.
func (n *neutron) checkQuota(resource, projectID string, used, more int) error {
	limit, limited := n.quotaLimits(projectID)[resource]
	if !limited || limit < 0 || used+more <= limit {
		return nil
	}
	return conflict("OverQuota", "Quota exceeded for resources: ['%s'].", resource)
}

// quotaUsed is how many of each resource a project has. router_route counts per
// router and is always 0 here (get_router_routes_count in neutron/db/extraroute_db.py).
func (n *neutron) quotaUsed(projectID string) map[string]int {
	return map[string]int{
		"network": n.networks.owned[projectID], "subnet": n.subnets.owned[projectID],
		"port": n.ports.owned[projectID], "router": n.routers.owned[projectID],
		"floatingip":          n.floatingIPs.owned[projectID],
		"security_group":      n.groups.owned[projectID],
		"security_group_rule": n.rules.owned[projectID],
		"trunk":               n.trunks.owned[projectID],
	}
}

func (n *neutron) registerQuotas(t routeTable) {
	n.on(t, "GET /v2.0/quotas/{project}", "quotas", 200, func(r *request) (any, error) {
		if err := sameProject(r, "get_quota"); err != nil {
			return nil, err
		}
		return map[string]any{"quota": n.quotaLimits(r.Vars["project"])}, nil
	})
	n.on(t, "GET /v2.0/quotas/{project}/default", "quotas", 200, func(r *request) (any, error) {
		if err := sameProject(r, "get_quota"); err != nil {
			return nil, err
		}
		return map[string]any{"quota": n.quotaDefaults()}, nil
	})
	n.on(t, "GET /v2.0/quotas/{project}/details", "quota_details", 200, n.quotaDetails)
	n.on(t, "GET /v2.0/quotas/{project}/details.json", "quota_details", 200, n.quotaDetails)
	n.on(t, "PUT /v2.0/quotas/{project}", "quotas", 200, n.updateQuotas)
	n.on(t, "DELETE /v2.0/quotas/{project}", "quotas", 204, func(r *request) (any, error) {
		if !callerOf(r).admin {
			return nil, disallowed("delete_quota")
		}
		delete(n.quotas, r.Vars["project"])
		return nil, nil
	})
}

func sameProject(r *request, rule string) error {
	if c := callerOf(r); !c.admin && c.project != r.Vars["project"] {
		return disallowed(rule)
	}
	return nil
}

func (n *neutron) quotaDetails(r *request) (any, error) {
	if err := sameProject(r, "get_quota"); err != nil {
		return nil, err
	}
	used, details := n.quotaUsed(r.Vars["project"]), map[string]any{}
	for resource, limit := range n.quotaLimits(r.Vars["project"]) {
		details[resource] = map[string]int{"limit": limit, "used": used[resource], "reserved": 0}
	}
	return map[string]any{"quota": details}, nil
}

func (n *neutron) updateQuotas(r *request) (any, error) {
	if !callerOf(r).admin {
		return nil, disallowed("update_quota")
	}
	var in struct {
		Quota map[string]int `json:"quota"`
	}
	if err := json.Unmarshal(r.Body, &in); err != nil {
		return nil, badRequest("Invalid body: %v", err)
	}
	known := n.quotaDefaults()
	for resource, limit := range in.Quota {
		if _, found := known[resource]; !found {
			return nil, badRequest("Unrecognized attribute(s) '%s'", resource)
		}
		if limit < -1 {
			return nil, invalidInput(resource, "'%d' is too small - must be at least '-1'", limit)
		}
	}
	for resource, limit := range in.Quota {
		n.setQuota(r.Vars["project"], resource, limit)
	}
	return map[string]any{"quota": n.quotaLimits(r.Vars["project"])}, nil
}
