package simulator

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// caller is who makes a request, as far as policy goes (neutron/conf/policies).
type caller struct {
	project string
	admin   bool
}

func callerOf(r *request) caller {
	if r.Token == nil {
		return caller{}
	}
	return caller{project: r.Token.ProjectID, admin: r.Token.Admin}
}

// owns is the rule admin_or_owner. Without a project, as with an unscoped token,
// a caller owns nothing: rows without a project are Neutron's own.
func (c caller) owns(v row) bool {
	return c.admin || c.project != "" && c.project == v.base().ProjectID
}

// ifMatch enforces "If-Match: revision_number=N" (extension revision-if-match:
// neutron/api/api_common.py check_request_for_revision_constraint and the
// revisions plugin, which checks when the transaction is about to be written,
// that is after validation). The constraint also holds for member actions such
// as add_extraroutes; whether the real service enforces it there is uncertain.
func (n *neutron) ifMatch(r *request, v row) error {
	if !n.has("revision-if-match") || !n.has("standard-attr-revisions") {
		return nil
	}
	wanted, given := 0, false
	for _, tag := range strings.Split(strings.Join(r.Header.Values("If-Match"), ","), ",") {
		number, found := strings.CutPrefix(strings.Trim(strings.TrimSpace(tag), `"`), "revision_number=")
		if !found {
			continue
		}
		if given {
			return badRequest("Multiple revision_number constraints are not supported.")
		}
		parsed, err := strconv.Atoi(number)
		if err != nil {
			return badRequest("Revision number constraint must be an integer.")
		}
		wanted, given = parsed, true
	}
	if current := v.base().Revision; given && wanted != current {
		return &neutronError{
			http.StatusPreconditionFailed, "RevisionNumberConstraintFailed",
			fmt.Sprintf("Constrained to %d, but current revision is %d", wanted, current),
		}
	}
	return nil
}
