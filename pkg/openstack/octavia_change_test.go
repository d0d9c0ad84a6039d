package openstack_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"underlay/internal/cloud"
	"underlay/pkg/loadbalancer"
	"underlay/pkg/loadbalancer/tree"
	"underlay/pkg/simulator"
)

// What is nil stays; what is empty goes.
func TestChangesOfALoadBalancer(t *testing.T) {
	w := balancerWorld(t, simulator.Options{})
	ctx := t.Context()
	desired := w.wholeTree(w.secret())
	made, err := w.client.CreateLoadBalancer(ctx, desired)
	if err != nil {
		t.Fatal(err)
	}
	key := tree.Key{Transport: tree.TCP, Port: 443}
	listener := *made.Listener(key)
	empty := func() {
		do(t, w.client.UpdateLoadBalancer(ctx, made.ID, loadbalancer.BalancerChange{}))
		do(t, w.client.UpdateListener(ctx, listener.ID, loadbalancer.ListenerChange{}))
		do(t, w.client.UpdatePool(ctx, listener.Pool.ID, loadbalancer.PoolChange{}))
		do(t, w.client.UpdateMonitor(ctx, listener.Pool.MonitorID, tree.Monitor{}))
	}
	empty()
	slices.SortFunc(desired.Listeners, func(a, b tree.Listener) int { return a.Key().Compare(b.Key()) })
	if diff := gocmp.Diff(desired, asWished(w.readTree(t, made.ID), desired)); diff != "" {
		t.Errorf("nothing written (-want +got):\n%s", diff)
	}

	do(t, w.client.UpdateLoadBalancer(ctx, made.ID, loadbalancer.BalancerChange{
		Name: new("n"), Description: new(""), Tags: []string{}, AdminUp: new(false),
	}))
	do(t, w.client.UpdateListener(ctx, listener.ID, loadbalancer.ListenerChange{
		Name: new("l"), Tags: []string{"z", "y"}, PoolID: new(""), Settings: tree.ListenerSettings{
			ConnectionLimit: new(-1), AllowedCIDRs: []string{}, InsertHeaders: map[string]string{}, SNIContainerRefs: []string{},
			TLSVersions: []string{}, TLSCiphers: new(""), ALPNProtocols: []string{}, HSTS: &tree.HSTS{},
		},
	}))
	do(t, w.client.UpdatePool(ctx, listener.Pool.ID, loadbalancer.PoolChange{
		Name: new("p"), Tags: []string{}, Settings: tree.PoolSettings{Method: new("SOURCE_IP"), Persistence: &tree.Persistence{}},
	}))
	do(t, w.client.UpdateMonitor(ctx, listener.Pool.MonitorID, tree.Monitor{Type: "HTTP", Delay: new(9), URLPath: new("/z")}))
	do(t, w.client.SetMembers(ctx, listener.Pool.ID, []tree.Member{
		{Target: tree.Target{Address: "192.0.2.11", Port: 30080}, Name: "m", Weight: new(7), MonitorPort: new(0)},
	}))
	w.checkChanged(t, made.ID, listener)

	do(t, w.client.SetMembers(ctx, listener.Pool.ID, nil))
	if members, err := w.client.Members(ctx, listener.Pool.ID); err != nil || len(members) != 0 {
		t.Errorf("got %v, %v; want no members", members, err)
	}
}

// checkChanged looks at what TestChangesOfALoadBalancer wrote.
func (w *world) checkChanged(t *testing.T, id string, listener tree.Listener) {
	t.Helper()
	ctx := t.Context()
	found, err := w.client.LoadBalancers(ctx, loadbalancer.BalancerQuery{ID: id})
	if err != nil || len(found) != 1 {
		t.Fatal(found, err)
	}
	if b := found[0]; b.Name != "n" || b.Description != "" || len(b.Tags) != 0 || b.Tags == nil || *b.AdminUp {
		t.Errorf("got %+v, want name n and nothing else", b)
	}
	listeners, err := w.client.Listeners(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	at := slices.IndexFunc(listeners, func(l tree.Listener) bool { return l.ID == listener.ID })
	l := listeners[at]
	if l.Name != "l" || l.Pool != nil || !slices.Equal(l.Tags, []string{"y", "z"}) {
		t.Errorf("got %+v, want name l, sorted tags and no pool", l)
	}
	s := l.Settings
	if *s.ConnectionLimit != -1 || s.AllowedCIDRs == nil || len(s.AllowedCIDRs) != 0 || s.InsertHeaders == nil || len(s.InsertHeaders) != 0 ||
		len(s.SNIContainerRefs) != 0 || *s.HSTS != (tree.HSTS{}) || len(s.TLSVersions) != 2 || *s.TimeoutClientData != 1000 ||
		len(s.ALPNProtocols) != 3 {
		t.Errorf("got %+v, want what was cleared gone or the cloud's default, and the rest as it was", s)
	}
	pools, err := w.client.Pools(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	p := pools[slices.IndexFunc(pools, func(p tree.Pool) bool { return p.ID == listener.Pool.ID })]
	if p.Name != "p" || len(p.Tags) != 0 || *p.Settings.Method != "SOURCE_IP" || *p.Settings.Persistence != (tree.Persistence{}) {
		t.Errorf("got %+v, want no persistence and another method", p)
	}
	monitors, err := w.client.Monitors(ctx)
	if err != nil || len(monitors) != 1 || *monitors[0].Delay != 9 || *monitors[0].URLPath != "/z" || *monitors[0].Timeout != 3 ||
		monitors[0].PoolID != p.ID || monitors[0].Name != "monitor_0" {
		t.Errorf("got %+v, %v; want another delay and path only", monitors, err)
	}
	members, err := w.client.Members(ctx, p.ID)
	if err != nil || len(members) != 1 || members[0].Name != "m" || *members[0].Weight != 7 || *members[0].MonitorPort != 0 {
		t.Errorf("got %+v, %v; want one member, watched at its own port", members, err)
	}
}

func do(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}

// Octavia says 500 when Neutron refuses the VIP; it has made nothing.
func TestAddressOfAnother(t *testing.T) {
	w := balancerWorld(t, simulator.Options{})
	wish := tree.Balancer{Name: "one", VIP: tree.VIP{SubnetID: w.network.SubnetIDs[0], Address: "192.0.2.50"}}
	if _, err := w.client.CreateLoadBalancer(t.Context(), wish); err != nil {
		t.Fatal(err)
	}
	_, err := w.client.CreateLoadBalancer(t.Context(), wish)
	if !errors.Is(err, cloud.ErrInvalid) || !strings.Contains(err.Error(), "in use") || len(w.LoadBalancers()) != 1 {
		t.Errorf("got %v, want cloud.ErrInvalid, the likely cause and no second load balancer", err)
	}
}
