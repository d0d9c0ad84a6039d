//go:build linux

package testbed

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
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
	// aliases are paths by other types that clouds have in their catalogs for it.
	aliases   map[string]string
	packages  []string
	databases []string
	// setup are the commands that make its tables, and what else it needs before
	// it starts, in order.
	setup [][]string
	// roles are those that its policy wants of a plain user, beside member.
	roles []string
	// apis answer HTTP at the service's port. Workers start when all APIs answer.
	apis, workers []process
	// furnish makes, as the administrator, what every cloud has of this service.
	furnish func(context.Context, *api.Client) error
}

// services are those of this testbed: always, and on request. Adding one is a file
// beside this one, its templates, its port in DefaultPorts and a word here.
// Keystone is the first.
func services(with ...string) ([]service, error) {
	all := []service{keystone(), placement(), glance(), neutron(), nova()}
	for _, name := range with {
		i := slices.IndexFunc(onRequest(), func(s service) bool { return s.name == name })
		if i < 0 {
			return nil, fmt.Errorf("no service on request is named %q; there are %s", name, strings.Join(RequestNames(), ", "))
		}
		all = append(all, onRequest()[i])
	}
	return all, nil
}

func onRequest() []service { return []service{barbican(), octavia(), cinder()} }

// RequestNames are those of the services that Options.With may name.
func RequestNames() []string {
	var names []string
	for _, s := range onRequest() {
		names = append(names, s.name)
	}
	return names
}

// uwsgi serves a WSGI application at the port of that name: a module's, or that of
// a file with a path.
func uwsgi(name string, workers int, application string) process {
	kind := "--module"
	if strings.HasPrefix(application, "/") {
		kind = "--wsgi-file"
	}
	return process{name: name + "-api", port: name, command: []string{
		"/usr/bin/uwsgi_python3", "--http-socket", addressOf(name), kind, application,
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

// prepare makes the service's databases and runs its setup.
func (b *Testbed) prepare(ctx context.Context, s service) error {
	for _, name := range s.databases {
		if err := b.sql(ctx, "create database "+name+" character set utf8mb3"); err != nil {
			return err
		}
	}
	for _, command := range s.setup {
		rendered, err := b.renderAll(s, command)
		if err != nil {
			return err
		}
		if err := b.run(ctx, s.name+"-setup", rendered...); err != nil {
			return fmt.Errorf("set up %s: %w", s.name, err)
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
