package simulator

import "net/http"

// Flavors, as nova/api/openstack/compute/flavors.py and views/flavors.py have them.

type flavor struct {
	ID, Name         string
	VCPUs, RAM, Disk int
	ExtraSpecs       map[string]string
}

func stockFlavors() []*flavor {
	return []*flavor{
		{ID: "1", Name: "m1.tiny", VCPUs: 1, RAM: 512, Disk: 1},
		{ID: "2", Name: "m1.small", VCPUs: 1, RAM: 2048, Disk: 20},
		{ID: "3", Name: "m1.medium", VCPUs: 2, RAM: 4096, Disk: 40},
		{ID: "4", Name: "m1.large", VCPUs: 4, RAM: 8192, Disk: 80},
		{ID: "5", Name: "m1.xlarge", VCPUs: 8, RAM: 16384, Disk: 160},
	}
}

func (f *flavor) specs() map[string]string {
	if f.ExtraSpecs == nil {
		return map[string]string{}
	}
	return f.ExtraSpecs
}

func (n *nova) registerFlavors(t routeTable) {
	t["GET /flavors"] = n.listFlavors
	t["GET /flavors/detail"] = n.listFlavors
	t["GET /flavors/{id}"] = n.showFlavor
	t["GET /flavors/{id}/os-extra_specs"] = n.showExtraSpecs
}

func (n *nova) flavorBy(id string) *flavor {
	for _, f := range n.flavors {
		if f.ID == id {
			return f
		}
	}
	return nil
}

func (n *nova) flavorView(r *request, f *flavor) map[string]any {
	view := map[string]any{
		"id": f.ID, "name": f.Name, "vcpus": f.VCPUs, "ram": f.RAM, "disk": f.Disk, "swap": "",
		"OS-FLV-EXT-DATA:ephemeral": 0, "OS-FLV-DISABLED:disabled": false, "os-flavor-access:is_public": true,
		"rxtx_factor": 1.0, "links": n.links(r, "/flavors/"+f.ID),
	}
	if r.since(55) {
		view["description"] = nil
	}
	if r.since(61) {
		view["extra_specs"] = f.specs()
	}
	if r.since(75) {
		view["swap"] = 0
	}
	return view
}

func (n *nova) listFlavors(r *request) response {
	views := []any{}
	for _, f := range n.flavors {
		if r.Pattern == "GET /flavors/detail" {
			views = append(views, n.flavorView(r, f))
			continue
		}
		views = append(views, map[string]any{"id": f.ID, "name": f.Name, "links": n.links(r, "/flavors/"+f.ID)})
	}
	return novaOK("flavors", views)
}

func (n *nova) showFlavor(r *request) response {
	f := n.flavorBy(r.Vars["id"])
	if f == nil {
		return novaError(http.StatusNotFound, "Flavor "+r.Vars["id"]+" could not be found.")
	}
	return novaOK("flavor", n.flavorView(r, f))
}

func (n *nova) showExtraSpecs(r *request) response {
	f := n.flavorBy(r.Vars["id"])
	if f == nil {
		return novaError(http.StatusNotFound, "Flavor "+r.Vars["id"]+" could not be found.")
	}
	return novaOK("extra_specs", f.specs())
}
