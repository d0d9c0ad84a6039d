// Package amphora is the machine in which Octavia balances load: an address that
// listens, members that are chosen in turn and checked, and nothing else. It knows
// of its load balancer what Octavia's API says (tenant.Balancer), from a file that
// is written anew when that changes.
//
// What it imitates: the amphora's haproxy for TCP, with the PROXY protocol, and for
// HTTP, with X-Forwarded headers, and its LVS with masquerading for UDP. Either
// reaches members from the amphora's own address in the tenant network, which is not
// the virtual one. TLS and layer 7 rules are not carried.
package amphora

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"

	"k8s.io/klog/v2"

	"underlay/test/nodes/tenant"
)

// Task is the name of Run for reexec.
const Task = "amphora"

// Interface is the name of an amphora's network interface.
const Interface = "eth0"

// look is how often the file is looked at, and cableTimeout how long the interface
// is waited for.
const (
	look         = 100 * time.Millisecond
	cableTimeout = 30 * time.Second
)

// Spec says what an amphora is like.
type Spec struct {
	// Config is the file with a tenant.Balancer.
	Config string
	// Address is the amphora's own, with the length of its subnet; Virtual is the
	// load balancer's.
	Address netip.Prefix
	Gateway netip.Addr
	Virtual netip.Addr
}

// Run is the amphora, in a network namespace of its own, until the context ends.
func Run(ctx context.Context, text []byte) error {
	var spec Spec
	if err := json.Unmarshal(text, &spec); err != nil {
		return err
	}
	if err := spec.configureNetwork(ctx); err != nil {
		return err
	}
	return follow(ctx, spec.Config, &amphora{
		pools: map[string]*pool{}, sockets: map[string]*socket{},
		filter: func(ctx context.Context, rules string) error { return command(ctx, rules, "nft", "-f", "-") },
	})
}

// configureNetwork waits for the interface. The virtual address is that of nobody
// else in the tenant network, so it needs no more than to be there.
func (s Spec) configureNetwork(ctx context.Context) error {
	until := time.Now().Add(cableTimeout)
	for {
		_, err := net.InterfaceByName(Interface)
		if err == nil {
			break
		}
		if time.Now().After(until) {
			return fmt.Errorf("wait for %s: %w", Interface, err)
		}
		time.Sleep(20 * time.Millisecond)
	}
	return command(ctx, strings.Join([]string{
		"link set lo up",
		"addr add " + s.Address.String() + " dev " + Interface,
		"addr add " + s.Virtual.String() + "/32 dev " + Interface,
		"link set " + Interface + " up",
		"route add default via " + s.Gateway.String(),
	}, "\n")+"\n", "ip", "-batch", "-")
}

// follow does what the file says until the context ends. What fails is said and
// tried again.
func follow(ctx context.Context, file string, a *amphora) error {
	defer a.close()
	var done []byte
	for {
		text, err := os.ReadFile(file)
		if err != nil {
			return fmt.Errorf("read what to do: %w", err)
		}
		if !bytes.Equal(text, done) {
			var balancer tenant.Balancer
			if err := json.Unmarshal(text, &balancer); err != nil {
				return fmt.Errorf("read what to do: %w", err)
			}
			if err := a.apply(ctx, balancer); err != nil {
				klog.FromContext(ctx).Error(err, "Apply failed")
			} else {
				done = text
				klog.FromContext(ctx).Info("Applied", "listeners", len(balancer.Listeners), "pools", len(balancer.Pools))
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(look):
		}
	}
}

// amphora is what runs.
type amphora struct {
	pools   map[string]*pool   // by id
	sockets map[string]*socket // by listener, see key
	filter  func(ctx context.Context, rules string) error
}

// socket is a listener that is open.
type socket struct {
	io.Closer
	route *route
}

// apply makes what runs the same as the load balancer.
func (a *amphora) apply(ctx context.Context, b tenant.Balancer) error {
	for id, pool := range a.pools {
		if !slices.ContainsFunc(b.Pools, func(p tenant.Pool) bool { return p.ID == id }) {
			pool.stop()
			delete(a.pools, id)
		}
	}
	for _, wanted := range b.Pools {
		if a.pools[wanted.ID] == nil {
			a.pools[wanted.ID] = newPool()
		}
		a.pools[wanted.ID].set(ctx, wanted)
	}
	if err := a.filter(ctx, filterRules(b)); err != nil {
		return err
	}
	return a.listen(ctx, b)
}

// listen opens and closes sockets.
func (a *amphora) listen(ctx context.Context, b tenant.Balancer) error {
	wanted := map[string]tenant.Listener{}
	for _, l := range b.Listeners {
		if network(l) != "" && l.AdminUp && b.AdminUp {
			wanted[l.Protocol+" "+net.JoinHostPort(b.Address, strconv.Itoa(l.Port))] = l
		}
	}
	for key, socket := range a.sockets {
		if _, stays := wanted[key]; !stays {
			_ = socket.Close()
			delete(a.sockets, key)
		}
	}
	for key, l := range wanted {
		if a.sockets[key] == nil {
			protocol, address, _ := strings.Cut(key, " ")
			opened, err := open(ctx, protocol, address)
			if err != nil {
				return err
			}
			a.sockets[key] = opened
		}
		a.sockets[key].route.lead(a.pools[l.PoolID], l.Insert)
	}
	return nil
}

// network is what a listener listens on; "" when it is not carried.
func network(l tenant.Listener) string {
	return map[string]string{"TCP": "tcp", "HTTP": "tcp", "UDP": "udp"}[l.Protocol]
}

// filterRules let in what Octavia's security group on the virtual address does: to
// each listener whoever may, and to everything else nobody.
func filterRules(b tenant.Balancer) string {
	var rules strings.Builder
	for _, l := range b.Listeners {
		if network(l) == "" {
			continue
		}
		from := ""
		if len(l.Allowed) > 0 {
			from = "ip saddr { " + strings.Join(l.Allowed, ", ") + " } "
		}
		fmt.Fprintf(&rules, "    ip daddr %s %s%s dport %d accept\n", b.Address, from, network(l), l.Port)
	}
	return "add table ip listeners\ndelete table ip listeners\ntable ip listeners {\n  chain input {\n    type filter hook input priority filter\n" +
		"    ct state established,related accept\n" + rules.String() + "    counter drop\n  }\n}\n"
}

func (a *amphora) close() {
	for _, socket := range a.sockets {
		_ = socket.Close()
	}
	for _, pool := range a.pools {
		pool.stop()
	}
}

// command runs a program with an input and says in its error what it said.
func command(ctx context.Context, input, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdin = strings.NewReader(input)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, bytes.TrimSpace(out))
	}
	return nil
}
