//go:build linux

// Package testbed brings up a real OpenStack on one machine: the services of
// Debian's own packages, in a folder of their own, on loopback ports. The
// README beside test/openstack says what of it is stock and what is not.
package testbed

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"underlay/test/openstack/api"
)

// Options describe a testbed. The zero value of each field but Progress has a default.
type Options struct {
	// Dir keeps the packages between runs, and the state while it is up.
	// Default: underlay/openstack in the user's cache folder.
	Dir string
	// Ports overrides single ports by their names; see DefaultPorts.
	Ports map[string]int
	// PortOffset is added to every port that Ports does not name.
	PortOffset int
	// Mirror is where Debian packages come from; its security updates are at
	// the same address with "-security" at the end.
	Mirror string
	// With names the services on request, which are not there otherwise.
	With []string
	// LoopDevices makes each volume that is attached to a server a loop device of
	// this machine as well: see drivers/underlay_testbed/nova.py.
	LoopDevices bool
	// Progress gets a line for every step. Required.
	Progress io.Writer
}

// DefaultMirror serves Debian from a place near by.
const DefaultMirror = "http://deb.debian.org/debian"

// Region and Project are what the cloud's user works in.
const (
	Region  = "RegionOne"
	Project = "demo"
	User    = "demo"
)

// Testbed is an OpenStack in a folder, running or not.
type Testbed struct {
	opts     Options
	root     string // the folder that the services see as /
	progress *progress
	services []service
	secret   string // every password of this run
	running  []*process
	admin    *api.Client // from the moment that Keystone answers
}

// New makes nothing but the testbed's folder.
func New(opts Options) (*Testbed, error) {
	if opts.Dir == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return nil, fmt.Errorf("find the cache folder: %w", err)
		}
		opts.Dir = filepath.Join(cache, "underlay", "openstack")
	}
	dir, err := filepath.Abs(opts.Dir)
	if err != nil {
		return nil, fmt.Errorf("find %s: %w", opts.Dir, err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("make the folder of the testbed: %w", err)
	}
	if opts.Dir, err = filepath.EvalSymlinks(dir); err != nil { // as /proc names it
		return nil, fmt.Errorf("find %s: %w", opts.Dir, err)
	}
	if opts.Mirror == "" {
		opts.Mirror = DefaultMirror
	}
	for name := range opts.Ports {
		if _, known := DefaultPorts[name]; !known {
			return nil, fmt.Errorf("no port is named %q; there are %s", name, strings.Join(portNames(), ", "))
		}
	}
	all, err := services(opts.With...)
	if err != nil {
		return nil, err
	}
	return &Testbed{
		opts: opts, root: filepath.Join(opts.Dir, "root"), progress: newProgress(opts.Progress), services: all, secret: rand.Text(),
	}, nil
}

// EnvFile has the environment variables that name this cloud, while it is up.
func (b *Testbed) EnvFile() string { return filepath.Join(b.opts.Dir, "openstack.env") }

// Up makes a fresh cloud, or leaves the one that is up alone. After an error
// nothing runs; the logs stay until the next Up or Down.
func (b *Testbed) Up(ctx context.Context) error {
	unlock, err := b.lock()
	if err != nil {
		return err
	}
	defer unlock()
	if b.isUp() {
		b.progress.say("OpenStack is up already")
		return nil
	}
	if err := b.take(ctx, append(b.groundwork(), []stage{
		{"configuration", time.Minute, b.configure},
		{"MariaDB, RabbitMQ, memcached", 3 * time.Minute, b.startInfrastructure},
		{"Keystone", 5 * time.Minute, b.startKeystone},
		{"tables, users and the service catalog", 15 * time.Minute, b.prepareServices},
		{"APIs", 5 * time.Minute, b.startAPIs},
		{"workers", 5 * time.Minute, b.startWorkers},
		{"external network, flavor, image; the hypervisor comes up", 3 * time.Minute, b.furnish},
		{"openstack.env", time.Minute, b.writeEnv},
	}...)); err != nil {
		return err
	}
	b.progress.say("OpenStack is up")
	return nil
}

// Fetch does of Up what needs the network, and starts nothing.
func (b *Testbed) Fetch(ctx context.Context) error {
	unlock, err := b.lock()
	if err != nil {
		return err
	}
	defer unlock()
	if b.isUp() {
		b.progress.say("OpenStack is up already")
		return nil
	}
	if err := b.take(ctx, b.groundwork()); err != nil {
		return err
	}
	b.progress.say("the packages are there")
	return b.unmount()
}

// stage is a part of Up that has its own time.
type stage struct {
	name   string
	within time.Duration
	run    func(context.Context) error
}

// groundwork is what Up begins with.
func (b *Testbed) groundwork() []stage {
	return []stage{
		{"make room", time.Minute, b.wipe},
		{"Debian and its OpenStack packages", 40 * time.Minute, b.install},
	}
}

// take goes through stages. After an error nothing runs.
func (b *Testbed) take(ctx context.Context, stages []stage) error {
	for _, s := range stages {
		limited, cancel := context.WithTimeout(ctx, s.within)
		err := b.progress.step(s.name, func() error { return s.run(limited) })
		cancel()
		if err != nil {
			return errors.Join(fmt.Errorf("%s: %w\nthe logs are in %s", s.name, err, b.path(logDir)), b.stop(), b.unmount())
		}
	}
	return nil
}

// Down ends every process of the cloud and removes its state. The packages stay,
// unless purge says that they go as well.
func (b *Testbed) Down(ctx context.Context, purge bool) error {
	unlock, err := b.lock()
	if err != nil {
		return err
	}
	defer unlock()
	if err := b.progress.step("end the processes and remove the state", func() error { return b.wipe(ctx) }); err != nil {
		return err
	}
	if purge {
		if err := b.progress.step("remove the packages", b.removeRoot); err != nil {
			return err
		}
	}
	b.progress.say("OpenStack is down")
	return nil
}

// wipe ends what an earlier run has left and removes its state.
func (b *Testbed) wipe(context.Context) error {
	if err := errors.Join(b.stop(), b.releaseLoops(), b.unmount()); err != nil {
		return err
	}
	if err := os.RemoveAll(b.EnvFile()); err != nil {
		return fmt.Errorf("remove the state: %w", err)
	}
	if err := os.RemoveAll(b.path(stateDir)); err != nil {
		return fmt.Errorf("remove the state: %w", err)
	}
	return nil
}

// startKeystone makes the first service, which all others and the set-up need.
func (b *Testbed) startKeystone(ctx context.Context) error {
	keystone := b.services[0]
	if err := b.prepare(ctx, keystone); err != nil {
		return err
	}
	if err := b.startAll(ctx, keystone.apis); err != nil {
		return err
	}
	return b.login(ctx)
}

// login gets an administrator's client, with the catalog as it is now.
func (b *Testbed) login(ctx context.Context) (err error) {
	b.admin, err = api.Login(ctx, http.DefaultClient, api.Account{
		AuthURL: b.url("keystone") + "/v3", Username: "admin", Password: b.secret, Project: "admin", Region: Region,
	})
	return err
}

// prepareServices does what the services need before they start: their tables,
// two at a time, while Keystone learns of their users and endpoints.
func (b *Testbed) prepareServices(ctx context.Context) error {
	work := []func() error{func() error { return b.register(ctx) }}
	for _, s := range b.services[1:] {
		work = append(work, func() error { return b.prepare(ctx, s) })
	}
	return together(2, work)
}

func (b *Testbed) startAPIs(ctx context.Context) error {
	var all []process
	for _, s := range b.services[1:] {
		all = append(all, s.apis...)
	}
	return b.startAll(ctx, all)
}

func (b *Testbed) startWorkers(ctx context.Context) error {
	var all []process
	for _, s := range b.services {
		all = append(all, s.workers...)
	}
	return b.startAll(ctx, all)
}

// furnish makes what an operator gives to every project: see each service's furnish.
func (b *Testbed) furnish(ctx context.Context) error {
	if err := b.login(ctx); err != nil { // the catalog has all services by now
		return err
	}
	for _, s := range b.services {
		if s.furnish == nil {
			continue
		}
		if err := s.furnish(ctx, b.admin); err != nil {
			return fmt.Errorf("furnish %s: %w", s.name, err)
		}
	}
	return nil
}
