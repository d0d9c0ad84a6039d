package main

import (
	"fmt"
	"os"
	"path/filepath"

	"sigs.k8s.io/yaml"
)

// node is the part of a Butane file of the variant flatcar 1.1.0 that is used here
// (https://coreos.github.io/butane/config-flatcar-v1_1/). What is not here is
// refused, so that nothing is lost on the way.
type node struct {
	Variant string `json:"variant"`
	Version string `json:"version"`
	Storage struct {
		Directories []entry `json:"directories"`
		Files       []entry `json:"files"`
	} `json:"storage"`
	Systemd struct {
		Units []unit `json:"units"`
	} `json:"systemd"`
}

// entry is a directory or a file.
type entry struct {
	Path      string `json:"path"`
	Mode      int    `json:"mode"`
	Overwrite *bool  `json:"overwrite"`
	User      owner  `json:"user"`
	Group     owner  `json:"group"`
	Contents  struct {
		Local string `json:"local"`
	} `json:"contents"`
	content string
}

type owner struct {
	ID *int `json:"id"`
}

// unit is a unit of systemd, or what is added to one.
type unit struct {
	Name          string   `json:"name"`
	Enabled       *bool    `json:"enabled"`
	ContentsLocal string   `json:"contents_local"`
	Dropins       []dropin `json:"dropins"`
	content       string
}

type dropin struct {
	Name          string `json:"name"`
	ContentsLocal string `json:"contents_local"`
	content       string
}

// read reads a Butane file and the local files that it names, below dir.
func read(name, dir string) (*node, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	n := &node{}
	if err := yaml.UnmarshalStrict(text, n); err != nil {
		return nil, err
	}
	if n.Variant != "flatcar" || n.Version != "1.1.0" {
		return nil, fmt.Errorf("variant %s %s: only flatcar 1.1.0 is known here", n.Variant, n.Version)
	}
	local := func(name string, into *string) {
		content, readErr := os.ReadFile(filepath.Join(dir, name))
		if readErr != nil && err == nil {
			err = readErr
		}
		*into = string(content)
	}
	for i := range n.Storage.Files {
		local(n.Storage.Files[i].Contents.Local, &n.Storage.Files[i].content)
	}
	for i := range n.Systemd.Units {
		u := &n.Systemd.Units[i]
		if u.ContentsLocal != "" {
			local(u.ContentsLocal, &u.content)
		}
		for j := range u.Dropins {
			local(u.Dropins[j].ContentsLocal, &u.Dropins[j].content)
		}
	}
	return n, err
}
