package simulator

import "net/http"

// index answers what no service knows: at the root the services' addresses, else 404.
func (c *Cloud) index(x *exchange) outcome {
	if x.url.Path != "/" && x.url.Path != "" {
		return marshalled(response{Status: http.StatusNotFound, Body: map[string]any{
			"error": "no such service: " + x.url.Path,
		}})
	}
	endpoints := map[string]string{}
	for _, s := range c.services {
		endpoints[s.kind] = x.root + s.catalogURL("PROJECT_ID")
	}
	return marshalled(response{Status: http.StatusOK, Body: map[string]any{
		"cloud": c.options.Name, "region": c.options.Region, "endpoints": endpoints,
	}})
}
