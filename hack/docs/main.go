// Command docs writes the reference pages that are generated from code:
//
//	go run ./hack/docs          write them
//	go run ./hack/docs -check   fail when one is not what it would be
//
// It runs at the root of the repository.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

// pages maps the path of a page, below the root, to what writes it.
var pages = map[string]func(*bytes.Buffer){
	"docs/reference/annotations.md":       annotationsPage,
	"docs/reference/cloud-conf.md":        cloudConf,
	"docs/reference/commands.md":          commandsPage,
	"docs/reference/csi-flags.md":         driverFlagsPage,
	"docs/reference/events.md":            eventsPage,
	"docs/reference/flags.md":             flagsPage,
	"docs/reference/metrics.md":           metricsPage,
	"docs/reference/volume-parameters.md": volumeParametersPage,
	"docs/reference/volume-states.md":     volumeStatesPage,
}

func main() {
	check := flag.Bool("check", false, "write nothing; fail when a page is out of date")
	root := flag.String("root", ".", "root of the repository")
	flag.Parse()
	if err := run(*root, *check); err != nil {
		fmt.Fprintln(os.Stderr, "docs:", err)
		os.Exit(1)
	}
}

func run(root string, check bool) error {
	for _, path := range slices.Sorted(maps.Keys(pages)) {
		var page bytes.Buffer
		pages[path](&page)
		file := filepath.Join(root, filepath.FromSlash(path))
		if check {
			if err := same(file, page.Bytes()); err != nil {
				return err
			}
			continue
		}
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return fmt.Errorf("make folder of %s: %w", path, err)
		}
		if err := os.WriteFile(file, page.Bytes(), 0o644); err != nil {
			return fmt.Errorf("write %s: %w", path, err)
		}
	}
	return nil
}

func same(file string, desired []byte) error {
	actual, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("read %s: %w", file, err)
	}
	if !bytes.Equal(actual, desired) {
		return fmt.Errorf("%s is out of date: run make generate", file)
	}
	return nil
}
