package scenario_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"underlay/pkg/simulator"
	"underlay/test/openstack/api"
	"underlay/test/world"
)

// sweep removes what a story of load balancers that ended early has left: floating IPs,
// load balancers, and the groups, which servers keep in use.
func (s *balancerStory) sweep(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 4*time.Minute)
	defer cancel()
	if err := s.on.deleteServers(ctx, func(server) bool { return true }); err != nil {
		t.Errorf("clean up: %v", err)
	}
	for {
		left, err := s.left(ctx)
		if err == nil && len(left) == 0 {
			return
		}
		for _, one := range left {
			// 409 while Octavia is at work, or a port still has the group: the next round.
			_ = s.on.client.Do(ctx, http.MethodDelete, one.service, one.path, nil, nil)
		}
		select {
		case <-ctx.Done():
			t.Errorf("clean up: there is left: %+v (%v)", left, err)
			return
		case <-time.After(2 * time.Second):
		}
	}
}

// something is one thing in the cloud.
type something struct{ service, path string }

// left are the floating IPs on the tenant's router or with the cluster's mark, the load
// balancers in its network, and the groups with its mark. An address loses its router
// when its load balancer goes, so it comes first.
func (s *balancerStory) left(ctx context.Context) ([]something, error) {
	type row struct {
		ID, Description string
		RouterID        string `json:"router_id"`
	}
	marked := func(r row) bool { return s.cluster != "" && strings.Contains(r.Description, s.cluster) }
	var left []something
	for _, kind := range []string{"floatingips", "security-groups"} {
		list := map[string][]row{}
		if err := s.on.client.Do(ctx, http.MethodGet, "network", "/v2.0/"+kind, nil, &list); err != nil {
			return left, err
		}
		for _, r := range list[strings.ReplaceAll(kind, "-", "_")] {
			if marked(r) || r.RouterID == s.on.router {
				left = append(left, something{"network", "/v2.0/" + kind + "/" + r.ID})
			}
		}
	}
	balancers, err := s.on.balancers(ctx)
	for _, b := range balancers {
		left = append(left, something{balancing, "/v2/lbaas/loadbalancers/" + b.ID + "?cascade=true"})
	}
	return left, err
}

// TestAStoryThatEndsEarlyLeavesNothing: the project of a real cloud is used again.
func TestAStoryThatEndsEarlyLeavesNothing(t *testing.T) {
	t.Parallel()
	sim := simulator.New(simulator.Options{})
	sim.AddNetwork(simulator.NetworkSpec{Name: "public", External: true, Subnets: []string{"203.0.113.0/24"}})
	server := httptest.NewServer(sim)
	t.Cleanup(server.Close)
	who := api.Account{AuthURL: simulator.IdentityURL(server.URL), Username: "demo", Password: "simulated", Project: "demo", Region: "RegionOne"}
	client, err := api.Login(t.Context(), server.Client(), who)
	if err != nil {
		t.Fatal(err)
	}
	before := inventory(t, client)
	var during []string
	early := "ends with a Service"
	t.Run(early, func(t *testing.T) {
		on := newTenant(t, server.Client(), who)
		on.conf = "\n[LoadBalancer]\nmanage-security-groups=true\n"
		s := beginBalancers(t, on)
		s.Serve("web", nil, world.TCP(80))
		s.Address("web")
		during = inventory(t, client)
	})
	for _, kind := range []string{"loadbalancers", "floatingips", "security_groups", "ports", "servers", "secrets"} {
		if !slices.ContainsFunc(during, func(one string) bool { return strings.HasPrefix(one, kind) && !slices.Contains(before, one) }) {
			t.Errorf("the story has made no %s", kind)
		}
	}
	if diff := cmp.Diff(before, inventory(t, client)); diff != "" {
		t.Errorf("(-before +after):\n%s", diff)
	}
}

// inventory is all that a project has, by kind and id.
func inventory(t *testing.T, client *api.Client) []string {
	t.Helper()
	var all []string
	for _, one := range []something{
		{"network", "/v2.0/floatingips"}, {"network", "/v2.0/security-groups"}, {"network", "/v2.0/ports"}, {"network", "/v2.0/routers"},
		{"network", "/v2.0/networks"}, {"network", "/v2.0/subnets"}, {"compute", "/servers"}, {balancing, "/v2/lbaas/loadbalancers"}, {"key-manager", "/v1/secrets"},
	} {
		var list map[string]any
		if err := client.Do(t.Context(), http.MethodGet, one.service, one.path, nil, &list); err != nil {
			t.Fatal(err)
		}
		for kind, items := range list {
			items, _ := items.([]any)
			for _, item := range items {
				item, _ := item.(map[string]any)
				for _, key := range []string{"id", "secret_ref"} {
					if id, there := item[key].(string); there {
						all = append(all, kind+" "+id)
					}
				}
			}
		}
	}
	slices.Sort(all)
	return all
}
