package simulator

import (
	"net/http"
	"time"
)

// glance is as much of the Image service as clients need to show a server's
// image. It imitates https://docs.openstack.org/api-ref/image/v2/.
type glance struct {
	cloud  *Cloud
	images []*image
}

type image struct {
	ID, Name string
	created  time.Time
}

func newGlance(c *Cloud) *glance {
	return &glance{cloud: c, images: []*image{{ID: newID(), Name: "ubuntu-24.04", created: time.Now()}}}
}

func (g *glance) service() *service {
	table := routeTable{
		"GET /":               g.listVersions,
		"GET /versions":       g.listVersions,
		"GET /v2/images":      g.list,
		"GET /v2/images/{id}": g.show,
	}
	return &service{
		kind: "image", name: "glance", prefix: "/image", routes: compile(table),
		public: map[string]bool{"GET /": true, "GET /versions": true}, fault: glanceFault,
	}
}

// glanceFault is an error as webob renders it for a caller of JSON.
func glanceFault(status int, _, message string) any {
	return map[string]any{"message": message, "code": status, "title": http.StatusText(status)}
}

// listVersions answers 300 at the root and 200 at /versions (glance/api/versions.py).
func (g *glance) listVersions(r *request) response {
	status := http.StatusMultipleChoices
	if r.Pattern == "GET /versions" {
		status = http.StatusOK
	}
	links := []map[string]string{{"rel": "self", "href": r.BaseURL + "/v2/"}}
	return response{Status: status, Body: map[string]any{"versions": []any{
		map[string]any{"id": "v2.9", "status": "CURRENT", "links": links},
		map[string]any{"id": "v2.7", "status": "SUPPORTED", "links": links},
		map[string]any{"id": "v2.0", "status": "SUPPORTED", "links": links},
	}}}
}

func (i *image) view() map[string]any {
	at := i.created.UTC().Format("2006-01-02T15:04:05Z")
	return map[string]any{
		"id": i.ID, "name": i.Name, "status": "active", "visibility": "public", "protected": false, "os_hidden": false,
		"disk_format": "qcow2", "container_format": "bare", "min_disk": 0, "min_ram": 0, "size": 618925568,
		"virtual_size": nil, "checksum": nil, "owner": nil, "tags": []string{}, "created_at": at, "updated_at": at,
		"self": "/v2/images/" + i.ID, "file": "/v2/images/" + i.ID + "/file", "schema": "/v2/schemas/image",
	}
}

func (g *glance) list(r *request) response {
	views := []any{}
	for _, i := range g.images {
		if name := r.Query.Get("name"); name == "" || name == i.Name {
			views = append(views, i.view())
		}
	}
	return response{Status: http.StatusOK, Body: map[string]any{
		"images": views, "first": "/v2/images", "schema": "/v2/schemas/images",
	}}
}

func (g *glance) show(r *request) response {
	for _, i := range g.images {
		if i.ID == r.Vars["id"] {
			return response{Status: http.StatusOK, Body: i.view()}
		}
	}
	return response{Status: http.StatusNotFound, Body: glanceFault(http.StatusNotFound, "",
		"Failed to find image "+r.Vars["id"])}
}
