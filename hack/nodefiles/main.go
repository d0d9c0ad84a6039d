// Command nodefiles writes what unattended installs of nodes take, from the Butane
// files in manifests/node: an Ignition configuration and a cloud-init one each.
// With -check it writes nothing and fails when one is out of date.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

func main() {
	check := flag.Bool("check", false, "Write nothing; fail when a file is out of date.")
	flag.Parse()
	if err := run("manifests", *check); err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
}

// run handles every Butane file of the folder node below dir, which is Butane's
// --files-dir.
func run(dir string, check bool) error {
	sources, err := filepath.Glob(filepath.Join(dir, "node", "*.bu"))
	if err != nil {
		return err
	}
	if len(sources) == 0 {
		return errors.New("no Butane file in " + filepath.Join(dir, "node"))
	}
	for _, source := range sources {
		node, err := read(source, dir)
		if err != nil {
			return fmt.Errorf("read %s: %w", source, err)
		}
		ignition, err := node.ignition()
		if err != nil {
			return fmt.Errorf("write Ignition of %s: %w", source, err)
		}
		cloudInit, err := node.cloudInit(filepath.Base(source))
		if err != nil {
			return fmt.Errorf("write cloud-init of %s: %w", source, err)
		}
		base := strings.TrimSuffix(source, ".bu")
		if err := errors.Join(put(base+".ign", ignition, check), put(base+".cloud-config", cloudInit, check)); err != nil {
			return err
		}
	}
	return nil
}

func put(name string, content []byte, check bool) error {
	if !check {
		return os.WriteFile(name, content, 0o644)
	}
	actual, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	if !bytes.Equal(actual, content) {
		return fmt.Errorf("%s is out of date: run make generate", name)
	}
	return nil
}
