package config

import (
	"strings"
	"unicode"
)

// excerpt shows the line as written, except for what may be secret: the value
// of a secret, of a key that is not known, and of anything broken or joined.
func (s statement) excerpt(key *Key) string {
	switch {
	case s.header:
		return s.headerExcerpt()
	case key == nil && !sensible(s.name):
		return mask
	case key == nil || s.fault != nil || s.joined || key.hides(s.text):
		return clip(s.name) + "=" + mask
	case s.cut != 0 && !s.cutTight:
		_, rest, _ := strings.Cut(s.text, "=")
		return clip(strings.TrimRight(s.text[:len(s.text)-len(rest)+measure(rest).comment], " \t"))
	default:
		return clip(s.text)
	}
}

// hides reports whether a text of the key may be secret.
func (k *Key) hides(text string) bool {
	return k.Secret || k.Kind == URL && strings.Contains(text, "@")
}

func (s statement) headerExcerpt() string {
	if s.fault != nil {
		return clip("[" + s.name)
	}
	return header(clip(s.name), clip(s.sub))
}

// sensible reports whether an unknown name looks like the name of a key.
func sensible(name string) bool {
	if name == "" {
		return false
	}
	for i := range sections {
		if sections[i].meant(name) != "" || otherHome(nil, hyphens(name)) != "" {
			return true
		}
	}
	return false
}

const longest = 120

// clip makes a text safe for a terminal, and short.
func clip(text string) string {
	text = strings.Map(func(c rune) rune {
		if unicode.IsControl(c) || c == unicode.ReplacementChar {
			return ' '
		}
		return c
	}, text)
	if runes := []rune(text); len(runes) > longest {
		return string(runes[:longest]) + "…"
	}
	return text
}
