package openstack_test

import (
	"errors"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"underlay/internal/cloud"
	"underlay/pkg/loadbalancer"
	"underlay/pkg/loadbalancer/tree"
	"underlay/pkg/simulator"
)

// balancerWorld is a world whose Octavia is done as soon as it has answered.
func balancerWorld(t *testing.T, options simulator.Options) *world {
	t.Helper()
	w := newWorld(t, options, 0)
	w.SetLoadBalancerPace(simulator.LoadBalancerPace{})
	return w
}

// secret is a certificate as a listener refers to it: the beginning of PKCS #12 is enough here.
func (w *world) secret() string {
	return simulator.Endpoint + w.AddSecret("web", []byte{0x30, 3, 2, 1, 3})
}

// plain is a small load balancer in the nodes' IPv4 subnet.
func (w *world) plain(name string) simulator.Attributes {
	return simulator.Attributes{"name": name, "vip_subnet_id": w.network.SubnetIDs[0]}
}

// wholeTree is a load balancer with everything on it that a Service can ask for.
func (w *world) wholeTree(ref string) tree.Balancer {
	subnet := w.network.SubnetIDs[0]
	member := func(address string, weight int) tree.Member {
		return tree.Member{
			Target: tree.Target{Address: address, Port: 30080}, Name: "node-" + address, SubnetID: &subnet,
			Weight: &weight, MonitorPort: new(30999), Backup: new(false), AdminUp: new(true),
		}
	}
	return tree.Balancer{
		Name: "kube_service_blue_shop_web", Description: "web", Tags: []string{"a", "b"}, Provider: "amphora", AdminUp: new(true),
		VIP:            tree.VIP{NetworkID: w.network.ID, SubnetID: subnet, Address: "192.0.2.50"},
		AdditionalVIPs: []tree.VIP{{SubnetID: w.network.SubnetIDs[1], Address: "2001:db8::50"}},
		Listeners: []tree.Listener{
			{
				Name: "listener_0", Tags: []string{"web"}, Protocol: tree.TerminatedHTTPS, Port: 443,
				Settings: tree.ListenerSettings{
					AdminUp: new(true), ConnectionLimit: new(100), TimeoutClientData: new(1000), TimeoutMemberConnect: new(2000),
					TimeoutMemberData: new(3000), TimeoutTCPInspect: new(10), AllowedCIDRs: []string{"10.0.0.0/8", "2001:db8::/32"},
					InsertHeaders: map[string]string{"X-Forwarded-For": "true"}, DefaultTLSContainerRef: &ref, SNIContainerRefs: []string{ref},
					TLSVersions: []string{"TLSv1.2", "TLSv1.3"}, TLSCiphers: new("TLS_AES_256_GCM_SHA384"), ALPNProtocols: []string{"http/1.1", "h2"},
					HSTS: &tree.HSTS{MaxAge: 60, IncludeSubdomains: true},
				},
				Pool: &tree.Pool{
					Name: "pool_0", Tags: []string{"web"}, Protocol: tree.HTTP,
					Settings: tree.PoolSettings{
						AdminUp: new(true), Method: new("LEAST_CONNECTIONS"), TLSEnabled: new(false),
						Persistence: &tree.Persistence{Type: "APP_COOKIE", CookieName: "session"},
					},
					Members: []tree.Member{member("192.0.2.10", 1), member("192.0.2.11", 0)},
					Monitor: &tree.Monitor{
						Name: "monitor_0", Type: "HTTP", Delay: new(5), Timeout: new(3), MaxRetries: new(1), MaxRetriesDown: new(2),
						HTTPMethod: new("GET"), URLPath: new("/healthz"), ExpectedCodes: new("200"),
					},
				},
			},
			{
				Name: "listener_1", Tags: []string{"web"}, Protocol: tree.UDP, Port: 53,
				Pool: &tree.Pool{
					Name: "pool_1", Protocol: tree.UDP, Settings: tree.PoolSettings{
						Method:      new("ROUND_ROBIN"),
						Persistence: &tree.Persistence{Type: "SOURCE_IP", Timeout: 360, Granularity: "255.255.255.255"},
					},
				},
			},
			{Name: "listener_2", Protocol: tree.Prometheus, Port: 9100},
		},
	}
}

// asWished forgets what a cloud adds to a wish: ids, states, places, and
// settings that nobody wished.
func asWished(made, desired tree.Balancer) tree.Balancer {
	made.ID, made.Provisioning, made.Operating, made.Pools = "", "", "", nil
	made.VIP.PortID, made.VIPSecurityGroupIDs = desired.VIP.PortID, desired.VIPSecurityGroupIDs
	for i := range made.AdditionalVIPs {
		made.AdditionalVIPs[i].NetworkID, made.AdditionalVIPs[i].PortID = "", ""
	}
	for i := range made.Listeners {
		l, want := &made.Listeners[i], desired.Listener(made.Listeners[i].Key())
		l.ID, l.BalancerID, l.Provisioning, l.Operating = "", "", "", ""
		l.Tags = keepIf(want.Tags != nil, l.Tags)
		if want.Settings.AdminUp == nil {
			l.Settings = tree.ListenerSettings{}
		}
		if l.Pool == nil {
			continue
		}
		p, wanted := l.Pool, want.Pool
		p.ID, p.BalancerID, p.Provisioning, p.Operating, p.UpdatedAt = "", "", "", "", ""
		p.MemberIDs, p.ListenerIDs, p.MonitorID = nil, nil, ""
		p.Tags, p.Members = keepIf(wanted.Tags != nil, p.Tags), keepIf(wanted.Members != nil, p.Members)
		if wanted.Settings.AdminUp == nil {
			p.Settings.AdminUp, p.Settings.TLSEnabled = nil, nil
		}
		for m := range p.Members {
			p.Members[m].ID, p.Members[m].Provisioning, p.Members[m].Operating = "", "", ""
		}
		if p.Monitor != nil {
			p.Monitor.ID, p.Monitor.PoolID, p.Monitor.Provisioning = "", "", ""
		}
	}
	return made
}

func keepIf[T any](keep bool, list []T) []T {
	if keep {
		return list
	}
	return nil
}

// What is written in one call is what is read in several.
func TestWholeTreeOfALoadBalancer(t *testing.T) {
	w := balancerWorld(t, simulator.Options{})
	ctx, ref := t.Context(), w.secret()
	desired := w.wholeTree(ref)
	made, err := w.client.CreateLoadBalancer(ctx, desired)
	if err != nil {
		t.Fatal(err)
	}
	if made.VIP.PortID == "" || made.Provisioning == "" || made.Listeners[0].Pool == nil || made.Listeners[0].Pool.ID == "" {
		t.Errorf("got %+v, want the VIP's port, a status and ids of parts", made)
	}
	byPort := func(a, b tree.Listener) int { return a.Key().Compare(b.Key()) }
	slices.SortFunc(desired.Listeners, byPort)
	w.ResetCalls()
	read := w.readTree(t, made.ID)
	w.calls(t, map[string]int{
		"GET /v2/lbaas/loadbalancers/{id}": 1, "GET /v2/lbaas/listeners": 1, "GET /v2/lbaas/pools": 1,
		"GET /v2/lbaas/pools/{pool}/members": 2, "GET /v2/lbaas/healthmonitors/{id}": 1,
	})
	for name, got := range map[string]tree.Balancer{"create": made, "read": read} {
		if diff := gocmp.Diff(desired, asWished(got, desired)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	if got := w.LoadBalancer(made.ID); len(got.Pools) != 2 || len(got.Pools[0].Members)+len(got.Pools[1].Members) != 2 {
		t.Errorf("the cloud has %+v", got.Pools)
	}
}

// readTree reads all of a load balancer as an observer does.
func (w *world) readTree(t *testing.T, id string) tree.Balancer {
	t.Helper()
	ctx := t.Context()
	found, err := w.client.LoadBalancers(ctx, loadbalancer.BalancerQuery{ID: id})
	if err != nil || len(found) != 1 {
		t.Fatalf("got %v, %v; want one", found, err)
	}
	out := found[0]
	out.Listeners, err = w.client.Listeners(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	pools, err := w.client.Pools(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	for i := range pools {
		pool := &pools[i]
		if pool.Members, err = w.client.Members(ctx, pool.ID); err != nil {
			t.Fatal(err)
		}
		if len(pool.MemberIDs) != len(pool.Members) || pool.UpdatedAt == "" || pool.BalancerID != id || len(pool.ListenerIDs) != 1 {
			t.Errorf("got pool %+v, want the ids of its members, listener and load balancer, and a time", pool)
		}
		if pool.MonitorID != "" {
			monitor, err := w.client.Monitor(ctx, pool.MonitorID)
			if err != nil || monitor.PoolID != pool.ID {
				t.Errorf("got monitor %+v, %v; want that of %s", monitor, err, pool.ID)
			}
			pool.Monitor = &monitor
		}
		for l := range out.Listeners {
			if out.Listeners[l].Pool != nil && out.Listeners[l].Pool.ID == pool.ID {
				out.Listeners[l].Pool = pool
			}
		}
	}
	return out
}

func TestStatusOfMembers(t *testing.T) {
	w := balancerWorld(t, simulator.Options{})
	made, err := w.client.CreateLoadBalancer(t.Context(), w.wholeTree(w.secret()))
	if err != nil {
		t.Fatal(err)
	}
	w.ResetCalls()
	got, err := w.client.StatusMembers(t.Context(), made.ID)
	if err != nil || len(got) != 2 {
		t.Fatalf("got %v, %v; want two pools", got, err)
	}
	w.calls(t, map[string]int{"GET /v2/lbaas/loadbalancers/{id}/status": 1})
	pool := made.Listener(tree.Key{Transport: tree.TCP, Port: 443}).Pool
	want := []tree.Member{
		{Target: tree.Target{Address: "192.0.2.10", Port: 30080}, Name: "node-192.0.2.10"},
		{Target: tree.Target{Address: "192.0.2.11", Port: 30080}, Name: "node-192.0.2.11"},
	}
	ignore := cmpopts.IgnoreFields(tree.Member{}, "ID", "Provisioning", "Operating")
	if diff := gocmp.Diff(want, got[pool.ID], ignore); diff != "" {
		t.Errorf("members (-want +got):\n%s", diff)
	}
	for _, m := range got[pool.ID] {
		if m.ID == "" || m.Provisioning == "" || m.Operating == "" {
			t.Errorf("got %+v, want its id and states", m)
		}
	}
	if _, err := w.client.StatusMembers(t.Context(), missing); !errors.Is(err, cloud.ErrNotFound) {
		t.Errorf("got %v, want cloud.ErrNotFound", err)
	}
}

func TestPartsOfALoadBalancerComeAndGo(t *testing.T) {
	w := balancerWorld(t, simulator.Options{})
	ctx := t.Context()
	id := w.AddLoadBalancer(w.plain("one")).ID
	pool, err := w.client.CreatePool(ctx, id, tree.Pool{
		Name: "p", Protocol: tree.TCP, Settings: tree.PoolSettings{Method: new("ROUND_ROBIN"), Persistence: &tree.Persistence{}},
	})
	if err != nil || pool.ID == "" || pool.BalancerID != id {
		t.Fatalf("got pool %+v, %v", pool, err)
	}
	listener, err := w.client.CreateListener(ctx, id, pool.ID, tree.Listener{
		Name: "l", Protocol: tree.TCP, Port: 80, Settings: tree.ListenerSettings{
			AllowedCIDRs: []string{}, TLSCiphers: new(""), HSTS: &tree.HSTS{}, InsertHeaders: map[string]string{},
		},
	})
	if err != nil || listener.Pool == nil || listener.Pool.ID != pool.ID || listener.BalancerID != id {
		t.Fatalf("got listener %+v, %v", listener, err)
	}
	alone, err := w.client.CreateListener(ctx, id, "", tree.Listener{Protocol: tree.Prometheus, Port: 9100})
	if err != nil || alone.Pool != nil {
		t.Errorf("got %+v, %v; want a listener without a pool", alone, err)
	}
	monitor, err := w.client.CreateMonitor(ctx, pool.ID, tree.Monitor{
		Name: "m", Type: "TCP", Delay: new(5), Timeout: new(3), MaxRetries: new(1),
	})
	if err != nil || monitor.PoolID != pool.ID || *monitor.MaxRetriesDown != 3 {
		t.Errorf("got %+v, %v", monitor, err)
	}
	if err := w.client.FailoverLoadBalancer(ctx, id); !errors.Is(err, cloud.ErrDenied) {
		t.Errorf("failover as a member: got %v, want cloud.ErrDenied", err)
	}
	do(t, w.adminClient(t).FailoverLoadBalancer(ctx, id))
	do(t, w.client.DeleteMonitor(ctx, monitor.ID))
	do(t, w.client.DeleteListener(ctx, listener.ID))
	do(t, w.client.DeletePool(ctx, pool.ID))
	if err := w.client.DeleteLoadBalancer(ctx, id, false); !errors.Is(err, cloud.ErrInvalid) {
		t.Errorf("got %v, want cloud.ErrInvalid: it has a listener", err)
	}
	do(t, w.client.DeleteLoadBalancer(ctx, id, true))
	if left := w.LoadBalancers(); len(left) != 0 {
		t.Errorf("got %+v, want none left", left)
	}
}

func TestGroupsOfTheVIP(t *testing.T) {
	w := balancerWorld(t, simulator.Options{})
	ctx := t.Context()
	group, err := w.client.CreateSecurityGroup(ctx, "g", "d")
	if err != nil {
		t.Fatal(err)
	}
	made, err := w.client.CreateLoadBalancer(ctx, tree.Balancer{
		Name: "one", VIP: tree.VIP{SubnetID: w.network.SubnetIDs[0]}, VIPSecurityGroupIDs: []string{group.ID},
	})
	if err != nil || !slices.Equal(made.VIPSecurityGroupIDs, []string{group.ID}) {
		t.Errorf("got %v, %v; want %s", made.VIPSecurityGroupIDs, err, group.ID)
	}
	do(t, w.client.UpdateLoadBalancer(ctx, made.ID, loadbalancer.BalancerChange{VIPSecurityGroupIDs: []string{}}))
	if got := w.LoadBalancer(made.ID); len(got.VIPSecurityGroups) != 0 {
		t.Errorf("got %v, want none", got.VIPSecurityGroups)
	}
}
