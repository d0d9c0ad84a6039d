package simulator

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Secrets as barbican/api/controllers/secrets.py has them.

func (b *barbican) registerSecrets(t routeTable) {
	t["GET /v1/secrets"] = b.listSecrets
	t["POST /v1/secrets"] = b.postSecret
	t["GET /v1/secrets/{id}"] = b.secretHandler(func(r *request, s *secret) response {
		return response{Status: http.StatusOK, Body: s.view(r)}
	})
	t["GET /v1/secrets/{id}/payload"] = b.secretHandler(func(_ *request, s *secret) response {
		answer := response{Status: http.StatusOK, Body: rawBody(s.Payload)}
		return answer.set("Content-Type", s.ContentType)
	})
	t["DELETE /v1/secrets/{id}"] = b.secretHandler(func(_ *request, s *secret) response {
		b.secrets = lbWithout(b.secrets, s)
		return response{Status: http.StatusNoContent}
	})
	// Who may read a secret besides its project does not matter here: Octavia may.
	acl := b.secretHandler(func(r *request, s *secret) response {
		if r.Method == http.MethodGet {
			return response{Status: http.StatusOK, Body: map[string]any{"read": map[string]any{"project-access": true}}}
		}
		return response{Status: http.StatusOK, Body: map[string]any{"acl_ref": r.BaseURL + "/v1/secrets/" + s.ID + "/acl"}}
	})
	for _, method := range []string{"GET", "PUT", "PATCH"} {
		t[method+" /v1/secrets/{id}/acl"] = acl
	}
}

func (b *barbican) secretHandler(serve func(*request, *secret) response) handler {
	return func(r *request) response {
		at := slices.IndexFunc(b.secrets, func(s *secret) bool { return s.ID == r.Vars["id"] })
		switch {
		case at < 0:
			return barbicanError(http.StatusNotFound, "Not Found. Sorry but your secret is in another castle.")
		case !barbicanMay(r, b.secrets[at].ProjectID):
			return barbicanError(http.StatusForbidden, "Secret retrieval attempt not allowed - please review your user/project privileges")
		}
		return serve(r, b.secrets[at])
	}
}

func (s *secret) view(r *request) map[string]any {
	out := map[string]any{
		"secret_ref": r.BaseURL + "/v1/secrets/" + s.ID, "name": s.Name, "status": "ACTIVE", "secret_type": s.Type,
		"algorithm": textOrNull(s.Algorithm), "mode": textOrNull(s.Mode), "bit_length": nil, "expiration": nil,
		"creator_id": s.Creator, "created": octaviaTime(s.Created), "updated": octaviaTime(s.Created), "consumers": []any{},
	}
	if s.BitLength > 0 {
		out["bit_length"] = s.BitLength
	}
	if len(s.Payload) > 0 {
		out["content_types"] = map[string]string{"default": s.ContentType}
	}
	return out
}

func textOrNull(text string) any {
	if text == "" {
		return nil
	}
	return text
}

func (b *barbican) listSecrets(r *request) response {
	all := []any{}
	for _, s := range b.secrets {
		if name := r.Query.Get("name"); barbicanMay(r, s.ProjectID) && (name == "" || name == s.Name) {
			all = append(all, s.view(r))
		}
	}
	shown, total := barbicanPage(r, all)
	return response{Status: http.StatusOK, Body: map[string]any{"secrets": shown, "total": total}}
}

// barbicanPage takes the part of a list that offset and limit, 10 by default, say.
func barbicanPage(r *request, all []any) (shown []any, total int) {
	offset, _ := strconv.Atoi(r.Query.Get("offset"))
	limit, err := strconv.Atoi(r.Query.Get("limit"))
	if err != nil || limit <= 0 {
		limit = 10
	}
	from := min(max(offset, 0), len(all))
	return all[from:min(from+min(limit, 100), len(all))], len(all)
}

func (b *barbican) postSecret(r *request) response {
	var in struct {
		Name        string  `json:"name"`
		Type        string  `json:"secret_type"`
		Payload     *string `json:"payload"`
		ContentType string  `json:"payload_content_type"`
		Encoding    string  `json:"payload_content_encoding"`
		Algorithm   string  `json:"algorithm"`
		Mode        string  `json:"mode"`
		BitLength   int     `json:"bit_length"`
	}
	if !barbicanBody(r, &in) {
		return barbicanError(http.StatusBadRequest, "Invalid JSON")
	}
	s := &secret{
		ID: newID(), ProjectID: r.Token.ProjectID, Name: in.Name, Type: in.Type, ContentType: strings.ToLower(in.ContentType),
		Algorithm: in.Algorithm, Mode: in.Mode, BitLength: in.BitLength, Creator: r.Token.UserID, Created: time.Now(),
	}
	if s.Type == "" {
		s.Type = "opaque"
	}
	if in.Payload != nil {
		if s.ContentType == "" {
			return barbicanError(http.StatusBadRequest,
				"Provided object does not match schema 'Secret': If 'payload' is supplied, 'payload_content_type' must also be supplied.")
		}
		payload, ok := decodePayload(*in.Payload, in.Encoding)
		if !ok {
			return barbicanError(http.StatusBadRequest, "Invalid payload for payload_content_encoding")
		}
		s.Payload = payload
	}
	b.secrets = append(b.secrets, s)
	ref := r.BaseURL + "/v1/secrets/" + s.ID
	answer := response{Status: http.StatusCreated, Body: map[string]any{"secret_ref": ref}}
	return answer.set("Location", ref)
}

// AddSecret stores a secret of the plain member's project and returns its path,
// to which a base URL is to be added: "/key-manager/v1/secrets/…".
func (c *Cloud) AddSecret(name string, payload []byte) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := &secret{
		ID: newID(), ProjectID: c.projectID(), Name: name, Type: "opaque", ContentType: "application/octet-stream",
		Payload: slices.Clone(payload), Creator: c.keystone.member.user.ID, Created: time.Now(),
	}
	c.barbican.secrets = append(c.barbican.secrets, s)
	return "/key-manager/v1/secrets/" + s.ID
}

// DeleteSecret removes a secret, by its id or any reference to it.
func (c *Cloud) DeleteSecret(ref string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.barbican.secrets = slices.DeleteFunc(c.barbican.secrets, func(s *secret) bool { return strings.HasSuffix(ref, s.ID) })
}
