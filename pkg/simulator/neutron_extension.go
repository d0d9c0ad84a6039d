package simulator

import (
	"maps"
	"slices"
)

// knownExtensions are the extensions that the simulator can load, as
// GET /v2.0/extensions of ML2 with the router, quotas, trunk, revisions, tag and
// timestamp plugins lists them. All are on at first but those that Options turn
// off, and tag-ports-during-bulk-creation, which few clouds load.
var knownExtensions = map[string]string{
	"allowed-address-pairs":          "Allowed Address Pairs",
	"availability_zone":              "Availability Zone",
	"binding":                        "Port Binding",
	"dns-integration":                "DNS Integration",
	"empty-string-filtering":         "Empty String Filtering Extension",
	"external-net":                   "Neutron external network",
	"ext-gw-mode":                    "Neutron L3 Configurable external gateway mode",
	"extraroute":                     "Neutron Extra Route",
	"extraroute-atomic":              "Atomically add/remove extra routes",
	"filter-validation":              "Filter parameters validation",
	"fip-port-details":               "Floating IP Port Details Extension",
	"ip-substring-filtering":         "IP address substring filtering",
	"l3-port-ip-change-not-allowed":  "Prevent L3 router ports IP address change extension",
	"net-mtu":                        "Network MTU",
	"pagination":                     "Pagination support",
	"port-security":                  "Port Security",
	"port-security-groups-filtering": "Port filtering on security groups",
	"project-id":                     "project_id field enabled",
	"quota_details":                  "Quota details management support",
	"quotas":                         "Quota management support",
	"revision-if-match":              "If-Match constraints based on revision_number",
	"router":                         "Neutron L3 Router",
	"router_availability_zone":       "Router Availability Zone",
	"security-group":                 "security-group",
	"sorting":                        "Sorting support",
	"standard-attr-description":      "standard-attr-description",
	"standard-attr-revisions":        "Resource revision numbers",
	"standard-attr-tag":              "Tag support for resources with standard attribute",
	"standard-attr-timestamp":        "Resource timestamps",
	"stateful-security-group":        "Stateful security group",
	"subnet_allocation":              "Subnet Allocation",
	"tag-creation":                   "Tag creation extension",
	"tag-ports-during-bulk-creation": "Tag Ports During Bulk Creation",
	"trunk":                          "Trunk Extension",
	"trunk-details":                  "Trunk port details",
}

func loadedExtensions(o Options) map[string]bool {
	loaded := map[string]bool{}
	for alias := range knownExtensions {
		loaded[alias] = true
	}
	loaded["tag-ports-during-bulk-creation"] = false
	loaded["extraroute-atomic"] = *o.AtomicRoutes
	loaded["allowed-address-pairs"] = *o.AddressPairs
	loaded["port-security"] = *o.PortSecurity
	return loaded
}

// SetExtension loads or unloads a Neutron extension by its alias. Without it
// its paths answer 404 and its attributes are neither shown nor accepted.
// An alias that the simulator does not know is listed and does nothing else.
func (c *Cloud) SetExtension(alias string, on bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.neutron.extensions[alias] = on
}

// registerDiscovery serves versions and extensions (neutron/api/versions.py,
// neutron/pecan_wsgi/controllers/root.py and extensions.py).
func (n *neutron) registerDiscovery(t routeTable) {
	n.on(t, "GET /", "", 200, func(r *request) (any, error) {
		return map[string]any{"versions": []any{map[string]any{
			"id": "v2.0", "status": "CURRENT",
			"links": []any{map[string]string{"rel": "self", "href": r.BaseURL + "/v2.0/"}},
		}}}, nil
	})
	n.on(t, "GET /v2.0", "", 200, n.listResources)
	n.on(t, "GET /v2.0/extensions", "", 200, n.listExtensions)
	n.on(t, "GET /v2.0/extensions/{alias}", "", 200, func(r *request) (any, error) {
		alias := r.Vars["alias"]
		if !n.extensions[alias] {
			return nil, missing("HTTPNotFound", "Extension with alias %s does not exist", alias)
		}
		return map[string]any{"extension": extension(alias)}, nil
	})
}

func (n *neutron) listResources(r *request) (any, error) {
	resources := []any{}
	for _, name := range [][2]string{
		{"network", "networks"}, {"subnet", "subnets"}, {"port", "ports"},
		{"router", "routers"}, {"floatingip", "floatingips"}, {"security_group", "security-groups"},
	} {
		resources = append(resources, map[string]any{
			"name": name[0], "collection": name[1],
			"links": []any{map[string]string{"rel": "self", "href": r.BaseURL + "/v2.0/" + name[1]}},
		})
	}
	return map[string]any{"resources": resources}, nil
}

func (n *neutron) listExtensions(*request) (any, error) {
	listed := []any{}
	for _, alias := range slices.Sorted(maps.Keys(n.extensions)) {
		if n.extensions[alias] {
			listed = append(listed, extension(alias))
		}
	}
	return map[string]any{"extensions": listed}, nil
}

func extension(alias string) map[string]any {
	name := knownExtensions[alias]
	if name == "" {
		name = alias
	}
	return map[string]any{
		"alias": alias, "name": name, "description": name, "links": []any{}, "updated": "2016-01-01T10:00:00-00:00",
	}
}
