package session

import (
	"cmp"
	"encoding/json"
	"strings"
	"unicode/utf8"
)

// Fault is what a service says of an error in its body.
type Fault struct {
	// Known: the body has the shape of a service's answer. A proxy's page has not.
	Known bool
	// Kind is the service's own name of the error, Message its sentence.
	Kind, Message string
}

// maxMessage bounds the service's sentence in an error, in bytes.
const maxMessage = 500

// readFault reads the shapes that the services use:
//
//	Neutron   {"NeutronError": {"type": "PortNotFound", "message": "…", "detail": ""}}
//	Nova      {"itemNotFound": {"code": 404, "message": "…"}}          (Cinder too)
//	Keystone  {"error": {"code": 401, "title": "Unauthorized", "message": "…"}}
//	Octavia   {"faultcode": "Client", "faultstring": "…", "debuginfo": null}
//	WebOb     {"code": "404 Not Found", "title": "Not Found", "message": "…"}
//	Pecan     {"code": 404, "title": "Not Found", "description": "…"}       (before Octavia's own code runs)
func readFault(body []byte) Fault {
	var outer map[string]json.RawMessage
	if json.Unmarshal(body, &outer) != nil || len(outer) == 0 {
		return Fault{}
	}
	flat := cmp.Or(text(outer, "faultstring"), text(outer, "message"), text(outer, "description"))
	if flat != "" {
		return Fault{Known: true, Kind: text(outer, "title"), Message: shorten(flat)}
	}
	for name, raw := range outer {
		if seen, ok := nested(name, raw); ok && len(outer) == 1 {
			return seen
		}
	}
	return Fault{}
}

// nested reads a fault under one outer key, which is Nova's name of the error.
func nested(name string, raw json.RawMessage) (Fault, bool) {
	var sentence string
	if json.Unmarshal(raw, &sentence) == nil {
		return Fault{Known: true, Message: shorten(sentence)}, true
	}
	var inner map[string]json.RawMessage
	if json.Unmarshal(raw, &inner) != nil {
		return Fault{}, false
	}
	seen := Fault{Known: true, Message: shorten(text(inner, "message"))}
	switch name {
	case "NeutronError":
		seen.Kind = text(inner, "type")
	case "error":
		seen.Kind = text(inner, "title")
	default:
		seen.Kind = name
	}
	return seen, true
}

func text(from map[string]json.RawMessage, key string) string {
	var value string
	if json.Unmarshal(from[key], &value) != nil {
		return ""
	}
	return value
}

// shorten makes one line of at most maxMessage bytes.
func shorten(message string) string {
	message = strings.Join(strings.Fields(message), " ")
	if len(message) <= maxMessage {
		return message
	}
	end := maxMessage
	for !utf8.RuneStart(message[end]) {
		end--
	}
	return message[:end] + "…"
}

// AboutQuota tells a limit from a refusal where the service uses 403 for both and
// gives the error no name of its own: Nova and Cinder ("Quota exceeded for …",
// nova/exception.py) and Octavia ("Quota has been met …", octavia/common/exceptions.py).
func (f Fault) AboutQuota() bool {
	return strings.HasPrefix(f.Message, "Quota exceeded") || strings.HasPrefix(f.Message, "Quota has been met")
}
