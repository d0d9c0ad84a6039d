package main

import (
	"encoding/base64"
	"encoding/json"
)

type object = map[string]any

// ignition is the configuration in the form 3.4.0, which is what Butane makes of
// flatcar 1.1.0 (https://coreos.github.io/ignition/configuration-v3_4/).
func (n *node) ignition() ([]byte, error) {
	storage := object{}
	for _, directory := range n.Storage.Directories {
		storage["directories"] = append(list(storage["directories"]), directory.ignition())
	}
	for _, file := range n.Storage.Files {
		made := file.ignition()
		made["contents"] = object{"source": "data:;base64," + base64.StdEncoding.EncodeToString([]byte(file.content))}
		storage["files"] = append(list(storage["files"]), made)
	}
	var units []any
	for _, u := range n.Systemd.Units {
		units = append(units, u.ignition())
	}
	text, err := json.MarshalIndent(object{
		"ignition": object{"version": "3.4.0"}, "storage": storage, "systemd": object{"units": units},
	}, "", "  ")
	return append(text, '\n'), err
}

func list(value any) []any {
	already, _ := value.([]any)
	return already
}

func (e entry) ignition() object {
	made := object{"path": e.Path, "mode": e.Mode}
	if e.Overwrite != nil {
		made["overwrite"] = *e.Overwrite
	}
	for key, owner := range map[string]owner{"user": e.User, "group": e.Group} {
		if owner.ID != nil {
			made[key] = object{"id": *owner.ID}
		}
	}
	return made
}

func (u unit) ignition() object {
	made := object{"name": u.Name}
	if u.Enabled != nil {
		made["enabled"] = *u.Enabled
	}
	if u.content != "" {
		made["contents"] = u.content
	}
	for _, d := range u.Dropins {
		made["dropins"] = append(list(made["dropins"]), object{"name": d.Name, "contents": d.content})
	}
	return made
}
