package config

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Severity says what a Problem means for the reader of the file.
type Severity int

// The severities, mildest first.
const (
	// Note: nothing is wrong; something may be worth knowing.
	Note Severity = iota
	// Warning: the file is usable, but probably does not say what was meant.
	Warning
	// Error: the file must not be used as it stands.
	Error
)

// String returns "note", "warning" or "error".
func (s Severity) String() string {
	switch s {
	case Error:
		return "error"
	case Warning:
		return "warning"
	default:
		return "note"
	}
}

// MarshalText makes a Severity a word in JSON.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Problem is one thing that is wrong, or worth knowing, about a configuration.
// No field ever holds a secret.
type Problem struct {
	Severity Severity `json:"severity"`
	// File names what was read: the configuration file, a clouds.yaml or, for
	// a value from the environment, the variable.
	File string `json:"file,omitempty"`
	// Line counts from 1; 0 where the problem has no line of its own.
	Line       int    `json:"line,omitempty"`
	Section    string `json:"section,omitempty"`
	Subsection string `json:"subsection,omitempty"`
	Key        string `json:"key,omitempty"`
	Message    string `json:"message"`
	// Advice says what to write instead; empty where nothing is to be done.
	Advice string `json:"advice,omitempty"`
	// Excerpt is the line as written, with whatever may be secret masked.
	Excerpt string `json:"excerpt,omitempty"`
}

// Place returns where the problem is: `cloud.conf:12: [Route] router-id`.
func (p Problem) Place() string {
	var parts []string
	switch {
	case p.File != "" && p.Line > 0:
		parts = append(parts, fmt.Sprintf("%s:%d:", p.File, p.Line))
	case p.File != "":
		parts = append(parts, p.File+":")
	}
	if p.Section != "" {
		parts = append(parts, header(p.Section, p.Subsection))
	}
	if p.Key != "" {
		parts = append(parts, p.Key)
	}
	return strings.Join(parts, " ")
}

// Error makes a Problem an error: place, message and advice on one line.
func (p Problem) Error() string {
	text := p.Message
	if p.Advice != "" {
		text += "; " + p.Advice
	}
	place := p.Place()
	switch {
	case place == "":
		return text
	case strings.HasSuffix(place, ":"):
		return place + " " + text
	default:
		return place + ": " + text
	}
}

// Report is all there is to say about a configuration after reading it.
type Report struct {
	// Problems in the order of the lines; those without a line come last.
	Problems []Problem `json:"problems"`
	// Settings are the effective settings and where each one comes from.
	Settings []Setting `json:"settings"`
}

// Err joins all problems of severity Error; nil when the file can be used.
func (r Report) Err() error {
	var errs []error
	for _, p := range r.Problems {
		if p.Severity == Error {
			errs = append(errs, p)
		}
	}
	return errors.Join(errs...)
}

// Count returns how many problems have exactly this severity.
func (r Report) Count(s Severity) int {
	n := 0
	for _, p := range r.Problems {
		if p.Severity == s {
			n++
		}
	}
	return n
}

func (r *Report) sort() {
	slices.SortStableFunc(r.Problems, func(a, b Problem) int {
		if (a.Line == 0) != (b.Line == 0) {
			return cmp.Compare(b.Line, a.Line)
		}
		return cmp.Compare(a.Line, b.Line)
	})
}

// header writes a section header: `[Global]`, `[Global "second"]`. In a name
// gcfg knows the escapes of the quote and the backslash only.
func header(section, subsection string) string {
	if subsection == "" {
		return "[" + section + "]"
	}
	return "[" + section + ` "` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(subsection) + `"]`
}
