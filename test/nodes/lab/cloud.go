package lab

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"underlay/internal/kube"
	"underlay/pkg/simulator"
	"underlay/test/nodes/relay"
	"underlay/test/nodes/tenant"
)

// SimulatorAddress is where the simulated cloud answers its own namespace.
const SimulatorAddress = "127.0.0.1:5000"

// openCloud logs in to the cloud that the options name, or to a simulated one that
// it starts on every address of this namespace.
func (l *Lab) openCloud(ctx context.Context) error {
	var err error
	if l.opts.Account != nil {
		l.Account = *l.opts.Account
		l.Cloud, err = tenant.Login(ctx, l.Account)
		return err
	}
	listener, err := kube.Listen(ctx, "0.0.0.0:5000")
	if err != nil {
		return fmt.Errorf("serve the simulated cloud: %w", err)
	}
	simulated := simulator.New(simulator.Options{})
	simulated.AddNetwork(simulator.NetworkSpec{Name: "public", External: true, Subnets: []string{"203.0.113.0/24"}})
	if err := l.simulateDisks(simulated); err != nil {
		return errors.Join(err, listener.Close())
	}
	server := &http.Server{Handler: simulated, ReadHeaderTimeout: 10 * time.Second}
	l.server = server
	go func() { _ = server.Serve(listener) }() // it ends with Close
	l.Account = tenant.Account{Username: "demo", Password: "simulated", Project: "demo", Region: "RegionOne"}
	// This process asks by loopback: the other address is there once the router is connected.
	l.loopbackURL = simulator.IdentityURL("http://" + SimulatorAddress)
	l.Account.AuthURL = l.loopbackURL
	if l.Cloud, err = tenant.Login(ctx, l.Account); err != nil {
		return err
	}
	l.Account.AuthURL = simulator.IdentityURL("http://" + apiAddress.Addr().String() + ":5000")
	return nil
}

// realCloud is the variable with Keystone's v3 address of a real OpenStack on this
// computer; OS_USERNAME and so on say as whom.
const realCloud = "UNDERLAY_OPENSTACK"

// OpenRealCloud makes the cloud that the environment names, if it does, the lab's.
// It must answer on loopback, and does so in every namespace of the lab: by relays
// on the very addresses of its catalog, to sockets in the enclosure's folder, to
// what listens outside.
func (o *Options) OpenRealCloud(ctx context.Context) error {
	address := os.Getenv(realCloud)
	if address == "" {
		return nil
	}
	o.Account = &tenant.Account{
		AuthURL: strings.TrimRight(address, "/"), Region: os.Getenv("OS_REGION_NAME"),
		Username: os.Getenv("OS_USERNAME"), Password: os.Getenv("OS_PASSWORD"), Project: os.Getenv("OS_PROJECT_NAME"),
	}
	client, err := tenant.Login(ctx, *o.Account)
	if err != nil {
		return err
	}
	o.Relays, o.HasOctavia = map[string]string{}, client.Has(tenant.Balancing)
	if client.Has(tenant.Storage) {
		o.Devices = os.Getenv(realDevices)
	}
	for _, endpoint := range client.Endpoints() {
		parsed, err := url.Parse(endpoint)
		if err != nil {
			return fmt.Errorf("open the real cloud: %w", err)
		}
		at, err := netip.ParseAddrPort(parsed.Host)
		if err != nil || !at.Addr().IsLoopback() {
			return errors.New("open the real cloud: it must answer on 127.0.0.1 and a port, not at " + endpoint)
		}
		if o.Relays[at.String()] != "" {
			continue
		}
		socket := filepath.Join(o.Dir, fmt.Sprintf("openstack-%d.sock", at.Port()))
		if _, err := relay.Open(ctx, "unix", socket, "tcp", at.String()); err != nil {
			return err
		}
		o.Relays[at.String()] = socket
	}
	return nil
}

// openRelays lets the real cloud be reached in this network namespace.
func (o *Options) openRelays(ctx context.Context) error { return openRelays(ctx, o.Relays) }

func openRelays(ctx context.Context, relays map[string]string) error {
	for address, socket := range relays {
		if _, err := relay.Open(ctx, "tcp", address, "unix", socket); err != nil {
			return err
		}
	}
	return nil
}
