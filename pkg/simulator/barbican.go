package simulator

import (
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"
)

// barbican is the key manager as far as load balancers need it: secrets,
// containers and who consumes these. It imitates
// barbican/api/controllers/{secrets,containers,consumers,acls}.py.
type barbican struct {
	cloud      *Cloud
	secrets    []*secret
	containers []*container
}

// secret is a secret; its payload is as it was stored, decoded.
type secret struct {
	ID, ProjectID, Name      string
	Type, ContentType        string
	Algorithm, Mode, Creator string
	BitLength                int
	Payload                  []byte
	Created                  time.Time
}

// container holds references to secrets.
type container struct {
	ID, ProjectID, Name, Type, Creator string
	Refs                               []secretRef
	Consumers                          []consumer
	Created                            time.Time
}

type secretRef struct {
	Name string `json:"name"`
	Ref  string `json:"secret_ref"`
}

type consumer struct {
	Name string `json:"name"`
	URL  string `json:"URL"`
}

func newBarbican(c *Cloud) *barbican { return &barbican{cloud: c} }

func (b *barbican) service() *service {
	table := routeTable{"GET /": b.listVersions, "GET /v1": b.listVersions}
	b.registerSecrets(table)
	b.registerContainers(table)
	return &service{
		kind: "key-manager", name: "barbican", prefix: "/key-manager", routes: compile(table),
		public: map[string]bool{"GET /": true}, fault: barbicanFault,
	}
}

// barbicanFault is an error as barbican/api/__init__.py writes it.
func barbicanFault(status int, title, message string) any {
	if title == "" {
		title = http.StatusText(status)
	}
	return map[string]any{"code": status, "title": title, "description": message}
}

func barbicanError(status int, message string) response {
	return response{Status: status, Body: barbicanFault(status, "", message)}
}

func (b *barbican) listVersions(r *request) response {
	return response{Status: http.StatusMultipleChoices, Body: map[string]any{"versions": []any{map[string]any{
		"id": "v1", "status": "CURRENT", "min_version": "1.0", "max_version": "1.1", "updated": "2021-02-10T00:00:00Z",
		"links": []map[string]string{{"rel": "self", "href": r.BaseURL + "/v1/"}},
	}}}}
}

// secretAt finds the secret that a reference names, whatever host it names.
func (b *barbican) secretAt(ref string) *secret {
	id, found := refID(ref, "secrets")
	at := slices.IndexFunc(b.secrets, func(s *secret) bool { return s.ID == id })
	if !found || at < 0 {
		return nil
	}
	return b.secrets[at]
}

func (b *barbican) containerAt(ref string) *container {
	id, found := refID(ref, "containers")
	at := slices.IndexFunc(b.containers, func(c *container) bool { return c.ID == id })
	if !found || at < 0 {
		return nil
	}
	return b.containers[at]
}

func refID(ref, collection string) (id string, found bool) {
	_, id, found = strings.Cut(ref, "/v1/"+collection+"/")
	return strings.TrimSuffix(id, "/"), found
}

// holds tells whether a reference leads to a secret.
func (b *barbican) holds(ref string) bool { return b.secretAt(ref) != nil }

// errUnreadableBundle is UnreadablePKCS12.
var errUnreadableBundle = octaviaErrorf(http.StatusBadRequest,
	"The PKCS12 bundle is unreadable. Please check the PKCS12 bundle validity. In addition, make sure it does not require "+
		"a pass phrase. Error: Could not deserialize PKCS12 data")

// errNoCertificate is any failure to fetch a certificate.
var errNoCertificate = octaviaErrorf(http.StatusBadRequest, "no certificate")

// certificate tells whether a reference leads to what a listener can use: a
// secret that is a PKCS #12 bundle, or a container with certificate and key
// (octavia/certificates/manager/barbican.py and barbican_legacy.py).
func (b *barbican) certificate(ref string) error {
	if c := b.containerAt(ref); c != nil {
		names := map[string]bool{}
		for _, r := range c.Refs {
			names[r.Name] = b.holds(r.Ref)
		}
		if c.Type != "certificate" || !names["certificate"] || !names["private_key"] {
			return errNoCertificate
		}
		return nil
	}
	s := b.secretAt(ref)
	if s == nil {
		return errNoCertificate
	}
	// RFC 7292: a sequence that begins with the version, 3.
	var whole asn1.RawValue
	if _, err := asn1.Unmarshal(s.Payload, &whole); err != nil || !whole.IsCompound {
		return errUnreadableBundle
	}
	version := 0
	if _, err := asn1.Unmarshal(whole.Bytes, &version); err != nil || version != 3 {
		return errUnreadableBundle
	}
	return nil
}

// decodePayload reads a payload as a POST brings it.
func decodePayload(payload, encoding string) ([]byte, bool) {
	if encoding != "base64" {
		return []byte(payload), encoding == ""
	}
	data, err := base64.StdEncoding.DecodeString(payload)
	return data, err == nil
}

// barbicanBody reads a request's whole body.
func barbicanBody(r *request, into any) bool {
	return json.Unmarshal(r.Body, into) == nil
}

// barbicanMay tells whether a caller may use what a project has.
func barbicanMay(r *request, projectID string) bool {
	c := callerOf(r)
	return c.admin || c.project == projectID
}
