package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"strings"
)

// mask stands for a secret wherever a person or a log can see it.
const mask = "***"

// redacted lists what g holds, with its secrets masked, in reference order.
func (g *Global) redacted() []Setting {
	var settings []Setting
	for i := range globalSection.Keys {
		key := &globalSection.Keys[i]
		if key.field == nil {
			continue
		}
		text := strings.Join(format(key, key.field(g)), ", ")
		if text != "" && text != "false" {
			settings = append(settings, Setting{Key: key.Name, Value: shown(key, text, false)})
		}
	}
	return settings
}

// String lists the settings that have a value, with the secrets masked.
func (g Global) String() string {
	var parts []string
	for _, s := range g.redacted() {
		parts = append(parts, s.Key+"="+quoteIfNeeded(s.Value))
	}
	return "[" + strings.Join(parts, " ") + "]"
}

// Format prints String for every verb and flag, so that no way of printing a
// Global, or a struct with one in it, shows a secret.
func (g Global) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(g.String())) }

// MarshalJSON writes the settings that have a value, with the secrets masked.
func (g Global) MarshalJSON() ([]byte, error) {
	settings := map[string]string{}
	for _, s := range g.redacted() {
		settings[s.Key] = s.Value
	}
	return json.Marshal(settings)
}

// MarshalLog is what logr logs of a Global: secrets masked.
func (g Global) MarshalLog() any { return g.String() }

// LogValue is what slog logs of a Global: secrets masked.
func (g Global) LogValue() slog.Value { return slog.StringValue(g.String()) }

// redactURL takes the user and password out of a URL.
func redactURL(text string) string {
	if !strings.Contains(text, "@") {
		return clip(text)
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || strings.Contains(u.Path, "@") || u.RawQuery != "" || u.Fragment != "" {
		return mask
	}
	u.User = nil
	return clip(u.String())
}

// cause is the reason of a file error without the path, which the problem
// names already.
func cause(err error) string {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err.Error()
	}
	return err.Error()
}
