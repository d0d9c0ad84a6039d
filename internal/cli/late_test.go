package cli

import (
	"context"
	"slices"
	"testing"

	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/layer3/floatingips"

	"underlay/internal/owner"
	"underlay/pkg/loadbalancer/leftovers"
	"underlay/pkg/simulator"
)

// late lists what blue left, lets something happen while somebody reads the list,
// and removes it then.
func (w *tenant) late(meanwhile func()) *cleaning {
	w.t.Helper()
	cfg, client, err := openCloud(w.conf)
	if err != nil {
		w.t.Fatal(err)
	}
	ctx := quiet(w.t.Context())
	project, err := leftovers.Look(ctx, client)
	if err != nil {
		w.t.Fatal(err)
	}
	o := &cleanupOptions{clusterID: blue.UID, whose: leftovers.Whose{UID: blue.UID}}
	work, err := o.find(ctx, client, openStorage(cfg, client), project)
	if err != nil {
		w.t.Fatal(err)
	}
	meanwhile()
	work.run(ctx, func(*chore) {})
	return work
}

// Between the list and the word to remove it, somebody begins to use a floating
// IP that nothing used.
func TestCleanupLeavesAnAddressThatIsUsedByNow(t *testing.T) {
	w := newTenant(t, simulator.Options{})
	s := w.stack("blue", "192.168.11.0/24", "10.244", 1)
	ip := w.cloud.AddFloatingIP(simulator.FloatingIPSpec{NetworkID: w.external.ID, Description: blue.FloatingIPDescription(owner.Service{Namespace: "shop", Name: "web"})})
	work := w.late(func() {
		if _, err := floatingips.Update(context.Background(), w.neutron, ip.ID, floatingips.UpdateOpts{PortID: &s.servers[0].PortIDs[0]}).Extract(); err != nil {
			t.Fatal(err)
		}
	})
	if got := w.cloud.FloatingIPs(); len(got) != 1 || work.count(failed) != 1 {
		t.Errorf("got floating IPs %+v, %d steps failed", got, work.count(failed))
	}
}

// The same, and another cluster begins to use a load balancer.
func TestCleanupLeavesALoadBalancerThatIsUsedByNow(t *testing.T) {
	theirs := "kube_service_green_shop_api"
	for name, shared := range map[string]bool{"one that nobody used beside it": false, "one that is shared already": true} {
		t.Run(name, func(t *testing.T) {
			w := newTenant(t, simulator.Options{})
			b := w.service(w.stack("blue", "192.168.11.0/24", "10.244", 0), blue, "web")
			tags := b.Tags
			if shared {
				tags = append(tags, "kube_service_green_shop_web")
				w.cloud.EditLoadBalancer(b.ID, simulator.Attributes{"tags": tags})
			}
			w.late(func() { w.cloud.EditLoadBalancer(b.ID, simulator.Attributes{"tags": append(tags, theirs)}) })
			if now := w.cloud.LoadBalancer(b.ID); !slices.Contains(now.Tags, theirs) {
				t.Errorf("got %q with tags %v, want that of the other cluster among them", now.ID, now.Tags)
			}
			if code, out := w.cleanup("--cluster-id", blue.UID, "--yes"); code != 0 {
				t.Errorf("at the next run: got exit code %d and\n%s", code, out)
			}
			if now := w.cloud.LoadBalancer(b.ID); !slices.Contains(now.Tags, theirs) || len(now.Listeners) != 0 {
				t.Errorf("got %+v, want what others use", now)
			}
		})
	}
}

// Without the listeners nobody knows whom a load balancer serves.
func TestCleanupWithoutListenersRemovesNothing(t *testing.T) {
	w := newTenant(t, simulator.Options{})
	w.service(w.stack("blue", "192.168.11.0/24", "10.244", 0), blue, "web")
	w.cloud.AddFault(simulator.Fault{Match: "GET /v2/lbaas/listeners", Status: 501})
	if code, out := w.cleanup("--cluster-id", blue.UID, "--yes"); code != 1 || len(w.balancerNames()) != 1 {
		t.Errorf("got exit code %d and\n%s", code, out)
	}
}
