package simulator

import (
	"bytes"
	"embed"
	"html/template"
	"net/http"
	"strings"
)

// The live page shows a person what the cloud holds: a picture of each router
// with its nodes and routes, then tables. The server writes the tables, so that
// the page says everything without a script; the script draws the picture and
// follows the changes. Looking at any of it is not a call.
//
//	/                    the page, for those who accept HTML
//	/simulator/state     the same as one JSON document, see pageState
//	/simulator/events    an event stream that says when to ask for it again
//	/simulator/*.js|css  what the page is made of
//	/simulator/metadata/SERVER/meta_data.json  see MetadataURL

//go:embed page
var pageFiles embed.FS

var pageTemplate = template.Must(template.ParseFS(pageFiles, "page/page.html"))

// pageRoot is where everything but the page itself stands.
const pageRoot = "/simulator/"

// pagePolicy lets the page load nothing but its own files, so that no text that
// it shows can ever run.
const pagePolicy = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; " +
	"base-uri 'none'; form-action 'none'"

// page answers what belongs to the live page. On port 5000 the root is
// Keystone's as well: it has its own answer for whoever does not want HTML.
func (c *Cloud) page(x *exchange) (answer outcome, ours bool) {
	path := x.url.Path
	wantsHTML := strings.Contains(x.header.Get("Accept"), "text/html")
	if !strings.HasPrefix(path, pageRoot) && (!wantsHTML || path != "/" && path != "") {
		return outcome{}, false
	}
	if x.method != http.MethodGet && x.method != http.MethodHead {
		return pageAnswer(http.StatusMethodNotAllowed, "text/plain; charset=utf-8", []byte("Looking is all that the page is for.\n")), true
	}
	switch name := strings.TrimPrefix(path, pageRoot); name {
	case "/", "":
		return c.pageHTML(x.root), true
	case "state":
		return marshalled(response{Status: http.StatusOK, Body: c.pageState(x.root), Header: pageHeader()}), true
	case "events":
		return pageAnswer(http.StatusOK, eventStream, pageEvent(c.pageRevision())), true
	default:
		if server, found := strings.CutPrefix(name, metadataRoot); found {
			return c.metadata(server), true
		}
		return pageFile(name), true
	}
}

func (c *Cloud) pageHTML(root string) outcome {
	var out bytes.Buffer
	if err := pageTemplate.ExecuteTemplate(&out, "page.html", c.pageState(root)); err != nil {
		// The template only reads plain structs: this is a bug of the simulator.
		return pageAnswer(http.StatusInternalServerError, "text/plain; charset=utf-8", []byte("write the page: "+err.Error()))
	}
	return pageAnswer(http.StatusOK, "text/html; charset=utf-8", out.Bytes())
}

// pageFile is one of the embedded files; the template is none of them.
func pageFile(name string) outcome {
	kinds := map[string]string{
		"page.css": "text/css; charset=utf-8", "page.js": "text/javascript; charset=utf-8",
		"picture.js": "text/javascript; charset=utf-8", "tables.js": "text/javascript; charset=utf-8",
	}
	text, err := pageFiles.ReadFile("page/" + name)
	if err != nil || kinds[name] == "" {
		return pageAnswer(http.StatusNotFound, "text/plain; charset=utf-8", []byte("no such file\n"))
	}
	return pageAnswer(http.StatusOK, kinds[name], text)
}

func pageAnswer(status int, kind string, body []byte) outcome {
	header := pageHeader()
	header.Set("Content-Type", kind)
	return outcome{status: status, header: header, body: body}
}

func pageHeader() http.Header {
	header := http.Header{}
	header.Set("Cache-Control", "no-store")
	header.Set("Vary", "Accept")
	header.Set("Content-Security-Policy", pagePolicy)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer")
	return header
}
