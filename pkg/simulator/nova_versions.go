package simulator

import "net/http"

// Version discovery, as nova/api/openstack/compute/versions.py has it.

func (n *nova) registerVersions(t routeTable) {
	t["GET /"] = n.listVersions
	t["GET /v2"] = n.showVersion
	t["GET /v2.1"] = n.showVersion
}

func (n *nova) versionView(r *request, id string) map[string]any {
	view := map[string]any{
		"id": id, "status": "SUPPORTED", "version": "", "min_version": "", "updated": "2011-01-21T11:33:21Z",
		"links": []map[string]string{{"rel": "self", "href": r.BaseURL + "/v2/"}},
	}
	if id == "v2.1" {
		view["status"], view["updated"] = "CURRENT", "2013-07-23T11:33:21Z"
		view["version"], view["min_version"] = n.cloud.options.MaxMicroversion, "2.1"
		view["links"] = []map[string]string{{"rel": "self", "href": r.BaseURL + "/v2.1/"}}
	}
	return view
}

func (n *nova) listVersions(r *request) response {
	return novaOK("versions", []any{n.versionView(r, "v2.0"), n.versionView(r, "v2.1")})
}

func (n *nova) showVersion(r *request) response {
	id := "v2.1"
	if r.Path == "/v2" {
		id = "v2.0"
	}
	view := n.versionView(r, id)
	view["media-types"] = []map[string]string{
		{"base": "application/json", "type": "application/vnd.openstack.compute+json;version=2.1"},
	}
	return response{Status: http.StatusOK, Body: map[string]any{"version": view}}
}
