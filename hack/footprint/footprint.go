//go:build linux

package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// footprint is what a machine has: by kind, each thing with what is known of it.
type footprint map[string]map[string]string

func (f footprint) add(kind, name, value string) {
	if f[kind] == nil {
		f[kind] = map[string]string{}
	}
	f[kind][name] = value
}

// transient are the kinds that end by themselves, with whatever they belong to.
var transient = map[string]bool{"control group": true, "folder": true, "loop device": true, "namespace": true, "process": true}

// ends tells whether a thing may be gone without harm: it is of a kind that ends by
// itself, or of an earlier run of these tests, which the labs sweep.
func ends(kind, name string) bool {
	return transient[kind] || strings.Contains(name, "underlay")
}

// differences are all that somebody has to answer for, in words and sorted. A sysctl
// that was not there before came with a kernel module, which stays loaded, and is none.
func (f footprint) differences(after footprint) []string {
	var found []string
	kinds := map[string]bool{}
	for _, all := range []footprint{f, after} {
		for kind := range all {
			kinds[kind] = true
		}
	}
	for kind := range kinds {
		for name, was := range f[kind] {
			if is, there := after[kind][name]; !there && ends(kind, name) {
				continue
			} else if !there {
				found = append(found, fmt.Sprintf("gone: %s %s", kind, name))
			} else if is != was {
				found = append(found, fmt.Sprintf("changed: %s %s from %q to %q", kind, name, was, is))
			}
		}
		for name, is := range after[kind] {
			if _, there := f[kind][name]; !there && kind != sysctlKind {
				found = append(found, fmt.Sprintf("left: %s %s %s", kind, name, is))
			}
		}
	}
	slices.Sort(found)
	return found
}

// summary says how many things of each kind there are.
func (f footprint) summary() []string {
	var lines []string
	for _, kind := range slices.Sorted(maps.Keys(f)) {
		lines = append(lines, fmt.Sprintf("%s %d", kind, len(f[kind])))
	}
	return lines
}
