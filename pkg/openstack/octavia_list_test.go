package openstack_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"underlay/pkg/config"
	"underlay/pkg/loadbalancer"
	"underlay/pkg/loadbalancer/tree"
	"underlay/pkg/openstack"
	"underlay/pkg/simulator"
)

func TestLoadBalancersAreFound(t *testing.T) {
	w := balancerWorld(t, simulator.Options{})
	ctx := t.Context()
	one := w.plain("one")
	one["tags"] = []string{"x", "both"}
	a := w.AddLoadBalancer(one)
	two := w.plain("two")
	two["tags"] = []string{"both"}
	b := w.AddLoadBalancer(two)
	other := w.plain("one")
	other["project_id"] = w.AddUser(simulator.UserSpec{Name: "bob", Password: "p", ProjectName: "bobs"}).ProjectID
	w.AddLoadBalancer(other)
	both := []string{a.ID, b.ID}
	slices.Sort(both)
	for _, test := range []struct {
		query loadbalancer.BalancerQuery
		want  []string
	}{
		{loadbalancer.BalancerQuery{}, both},
		{loadbalancer.BalancerQuery{Name: "one"}, []string{a.ID}},
		{loadbalancer.BalancerQuery{Tag: "both"}, both},
		{loadbalancer.BalancerQuery{Tag: "x", Name: "two"}, nil},
		{loadbalancer.BalancerQuery{ID: a.ID}, []string{a.ID}},
		{loadbalancer.BalancerQuery{ID: a.ID, Name: "two"}, nil},
		{loadbalancer.BalancerQuery{ID: a.ID, Tag: "x", StatusOnly: true}, []string{a.ID}},
		{loadbalancer.BalancerQuery{ID: b.ID, Tag: "x"}, nil},
		{loadbalancer.BalancerQuery{ID: missing}, nil},
		{loadbalancer.BalancerQuery{ID: missing, StatusOnly: true}, nil},
		{loadbalancer.BalancerQuery{Name: "one", StatusOnly: true}, []string{a.ID}},
	} {
		found, err := w.client.LoadBalancers(ctx, test.query)
		var got []string
		for _, balancer := range found {
			got = append(got, balancer.ID)
			if balancer.Provisioning != tree.Active || test.query == (loadbalancer.BalancerQuery{}) && balancer.VIP.Address == "" {
				t.Errorf("%+v: got %+v, want its status", test.query, balancer)
			}
		}
		if diff := gocmp.Diff(test.want, got); err != nil || diff != "" {
			t.Errorf("%+v: %v (-want +got):\n%s", test.query, err, diff)
		}
	}
}

// An administrator's token shows everyone's load balancers: only the project's own are wanted.
func TestOnlyOwnLoadBalancersForAnAdmin(t *testing.T) {
	w := balancerWorld(t, simulator.Options{})
	w.AddLoadBalancer(w.plain("ours"))
	client := w.adminClient(t)
	for name, list := range map[string]func(context.Context) (int, error){
		"load balancers": func(ctx context.Context) (int, error) {
			found, err := client.LoadBalancers(ctx, loadbalancer.BalancerQuery{})
			return len(found), err
		},
		"listeners": func(ctx context.Context) (int, error) {
			found, err := client.Listeners(ctx, "")
			return len(found), err
		},
		"pools":    func(ctx context.Context) (int, error) { found, err := client.Pools(ctx, ""); return len(found), err },
		"monitors": func(ctx context.Context) (int, error) { found, err := client.Monitors(ctx); return len(found), err },
	} {
		if n, err := list(t.Context()); err != nil || n != 0 {
			t.Errorf("%s: got %d of another project, %v", name, n, err)
		}
	}
}

// adminClient is a client of an administrator in a project of its own.
func (w *world) adminClient(t *testing.T) *openstack.Client {
	t.Helper()
	return w.clientIn(t, "roots")
}

// ownerClient is a client of an administrator in the plain member's project.
func (w *world) ownerClient(t *testing.T) *openstack.Client {
	t.Helper()
	cfg, _ := config.Read(strings.NewReader(w.CloudConf(simulator.Endpoint)), "cloud.conf", config.Env{})
	return w.clientIn(t, cfg.Global.TenantName)
}

func (w *world) clientIn(t *testing.T, project string) *openstack.Client {
	t.Helper()
	w.AddUser(simulator.UserSpec{Name: "root", Password: "root", ProjectName: project, Roles: []string{"admin", "member"}})
	cfg, report := config.Read(strings.NewReader(w.CloudConf(simulator.Endpoint)), "cloud.conf", config.Env{})
	if err := report.Err(); err != nil {
		t.Fatal(err)
	}
	cfg.Global.Username, cfg.Global.Password, cfg.Global.TenantName = "root", "root", project
	client, err := openstack.New(cfg.Global, openstack.Options{Transport: w.Transport()})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// Octavia's link to the next page forgets the filter.
func TestPagesOfListenersKeepTheirFilter(t *testing.T) {
	w := balancerWorld(t, simulator.Options{})
	const many, others = 1003, 20
	with := func(name string, n int) simulator.LoadBalancerState {
		attributes := w.plain(name)
		var listeners []simulator.Attributes
		for port := 1; port <= n; port++ {
			listeners = append(listeners, simulator.Attributes{"protocol": "TCP", "protocol_port": port})
		}
		attributes["listeners"] = listeners
		return w.AddLoadBalancer(attributes)
	}
	a := with("a", many)
	with("b", others)
	w.ResetCalls()
	got, err := w.client.Listeners(t.Context(), a.ID)
	if err != nil || len(got) != many {
		t.Fatalf("got %d, %v; want %d", len(got), err, many)
	}
	for i, l := range got {
		if l.BalancerID != a.ID || l.Port != i+1 {
			t.Fatalf("got %+v in place %d, want those of one load balancer by port", l, i)
		}
	}
	w.calls(t, map[string]int{"POST /v3/auth/tokens": 1, "GET /v2/lbaas/listeners": 2})
	if all, err := w.client.Listeners(t.Context(), ""); err != nil || len(all) != many+others {
		t.Errorf("got %d of all, %v", len(all), err)
	}
}
