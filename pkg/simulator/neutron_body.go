package simulator

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"unicode/utf8"
)

// body is the object in a POST or PUT: neutron/api/v2/base.py prepare_request_body.
type body struct {
	raw    json.RawMessage
	fields map[string]json.RawMessage
}

func newBody(raw json.RawMessage) (body, error) {
	b := body{raw: raw}
	if err := json.Unmarshal(raw, &b.fields); err != nil || b.fields == nil {
		return body{}, badRequest("Body contains invalid data")
	}
	return b, b.convert()
}

// booleans are the attributes that Neutron converts to true or false, in bodies
// and in filters (neutron_lib/api/converters.py convert_to_boolean).
var booleans = []string{"admin_state_up", "shared", "router:external", "port_security_enabled", "enable_dhcp", "stateful"}

func boolean(text string) (bool, error) {
	switch strings.ToLower(strings.Trim(text, `"`)) {
	case "true", "1":
		return true, nil
	case "false", "0":
		return false, nil
	}
	return false, invalid("InvalidInput",
		"Invalid input for operation: '%s' cannot be converted to boolean.", strings.Trim(text, `"`))
}

// convert makes booleans of what stands for them.
func (b *body) convert() error {
	changed := false
	for _, name := range booleans {
		sent, found := b.fields[name]
		if !found || b.isNull(name) {
			continue
		}
		on, err := boolean(string(sent))
		if err != nil {
			return err
		}
		b.fields[name] = json.RawMessage(strconv.FormatBool(on))
		changed = true
	}
	if !changed {
		return nil
	}
	var err error
	b.raw, err = json.Marshal(b.fields)
	return err
}

// maxTextLength is how long names, descriptions and the like may be, in characters.
const maxTextLength = 255

// checkLength refuses texts that do not fit into the database.
func (b body) checkLength(name string) error {
	switch name {
	case "name", "description", "device_id", "device_owner":
	default:
		return nil
	}
	var sent string
	if json.Unmarshal(b.fields[name], &sent) == nil && utf8.RuneCountInString(sent) > maxTextLength {
		return invalidInput(name, "'%s' exceeds maximum length of %d", sent, maxTextLength)
	}
	return nil
}

// has tells whether the caller gave the attribute, null or not.
func (b body) has(name string) bool {
	_, found := b.fields[name]
	return found
}

// isNull tells whether the caller gave the attribute as null.
func (b body) isNull(name string) bool { return string(b.fields[name]) == "null" }

// decode fills a struct of pointers: what the caller left out stays nil.
func (b body) decode(into any) error {
	err := json.Unmarshal(b.raw, into)
	var wrongType *json.UnmarshalTypeError
	switch {
	case errors.As(err, &wrongType):
		attribute, _, _ := strings.Cut(wrongType.Field, ".")
		return invalidInput(attribute, "'%s' is not a valid %s", wrongType.Value, wrongType.Type)
	case err != nil:
		return badRequest("Invalid body: %v", err)
	}
	return nil
}

// envelope is the whole body of a request.
func envelope(r *request) (map[string]json.RawMessage, error) {
	var outer map[string]json.RawMessage
	if err := json.Unmarshal(r.Body, &outer); err != nil {
		return nil, badRequest("Body contains invalid data")
	}
	return outer, nil
}

// bodies reads a POST: one object under the singular, or many under the plural.
func (k *kind[T]) bodies(r *request) (list []body, bulk bool, err error) {
	outer, err := envelope(r)
	if err != nil {
		return nil, false, err
	}
	if many, found := outer[k.plural]; found {
		var items []json.RawMessage
		if err := json.Unmarshal(many, &items); err != nil || len(items) == 0 {
			return nil, false, badRequest("Resources required")
		}
		for _, item := range items {
			b, err := newBody(item)
			if err != nil {
				return nil, false, err
			}
			list = append(list, b)
		}
		return list, true, nil
	}
	b, err := k.single(outer)
	return []body{b}, false, err
}

func (k *kind[T]) single(outer map[string]json.RawMessage) (body, error) {
	one, found := outer[k.singular]
	if !found {
		return body{}, badRequest("Unable to find '%s' in request body", k.singular)
	}
	return newBody(one)
}

// admit checks every key of a body against the attribute map and the policy.
func (k *kind[T]) admit(c caller, b body, method use) error {
	rule := "create_" + k.singular
	if method == inPut {
		rule = "update_" + k.singular
	}
	for name := range b.fields {
		a, found := k.attribute(name)
		switch {
		case !found:
			return badRequest("Unrecognized attribute(s) '%s'", name)
		case a.use&method == 0 && method == inPut:
			return badRequest("Cannot update read-only attribute %s", name)
		case a.use&method == 0:
			return badRequest("Attribute '%s' not allowed in POST", name)
		case a.use&adminOnly != 0 && !c.admin:
			return disallowedAttribute(rule, name)
		case a.use&mayBeNull == 0 && b.isNull(name):
			return invalidInput(name, "'None' is not a valid value")
		}
		if err := b.checkLength(name); err != nil {
			return err
		}
	}
	return nil
}

// require checks that a body has the attributes without which POST makes no sense.
func (b body) require(names ...string) error {
	for _, name := range names {
		if !b.has(name) {
			return badRequest("Failed to parse request. Required attribute '%s' not specified", name)
		}
	}
	return nil
}

// common are the attributes that bodies of nearly all kinds share.
type common struct {
	Name        *string `json:"name"`
	Description *string `json:"description"`
	ProjectID   *string `json:"project_id"`
	TenantID    *string `json:"tenant_id"`
}

// start makes the standard attributes of a new row: its owner is the caller's
// project, or any project where the caller is an admin.
func (in common) start(c caller) (attributes, error) {
	a := attributes{ProjectID: c.project}
	if c.project == "" && in.ProjectID == nil && in.TenantID == nil {
		return a, badRequest("Running without keystone AuthN requires that tenant_id is specified")
	}
	for _, id := range []*string{in.ProjectID, in.TenantID} {
		if id == nil || *id == a.ProjectID {
			continue
		}
		if !c.admin {
			return a, badRequest("Specifying 'project_id' or 'tenant_id' other than the authenticated " +
				"project in request requires admin privileges")
		}
		a.ProjectID = *id
	}
	in.describe(&a)
	return a, nil
}

// describe sets the name and the description.
func (in common) describe(a *attributes) {
	assign(&a.Name, in.Name)
	assign(&a.Description, in.Description)
}

// assign sets what the caller gave.
func assign[V any](into, given *V) {
	if given != nil {
		*into = *given
	}
}
