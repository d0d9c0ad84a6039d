package simulator

import (
	"fmt"
	"net/http"
	"regexp"
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

// entityTags finds the quoted, strong tags of an If-Match header.
var entityTags = regexp.MustCompile(`(?:^|\s)(W/)?"((?:\\"|[^"])*)"`)

// ifMatch enforces "If-Match: revision_number=N" (extension revision-if-match:
// neutron/api/api_common.py check_request_for_revision_constraint). The revisions
// plugin looks when something is about to be written, that is after validation,
// and not at all where nothing is. As in webob, a header without quotes is one tag.
func (n *neutron) ifMatch(r *request, v row) error {
	if !n.has("revision-if-match") || !n.has("standard-attr-revisions") {
		return nil
	}
	header := strings.Join(r.Header.Values("If-Match"), ", ")
	tags := []string{header}
	if quoted := entityTags.FindAllStringSubmatch(header, -1); quoted != nil {
		tags = nil
		for _, match := range quoted {
			if match[1] == "" {
				tags = append(tags, match[2])
			}
		}
	}
	wanted, given := 0, false
	for _, tag := range tags {
		number, found := strings.CutPrefix(tag, "revision_number=")
		if !found {
			continue
		}
		if given {
			return badResource("if-match", "Multiple revision_number constraints are not supported")
		}
		parsed, err := strconv.Atoi(number)
		if err != nil {
			return badResource("if-match", "Revision number etag must be in the format of revision_number=<int>")
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
