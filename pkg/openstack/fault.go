package openstack

import (
	"cmp"
	"encoding/json"
	"strings"
	"unicode/utf8"
)

// fault is what a service says of an error in its body.
type fault struct {
	// known: the body has the shape of a service's answer. A proxy's page has not.
	known bool
	// kind is the service's own name of the error, message its sentence.
	kind, message string
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
func readFault(body []byte) fault {
	var outer map[string]json.RawMessage
	if json.Unmarshal(body, &outer) != nil || len(outer) == 0 {
		return fault{}
	}
	flat := cmp.Or(text(outer, "faultstring"), text(outer, "message"), text(outer, "description"))
	if flat != "" {
		return fault{known: true, kind: text(outer, "title"), message: shorten(flat)}
	}
	for name, raw := range outer {
		if seen, ok := nested(name, raw); ok && len(outer) == 1 {
			return seen
		}
	}
	return fault{}
}

// nested reads a fault under one outer key, which is Nova's name of the error.
func nested(name string, raw json.RawMessage) (fault, bool) {
	var sentence string
	if json.Unmarshal(raw, &sentence) == nil {
		return fault{known: true, message: shorten(sentence)}, true
	}
	var inner map[string]json.RawMessage
	if json.Unmarshal(raw, &inner) != nil {
		return fault{}, false
	}
	seen := fault{known: true, message: shorten(text(inner, "message"))}
	switch name {
	case "NeutronError":
		seen.kind = text(inner, "type")
	case "error":
		seen.kind = text(inner, "title")
	default:
		seen.kind = name
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
