package config

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Source is the kind of place that a setting comes from.
type Source int

// The sources, in the order in which one gives way to the next.
const (
	FromFile        Source = iota // the configuration file
	FromClouds                    // clouds.yaml, secure.yaml or clouds-public.yaml
	FromEnvironment               // an OS_* variable
	FromSettings                  // another setting implies it
	FromDefault                   // nobody said anything
)

// Origin says where a setting comes from.
type Origin struct {
	Kind Source
	// Name is the file, the variable, or the setting that implies it.
	Name string
	// Line counts from 1; 0 where it is not known.
	Line int
}

// String names the origin: `cloud.conf:12`, `OS_CLOUD`, `default`.
func (o Origin) String() string {
	switch {
	case o.Kind == FromDefault:
		return "default"
	case o.Kind == FromSettings:
		return "from " + o.Name
	case o.Kind == FromEnvironment:
		return "environment " + o.Name
	case o.Line > 0:
		return fmt.Sprintf("%s:%d", o.Name, o.Line)
	default:
		return o.Name
	}
}

// MarshalText makes an Origin a string in JSON.
func (o Origin) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// Setting is one effective setting. Secrets are masked.
type Setting struct {
	Section    string `json:"section"`
	Subsection string `json:"subsection,omitempty"`
	Key        string `json:"key"`
	Value      string `json:"value"`
	Origin     Origin `json:"origin"`
}

// settings lists what is in force, leaving out what has no value.
func (r *reader) settings() {
	for _, b := range r.blocks {
		for i := range b.section.Keys {
			key := &b.section.Keys[i]
			if key.field == nil {
				continue
			}
			text := strings.Join(format(key, key.field(b.target)), ", ")
			if text == "" {
				continue
			}
			s := Setting{Section: b.section.Name, Subsection: clip(b.name), Key: key.Name, Origin: Origin{Kind: FromDefault}}
			v := b.values[key.Name]
			if v != nil {
				s.Origin = v.origin
			}
			s.Value = shown(key, text, v != nil && v.hidden)
			r.report.Settings = append(r.report.Settings, s)
		}
	}
}

// shown is the text of a value as a person may see it.
func shown(key *Key, text string, hidden bool) string {
	switch {
	case key.Secret || hidden:
		return mask
	case key.Kind == URL:
		return redactURL(text)
	default:
		return clip(text)
	}
}

// format writes a field as the texts of its key: one text, or one for each
// element of a key that repeats. It returns none for an empty field.
func format(key *Key, field any) []string {
	switch f := field.(type) {
	case *string:
		return nonEmpty(*f)
	case *bool:
		return []string{strconv.FormatBool(*f)}
	case *int:
		return []string{strconv.Itoa(*f)}
	case *time.Duration:
		return []string{brief(*f)}
	case *[]string:
		if key.repeats() {
			return *f
		}
		return nonEmpty(strings.Join(*f, ","))
	default:
		return nil
	}
}

// brief writes a duration without the zeros at its end: 1m, not 1m0s.
func brief(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

func nonEmpty(text string) []string {
	if text == "" {
		return nil
	}
	return []string{text}
}

// Render writes the configuration as a cloud.conf: every setting that has a
// value, defaults included. Reading it again gives the same Config. With
// secrets, they are written in clear: such a text is a credential.
func Render(c *Config, secrets bool) string {
	var out strings.Builder
	for i := range sections {
		section := &sections[i]
		for _, name := range section.names(c) {
			holder := section.holder(c, name)
			if section.Name == routeSection.Name && !c.Route.Present || holder == &c.Global && len(c.Clouds) > 0 && section.untouched(holder) {
				continue
			}
			fmt.Fprintf(&out, "%s\n", header(section.Name, name))
			for k := range section.Keys {
				renderKey(&out, &section.Keys[k], holder, secrets)
			}
			out.WriteString("\n")
		}
	}
	return out.String()
}

// untouched reports whether a struct holds nothing but defaults.
func (s *Section) untouched(holder any) bool {
	for i := range s.Keys {
		key := &s.Keys[i]
		if key.field == nil {
			continue
		}
		texts := format(key, key.field(holder))
		if len(texts) > 0 && (len(texts) > 1 || texts[0] != key.Default) {
			return false
		}
	}
	return true
}

func renderKey(out *strings.Builder, key *Key, holder any, secrets bool) {
	if key.field == nil {
		return
	}
	for _, text := range format(key, key.field(holder)) {
		if !secrets {
			text = shown(key, text, false)
		}
		fmt.Fprintf(out, "%s=%s\n", key.Name, quoteIfNeeded(text))
	}
}

func quoteIfNeeded(text string) string {
	if strings.ContainsAny(text, " \t\n\\\"#;") {
		return quote(text)
	}
	return text
}
