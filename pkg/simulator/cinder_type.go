package simulator

import (
	"maps"
	"net/http"
	"slices"
)

// Volume types as cinder/api/v3/types.py and cinder/api/contrib/types_extra_specs.py
// have them. They are made by hand: a project only looks at them.

// defaultVolumeType is default_volume_type.
const defaultVolumeType = "__DEFAULT__"

// cinderType is a volume type.
type cinderType struct {
	ID, Name, Description string
	Public, Encrypted     bool
	// projects may use it if it is not public.
	projects []string
	specs    map[string]string
}

func (k *cinderType) multiattach() bool { return k.specs["multiattach"] == "<is> True" }

// backendName is the volume_backend_name of every backend.
const backendName = "lvm"

// homeless tells that no backend holds volumes of the type.
func (k *cinderType) homeless() bool {
	name, named := k.specs["volume_backend_name"]
	return named && name != backendName
}

// visible tells whether a project may use the type.
func (k *cinderType) visible(t *token) bool {
	return k.Public || t.Admin || slices.Contains(k.projects, t.ProjectID)
}

// userSpecs are the extra specs that everyone sees (cinder/api/api_utils.py,
// USER_VISIBLE_EXTRA_SPECS).
var userSpecs = []string{"RESKEY:availability_zones", "multiattach", "replication_enabled"}

// typeNamed finds a type by name or id.
func (s *cinder) typeNamed(r *request, nameOrID string) *cinderType {
	for _, k := range s.types {
		if (k.ID == nameOrID || k.Name == nameOrID) && k.visible(r.Token) {
			return k
		}
	}
	return nil
}

func (s *cinder) registerTypes(t routeTable) {
	s.on(t, "GET /types", 0, http.StatusOK, func(r *request) (any, error) {
		views := []any{}
		for _, k := range s.types {
			if k.visible(r.Token) {
				views = append(views, typeView(r, k))
			}
		}
		return map[string]any{"volume_types": views}, nil
	})
	one := func(run func(r *request, k *cinderType) any) cinderOperation {
		return func(r *request) (any, error) {
			id := r.Vars["id"]
			at := slices.IndexFunc(s.types, func(k *cinderType) bool { return k.ID == id && k.visible(r.Token) })
			if id == "default" {
				at = 0
			}
			if at < 0 {
				return nil, noCinder("Volume type", id)
			}
			return run(r, s.types[at]), nil
		}
	}
	s.on(t, "GET /types/{id}", 0, http.StatusOK, one(func(r *request, k *cinderType) any {
		return map[string]any{"volume_type": typeView(r, k)}
	}))
	s.on(t, "GET /types/{id}/extra_specs", 0, http.StatusOK, one(func(r *request, k *cinderType) any {
		return map[string]any{"extra_specs": k.shownSpecs(r)}
	}))
}

// shownSpecs are the extra specs that a caller sees.
func (k *cinderType) shownSpecs(r *request) map[string]string {
	specs := map[string]string{}
	maps.Copy(specs, k.specs)
	if !r.Token.Admin {
		maps.DeleteFunc(specs, func(key, _ string) bool { return !slices.Contains(userSpecs, key) })
	}
	return specs
}

func typeView(r *request, k *cinderType) map[string]any {
	view := map[string]any{
		"id": k.ID, "name": k.Name, "description": nullable(k.Description), "is_public": k.Public,
		"os-volume-type-access:is_public": k.Public, "extra_specs": k.shownSpecs(r),
	}
	if r.Token.Admin {
		view["qos_specs_id"] = nil
	}
	return view
}
