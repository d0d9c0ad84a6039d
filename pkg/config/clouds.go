package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"gopkg.in/gcfg.v1/types"
	"sigs.k8s.io/yaml"
)

// entry is one cloud of a clouds.yaml, and the file that it stands in. The
// format: https://docs.openstack.org/openstacksdk/latest/user/config/configuration.html.
type entry struct {
	file   string
	fields map[string]any
}

// fillFromClouds fills what a [Global] section leaves out from clouds.yaml,
// where the section asks for it.
func (r *reader) fillFromClouds(b *block) {
	if !r.usesClouds(b) {
		return
	}
	file, clouds := r.cloudsFile(b)
	if clouds == nil {
		return
	}
	name := r.cloudName(b, file, clouds)
	if name == "" {
		return
	}
	entries := r.layers(b, file, name, clouds)
	var offers []offer
	for i := range b.section.Keys {
		key := &b.section.Keys[i]
		for _, path := range key.Clouds {
			if o, ok := r.offered(key, path, entries); ok {
				offers = append(offers, o)
				break
			}
		}
	}
	b.fill(offers)
}

// usesClouds decides whether clouds.yaml is asked for: by use-clouds, or by
// OS_CLOUD where the section says nothing of either.
func (r *reader) usesClouds(b *block) bool {
	if v := b.values["use-clouds"]; v != nil && (v.bare || v.text() != "") {
		on, err := types.ParseBool(v.text())
		on = v.bare || on && err == nil
		if !on {
			r.idleClouds(b)
		}
		return on
	}
	if b.name == "" && !b.has("auth-url") && r.env.lookup("OS_CLOUD") != "" {
		b.put("use-clouds", "true", Origin{Kind: FromEnvironment, Name: "OS_CLOUD"})
		return true
	}
	r.idleClouds(b)
	return false
}

func (r *reader) idleClouds(b *block) {
	for _, key := range []string{"clouds-file", "cloud"} {
		if b.has(key) {
			r.say(b, key, Warning, "the key has no effect, because use-clouds is not true", "write use-clouds=true, or remove the line")
		}
	}
}

// cloudsFile finds and reads clouds.yaml.
func (r *reader) cloudsFile(b *block) (string, map[string]map[string]any) {
	candidates := []string{b.values["clouds-file"].text()}
	key, origin := "clouds-file", Origin{Kind: FromSettings, Name: "the search for clouds.yaml"}
	switch named := r.env.lookup("OS_CLIENT_CONFIG_FILE"); {
	case candidates[0] != "":
		origin = b.values["clouds-file"].origin
	case named != "":
		candidates, origin = []string{named}, Origin{Kind: FromEnvironment, Name: "OS_CLIENT_CONFIG_FILE"}
	default:
		candidates, key = nil, "use-clouds"
		for _, dir := range r.env.CloudsDirs {
			candidates = append(candidates, filepath.Join(dir, "clouds.yaml"))
		}
	}
	if r.env.ReadFile == nil {
		r.say(b, key, Error, "clouds.yaml is needed, and no files are looked at here", "write the credentials into "+r.name)
		return "", nil
	}
	for _, file := range candidates {
		text, err := r.env.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			r.say(b, key, Error, "cannot read "+file+": "+cause(err), "check its permissions")
			return "", nil
		}
		if !b.has("clouds-file") {
			b.put("clouds-file", file, origin)
		}
		return file, r.parseClouds(b, file, text, "clouds")
	}
	r.say(b, key, Error, "there is no "+strings.Join(candidates, ", nor "), "write clouds-file=PATH")
	return "", nil
}

var yamlLine = regexp.MustCompile(`line (\d+)`)

// parseClouds reads the entries below the top key of a YAML file. The errors
// of the YAML parser quote what they read, secrets too, so that only the line
// is taken from them.
func (r *reader) parseClouds(b *block, file string, text []byte, top string) map[string]map[string]any {
	b.watch = append(b.watch, file)
	var all map[string]json.RawMessage
	var clouds map[string]map[string]any
	converted, err := yaml.YAMLToJSON(text)
	if err == nil {
		err = json.Unmarshal(converted, &all)
	}
	if err == nil && all[top] != nil {
		decoder := json.NewDecoder(bytes.NewReader(all[top]))
		decoder.UseNumber()
		err = decoder.Decode(&clouds)
	}
	if err != nil {
		message := "the file is not a valid clouds file"
		if m := yamlLine.FindString(err.Error()); m != "" {
			message += ": " + m
		}
		r.add(Problem{Severity: Error, File: file, Message: message, Advice: "it maps " + top + " to names, and each name to its settings"})
		return nil
	}
	if len(clouds) == 0 && top == "clouds" {
		r.add(Problem{Severity: Error, File: file, Message: "the file has no clouds", Advice: "it maps clouds to names, and each name to its settings"})
		return nil
	}
	return clouds
}

// cloudName chooses the entry: by cloud, by OS_CLOUD, or because there is one.
func (r *reader) cloudName(b *block, file string, clouds map[string]map[string]any) string {
	names := slices.Sorted(maps.Keys(clouds))
	advice := "the file has " + clip(strings.Join(names, ", "))
	name := b.values["cloud"].text()
	switch env := r.env.lookup("OS_CLOUD"); {
	case name != "":
	case env != "":
		name = env
		b.put("cloud", env, Origin{Kind: FromEnvironment, Name: "OS_CLOUD"})
	case len(names) == 1:
		b.put("cloud", names[0], Origin{Kind: FromClouds, Name: file})
		return names[0]
	default:
		r.say(b, "use-clouds", Error, "the file "+file+" has several clouds, and none is chosen", "write cloud=NAME; "+advice)
		return ""
	}
	if _, ok := clouds[name]; !ok {
		r.say(b, "cloud", Error, fmt.Sprintf("there is no cloud %s in %s", quote(clip(name)), file), advice)
		return ""
	}
	return name
}

// layers returns the entries that make up a cloud, the strongest first:
// secure.yaml, clouds.yaml, and the profile in clouds-public.yaml.
func (r *reader) layers(b *block, file, name string, clouds map[string]map[string]any) []entry {
	var entries []entry
	add := func(file, top, name string, required bool) {
		text, err := r.env.ReadFile(file)
		switch {
		case errors.Is(err, fs.ErrNotExist) && !required:
		case err != nil:
			r.add(Problem{Severity: Error, File: file, Message: "cannot read the file: " + cause(err), Advice: "clouds.yaml refers to it"})
		default:
			if fields, ok := r.parseClouds(b, file, text, top)[name]; ok {
				entries = append(entries, entry{file, fields})
			}
		}
	}
	add(filepath.Join(filepath.Dir(file), "secure.yaml"), "clouds", name, false)
	entries = append(entries, entry{file, clouds[name]})
	for _, field := range []string{"profile", "cloud"} {
		if profile, ok := clouds[name][field].(string); ok && profile != "" {
			add(filepath.Join(filepath.Dir(file), "clouds-public.yaml"), "public-clouds", profile, true)
			break
		}
	}
	return entries
}

// offered looks a dotted path up in the entries; "!" in front inverts a bool.
func (r *reader) offered(key *Key, path string, entries []entry) (offer, bool) {
	path, inverted := strings.CutPrefix(path, "!")
	for _, e := range entries {
		var found any = e.fields
		for part := range strings.SplitSeq(path, ".") {
			fields, _ := found.(map[string]any)
			found = fields[part]
		}
		text, ok := scalar(found)
		if !ok || text == "" {
			continue
		}
		if _, isText := found.(string); !isText && key.Kind != Bool {
			r.add(Problem{Severity: Warning, File: e.file, Section: globalSection.Name, Key: key.Name,
				Message: path + " is a number or a bool in YAML, not the text that was written", Advice: "put the value in quotes"})
		}
		if on, err := types.ParseBool(text); inverted && err == nil {
			text = fmt.Sprint(!on)
		}
		return offer{key, text, Origin{Kind: FromClouds, Name: e.file}}, true
	}
	return offer{}, false
}

func scalar(found any) (string, bool) {
	switch found.(type) {
	case string, bool, json.Number:
		return fmt.Sprint(found), true
	default:
		return "", false
	}
}
