package simulator

import (
	"maps"
	"net/http"
	"time"
)

// Metadata of servers, as nova/api/openstack/compute/server_metadata.py has it.

// maxMetadata is the quota metadata_items.
const maxMetadata = 128

func (n *nova) registerMetadata(t routeTable) {
	t["GET /servers/{id}/metadata"] = n.one(n.listMetadata)
	t["POST /servers/{id}/metadata"] = n.one(n.mergeMetadata)
	t["PUT /servers/{id}/metadata"] = n.one(n.replaceMetadata)
	t["GET /servers/{id}/metadata/{key}"] = n.one(n.showMetadata)
	t["PUT /servers/{id}/metadata/{key}"] = n.one(n.setMetadata)
	t["DELETE /servers/{id}/metadata/{key}"] = n.one(n.deleteMetadata)
}

func (n *nova) listMetadata(_ *request, s *server) response { return novaOK("metadata", s.Metadata) }

func (n *nova) mergeMetadata(r *request, s *server) response { return n.keepMetadata(r, s, true) }

func (n *nova) replaceMetadata(r *request, s *server) response { return n.keepMetadata(r, s, false) }

func (n *nova) keepMetadata(r *request, s *server, merge bool) response {
	var wanted map[string]string
	if err := r.decode("metadata", &wanted); err != nil || wanted == nil {
		return novaError(http.StatusBadRequest, "Invalid input for field/attribute metadata.")
	}
	desired := map[string]string{}
	if merge {
		maps.Copy(desired, s.Metadata)
	}
	maps.Copy(desired, wanted)
	if refused := checkMetadata(desired); refused != nil {
		return *refused
	}
	s.Metadata, s.Updated = desired, time.Now()
	return novaOK("metadata", s.Metadata)
}

func checkMetadata(desired map[string]string) *response {
	if len(desired) > maxMetadata {
		refused := novaError(http.StatusForbidden, "Maximum number of metadata items exceeds 128")
		return &refused
	}
	for key, value := range desired {
		if key == "" || len(key) > 255 || len(value) > 255 {
			return refuse("Invalid input for field/attribute metadata.")
		}
	}
	return nil
}

func noMetadata() response {
	return novaError(http.StatusNotFound, "Metadata item was not found")
}

func (n *nova) showMetadata(r *request, s *server) response {
	value, ok := s.Metadata[r.Vars["key"]]
	if !ok {
		return noMetadata()
	}
	return novaOK("meta", map[string]string{r.Vars["key"]: value})
}

func (n *nova) setMetadata(r *request, s *server) response {
	var wanted map[string]string
	key := r.Vars["key"]
	if err := r.decode("meta", &wanted); err != nil || len(wanted) != 1 {
		return novaError(http.StatusBadRequest, "Request body contains too many items")
	}
	value, ok := wanted[key]
	if !ok {
		return novaError(http.StatusBadRequest, "Request body and URI mismatch")
	}
	desired := maps.Clone(s.Metadata)
	desired[key] = value
	if refused := checkMetadata(desired); refused != nil {
		return *refused
	}
	s.Metadata, s.Updated = desired, time.Now()
	return novaOK("meta", wanted)
}

func (n *nova) deleteMetadata(r *request, s *server) response {
	if _, ok := s.Metadata[r.Vars["key"]]; !ok {
		return noMetadata()
	}
	delete(s.Metadata, r.Vars["key"])
	s.Updated = time.Now()
	return response{Status: http.StatusNoContent}
}
