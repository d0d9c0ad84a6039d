// Package l3agent is the part of Neutron's agents that moves packets, for one
// router and one network in one network namespace: it reads the router's routes
// and the network's ports from the API and makes the namespace follow them. It is
// the only one who adds a route there, so a path exists when and only when the
// API says so.
//
// What it imitates: neutron/agent/l3/router_info.py (extra routes, floating IPs) and
// neutron/agent/linux/iptables_firewall.py (anti-spoofing by allowed address
// pairs, security groups).
package l3agent

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"k8s.io/klog/v2"

	"underlay/test/nodes/tenant"
)

// period is the time between two looks at the API. Neutron's agents are told by
// a message; this one asks.
const period = 500 * time.Millisecond

// Agent serves one router and one network, in the namespace it runs in.
type Agent struct {
	Client              *tenant.Client
	RouterID, NetworkID string
	// Outside is the interface towards the external network. With one, floating IPs
	// lead in, and security groups are enforced.
	Outside string

	loaded map[string]string // the rules as they were loaded last, by what they are
}

// Run follows the API until the context ends. What fails is said and tried again.
func (a *Agent) Run(ctx context.Context) {
	for ctx.Err() == nil {
		if err := a.sync(ctx); err != nil && ctx.Err() == nil {
			klog.FromContext(ctx).Error(err, "Sync failed")
		}
		select {
		case <-ctx.Done():
		case <-time.After(period):
		}
	}
}

// sync closes what must be closed before it opens what may be open.
func (a *Agent) sync(ctx context.Context) error {
	ports, err := a.Client.Ports(ctx, a.NetworkID)
	if err != nil {
		return err
	}
	desired, err := a.Client.Routes(ctx, a.RouterID)
	if err != nil {
		return err
	}
	if err := a.load(ctx, "port security", guardRules(ports)); err != nil {
		return err
	}
	if a.Outside != "" {
		if err := a.syncDoor(ctx, ports); err != nil {
			return err
		}
	}
	actual, err := routes(ctx)
	if err != nil {
		return err
	}
	return errors.Join(applyRoutes(ctx, desired, actual)...)
}

// syncDoor lets in what security groups and floating IPs let in.
func (a *Agent) syncDoor(ctx context.Context, ports []tenant.Port) error {
	groups, err := a.Client.Groups(ctx)
	if err != nil {
		return err
	}
	floating, err := a.Client.FloatingIPs(ctx, a.RouterID)
	if err != nil {
		return err
	}
	return errors.Join(
		a.load(ctx, "security groups", filterRules(ports, groups)),
		a.load(ctx, "floating IPs", floatingRules(floating, a.Outside)))
}

// load gives nft a rule set, unless it is the one that it has.
func (a *Agent) load(ctx context.Context, what, rules string) error {
	if a.loaded[what] == rules {
		return nil
	}
	if err := command(ctx, rules, "nft", "-f", "-"); err != nil {
		return fmt.Errorf("load %s: %w", what, err)
	}
	if a.loaded == nil {
		a.loaded = map[string]string{}
	}
	a.loaded[what] = rules
	klog.FromContext(ctx).Info("Loaded rules", "of", what)
	return nil
}

// TapName is the interface of a port on the router's side, named as Neutron names it.
func TapName(portID string) string { return "tap" + portID[:min(11, len(portID))] }

// command runs a program with an input and says in its error what it said.
func command(ctx context.Context, input, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdin = strings.NewReader(input)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, bytes.TrimSpace(out))
	}
	return nil
}
