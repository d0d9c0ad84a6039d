package simulator

import (
	"net/http"
	"regexp"
	"strings"
	"time"
)

// Application credentials and their access rules, as
// keystone/api/users.py and keystonemiddleware's validate_allowed_request have them.

// AccessRule allows one kind of call to an application credential.
type AccessRule struct {
	ID string `json:"id"`
	// Service is the catalog's type, e.g. "compute".
	Service string `json:"service"`
	Method  string `json:"method"`
	// Path is what the call's path must be: {name} and * stand for one segment,
	// ** for any number, e.g. "/v2.1/servers/{server_id}".
	Path string `json:"path"`
}

type appCredential struct {
	ID, Name, Secret string
	Unrestricted     bool
	// Rules are the only calls allowed; nil allows all, empty none.
	Rules   []AccessRule
	Expires time.Time // zero: never
	user    *user
	project *project
	roles   []string
}

func (c *appCredential) expired() bool {
	return !c.Expires.IsZero() && !time.Now().Before(c.Expires)
}

// checkRules refuses paths that could never be any call's.
func checkRules(rules []AccessRule) *response {
	for _, rule := range rules {
		if !strings.HasPrefix(rule.Path, "/") {
			refused := keystoneError(http.StatusBadRequest, "Invalid input for field/attribute path. Value: "+rule.Path+".")
			return &refused
		}
	}
	return nil
}

// allows tells whether the token's access rules, if any, let the call pass. A
// token may always be validated.
func (t *token) allows(r *request, s *service) bool {
	if t.credential == nil || t.credential.Rules == nil {
		return true
	}
	if r.Pattern == "GET /v3/auth/tokens" {
		return true
	}
	for _, rule := range t.credential.Rules {
		if rule.Service == s.kind && rule.Method == r.Method && r.isPath(rule.Path) {
			return true
		}
	}
	return false
}

// isPath compares a rule's path with the request's, with and without the
// service's prefix: the real middleware sees the prefix only where the service
// shares its port with others.
func (r *request) isPath(pattern string) bool {
	wanted := pathExpression(pattern)
	return wanted.MatchString(r.FullPath) || wanted.MatchString(r.ServicePath)
}

func pathExpression(pattern string) *regexp.Regexp {
	var out strings.Builder
	out.WriteString("^")
	for pattern != "" {
		switch end := strings.IndexByte(pattern, '}'); {
		case strings.HasPrefix(pattern, "**"):
			out.WriteString(".*")
			pattern = pattern[2:]
		case pattern[0] == '*':
			out.WriteString("[^/]+")
			pattern = pattern[1:]
		case pattern[0] == '{' && end > 0:
			out.WriteString("[^/]+")
			pattern = pattern[end+1:]
		default:
			out.WriteString(regexp.QuoteMeta(pattern[:1]))
			pattern = pattern[1:]
		}
	}
	out.WriteString("$")
	return regexp.MustCompile(out.String())
}
