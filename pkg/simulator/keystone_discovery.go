package simulator

import "net/http"

// Version discovery, as keystone/api/discovery.py has it. There is no v2.0 since
// Queens: its paths answer 404, with the page that Flask makes of every path
// that it does not know.

// html is a body that is a page instead of JSON.
type html string

const flaskNotFound html = `<!doctype html>
<html lang=en>
<title>404 Not Found</title>
<h1>Not Found</h1>
<p>The requested URL was not found on the server. If you entered the URL manually please check your spelling and try again.</p>
`

func (k *keystone) version(r *request) map[string]any {
	return map[string]any{
		"id":      "v3.14",
		"status":  "stable",
		"updated": "2020-04-07T00:00:00Z",
		"links":   []map[string]string{{"rel": "self", "href": r.BaseURL + "/v3/"}},
		"media-types": []map[string]string{
			{"base": "application/json", "type": "application/vnd.openstack.identity-v3+json"},
		},
	}
}

func (k *keystone) listVersions(r *request) response {
	return response{Status: http.StatusMultipleChoices, Body: map[string]any{
		"versions": map[string]any{"values": []any{k.version(r)}},
	}}
}

func (k *keystone) showVersion(r *request) response {
	return response{Status: http.StatusOK, Body: map[string]any{"version": k.version(r)}}
}
