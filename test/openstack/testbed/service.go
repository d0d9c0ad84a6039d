//go:build linux

package testbed

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"

	"underlay/test/openstack/api"
)

// service is one OpenStack project: everything that the testbed knows of it.
// Its configuration is every file below config/<name>, a template each, which is
// rendered to the same path below /etc/<name>.
type service struct {
	// name is also that of its Keystone user, of its port and of its first process.
	name string
	// kind is its type in the service catalog; path follows its address there.
	kind, path string
	packages   []string
	databases  []string
	// schema are the commands that make its tables, in order.
	schema [][]string
	// apis answer HTTP at the service's port. Workers start when all APIs answer.
	apis, workers []process
	// furnish makes, as the administrator, what every cloud has of this service.
	furnish func(context.Context, *api.Client) error
}

// services are those of this testbed; Keystone is the first. Adding one is a
// file beside this one, its templates, its port in DefaultPorts and a word here.
func services() []service {
	return []service{keystone(), placement(), glance(), neutron(), nova()}
}

// uwsgi serves a WSGI application at the port of that name.
func uwsgi(name string, workers int, application string) process {
	return process{name: name + "-api", port: name, command: []string{
		"/usr/bin/uwsgi_python3", "--http-socket", addressOf(name), "--module", application,
		"--master", "--processes", strconv.Itoa(workers), "--enable-threads", "--lazy-apps", "--need-app", "--die-on-term",
		"--buffer-size", "65535", "--listen", "100", "--disable-logging",
		// uWSGI's own HTTP closes after each answer, and has to say so.
		"--add-header", "Connection: close",
	}}
}

// console runs the main function of a Python module, as the start script in the
// service's own Debian package does. Those packages are not installed: they would
// start the service themselves.
func console(name, module string, args ...string) process {
	const script = "import importlib, sys; sys.argv[0] = sys.argv.pop(1); sys.exit(importlib.import_module(sys.argv.pop(1)).main())"
	return process{name: name, command: append([]string{"/usr/bin/python3", "-c", script, name, module}, args...)}
}

// prepare makes the service's databases and their tables.
func (b *Testbed) prepare(ctx context.Context, s service) error {
	for _, name := range s.databases {
		if err := b.sql(ctx, "create database "+name+" character set utf8mb3"); err != nil {
			return err
		}
	}
	for _, command := range s.schema {
		rendered, err := b.renderAll(s, command)
		if err != nil {
			return err
		}
		if err := b.run(ctx, s.name+"-schema", rendered...); err != nil {
			return fmt.Errorf("make the schema of %s: %w", s.name, err)
		}
	}
	return nil
}

// together runs work, at most limit at a time, and returns every error.
func together(limit int, work []func() error) error {
	var group sync.WaitGroup
	turns := make(chan struct{}, limit)
	problems := make([]error, len(work))
	for i, do := range work {
		group.Go(func() {
			turns <- struct{}{}
			defer func() { <-turns }()
			problems[i] = do()
		})
	}
	group.Wait()
	return errors.Join(problems...)
}
