package scenario_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"underlay/internal/playground"
)

// CloudConf leads through the proxy.
func (on *tenant) CloudConf() string {
	quoted := func(value string) string {
		return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(value) + `"`
	}
	return fmt.Sprintf("[Global]\nauth-url=%s/identity/v3\nusername=%s\npassword=%s\ntenant-name=%s\ndomain-name=Default\nregion=%s\n\n[Route]\nrouter-id=%s\n%s",
		on.url, quoted(on.who.Username), quoted(on.who.Password), quoted(on.who.Project), quoted(on.who.Region), on.router, on.conf)
}

// Boot takes a server of that name that has booted already, or boots one.
func (on *tenant) Boot(ctx context.Context, name string) (playground.Machine, error) {
	on.mu.Lock()
	machine, ready := on.booted[name]
	delete(on.booted, name)
	on.mu.Unlock()
	if ready {
		return machine, nil
	}
	if err := on.client.Do(ctx, http.MethodPost, "compute", "/servers", object{"server": on.spec(name, nil)}, nil); err != nil {
		return playground.Machine{}, err
	}
	machines, err := on.await(ctx, name)
	return machines[name], err
}

func (on *tenant) Delete(ctx context.Context, machine playground.Machine) error {
	return gone(on.client.Do(ctx, http.MethodDelete, "compute", "/servers/"+machine.ServerID, nil, nil))
}

// Observe looks at most once a second: the services share the machine with those
// who wait.
func (on *tenant) Observe(ctx context.Context) (playground.Sight, error) {
	select {
	case <-ctx.Done():
		return playground.Sight{}, ctx.Err()
	case <-time.After(time.Second):
	}
	ports, err := on.ports(ctx)
	if err != nil {
		return playground.Sight{}, err
	}
	seen := playground.Sight{Ports: map[string]playground.Port{}}
	for _, p := range ports {
		var port playground.Port
		for _, fixed := range p.FixedIPs {
			port.Addresses = append(port.Addresses, fixed.Address)
		}
		for _, pair := range p.Pairs {
			port.Pairs = append(port.Pairs, pair.Address)
		}
		seen.Ports[p.ID] = port
	}
	routes, err := on.routes(ctx)
	for _, route := range routes {
		seen.Routes = append(seen.Routes, playground.Route{Destination: route.Destination, NextHop: route.NextHop})
	}
	return seen, err
}

type route struct {
	Destination string `json:"destination"`
	NextHop     string `json:"nexthop"`
}

func (on *tenant) routes(ctx context.Context) ([]route, error) {
	var answer struct{ Router struct{ Routes []route } }
	err := on.client.Do(ctx, http.MethodGet, "network", "/v2.0/routers/"+on.router+"?fields=routes", nil, &answer)
	return answer.Router.Routes, err
}

func (on *tenant) AddRoute(ctx context.Context, destination, nexthop string) error {
	return on.changeRoutes(ctx, "add_extraroutes", route{destination, nexthop})
}

// changeRoutes is atomic, so that it takes nothing from the product that writes
// at the same time. It does not go through the proxy.
func (on *tenant) changeRoutes(ctx context.Context, action string, routes ...route) error {
	return on.client.Do(ctx, http.MethodPut, "network", "/v2.0/routers/"+on.router+"/"+action, object{"router": object{"routes": routes}}, nil)
}

// dropRoute removes by hand the routes to a member.
func (on *tenant) dropRoute(t *testing.T, member *playground.Member) {
	t.Helper()
	seen, err := on.Observe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var gone []route
	for _, r := range seen.Routes {
		if slices.Contains(seen.Ports[member.PortID].Addresses, r.NextHop) {
			gone = append(gone, route{r.Destination, r.NextHop})
		}
	}
	if len(gone) == 0 {
		t.Fatalf("there is no route to %s", member.Name)
	}
	if err := on.changeRoutes(t.Context(), "remove_extraroutes", gone...); err != nil {
		t.Fatal(err)
	}
}

// setPort changes a port by hand.
func (on *tenant) setPort(t *testing.T, id string, change object) {
	t.Helper()
	on.must(t, http.MethodPut, "network", "/v2.0/ports/"+id, object{"port": change}, nil)
}
