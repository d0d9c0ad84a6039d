package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"underlay/pkg/simulator"
)

// stopGrace is how long calls under way may take after Ctrl-C.
const stopGrace = 3 * time.Second

// simulateOptions are the flags of `underlay simulate`.
type simulateOptions struct {
	listen, seed, writeConfig, latency    string
	servers, rateLimit                    int
	faults                                []string
	name, region                          string
	atomicRoutes, addressPairs, portGuard bool
	maxRoutes, routeQuota                 int
	tokenTTL                              time.Duration
	balancers                             balancerOptions
	devices                               deviceOptions
}

// NewSimulateCommand makes `underlay simulate`: an OpenStack to try things on.
func NewSimulateCommand() *cobra.Command {
	o := &simulateOptions{}
	cmd := &cobra.Command{
		Use:   "simulate",
		Short: "Run a simulated OpenStack with a live page",
		Long: `Runs a simulated OpenStack (Keystone, Nova, Neutron, Octavia, Cinder, and a little of
Glance and Barbican) until Ctrl-C. It prints a cloud.conf and a clouds.yaml for itself; the live page shows
what it holds. Everything is in memory and gone at the end.

A fault is MATCH:WHAT[:KEY=VALUE...]. MATCH is a method and a path, in which *
stands for anything. WHAT is an HTTP status from 400 to 599, drop (the connection
breaks) or hang (no answer). Keys: when=before|after (after: what was asked is
done all the same), nth=N (only call N), every=N, times=N, retry-after=DURATION,
type=TEXT and message=TEXT.`,
		Example: `  underlay simulate --write-config ./lab
  underlay simulate --fault 'PUT /v2.0/ports/*:503:nth=2' --latency real
  underlay simulate --fault 'PUT /v2.0/routers/*:drop:when=after:times=1' --atomic-routes=false
  underlay simulate --volume-devices /var/tmp/volumes`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return simulate(cmd.Context(), cmd.OutOrStdout(), o) },
	}
	o.flags(cmd)
	return cmd
}

func (o *simulateOptions) flags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&o.listen, "listen", "127.0.0.1:5000", "Where to listen; port 0 = any free one.")
	flags.StringVar(&o.seed, "seed", "demo", "What the cloud holds at first: demo (networks, a router, servers with routes) or empty.")
	flags.IntVar(&o.servers, "servers", 3, "Servers of the demo seed.")
	flags.StringVar(&o.writeConfig, "write-config", "", "Write cloud.conf and clouds.yaml into this folder instead of printing them.")
	flags.StringVar(&o.name, "name", "simulator", "The cloud's name in clouds.yaml.")
	flags.StringVar(&o.region, "region", "RegionOne", "The cloud's region.")
	flags.BoolVar(&o.atomicRoutes, "atomic-routes", true, "Neutron has the extension extraroute-atomic.")
	flags.BoolVar(&o.addressPairs, "address-pairs", true, "Neutron has the extension allowed-address-pairs.")
	flags.BoolVar(&o.portGuard, "port-security", true, "Neutron has the extension port-security.")
	flags.IntVar(&o.maxRoutes, "max-routes", 30, "Routes that a router takes (Neutron's max_routes).")
	flags.IntVar(&o.routeQuota, "route-quota", 0, "The project's quota of routes, in place of max_routes; 0 = none.")
	flags.DurationVar(&o.tokenTTL, "token-ttl", time.Hour, "How long a token lives.")
	flags.StringVar(&o.latency, "latency", "none", "How long calls take: none, or real (as in a middling cloud).")
	flags.IntVar(&o.rateLimit, "rate-limit", 0, "Calls a second beyond which the answer is 429; 0 = no limit.")
	o.balancers.flags(cmd)
	o.devices.flags(cmd)
	flags.StringArrayVar(&o.faults, "fault", nil, "Make calls fail, see above. May be repeated.")
}

func simulate(ctx context.Context, out io.Writer, o *simulateOptions) error {
	cloud, routerID, err := o.cloud()
	if err != nil {
		return &ExitError{Code: 2, Err: err}
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", o.listen)
	if err != nil {
		return fmt.Errorf("listen on %s (--listen 127.0.0.1:0 takes any free port): %w", o.listen, err)
	}
	devices, err := o.devices.open(out, cloud)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	intro := introduction{cloud: cloud, name: o.name, routerID: routerID, url: reachableURL(listener.Addr()), devices: devices}
	if err := intro.say(out, o.writeConfig); err != nil {
		return errors.Join(err, listener.Close(), devices.close())
	}
	ctx, stop := context.WithCancel(ctx)
	var carrying sync.WaitGroup
	carrying.Go(func() { o.balancers.carry(ctx, out, cloud) })
	carrying.Go(func() { devices.run(ctx) })
	err = serveUntil(ctx, out, listener, cloud)
	stop()
	carrying.Wait()
	return errors.Join(err, devices.close())
}

// cloud makes the cloud that the flags ask for. routerID is that of the demo seed.
func (o *simulateOptions) cloud() (cloud *simulator.Cloud, routerID string, err error) {
	faults, problems := parseFaults(o.faults)
	check := func(ok bool, format string, args ...any) {
		if !ok {
			problems = append(problems, fmt.Errorf(format, args...))
		}
	}
	profile, known := latencyProfiles[o.latency]
	check(known, "--latency: %q is neither none nor real", o.latency)
	check(o.seed == "demo" || o.seed == "empty", "--seed: %q is neither demo nor empty", o.seed)
	check(o.servers >= 0 && o.servers <= maxSeedServers, "--servers: must be 0 to %d", maxSeedServers)
	check(o.maxRoutes > 0, "--max-routes: must be 1 or more")
	check(o.routeQuota >= 0, "--route-quota: must be 0 (none) or more")
	check(o.rateLimit >= 0, "--rate-limit: must be 0 (no limit) or more")
	check(o.tokenTTL > 0, "--token-ttl: must be more than 0")
	check(o.name != "" && o.region != "", "--name and --region: must not be empty")
	o.balancers.check(check)
	if err := errors.Join(problems...); err != nil {
		return nil, "", err
	}
	cloud = simulator.New(simulator.Options{
		Name: o.name, Region: o.region, AtomicRoutes: &o.atomicRoutes, AddressPairs: &o.addressPairs, PortSecurity: &o.portGuard,
		MaxRoutes: o.maxRoutes, RouterRouteQuota: o.routeQuota, TokenTTL: o.tokenTTL,
		OctaviaVersion: o.balancers.version,
	})
	if o.seed == "demo" {
		routerID = o.plant(cloud)
	}
	cloud.SetLatency(profile)
	cloud.SetRateLimit(o.rateLimit)
	cloud.SetLoadBalancerPace(o.balancers.pace())
	for _, fault := range faults {
		cloud.AddFault(fault)
	}
	return cloud, routerID, nil
}

// serveUntil serves until the context ends, then lets calls under way finish.
// Whoever waits for an answer that may never come, a page or a hanging call, is
// sent away at once.
func serveUntil(ctx context.Context, out io.Writer, listener net.Listener, handler http.Handler) error {
	waiting, sendAway := context.WithCancel(context.WithoutCancel(ctx))
	defer sendAway()
	server := &http.Server{
		Handler: handler, ReadHeaderTimeout: 10 * time.Second,
		BaseContext: func(net.Listener) context.Context { return waiting },
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	select {
	case err := <-ended:
		return fmt.Errorf("serve the simulated cloud: %w", err)
	case <-ctx.Done():
	}
	sendAway()
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopGrace)
	defer cancel()
	if err := server.Shutdown(grace); err != nil {
		_ = server.Close() // the grace is over
	}
	if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve the simulated cloud: %w", err)
	}
	_, err := fmt.Fprintln(out, "Stopped.")
	return err
}

// reachableURL is the base URL for clients on this machine.
func reachableURL(at net.Addr) string {
	host, port, err := net.SplitHostPort(at.String())
	if err != nil {
		return "http://" + at.String()
	}
	switch ip := net.ParseIP(host); {
	case ip == nil || !ip.IsUnspecified():
	case ip.To4() != nil:
		host = "127.0.0.1"
	default:
		host = "localhost" // an IPv6 wildcard takes both families
	}
	return "http://" + net.JoinHostPort(host, port)
}
