package simulator

import (
	"net/http"
	"slices"
)

// A cell that the API cannot reach, as api-guide/source/down_cells.rst in Nova
// tells: its servers vanish from lists, and only those who ask from 2.69 on, for
// one server or without any filter, order or limit, see that they are missing.

type cell struct {
	down bool
	// only are the servers in the cell that is down; empty means all.
	only map[string]bool
	// answer is the status of GET /servers/{id}; 0 is what Nova really does.
	answer int
}

// SetCellDown makes the database of a cell unreachable, or reachable again. The
// cell holds the servers named, or all. They still run and still exist.
func (c *Cloud) SetCellDown(down bool, serverIDs ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.nova.cell.down = down
	c.nova.cell.only = map[string]bool{}
	for _, id := range serverIDs {
		c.nova.cell.only[id] = true
	}
}

// SetCellDownAnswer makes GET of a server in a cell that is down answer with a
// status, e.g. 503, or 404, as clouds with a broken API database do. 0 is the
// default: from 2.69 on 200 with the status UNKNOWN and few fields, before it 500.
func (c *Cloud) SetCellDownAnswer(status int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.nova.cell.answer = status
}

func (c *cell) hides(s *server) bool {
	return c.down && (len(c.only) == 0 || c.only[s.ID])
}

// unreachable are the servers of the cell that is down as a list shows them.
func (n *nova) unreachable(r *request) []any {
	if !n.cell.down || !r.since(69) {
		return nil
	}
	for key := range r.Query {
		if !slices.Contains([]string{"deleted", "project_id", "tenant_id", "all_tenants"}, key) {
			return nil
		}
	}
	var views []any
	for _, s := range slices.Backward(n.servers) {
		if !n.cell.hides(s) || s.ProjectID != r.Token.ProjectID && !allTenants(r) {
			continue
		}
		view := map[string]any{"id": s.ID, "status": "UNKNOWN", "links": n.links(r, "/servers/"+s.ID)}
		if r.Pattern == "GET /servers/detail" {
			view["tenant_id"], view["created"] = s.ProjectID, novaTime(s.Created)
		}
		views = append(views, view)
	}
	return views
}

// unreachableServer answers GET /servers/{id} for a server in the cell that is down.
func (n *nova) unreachableServer(r *request, s *server) response {
	switch {
	case n.cell.answer == http.StatusNotFound:
		return noServer(s.ID)
	case n.cell.answer != 0:
		return novaError(n.cell.answer, http.StatusText(n.cell.answer))
	case !r.since(69):
		return novaError(http.StatusInternalServerError, unexpected("nova.exception.NovaException"))
	}
	view := map[string]any{
		"id": s.ID, "status": "UNKNOWN", "tenant_id": s.ProjectID, "user_id": s.UserID, "created": novaTime(s.Created),
		"image": n.imageView(r, s), "flavor": n.flavorOf(r, s), "links": n.links(r, "/servers/"+s.ID),
		"OS-EXT-AZ:availability_zone": "UNKNOWN", "OS-EXT-STS:power_state": powerNone,
	}
	if s.PinnedZone != "" {
		view["OS-EXT-AZ:availability_zone"] = s.PinnedZone
	}
	if r.since(71) {
		view["server_groups"] = []string{}
	}
	return novaOK("server", view)
}
