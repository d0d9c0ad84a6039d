package cli

import (
	"context"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"underlay/pkg/simulator"
)

// newestOctavia is the minor number of the newest API version that is simulated.
const newestOctavia = 30

// balancerOptions are the flags of `underlay simulate` that are about Octavia.
type balancerOptions struct {
	version        string
	create, update time.Duration
	traffic        bool
}

func (o *balancerOptions) flags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&o.version, "octavia-version", fmt.Sprintf("2.%d", newestOctavia), "The newest API version that Octavia speaks, 2.0 to "+fmt.Sprintf("2.%d.", newestOctavia))
	flags.DurationVar(&o.create, "load-balancer-create", 0, "How long a new load balancer is PENDING_CREATE; amphorae take about 75s.")
	flags.DurationVar(&o.update, "load-balancer-update", 0, "How long any other change of a load balancer takes.")
	flags.BoolVar(&o.traffic, "traffic", false,
		"Load balancers carry TCP and UDP: each listener at a port of 127.0.0.1, which is printed, to its members' own addresses.")
}

// check says what is wrong with the flags, by telling ok from not.
func (o *balancerOptions) check(check func(ok bool, format string, args ...any)) {
	minor, err := strconv.Atoi(strings.TrimPrefix(o.version, "2."))
	check(o.version == "" || err == nil && strings.HasPrefix(o.version, "2.") && minor >= 0 && minor <= newestOctavia,
		"--octavia-version: %q is not one of 2.0 to 2.%d", o.version, newestOctavia)
	check(o.create >= 0 && o.update >= 0, "--load-balancer-create and --load-balancer-update: must be 0 or more")
}

func (o *balancerOptions) pace() simulator.LoadBalancerPace {
	return simulator.LoadBalancerPace{Create: o.create, Update: o.update, Delete: o.update}
}

// carry carries the traffic of all load balancers until the context ends, and
// prints where each listener can be reached.
func (o *balancerOptions) carry(ctx context.Context, out io.Writer, cloud *simulator.Cloud) {
	if !o.traffic {
		<-ctx.Done()
		return
	}
	d := doors{out: out, at: map[string]string{}}
	cloud.CarryTraffic(ctx, simulator.Traffic{
		Listen: func(b simulator.LoadBalancerState, l simulator.ListenerState) string { return d.of(ctx, b, l) },
		Report: func(err error) { d.say("Traffic: %v", err) },
	})
}

// doors are the addresses at which listeners are reached, by their ids.
type doors struct {
	mu  sync.Mutex
	out io.Writer
	at  map[string]string
}

func (d *doors) of(ctx context.Context, b simulator.LoadBalancerState, l simulator.ListenerState) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	if at, known := d.at[l.ID]; known {
		return at
	}
	at, err := freeAddress(ctx, l.Protocol == "UDP")
	if err != nil {
		_, _ = fmt.Fprintf(d.out, "Traffic: no address for listener %s: %v\n", l.ID, err)
	} else {
		_, _ = fmt.Fprintf(d.out, "Traffic: %s %s/%d of %s is at %s\n", b.VIPAddress, l.Protocol, l.Port, b.Name, at)
	}
	d.at[l.ID] = at
	return at
}

func (d *doors) say(format string, args ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	_, _ = fmt.Fprintf(d.out, format+"\n", args...)
}

// freeAddress is an address of this machine at which nobody listens.
func freeAddress(ctx context.Context, udp bool) (string, error) {
	var config net.ListenConfig
	if udp {
		socket, err := config.ListenPacket(ctx, "udp", "127.0.0.1:0")
		if err != nil {
			return "", err
		}
		return socket.LocalAddr().String(), socket.Close()
	}
	socket, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return socket.Addr().String(), socket.Close()
}
