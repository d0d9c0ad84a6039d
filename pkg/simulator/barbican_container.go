package simulator

import (
	"net/http"
	"slices"
	"time"
)

// Containers and their consumers as barbican/api/controllers/containers.py and
// consumers.py have them.

func (b *barbican) registerContainers(t routeTable) {
	t["GET /v1/containers"] = func(r *request) response {
		all := []any{}
		for _, c := range b.containers {
			if barbicanMay(r, c.ProjectID) {
				all = append(all, c.view(r))
			}
		}
		shown, total := barbicanPage(r, all)
		return response{Status: http.StatusOK, Body: map[string]any{"containers": shown, "total": total}}
	}
	t["POST /v1/containers"] = b.postContainer
	t["GET /v1/containers/{id}"] = b.containerHandler(func(r *request, c *container) response {
		return response{Status: http.StatusOK, Body: c.view(r)}
	})
	t["DELETE /v1/containers/{id}"] = b.containerHandler(func(_ *request, c *container) response {
		b.containers = lbWithout(b.containers, c)
		return response{Status: http.StatusNoContent}
	})
	t["GET /v1/containers/{id}/consumers"] = b.containerHandler(func(r *request, c *container) response {
		all := []any{}
		for _, v := range c.Consumers {
			all = append(all, v)
		}
		shown, total := barbicanPage(r, all)
		return response{Status: http.StatusOK, Body: map[string]any{"consumers": shown, "total": total}}
	})
	t["POST /v1/containers/{id}/consumers"] = b.containerHandler(func(r *request, c *container) response {
		var in consumer
		if !barbicanBody(r, &in) || in.Name == "" || in.URL == "" {
			return barbicanError(http.StatusBadRequest, "Provided object does not match schema 'Consumer'")
		}
		if !slices.Contains(c.Consumers, in) {
			c.Consumers = append(c.Consumers, in)
		}
		return response{Status: http.StatusOK, Body: c.view(r)}
	})
	t["DELETE /v1/containers/{id}/consumers"] = b.containerHandler(func(r *request, c *container) response {
		var in consumer
		if !barbicanBody(r, &in) || !slices.Contains(c.Consumers, in) {
			return barbicanError(http.StatusNotFound, "Consumer not found.")
		}
		c.Consumers = lbWithout(c.Consumers, in)
		return response{Status: http.StatusOK, Body: c.view(r)}
	})
}

func (b *barbican) containerHandler(serve func(*request, *container) response) handler {
	return func(r *request) response {
		at := slices.IndexFunc(b.containers, func(c *container) bool { return c.ID == r.Vars["id"] })
		switch {
		case at < 0:
			return barbicanError(http.StatusNotFound, "Not Found. Sorry but your container is in another castle.")
		case !barbicanMay(r, b.containers[at].ProjectID):
			return barbicanError(http.StatusForbidden, "Container retrieval attempt not allowed - please review your user/project privileges")
		}
		return serve(r, b.containers[at])
	}
}

func (c *container) view(r *request) map[string]any {
	return map[string]any{
		"container_ref": r.BaseURL + "/v1/containers/" + c.ID, "name": c.Name, "type": c.Type, "status": "ACTIVE",
		"secret_refs": list(c.Refs), "consumers": list(c.Consumers), "creator_id": c.Creator,
		"created": octaviaTime(c.Created), "updated": octaviaTime(c.Created),
	}
}

func (b *barbican) postContainer(r *request) response {
	var in struct {
		Name string      `json:"name"`
		Type string      `json:"type"`
		Refs []secretRef `json:"secret_refs"`
	}
	if !barbicanBody(r, &in) || !slices.Contains([]string{"generic", "rsa", "certificate"}, in.Type) {
		return barbicanError(http.StatusBadRequest, "Provided object does not match schema 'Container'")
	}
	for _, ref := range in.Refs {
		if !b.holds(ref.Ref) {
			return barbicanError(http.StatusNotFound, "Secret provided for '"+ref.Name+"' doesn't exist.")
		}
	}
	c := &container{
		ID: newID(), ProjectID: r.Token.ProjectID, Name: in.Name, Type: in.Type, Refs: in.Refs,
		Creator: r.Token.UserID, Created: time.Now(),
	}
	b.containers = append(b.containers, c)
	ref := r.BaseURL + "/v1/containers/" + c.ID
	answer := response{Status: http.StatusCreated, Body: map[string]any{"container_ref": ref}}
	return answer.set("Location", ref)
}
