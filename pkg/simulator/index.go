package simulator

import (
	"net/http"
	"strings"
)

// index answers what no service knows: at the root the live page for browsers
// and the services' addresses for others, else 404.
func (c *Cloud) index(x *exchange) outcome {
	switch {
	case x.url.Path == "/live":
		return c.livePage(x, "live")
	case x.url.Path != "/" && x.url.Path != "":
		return marshalled(response{Status: http.StatusNotFound, Body: map[string]any{
			"error": "no such service: " + x.url.Path,
		}})
	case strings.Contains(x.header.Get("Accept"), "text/html"):
		return c.livePage(x, "page")
	}
	endpoints := map[string]string{}
	for _, s := range c.services {
		endpoints[s.kind] = x.root + s.prefix + s.catalogPath
	}
	return marshalled(response{Status: http.StatusOK, Body: map[string]any{
		"cloud": c.options.Name, "region": c.options.Region, "endpoints": endpoints,
	}})
}

func (c *Cloud) livePage(x *exchange, part string) outcome {
	answer := response{Status: http.StatusOK, Body: c.page(x.root, part)}
	answer = answer.set("Cache-Control", "no-store").set("Vary", "Accept").set("Content-Security-Policy",
		"default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; img-src data:")
	return marshalled(answer)
}
