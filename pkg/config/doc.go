// Package config reads cloud.conf: read, default, validate, with every problem
// reported at once.
//
// Every section and key is declared once, in keys_*.go. Reading, defaulting,
// checking, masking, rendering and the reference page (hack/docs) follow from
// those declarations; nothing else knows the name of a key.
//
// How a file becomes a Config:
//
//	lines.go      text → logical lines; gcfg parses each of them
//	blocks.go     lines → sections with their values; unknown names, repeats
//	clouds.go,
//	layers.go     clouds.yaml and OS_* variables fill what [Global] leaves out
//	convert.go    values → typed fields, with their defaults
//	auth.go,
//	files.go,
//	features.go   what the fields mean together
//	settings.go   the effective settings, and where each one comes from
//
// The parser is gopkg.in/gcfg.v1, which stops at the first error and tells no
// line numbers for values. So it is given one logical line at a time: what a
// value is remains gcfg's decision, and one bad line does not hide the next.
package config
