//go:build linux

package testbed

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
)

// DefaultPorts are by service the ports of OpenStack's own documentation, and
// for the rest some that a database or queue of this machine does not have.
var DefaultPorts = map[string]int{
	"keystone":  5000,
	"placement": 8778,
	"glance":    9292,
	"neutron":   9696,
	"nova":      8774,
	"barbican":  9311,
	"octavia":   9876,
	"cinder":    8776,

	"rabbitmq":              15673,
	"rabbitmq-distribution": 15674,
	"epmd":                  14370,
	"memcached":             11212,
}

func portNames() []string { return slices.Sorted(maps.Keys(DefaultPorts)) }

// usedPorts leaves out those of services that are not requested.
func (b *Testbed) usedPorts() []string {
	return slices.DeleteFunc(portNames(), func(name string) bool {
		return slices.Contains(RequestNames(), name) && !slices.Contains(b.opts.With, name)
	})
}

func (b *Testbed) port(name string) int {
	if port, overridden := b.opts.Ports[name]; overridden {
		return port
	}
	return DefaultPorts[name] + b.opts.PortOffset
}

func (b *Testbed) address(name string) string {
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(b.port(name)))
}

func (b *Testbed) url(name string) string { return "http://" + b.address(name) }

// addressOf stands for an address in the commands of a service; see renderAll.
func addressOf(name string) string { return fmt.Sprintf("{{.Address %q}}", name) }

// checkPorts says which ports others listen on, before anything starts.
func (b *Testbed) checkPorts(ctx context.Context) error {
	var problems []error
	for _, name := range b.usedPorts() {
		var config net.ListenConfig
		listener, err := config.Listen(ctx, "tcp", b.address(name))
		if err != nil {
			problems = append(problems, fmt.Errorf("the port of %s is taken (%w): choose another with -port %s=NUMBER, or move all with -port-offset NUMBER", name, err, name))
			continue
		}
		problems = append(problems, listener.Close())
	}
	return errors.Join(problems...)
}
