package l3agent

import (
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"slices"
	"strings"

	"k8s.io/klog/v2"

	"underlay/test/nodes/tenant"
)

// protocol marks the routes that were made here.
const protocol = "static"

// routes are those that were made here.
func routes(ctx context.Context) ([]tenant.Route, error) {
	out, err := exec.CommandContext(ctx, "ip", "-json", "route", "show", "proto", protocol).Output()
	if err != nil {
		return nil, fmt.Errorf("read the kernel's routes: %w", err)
	}
	var listed []struct{ Dst, Gateway string }
	if err := json.Unmarshal(out, &listed); err != nil {
		return nil, fmt.Errorf("read the kernel's routes: %w", err)
	}
	var found []tenant.Route
	for _, route := range listed {
		found = append(found, tenant.Route{Destination: route.Dst, NextHop: route.Gateway})
	}
	return found, nil
}

// routeCommands are the arguments of ip that lead from actual to desired.
// Neutron refuses a destination twice, with two next hops the last one wins here.
func routeCommands(desired, actual []tenant.Route) []string {
	var commands []string
	for _, route := range actual {
		kept := slices.ContainsFunc(desired, func(d tenant.Route) bool { return d.Destination == route.Destination })
		if !kept {
			commands = append(commands, "route del "+route.Destination+" proto "+protocol)
		}
	}
	for _, route := range desired {
		if !slices.Contains(actual, route) && !strings.Contains(route.Destination, ":") {
			commands = append(commands, "route replace "+route.Destination+" via "+route.NextHop+" proto "+protocol)
		}
	}
	return commands
}

func applyRoutes(ctx context.Context, desired, actual []tenant.Route) []error {
	var problems []error
	for _, text := range routeCommands(desired, actual) {
		if err := command(ctx, "", "ip", strings.Fields(text)...); err != nil {
			problems = append(problems, err)
			continue
		}
		klog.FromContext(ctx).Info("Changed a route", "command", text)
	}
	return problems
}
