package scenario_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"underlay/internal/playground"
)

type server struct {
	ID, Name, Status string
	Metadata         map[string]string
}

// mark is the metadata key by which a tenant knows its servers; its value is the network.
const mark = "underlay-scenario"

// servers are those that this tenant has booted, and nobody else's.
func (on *tenant) servers(ctx context.Context) ([]server, error) {
	var list struct{ Servers []server }
	if err := on.client.Do(ctx, http.MethodGet, "compute", "/servers/detail", nil, &list); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(list.Servers, func(s server) bool { return s.Metadata[mark] != on.network }), nil
}

// bootAll has Nova boot node-1 to node-count in one request, and waits for them.
// https://docs.openstack.org/api-ref/compute/#create-multiple-servers
func (on *tenant) bootAll(t *testing.T, count int) {
	t.Helper()
	on.must(t, http.MethodPost, "compute", "/servers", object{"server": on.spec("node", object{"min_count": count, "max_count": count})}, nil)
	on.prepare(t, count)
}

// prepare has the next world find node-1 to node-count and no others, as servers
// that no world knows: without routes and pairs. Those that are missing are booted.
func (on *tenant) prepare(t *testing.T, count int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
	defer cancel()
	on.must(t, http.MethodPut, "network", "/v2.0/routers/"+on.router, object{"router": object{"routes": []object{}}}, nil)
	var names []string
	for n := 1; n <= count; n++ {
		names = append(names, fmt.Sprintf("node-%d", n))
	}
	if err := on.deleteServers(ctx, func(s server) bool { return !slices.Contains(names, s.Name) }); err != nil {
		t.Fatal(err)
	}
	there, err := on.servers(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if !slices.ContainsFunc(there, func(s server) bool { return s.Name == name }) {
			on.must(t, http.MethodPost, "compute", "/servers", object{"server": on.spec(name, nil)}, nil)
		}
	}
	machines, err := on.await(ctx, names...)
	if err != nil {
		t.Fatal(err)
	}
	if err := on.clearPairs(ctx); err != nil {
		t.Fatal(err)
	}
	on.mu.Lock()
	defer on.mu.Unlock()
	on.booted = machines
}

// clearPairs takes all address pairs away, from a few ports at a time.
func (on *tenant) clearPairs(ctx context.Context) error {
	ports, err := on.ports(ctx)
	if err != nil {
		return err
	}
	ports = slices.DeleteFunc(ports, func(p port) bool { return len(p.Pairs) == 0 })
	failed := make(chan error, len(ports))
	turns := make(chan struct{}, 4)
	var group sync.WaitGroup
	for _, p := range ports {
		group.Go(func() {
			turns <- struct{}{}
			defer func() { <-turns }()
			change := object{"port": object{"allowed_address_pairs": []object{}}}
			if err := on.client.Do(ctx, http.MethodPut, "network", "/v2.0/ports/"+p.ID, change, nil); err != nil {
				failed <- err
			}
		})
	}
	group.Wait()
	close(failed)
	return <-failed
}

func (on *tenant) spec(name string, more object) object {
	spec := object{"name": name, "flavorRef": on.flavor, "imageRef": on.image, "networks": []object{{"uuid": on.network}}, "metadata": object{mark: on.network}}
	for key, value := range more {
		spec[key] = value
	}
	return spec
}

// await waits until the servers of these names are there, are ACTIVE and have
// their ports. It gives them by name.
func (on *tenant) await(ctx context.Context, names ...string) (map[string]playground.Machine, error) {
	for {
		machines, err := on.find(ctx, names)
		if err != nil || len(machines) == len(names) {
			return machines, err
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("%d of the servers %v are ACTIVE: %w", len(machines), names, ctx.Err())
		case <-time.After(2 * time.Second):
		}
	}
}

// find gives those of the servers that are ACTIVE.
func (on *tenant) find(ctx context.Context, names []string) (map[string]playground.Machine, error) {
	servers, err := on.servers(ctx)
	if err != nil {
		return nil, err
	}
	ports, err := on.ports(ctx)
	if err != nil {
		return nil, err
	}
	byServer := map[string][]string{}
	for _, p := range ports {
		byServer[p.DeviceID] = append(byServer[p.DeviceID], p.ID)
	}
	machines := map[string]playground.Machine{}
	for _, s := range servers {
		switch ports := byServer[s.ID]; {
		case !slices.Contains(names, s.Name):
		case s.Status == "ERROR":
			return nil, fmt.Errorf("server %s is in ERROR", s.Name)
		case s.Status == "ACTIVE" && len(ports) == 1:
			machines[s.Name] = playground.Machine{ServerID: s.ID, PortID: ports[0]}
		}
	}
	return machines, nil
}

// deleteServers deletes some of the tenant's servers and waits until they are gone.
func (on *tenant) deleteServers(ctx context.Context, which func(server) bool) error {
	asked := map[string]bool{}
	for {
		left, err := on.servers(ctx)
		if err != nil {
			return err
		}
		left = slices.DeleteFunc(left, func(s server) bool { return !which(s) })
		if len(left) == 0 {
			return nil
		}
		for _, s := range left {
			if asked[s.ID] {
				continue
			}
			asked[s.ID] = true
			if err := on.Delete(ctx, playground.Machine{ServerID: s.ID}); err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("servers are left: %v: %w", left, ctx.Err())
		case <-time.After(2 * time.Second):
		}
	}
}
