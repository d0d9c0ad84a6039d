package openstack_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"underlay/internal/cloud"
	"underlay/pkg/loadbalancer"
	"underlay/pkg/loadbalancer/tree"
	"underlay/pkg/simulator"
)

// The version is asked for once an hour, wherever the catalog points.
func TestOctaviaVersions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := balancerWorld(t, simulator.Options{OctaviaVersion: "2.5"})
		for range 3 {
			if got, err := w.client.APIVersion(t.Context()); err != nil || got != (tree.Version{Major: 2, Minor: 5}) {
				t.Errorf("got %v, %v; want 2.5", got, err)
			}
			time.Sleep(20*time.Minute + time.Second)
		}
		w.calls(t, map[string]int{"POST /v3/auth/tokens": 1, "GET /": 1})
		w.SetOctaviaVersion("2.26")
		if got, err := w.client.APIVersion(t.Context()); err != nil || got.Minor != 26 {
			t.Errorf("got %v, %v; want 2.26 after an hour", got, err)
		}
	})
}

// A field that Octavia does not know means another version than the one known.
func TestOctaviaThatIsOlderAgain(t *testing.T) {
	w := balancerWorld(t, simulator.Options{})
	ctx, id := t.Context(), w.AddLoadBalancer(w.plain("one")).ID
	if got, err := w.client.APIVersion(ctx); err != nil || got.Minor != 30 {
		t.Errorf("got %v, %v; want 2.30", got, err)
	}
	w.SetOctaviaVersion("2.4")
	err := w.client.UpdateLoadBalancer(ctx, id, loadbalancer.BalancerChange{Tags: []string{"a"}})
	if !errors.Is(err, cloud.ErrInvalid) {
		t.Errorf("got %v, want cloud.ErrInvalid", err)
	}
	if got, err := w.client.APIVersion(ctx); err != nil || got.Minor != 4 {
		t.Errorf("got %v, %v; want 2.4 at once", got, err)
	}
	found, err := w.client.LoadBalancers(ctx, loadbalancer.BalancerQuery{ID: id})
	if err != nil || found[0].Tags != nil || found[0].VIPSecurityGroupIDs != nil {
		t.Errorf("got %+v, %v; want tags and groups that nobody tells to be nil", found, err)
	}
}
