package cli

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"underlay/internal/cloud"
	"underlay/internal/step"
	"underlay/pkg/loadbalancer/leftovers"
	"underlay/pkg/loadbalancer/plan"
	"underlay/pkg/openstack"
	"underlay/pkg/openstack/storage"
	"underlay/pkg/routes"
)

// find turns what is left into work, in order: load balancers with their
// addresses; then what they used; then routes; then volumes.
func (o *cleanupOptions) find(ctx context.Context, client *openstack.Client, store *storage.Client, project leftovers.Project) (*cleaning, error) {
	work := &cleaning{}
	names, err := serverNames(ctx, client)
	if err != nil {
		return nil, err
	}
	devices := holdersOf(project, names)
	if o.whose != (leftovers.Whose{}) {
		found := leftovers.Find(project, o.whose)
		for _, jobs := range [][]leftovers.Job{found.Balancers, found.Addresses, found.Ports, found.Groups} {
			var phase []chain
			for _, job := range jobs {
				if c := o.chain(client, job, devices); len(c) > 0 {
					phase = append(phase, c)
				}
			}
			work.phases = append(work.phases, phase)
		}
		for _, kept := range found.Kept {
			work.kept = append(work.kept, keptThing(kept))
		}
	}
	if len(o.ranges) > 0 {
		remnants, err := findRemnants(ctx, client, o.router, o.ranges)
		if err != nil {
			return nil, err
		}
		work.phases = append(work.phases, routeChains(client, remnants, names))
	}
	o.strays(client, project, work)
	if err := o.volumes(ctx, store, work); err != nil {
		return nil, err
	}
	for i, c := range work.all() {
		c.number = i + 1
	}
	return work, nil
}

// strays are ports that Octavia forgot. They go last: they may carry a group.
func (o *cleanupOptions) strays(client *openstack.Client, project leftovers.Project, work *cleaning) {
	var all []chain
	for _, s := range leftovers.StrayPorts(project) {
		if !o.strayPorts {
			work.kept = append(work.kept, keptThing{"port " + s.PortID + " at " + s.Address, "Octavia made it for a load balancer that is not there; --stray-ports removes it"})
			continue
		}
		all = append(all, o.chain(client, leftovers.Job{Steps: []step.Step{s}}, nil))
	}
	work.phases = append(work.phases, all)
}

// chain is a job on load balancers as work. devices says whose a port is.
func (o *cleanupOptions) chain(client *openstack.Client, job leftovers.Job, devices map[string]string) chain {
	var c chain
	for _, s := range job.Steps {
		one := &chore{text: s.String(), do: func(ctx context.Context) error { return leftovers.Apply(ctx, client, job, s) }}
		switch s := s.(type) {
		case plan.DeleteFloatingIP:
			if o.keepAddresses {
				continue
			}
		case plan.SetPortGroups:
			one.text = fmt.Sprintf("take %s off port %s of %s", plural(len(s.Remove), "security group"), s.PortID, devices[s.PortID])
		}
		c = append(c, one)
	}
	return c
}

// holdersOf says for each port of the project whose it is.
func holdersOf(project leftovers.Project, names map[string]string) map[string]string {
	devices := make(map[string]string, len(project.Ports))
	for _, port := range project.Ports {
		devices[port.ID] = holder(port.DeviceID, names)
	}
	return devices
}

// holder names a device; "" is that of no port.
func holder(device string, names map[string]string) string {
	switch name := names[device]; {
	case name != "":
		return "server " + name
	case device != "":
		return "device " + device
	default:
		return "no such server"
	}
}

// routeChains are routes and address pairs as work, each with who it led to.
func routeChains(client *openstack.Client, remnants routes.Remnants, names map[string]string) []chain {
	var all []chain
	for _, s := range remnants.Steps() {
		c := &chore{text: s.String(), do: func(ctx context.Context) error { return routes.Clear(ctx, client, client, s) }}
		switch s := s.(type) {
		case routes.RemoveRoutes:
			c.text = fmt.Sprintf("remove %s from router %s", plural(len(s.Routes), "route"), routerLabel(remnants.Router))
			for _, r := range remnants.Routes {
				c.details = append(c.details, fmt.Sprintf("%s via %s, %s", r.Destination, r.NextHop, holder(r.DeviceID, names)))
			}
		case routes.SetPairs:
			at := slices.IndexFunc(remnants.Pairs, func(p routes.RemnantPairs) bool { return p.PortID == s.PortID })
			c.text = fmt.Sprintf("take %s off port %s of %s", strings.Join(s.Remove, ", "), s.PortID, holder(remnants.Pairs[at].DeviceID, names))
		}
		all = append(all, chain{c})
	}
	return all
}

func routerLabel(r routes.Router) string {
	if r.Name == "" {
		return r.ID
	}
	return fmt.Sprintf("%s (%s)", r.Name, r.ID)
}

// serverNames are the names of the project's servers by id.
func serverNames(ctx context.Context, client *openstack.Client) (map[string]string, error) {
	servers, err := client.Servers(ctx, 0)
	if err != nil {
		return nil, fmt.Errorf("list servers: %w", err)
	}
	names := make(map[string]string, len(servers))
	for _, s := range servers {
		names[s.ID] = s.Name
	}
	return names, nil
}

// findRemnants looks at the named router or, where none is named, at the only
// one of the project that has routes in the ranges.
func findRemnants(ctx context.Context, client *openstack.Client, routerID string, ranges []netip.Prefix) (routes.Remnants, error) {
	ports, err := client.Ports(ctx, time.Minute)
	if err != nil {
		return routes.Remnants{}, fmt.Errorf("list ports: %w", err)
	}
	candidates, err := findRouters(ctx, client, routerID)
	if err != nil {
		return routes.Remnants{}, err
	}
	look := func(router routes.Router) (routes.Remnants, error) {
		interfaces, err := client.Interfaces(ctx, router.ID)
		if err != nil {
			return routes.Remnants{}, fmt.Errorf("read the subnets of router %s: %w", router.ID, err)
		}
		return routes.FindRemnants(router, interfaces, ports, ranges), nil
	}
	if len(candidates) == 0 {
		if ports, err = unrouted(ctx, client, ports); err != nil {
			return routes.Remnants{}, err
		}
		return routes.FindRemnants(routes.Router{}, nil, ports, ranges), nil
	}
	var found []routes.Remnants
	for _, router := range candidates {
		remnants, err := look(router)
		if err != nil {
			return routes.Remnants{}, err
		}
		if len(remnants.Steps()) > 0 {
			found = append(found, remnants)
		}
	}
	switch len(found) {
	case 0:
		return routes.Remnants{}, nil
	case 1:
		return found[0], nil
	default:
		return routes.Remnants{}, errManyRouters(found)
	}
}

// errManyRouters: two clusters of one project may have the same pod CIDR.
func errManyRouters(found []routes.Remnants) error {
	var texts []string
	for _, r := range found {
		texts = append(texts, fmt.Sprintf("  %s: %s, %s with address pairs on its subnets",
			routerLabel(r.Router), plural(len(r.Routes), "route"), plural(len(r.Pairs), "port")))
	}
	return &ExitError{Code: exitLeft, Err: errors.New("several routers have something inside --cluster-cidr; say which one was the cluster's, with --router:\n" +
		strings.Join(texts, "\n"))}
}

// unrouted leaves out the ports on subnets of a router: that of the cluster is
// gone, and where another one lives there may be another cluster.
func unrouted(ctx context.Context, client *openstack.Client, ports []routes.Port) ([]routes.Port, error) {
	ids, err := routersNear(ctx, client, ports)
	if err != nil {
		return nil, err
	}
	routed := map[string]bool{}
	for _, id := range ids {
		interfaces, err := client.Interfaces(ctx, id)
		if err != nil {
			return nil, fmt.Errorf("read the subnets of router %s: %w", id, err)
		}
		for _, i := range interfaces {
			routed[i.SubnetID] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(ports), func(p routes.Port) bool {
		return slices.ContainsFunc(p.FixedIPs, func(ip routes.FixedIP) bool { return routed[ip.SubnetID] })
	}), nil
}

// routersNear are the routers on the subnets of the project's ports: those that
// an admin sees beyond are other projects'.
func routersNear(ctx context.Context, client *openstack.Client, ports []routes.Port) ([]string, error) {
	var subnets []string
	for _, port := range ports {
		for _, ip := range port.FixedIPs {
			subnets = append(subnets, ip.SubnetID)
		}
	}
	slices.Sort(subnets)
	ids, err := client.RoutersOn(ctx, slices.Compact(subnets))
	if err != nil {
		return nil, fmt.Errorf("find the routers of the project: %w", err)
	}
	return ids, nil
}

// findRouters reads the router of that id, or all that have an interface on a
// subnet on which the project has a port. A router that is gone has no routes.
func findRouters(ctx context.Context, client *openstack.Client, id string) ([]routes.Router, error) {
	ids := []string{id}
	if id == "" {
		ports, err := client.Ports(ctx, time.Minute)
		if err != nil {
			return nil, fmt.Errorf("list ports: %w", err)
		}
		if ids, err = routersNear(ctx, client, ports); err != nil {
			return nil, err
		}
	}
	var all []routes.Router
	for _, id := range ids {
		router, err := client.Router(ctx, id)
		switch {
		case errors.Is(err, cloud.ErrNotFound):
			continue
		case err != nil:
			return nil, fmt.Errorf("read router %s: %w", id, err)
		}
		all = append(all, router)
	}
	return all, nil
}
