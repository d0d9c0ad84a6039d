//go:build linux

package testbed

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"text/template"
)

// configFiles are the services' configuration files, as templates; shared.tmpl
// has the sections that many of them have.
//
//go:embed config
var configFiles embed.FS

// driverFiles are Python, and ours: see README.md.
//
//go:embed drivers
var driverFiles embed.FS

// driversDir is where the services' Python finds them.
const driversDir = "/opt/underlay"

// facts are what a template can ask for.
type facts struct {
	testbed *Testbed
	// Name and Kind are the service's; empty in the commands of infrastructure.
	Name, Kind string
}

// Port is a number of ports.go.
func (f facts) Port(name string) int { return f.testbed.port(name) }

// Address is host and port.
func (f facts) Address(name string) string { return f.testbed.address(name) }

// URL is where a service answers.
func (f facts) URL(name string) string { return f.testbed.url(name) }

// Database is SQLAlchemy's URL of a database.
func (f facts) Database(name string) string {
	return "mysql+pymysql://root@localhost/" + name + "?unix_socket=" + databaseSocket + "&charset=utf8mb3"
}

// Password is that of everything.
func (f facts) Password() string { return f.testbed.secret }

// Region is the region's name.
func (f facts) Region() string { return Region }

// LoopDevices says what Options.LoopDevices does.
func (f facts) LoopDevices() bool { return f.testbed.opts.LoopDevices }

// Has says whether there is a service.
func (f facts) Has(name string) bool {
	return slices.ContainsFunc(f.testbed.services, func(s service) bool { return s.name == name })
}

// State is the folder of what the services write.
func (f facts) State() string { return stateDir }

// configure writes the configuration of every service, and the drivers.
func (b *Testbed) configure(context.Context) error {
	hostname, err := os.Hostname()
	if err != nil {
		return fmt.Errorf("read this machine's name: %w", err)
	}
	if err := b.write("/etc/hosts", "127.0.0.1 localhost "+hostname+"\n", 0o644); err != nil {
		return err
	}
	for _, dir := range []string{logDir, runDir} {
		if err := os.MkdirAll(b.path(dir), 0o755); err != nil {
			return fmt.Errorf("make %s: %w", dir, err)
		}
	}
	if err := os.Chmod(b.path(runDir), 0o1777); err != nil { // MariaDB makes its socket there, not as root
		return fmt.Errorf("open %s: %w", runDir, err)
	}
	for _, s := range b.services {
		if err := b.configureService(s); err != nil {
			return fmt.Errorf("configure %s: %w", s.name, err)
		}
	}
	if err := b.placeLoopDriver(); err != nil {
		return err
	}
	return fs.WalkDir(driverFiles, "drivers", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := driverFiles.ReadFile(name)
		if err != nil {
			return err
		}
		return b.write(path.Join(driversDir, strings.TrimPrefix(name, "drivers/")), string(content), 0o644)
	})
}

func (b *Testbed) configureService(s service) error {
	if err := os.MkdirAll(b.path(path.Join(stateDir, s.name)), 0o755); err != nil {
		return err
	}
	folder := path.Join("config", s.name)
	return fs.WalkDir(configFiles, folder, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		source, err := configFiles.ReadFile(name)
		if err != nil {
			return err
		}
		text, err := b.render(s, name, string(source))
		if err != nil {
			return err
		}
		return b.write(path.Join("/etc", strings.TrimPrefix(name, "config/")), text, 0o640)
	})
}

// render fills a template in, which may use those of shared.tmpl.
func (b *Testbed) render(s service, name, source string) (string, error) {
	parsed, err := template.New(name).Option("missingkey=error").Parse(source)
	if err != nil {
		return "", err
	}
	if parsed, err = parsed.ParseFS(configFiles, "config/shared.tmpl"); err != nil {
		return "", err
	}
	var out strings.Builder
	if err := parsed.Lookup(name).Execute(&out, facts{testbed: b, Name: s.name, Kind: s.kind}); err != nil {
		return "", err
	}
	return out.String(), nil
}

// renderAll fills in the words of a command.
func (b *Testbed) renderAll(s service, words []string) ([]string, error) {
	var problems []error
	rendered := make([]string, len(words))
	for i, word := range words {
		var err error
		rendered[i], err = b.render(s, "word", word)
		problems = append(problems, err)
	}
	return rendered, errors.Join(problems...)
}
