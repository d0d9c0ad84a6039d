package instances_test

import (
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"

	"underlay/pkg/instances"
	"underlay/pkg/simulator"
)

func TestServerOf(t *testing.T) {
	const server = "11111111-2222-4333-8444-555555555555"
	for id, want := range map[string]string{
		"":                                  "",
		"openstack:///" + server:            server,
		"openstack://RegionOne/" + server:   server,
		"openstack://RegionTwo/" + server:   "",
		"aws:///zone/i-" + server:           "",
		"openstack:///" + server + "/extra": "",
	} {
		w := newWorld(t, nil)
		if got := w.inst.ServerOf(w.node("n1", providerID(id))); got != want {
			t.Errorf("%q: got %q, want %q", id, got, want)
		}
	}
}

// TestServerGone: a server that was deleted, seen through each kind of trouble.
func TestServerGone(t *testing.T) {
	type outcome struct{ gone, failed bool }
	for name, tc := range map[string]struct {
		arrange func(w *world, id string)
		want    outcome
	}{
		"deleted":      {func(w *world, id string) { w.cloud.DeleteServer(id) }, outcome{gone: true}},
		"lives":        {func(*world, string) {}, outcome{}},
		"soft-deleted": {func(w *world, id string) { w.cloud.SetServerStatus(id, "SOFT_DELETED") }, outcome{}},
		"404 of a proxy": {func(w *world, _ string) {
			w.cloud.AddFault(simulator.Fault{Match: getServer, Status: http.StatusNotFound, Type: "noBackend"})
		}, outcome{failed: true}},
		"a list has it": {func(w *world, _ string) {
			w.cloud.AddFault(simulator.Fault{Match: getServer, Status: http.StatusNotFound, Type: "itemNotFound"})
		}, outcome{failed: true}},
		"no list": {func(w *world, id string) {
			w.cloud.DeleteServer(id)
			w.cloud.AddFault(simulator.Fault{Match: getServers, Status: http.StatusServiceUnavailable})
		}, outcome{failed: true}},
		"many are missing": {func(w *world, id string) {
			w.cloud.DeleteServer(id)
			for n := range 4 {
				w.node(fmt.Sprintf("lost-%d", n), providerID(fmt.Sprintf("openstack:///%d1111111-2222-4333-8444-555555555555", n)))
			}
		}, outcome{failed: true}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, nil)
				id := w.server("n1").ID
				tc.arrange(w, id)
				gone, err := w.inst.ServerGone(w.ctx, id)
				if got := (outcome{gone, err != nil}); got != tc.want {
					t.Errorf("got %+v (%v), want %+v", got, err, tc.want)
				}
			})
		})
	}
}

// TestServerGoneWithoutTheBrake believes Nova however many are missing.
func TestServerGoneWithoutTheBrake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(o *instances.Options) { o.BrakePercent = 0 })
		for n := range 4 {
			w.node(fmt.Sprintf("lost-%d", n), providerID(fmt.Sprintf("openstack:///%d1111111-2222-4333-8444-555555555555", n)))
		}
		if gone, err := w.inst.ServerGone(w.ctx, "01111111-2222-4333-8444-555555555555"); !gone || err != nil {
			t.Errorf("got %v, %v; want gone", gone, err)
		}
	})
}
