package simulator

import (
	"net/http"
	"slices"
)

// Flavors, their profiles, and availability zones: flavors.py,
// flavor_profiles.py and availability_zones.py in octavia/api/v2/controllers.

type lbFlavor struct {
	ID, Name, Description string
	enabled               bool
	profile               *lbFlavorProfile
}

type lbFlavorProfile struct{ ID, Name, provider, data string }

type lbZone struct {
	Name, Description string
	enabled           bool
}

// AddLoadBalancerFlavor adds an enabled flavor of a provider and returns its id.
func (c *Cloud) AddLoadBalancerFlavor(name, provider string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	o := c.octavia
	profile := &lbFlavorProfile{ID: newID(), Name: name, provider: provider, data: `{"loadbalancer_topology": "SINGLE"}`}
	flavor := &lbFlavor{ID: newID(), Name: name, enabled: true, profile: profile}
	o.profiles, o.flavors = append(o.profiles, profile), append(o.flavors, flavor)
	return flavor.ID
}

// AddLoadBalancerZone adds an enabled availability zone of Octavia's own, of which there is none at first.
func (c *Cloud) AddLoadBalancerZone(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.octavia.zones = append(c.octavia.zones, &lbZone{Name: name, enabled: true})
}

// checkFlavor finds the flavor that a body names, nil if it names none.
func (o *octavia) checkFlavor(in lbBody) (*lbFlavor, error) {
	id := in.text("flavor_id")
	if id == "" {
		return nil, nil
	}
	at := slices.IndexFunc(o.flavors, func(f *lbFlavor) bool { return f.ID == id })
	switch {
	case at < 0:
		return nil, lbInvalid("Invalid flavor_id.")
	case !o.flavors[at].enabled:
		return nil, octaviaErrorf(http.StatusBadRequest, "The selected flavor is not allowed in this deployment: %s", id)
	}
	return o.flavors[at], nil
}

func (o *octavia) checkZone(in lbBody) error {
	name := in.text("availability_zone")
	if name == "" {
		return nil
	}
	at := slices.IndexFunc(o.zones, func(z *lbZone) bool { return z.Name == name })
	switch {
	case at < 0:
		return lbInvalid("Invalid availability zone.")
	case !o.zones[at].enabled:
		return octaviaErrorf(http.StatusBadRequest, "The selected availability_zone is not allowed in this deployment: %s", name)
	}
	return nil
}

func (f *lbFlavor) view() map[string]any {
	return map[string]any{
		"id": f.ID, "name": f.Name, "description": f.Description, "enabled": f.enabled, "flavor_profile_id": f.profile.ID,
	}
}

func (p *lbFlavorProfile) view() map[string]any {
	return map[string]any{"id": p.ID, "name": p.Name, "provider_name": p.provider, "flavor_data": p.data}
}

func (z *lbZone) view() map[string]any {
	return map[string]any{"name": z.Name, "description": z.Description, "enabled": z.enabled, "availability_zone_profile_id": nil}
}

func (o *octavia) registerFlavors(t routeTable) {
	o.on(t, "GET /flavors", 6, http.StatusOK, func(r *request) (any, error) {
		return viewsOf("flavors", o.flavors, (*lbFlavor).view, r), nil
	})
	o.on(t, "GET /flavors/{id}", 6, http.StatusOK, func(r *request) (any, error) {
		return oneOf("flavor", "Flavor", r.Vars["id"], o.flavors, func(f *lbFlavor) string { return f.ID }, (*lbFlavor).view)
	})
	o.on(t, "GET /flavorprofiles", 6, http.StatusOK, func(r *request) (any, error) {
		if !callerOf(r).admin {
			return nil, errOctaviaPolicy
		}
		return viewsOf("flavorprofiles", o.profiles, (*lbFlavorProfile).view, r), nil
	})
	o.on(t, "GET /flavorprofiles/{id}", 6, http.StatusOK, func(r *request) (any, error) {
		if !callerOf(r).admin {
			return nil, errOctaviaPolicy
		}
		return oneOf("flavorprofile", "Flavor Profile", r.Vars["id"], o.profiles,
			func(p *lbFlavorProfile) string { return p.ID }, (*lbFlavorProfile).view)
	})
	o.on(t, "GET /availabilityzones", 14, http.StatusOK, func(r *request) (any, error) {
		return viewsOf("availability_zones", o.zones, (*lbZone).view, r), nil
	})
	o.on(t, "GET /availabilityzones/{id}", 14, http.StatusOK, func(r *request) (any, error) {
		return oneOf("availability_zone", "Availability Zone", r.Vars["id"], o.zones,
			func(z *lbZone) string { return z.Name }, (*lbZone).view)
	})
}

// viewsOf is a list, filtered by what the query names of its attributes.
func viewsOf[T any](key string, all []T, view func(T) map[string]any, r *request) any {
	shown := []any{}
	for _, v := range all {
		row, keep := view(v), true
		for name, values := range r.Query {
			if value, found := row[name]; found {
				keep = keep && slices.ContainsFunc(values, func(wanted string) bool { return equals(value, wanted) })
			}
		}
		if keep {
			shown = append(shown, lbFields(row, r.Query["fields"]))
		}
	}
	return map[string]any{key: shown, key + "_links": []any{}}
}

func oneOf[T any](key, resource, id string, all []T, idOf func(T) string, view func(T) map[string]any) (any, error) {
	at := slices.IndexFunc(all, func(v T) bool { return idOf(v) == id })
	if at < 0 {
		return nil, lbMissing(resource, id)
	}
	return map[string]any{key: view(all[at])}, nil
}
