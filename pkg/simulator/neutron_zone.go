package simulator

// Availability zones as neutron/extensions/availability_zone.py and
// neutron/db/agentschedulers_db.py have them: one for each zone with DHCP agents,
// one for each with L3 agents.

func (n *neutron) registerZones(t routeTable) {
	n.on(t, "GET /v2.0/availability_zones", "availability_zone", 200, n.listZones)
}

func (n *neutron) listZones(*request) (any, error) {
	zones := []any{}
	for _, zone := range n.cloud.options.Zones {
		for _, resource := range []string{"network", "router"} {
			zones = append(zones, map[string]string{"name": zone, "resource": resource, "state": "available"})
		}
	}
	return map[string]any{"availability_zones": zones}, nil
}
