package simulator

import (
	"net/http"
	"slices"
	"strings"
)

// Tags of servers, since 2.26, as nova/api/openstack/compute/server_tags.py has them.

const (
	maxTags      = 50
	maxTagLength = 60
)

func (n *nova) registerTags(t routeTable) {
	for pattern, serve := range map[string]func(*request, *server) response{
		"GET /servers/{id}/tags":          n.listTags,
		"PUT /servers/{id}/tags":          n.replaceTags,
		"DELETE /servers/{id}/tags":       n.deleteTags,
		"GET /servers/{id}/tags/{tag}":    n.showTag,
		"PUT /servers/{id}/tags/{tag}":    n.addTag,
		"DELETE /servers/{id}/tags/{tag}": n.deleteTag,
	} {
		inner := n.one(serve)
		t[pattern] = func(r *request) response {
			if !r.since(26) {
				return novaError(http.StatusNotFound, "The resource could not be found.")
			}
			return inner(r)
		}
	}
}

func (n *nova) listTags(_ *request, s *server) response {
	return novaOK("tags", append([]string{}, s.Tags...))
}

func (n *nova) replaceTags(r *request, s *server) response {
	var wanted []string
	if err := r.decode("tags", &wanted); err != nil {
		return novaError(http.StatusBadRequest, "Invalid input for field/attribute tags.")
	}
	slices.Sort(wanted)
	wanted = slices.Compact(wanted)
	if len(wanted) > maxTags || slices.ContainsFunc(wanted, badTag) {
		return novaError(http.StatusBadRequest, "Invalid input for field/attribute tags.")
	}
	s.Tags = wanted
	return novaOK("tags", append([]string{}, s.Tags...))
}

func badTag(tag string) bool {
	return tag == "" || len(tag) > maxTagLength || strings.ContainsAny(tag, ",/")
}

func (n *nova) deleteTags(_ *request, s *server) response {
	s.Tags = nil
	return response{Status: http.StatusNoContent}
}

func noTag(r *request, s *server) response {
	return novaError(http.StatusNotFound, "Server "+s.ID+" has no tag '"+r.Vars["tag"]+"'")
}

func (n *nova) showTag(r *request, s *server) response {
	if !slices.Contains(s.Tags, r.Vars["tag"]) {
		return noTag(r, s)
	}
	return response{Status: http.StatusNoContent}
}

func (n *nova) addTag(r *request, s *server) response {
	tag := r.Vars["tag"]
	if slices.Contains(s.Tags, tag) {
		return response{Status: http.StatusNoContent}
	}
	if badTag(tag) || len(s.Tags) >= maxTags {
		return novaError(http.StatusBadRequest, "The number of tags exceeded the per-server limit 50")
	}
	s.Tags = append(s.Tags, tag)
	answer := response{Status: http.StatusCreated}
	return answer.set("Location", r.BaseURL+"/v2.1/servers/"+s.ID+"/tags/"+tag)
}

func (n *nova) deleteTag(r *request, s *server) response {
	at := slices.Index(s.Tags, r.Vars["tag"])
	if at < 0 {
		return noTag(r, s)
	}
	s.Tags = slices.Delete(s.Tags, at, at+1)
	return response{Status: http.StatusNoContent}
}
