package simulator

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// octaviaNewest is the version of OpenStack 2025.1.
const octaviaNewest = 30

// octaviaDates are when each version appeared (octavia/api/root_controller.py).
var octaviaDates = [octaviaNewest + 1]string{
	"2016-12-11T00:00:00Z", "2018-04-20T00:00:00Z", "2018-07-31T00:00:00Z", "2018-12-18T00:00:00Z",
	"2018-12-19T00:00:00Z", "2019-01-21T00:00:00Z", "2019-01-25T00:00:00Z", "2018-01-25T12:00:00Z",
	"2019-02-12T00:00:00Z", "2019-03-04T00:00:00Z", "2019-03-05T00:00:00Z", "2019-06-24T00:00:00Z",
	"2019-09-11T00:00:00Z", "2019-09-13T00:00:00Z", "2019-11-10T00:00:00Z", "2020-03-10T00:00:00Z",
	"2020-03-15T00:00:00Z", "2020-04-29T00:00:00Z", "2020-04-29T01:00:00Z", "2020-05-12T00:00:00Z",
	"2020-08-02T00:00:00Z", "2020-09-03T00:00:00Z", "2020-09-04T00:00:00Z", "2020-09-07T00:00:00Z",
	"2020-10-15T00:00:00Z", "2021-10-02T00:00:00Z", "2022-08-29T00:00:00Z", "2023-05-05T00:00:00Z",
	"2023-11-08T00:00:00Z", "2024-10-15T00:00:00Z", "2025-02-26T00:00:00Z",
}

// SetOctaviaVersion makes Octavia's API an older one, e.g. "2.5": what newer
// versions brought is unknown to it. It panics at a version that never was.
func (c *Cloud) SetOctaviaVersion(version string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.octavia.setVersion(version)
}

func (o *octavia) setVersion(version string) {
	minor, err := strconv.Atoi(strings.TrimPrefix(strings.TrimPrefix(version, "v"), "2."))
	if err != nil || minor < 0 || minor > octaviaNewest {
		panic(fmt.Sprintf("simulator: no Octavia API version %q", version)) //nolint:forbidigo // a bug of the program that asks for it
	}
	o.minor = minor
}

func (o *octavia) registerDiscovery(t routeTable) {
	t["GET /"] = func(r *request) response {
		versions := []any{}
		for minor := range o.minor + 1 {
			status := "SUPPORTED"
			if minor == o.minor {
				status = "CURRENT"
			}
			versions = append(versions, map[string]any{
				"id": fmt.Sprintf("v2.%d", minor), "status": status, "updated": octaviaDates[minor],
				"links": []map[string]string{{"href": r.BaseURL + "/v2", "rel": "self"}},
			})
		}
		return response{Status: http.StatusOK, Body: map[string]any{"versions": versions}}
	}
	t["GET /v2"] = func(*request) response { return response{Status: http.StatusOK, Body: "v2"} }
	t["GET /v2/lbaas"] = t["GET /v2"]
	o.on(t, "GET /providers", 1, http.StatusOK, func(*request) (any, error) {
		providers := []any{}
		for _, p := range lbProviders {
			providers = append(providers, map[string]any{"name": p.name, "description": p.description})
		}
		return map[string]any{"providers": providers}, nil
	})
}
