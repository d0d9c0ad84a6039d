package openstack_test

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"underlay/pkg/openstack"
	"underlay/pkg/simulator"
)

// While hundreds of load balancers get a new member, the route of the next node
// does not wait for its turn behind them.
func TestOneServiceDoesNotWaitForAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, simulator.Options{}, 0)
		client := w.newClient(t, openstack.Options{MaxAttempts: 1})
		var group sync.WaitGroup
		for range 200 {
			group.Go(func() { _ = client.SetMembers(t.Context(), missing, nil) })
		}
		synctest.Wait()
		began := time.Now()
		if _, err := client.Router(t.Context(), w.router); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took > 0 {
			t.Errorf("reading the router took %s, want none: Neutron has nothing to do", took)
		}
		group.Wait()
		if took := time.Since(began); took < 7*time.Second {
			t.Errorf("200 writes to Octavia took %s, want 20 a second", took)
		}
	})
}
